import { BelayError } from '../errors.js';
import type { HistoryEntry } from './history.js';
import { compareVersions, isVersion, versionBeforeFirst } from './migration.js';
import { collectStates, type RecordedState, stateKey } from './version-graph-states.js';
import { findMaximalSubsets } from './version-graph-subsets.js';

/** A version of a schema, as far as the history knows it. */
export interface VersionNode {
  /** The version; of a later schema with the same version, the version and the first 8 digits of its checksum. */
  readonly id: string;
  readonly version: string;
  readonly name: string;
  /** Whose migrations these are. */
  readonly tool: string;
  /** `versionChecksum` of its schema; null where another tool went past it and the state itself was never seen. */
  readonly checksum: string | null;
  readonly partial: boolean;
  /** Versions in force, in the order in which they were applied. */
  readonly applied: readonly string[];
  /** Ids of the nearest earlier states; two or more where branches came together. None: it follows the base. */
  readonly parents: readonly string[];
  readonly children: readonly string[];
  /** When it was first and last reached, ISO 8601; null where it was never recorded. */
  readonly at: string | null;
  readonly lastAt: string | null;
  /** How many entries are of it. */
  readonly reached: number;
  readonly isCurrent: boolean;
  /** Nothing comes after it. */
  readonly isHead: boolean;
}

/** The state before the first migration. */
export interface BaseVersion {
  readonly version: typeof versionBeforeFirst;
  readonly checksum: string;
  readonly partial: boolean;
  readonly at: string;
}

/** The versions of a schema and how they follow one another. */
export interface VersionGraph {
  /** Each after its parents; as far as that leaves it open, in the order in which they were first reached. */
  readonly versions: readonly VersionNode[];
  /** Null where it was never recorded. */
  readonly base: BaseVersion | null;
  /** Id of the version that was recorded last, "0" where that is the base; null where nothing was. */
  readonly current: string | null;
  /** Ids of the versions that nothing comes after. */
  readonly heads: readonly string[];
}

/**
 * What versions there were and how they follow one another. A version follows another where all that was in force in
 * the one is in force in the other, and nothing that was recorded lies between; so the graph is the same in whatever order branches were
 * visited.
 *
 * @example
 * const { versions, heads, current } = buildVersionGraph(await history.read());
 */
export function buildVersionGraph(entries: readonly HistoryEntry[]): VersionGraph {
  const states = collectStates(entries);
  const ids = nameStates(states);
  const parents = findParents(states);
  const children = states.map((): number[] => []);
  for (const [child, list] of parents.entries()) {
    for (const parent of list) children[parent]?.push(child);
  }
  const last = entries.at(-1);
  const current = last && stateKey(last);
  const idsOf = (list: readonly number[] = []): string[] => list.map((index) => ids[index] ?? '');
  const nodes = states.map((state, index): VersionNode => {
    const { version, name, tool, checksum, partial, applied, at, lastAt, reached } = state;
    return {
      ...{ id: ids[index] ?? version, version, name, tool, checksum, partial, applied },
      ...{ parents: idsOf(parents[index]), children: idsOf(children[index]) },
      ...{ at, lastAt, reached, isCurrent: state.key === current },
      isHead: children[index]?.length === 0,
    };
  });
  const order = orderStates(states, children);
  const sorted = order.flatMap((index) => nodes[index] ?? []);
  return {
    versions: sorted,
    base: findBase(entries),
    current: last ? (sorted.find((node) => node.isCurrent)?.id ?? versionBeforeFirst) : null,
    heads: sorted.filter((node) => node.isHead).map(({ id }) => id),
  };
}

function findBase(entries: readonly HistoryEntry[]): BaseVersion | null {
  const entry = entries.findLast(({ version }) => version === versionBeforeFirst);
  if (!entry) return null;
  const { checksum, partial, at } = entry;
  return { version: versionBeforeFirst, checksum, partial, at };
}

/** The first schema of a version goes by the version alone. */
function nameStates(states: readonly RecordedState[]): string[] {
  const taken = new Set<string>([versionBeforeFirst]);
  // A version may look like the id of another's later schema.
  const versions = new Set(states.map(({ version }) => version));
  return states.map(({ version, checksum }) => {
    const text = checksum ?? '';
    const candidates = [version, `${version}@${text.slice(0, 8)}`, `${version}@${text}`];
    const isFree = (id: string) => !taken.has(id) && (id === version || !versions.has(id));
    const id = candidates.find(isFree) ?? `${version}@@${text}`;
    taken.add(id);
    return id;
  });
}

type Order = ReturnType<typeof findMaximalSubsets>;

