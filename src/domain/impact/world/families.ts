import type { Address } from '../live-catalog.js';
import type { WorldRelation } from '../world.js';
import { wholeOf } from './address.js';
import type { WorldState } from './world-state.js';

/** Inheritors and partitions, all levels. */
export function descendantsOf(
  { parents, relations }: WorldState,
  relation: WorldRelation,
): WorldRelation[] {
  const found = new Set<WorldRelation>();
  const ids = new Set<Address>([relation.id]);
  // A set gives what is added to it on the way, too.
  for (const id of ids) {
    for (const [child, above] of parents) {
      const known = above.includes(id) ? relations.byId(child) : undefined;
      if (!known) continue;
      ids.add(child);
      found.add(known);
    }
  }
  return [...found];
}

export function isBelow(
  { parents }: WorldState,
  relation: WorldRelation,
  ancestor: WorldRelation,
): boolean {
  const above = new Set(parents.get(relation.id));
  for (const id of above) for (const next of parents.get(id) ?? []) above.add(next);
  return above.has(ancestor.id);
}

/** A partition goes with its table; an inheritor is in the way of it. */
export function addParent(
  { parents, graph }: WorldState,
  child: WorldRelation,
  parent: WorldRelation,
): void {
  parents.set(child.id, [...(parents.get(child.id) ?? []), parent.id]);
  graph.add({ dependent: child.id, on: parent.id, type: parent.kind === 'p' ? 'a' : 'n' });
}

export function removeParent(
  { parents, graph }: WorldState,
  child: WorldRelation,
  parent: WorldRelation,
): void {
  const left = (parents.get(child.id) ?? []).filter((id) => id !== parent.id);
  parents.set(child.id, left);
  graph.remove(child.id, ({ on }) => wholeOf(on) === parent.id);
  // Its indexes, constraints and triggers stand by themselves from now on.
  for (const { dependent } of graph.dependentsOf(child.id)) {
    const isPartitionPart = ({ type }: { type: string }) => type === 'P' || type === 'S';
    graph.remove(dependent, (one) => isPartitionPart(one) && wholeOf(one.on) !== child.id);
  }
}
