import { versionBeforeFirst } from './migration.js';
import { nodeOf, type VersionGraph, type VersionNode } from './version-graph.js';

/** One step from a version to the next. */
export interface PathStep {
  readonly direction: 'up' | 'down';
  /** The version that is entered ("up") or left ("down"). */
  readonly version: string;
  /** Ids; "0" is the state before the first migration. */
  readonly from: string;
  readonly to: string;
  /** The migrations that are applied or taken back, in that order. */
  readonly migrations: readonly string[];
}

/** Everything that can be reached from a node, without itself; the nearest first. */
function reachable(
  graph: VersionGraph,
  id: string,
  next: (node: VersionNode) => readonly string[],
): VersionNode[] {
  const seen = new Set([id]);
  for (const one of seen) for (const further of next(nodeOf(graph, one))) seen.add(further);
  seen.delete(id);
  return [...seen].map((one) => nodeOf(graph, one));
}

/** All versions that came before one, the nearest first. @throws BelayError VERSION_NOT_FOUND */
export function ancestors(graph: VersionGraph, id: string): VersionNode[] {
  return reachable(graph, id, ({ parents }) => parents);
}

/** All versions that came after one, the nearest first. @throws BelayError VERSION_NOT_FOUND */
export function descendants(graph: VersionGraph, id: string): VersionNode[] {
  return reachable(graph, id, ({ children }) => children);
}

/** The parents of a node, the base for those without. */
function above(graph: VersionGraph, id: string): readonly string[] {
  if (id === versionBeforeFirst) return [];
  const { parents } = nodeOf(graph, id);
  return parents.length === 0 ? [versionBeforeFirst] : parents;
}

/** How each ancestor is reached by the fewest steps: its distance and the node right below it. */
function climb(graph: VersionGraph, id: string): Map<string, { steps: number; below: string }> {
  const found = new Map([[id, { steps: 0, below: id }]]);
  for (const [one, { steps }] of found) {
    for (const parent of above(graph, one)) {
      if (!found.has(parent)) found.set(parent, { steps: steps + 1, below: one });
    }
  }
  return found;
}

function appliedIn(graph: VersionGraph, id: string): readonly string[] {
  return id === versionBeforeFirst ? [] : nodeOf(graph, id).applied;
}

function step(graph: VersionGraph, direction: 'up' | 'down', lower: string, upper: string) {
  const before = new Set(appliedIn(graph, upper));
  const more = appliedIn(graph, lower).filter((version) => !before.has(version));
  const { version } = nodeOf(graph, lower);
  return direction === 'up'
    ? { direction, version, from: upper, to: lower, migrations: more }
    : { direction, version, from: lower, to: upper, migrations: more.reverse() };
}

/**
 * The way from one version to another: down to the nearest state that both come from, then up.
 * @param from an id, or "0" for the state before the first migration
 * @example
 * pathBetween(graph, '3', '4'); // down from 3 to 2, up from 2 to 4
 * @throws BelayError VERSION_NOT_FOUND
 */
export function pathBetween(graph: VersionGraph, from: string, to: string): PathStep[] {
  const [left, right] = [climb(graph, from), climb(graph, to)];
  let meeting = versionBeforeFirst;
  let fewest = Number.POSITIVE_INFINITY;
  for (const [id, { steps }] of left) {
    const sum = steps + (right.get(id)?.steps ?? Number.POSITIVE_INFINITY);
    if (sum < fewest) [meeting, fewest] = [id, sum];
  }
  const walk = (side: typeof left, direction: 'up' | 'down') => {
    const steps: PathStep[] = [];
    for (let upper = meeting; side.get(upper)?.steps !== 0; ) {
      const lower = side.get(upper)?.below ?? upper;
      steps.push(step(graph, direction, lower, upper));
      upper = lower;
    }
    return steps;
  };
  return [...walk(left, 'down').reverse(), ...walk(right, 'up')];
}