/** For each state the indexes of its parents, the one from which it was reached first. */
function findParents(states: readonly RecordedState[]): number[][] {
  const order = findMaximalSubsets(states.map(({ applied }) => applied));
  const chosen = states.map((_, index) => chooseParents(states, index, order));
  return states.map((state, index) => {
    const list = chosen[index] ?? [];
    const further = [...state.reachedFrom].filter(
      (from) => order.isWithin(from, index) && !leadsTo(from, list, chosen, order.isWithin),
    );
    return [...new Set([...list, ...further])].sort(
      (a, b) =>
        Number(state.reachedFrom.has(b)) - Number(state.reachedFrom.has(a)) ||
        compareVersions(states[b]?.version ?? '', states[a]?.version ?? '') ||
        a - b,
    );
  });
}

function chooseParents(states: readonly RecordedState[], index: number, order: Order): number[] {
  const { groupOf, members, parentsOf } = order;
  const { isFound, reachedFrom, checksum, first } = states[index] as RecordedState;
  const isBefore = (one: number) => (states[one]?.first ?? 0) < first;
  // No migration leads to what was found, so the same are in force in the state that it was made from.
  const source = [...reachedFrom].find((one) => groupOf[one] === groupOf[index] && isBefore(one));
  if (isFound && source !== undefined) return [source];
  return (parentsOf[groupOf[index] ?? 0] ?? []).map((group) => {
    const candidates = members[group] ?? [];
    // Several schemas with the same migrations in force: the one it came from, else the newest that was there.
    const from = candidates.find((candidate) => reachedFrom.has(candidate));
    const earlier = checksum === null ? undefined : candidates.findLast(isBefore);
    return from ?? earlier ?? candidates[0] ?? 0;
  });
}

/** Whether a state is among others or their ancestors. */
function leadsTo(
  wanted: number,
  list: readonly number[],
  parents: readonly (readonly number[])[],
  isWithin: (part: number, whole: number) => boolean,
): boolean {
  const seen = new Set(list);
  for (const index of seen) {
    if (index === wanted) return true;
    // Nothing above it can be what has more in force.
    if (!isWithin(wanted, index)) continue;
    for (const parent of parents[index] ?? []) seen.add(parent);
  }
  return false;
}

/** Parents before children, and a parent that was seen late right before its first child. */
function orderStates(
  states: readonly RecordedState[],
  children: readonly (readonly number[])[],
): number[] {
  const sizeOf = (index: number) => states[index]?.applied.length ?? 0;
  const bySize = [...states.keys()].sort((a, b) => sizeOf(a) - sizeOf(b));
  const firsts = states.map(({ first }) => first);
  for (const index of [...bySize].reverse()) {
    for (const child of children[index] ?? []) {
      firsts[index] = Math.min(firsts[index] ?? 0, firsts[child] ?? 0);
    }
  }
  // A stable sort: of those with the same time the smaller set stays first.
  return bySize.sort((a, b) => (firsts[a] ?? 0) - (firsts[b] ?? 0));
}

const indexes = new WeakMap<VersionGraph, Map<string, VersionNode>>();

/** The graph itself stays plain data. */
function indexOf(graph: VersionGraph): Map<string, VersionNode> {
  const known = indexes.get(graph);
  if (known) return known;
  const index = new Map(graph.versions.map((node) => [node.id, node]));
  indexes.set(graph, index);
  return index;
}

/** @throws BelayError VERSION_NOT_FOUND */
export function nodeOf(graph: VersionGraph, id: string): VersionNode {
  const node = indexOf(graph).get(id);
  if (!node) throw notFound(id);
  return node;
}

function notFound(reference: string): BelayError {
  return new BelayError('VERSION_NOT_FOUND', `no version of the history is "${reference}"`, {
    hint: '`belay schema list` shows them.',
  });
}

const fewestDigits = 4;

/** Version, "@", and how the checksum begins. */
function hasChecksum(node: VersionNode, reference: string): boolean {
  const [, version = '', digits = ''] = /^(.+)@([0-9a-f]+)$/.exec(reference) ?? [];
  return (
    digits.length >= fewestDigits &&
    isVersion(version, node) &&
    node.checksum?.startsWith(digits) === true
  );
}

/**
 * The node that somebody means: by its id, its version, `version_name`, its number without leading zeros, or its version,
 * "@" and how its checksum begins. Of several schemas with the same version it is the first.
 * @throws BelayError VERSION_NOT_FOUND, AMBIGUOUS_REFERENCE
 */
export function findNode(graph: VersionGraph, reference: string): VersionNode {
  const exact = indexOf(graph).get(reference);
  if (exact) return exact;
  const named = graph.versions.filter((node) => isVersion(reference, node));
  // The first schema of a version goes by the version alone.
  const firsts = named.filter(({ id, version }) => id === version);
  const found =
    firsts.length > 0 ? firsts : graph.versions.filter((node) => hasChecksum(node, reference));
  const [node] = found;
  if (!node) throw notFound(reference);
  if (found.length === 1) return node;
  const ids = found.map(({ id }) => id);
  throw new BelayError('AMBIGUOUS_REFERENCE', `"${reference}" can be ${ids.join(' or ')}`, {
    hint: 'Write the version as `belay schema list` shows it.',
    details: { ids },
  });
}
