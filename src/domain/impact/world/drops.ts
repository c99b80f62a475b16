import type { Address } from '../live-catalog.js';
import type { Dropped, DropResult } from '../world.js';
import { isPart, wholeOf } from './address.js';
import type { DropTarget } from './dependency-graph.js';
import { kindNames } from './printed-names.js';
import type { WorldState } from './world-state.js';

/** What would go with objects. Nothing is changed. */
export function previewDrop(
  state: WorldState,
  named: readonly Address[],
  cascade: boolean,
): DropResult {
  const { targets, requiring } = state.graph.collect(named);
  const going = new Set(targets.map(({ address }) => address));
  const describe = describer(state, targets, going);
  // Of a table that goes as a whole its columns need not be named.
  const dropped = targets.filter(({ address }) => !isPart(address) || !going.has(wholeOf(address)));
  const inTheWay = cascade ? [] : dropped.filter(({ needsCascade }) => needsCascade);
  const needed = requiring.map((address) => describe(alone(address)));
  return { dropped: dropped.map(describe), inTheWay: [...inTheWay.map(describe), ...needed] };
}

const alone = (address: Address, dependee: Address | null = null): DropTarget => ({
  ...{ address, dependee, needsCascade: true, isOwn: false, owner: null },
});

/** See `World.drop`. */
export function dropFrom(
  state: WorldState,
  named: readonly Address[],
  cascade: boolean,
): DropResult {
  const result = previewDrop(state, named, cascade);
  if (result.inTheWay.length > 0) return result;
  for (const { id } of result.dropped) state.forget(id);
  return result;
}

export function dependentsOf(state: WorldState, id: Address): Dropped[] {
  return state.graph
    .dependentsOf(id)
    .map(({ dependent }) => describe(state, alone(dependent, id), new Set()));
}

function describer(
  state: WorldState,
  targets: readonly DropTarget[],
  going: ReadonlySet<Address>,
): (target: DropTarget) => Dropped {
  const owners = new Map(targets.map(({ address, owner }) => [address, owner]));
  // An index takes nothing along by itself: it is its table that does.
  const topmost = (address: Address): Address => {
    const seen = new Set([address]);
    for (const one of seen) {
      const owner = owners.get(one);
      if (!owner) return one;
      seen.add(owner);
    }
    return address;
  };
  return (target) => {
    const dependee = target.dependee === null ? null : topmost(target.dependee);
    return describe(state, { ...target, dependee }, going);
  };
}

function describe(
  state: WorldState,
  { address, dependee, isOwn, owner }: DropTarget,
  going: ReadonlySet<Address>,
): Dropped {
  const because = dependee === null ? null : state.nameOf(dependee);
  const about = { id: address, name: state.nameOf(address), isOwn, owner, because };
  const relation = state.relations.byId(wholeOf(address));
  const staying = (id: Address) => (going.has(id) ? null : (state.relations.byId(id) ?? null));
  if (relation && isPart(address)) {
    const column = state.columnById(address);
    // A copy: dropping changes nothing of what was told.
    const copy = column ? { ...column, touchedBy: [...column.touchedBy] } : null;
    return {
      ...{ ...about, kind: 'column', relation: staying(relation.id), self: null, column: copy },
    };
  }
  if (relation) {
    const kind = relation.kind === 'c' ? 'internal' : kindNames[relation.kind];
    return { ...about, kind, relation: null, self: relation, column: null };
  }
  const object = state.objects.byId(address);
  const holder = object?.relation ?? object?.table;
  return {
    ...{ ...about, kind: object?.kind ?? 'internal', self: null, column: null },
    relation: holder ? staying(wholeOf(holder)) : null,
  };
}
