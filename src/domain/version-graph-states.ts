import type { AppliedVersion, HistoryEntry } from './history.js';
import { versionBeforeFirst } from './migration.js';

/** A state that the history names: a version and its schema. */
export interface RecordedState {
  /** As {@link stateKey} gives it; empty where it was never recorded itself. */
  readonly key: string;
  readonly version: string;
  name: string;
  tool: string;
  readonly checksum: string | null;
  partial: boolean;
  /** Versions in force, each once. */
  applied: readonly string[];
  readonly at: string | null;
  lastAt: string | null;
  reached: number;
  /** Position of the first entry that names it. */
  readonly first: number;
  /** It is no migration's, but was found and given a name. */
  readonly isFound: boolean;
  /** Positions, in the list of states, of those from which it was reached: by a migration, or by whoever changed it. */
  readonly reachedFrom: Set<number>;
}

export function stateKey({ version, checksum }: { version: string; checksum: string }): string {
  return `${checksum} ${version}`;
}

const unique = (applied: readonly AppliedVersion[]): string[] => [
  ...new Set(applied.map(({ version }) => version)),
];

/** All states but the base, in the order in which they were first recorded; those that were not recorded come last. */
export function collectStates(entries: readonly HistoryEntry[]): RecordedState[] {
  const states: RecordedState[] = [];
  const positions = new Map<string, number>();
  const latestOf = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const { version } = entry;
    if (version === versionBeforeFirst) continue;
    const position = positions.get(stateKey(entry)) ?? states.length;
    const state = states[position];
    if (state) reach(state, entry);
    else states.push(newState(index, entry));
    positions.set(stateKey(entry), position);
    const leads = entry.action === 'up' || isFound(entry);
    const from = leads && entry.from !== null ? latestOf.get(entry.from) : undefined;
    if (from !== undefined && from !== position) states[position]?.reachedFrom.add(from);
    latestOf.set(version, position);
  }
  return [...states, ...passedStates(entries, new Set(latestOf.keys()))];
}

function isFound({ action, version, applied }: HistoryEntry): boolean {
  return action === 'snapshot' && !applied.some((one) => one.version === version);
}

function newState(index: number, entry: HistoryEntry): RecordedState {
  const { version, name, tool, checksum, partial, at } = entry;
  return {
    ...{ key: stateKey(entry), version, name, tool, checksum, partial },
    ...{ applied: unique(entry.applied), at, lastAt: at, reached: 1, first: index },
    ...{ isFound: isFound(entry), reachedFrom: new Set() },
  };
}

/** What was said last holds. */
function reach(state: RecordedState, entry: HistoryEntry): void {
  state.name = entry.name;
  state.tool = entry.tool;
  state.partial = entry.partial;
  state.applied = unique(entry.applied);
  state.lastAt = entry.at;
  state.reached += 1;
}

interface PassedState {
  readonly index: number;
  readonly applied: readonly AppliedVersion[];
  readonly tool: string;
}

/** Versions that are known by name only: several migrations were applied before anybody looked. */
function passedStates(
  entries: readonly HistoryEntry[],
  recorded: ReadonlySet<string>,
): RecordedState[] {
  const found = new Map<string, PassedState>();
  for (const [index, { applied, tool }] of entries.entries()) {
    for (const [position, { version }] of applied.entries()) {
      if (recorded.has(version)) continue;
      const known = found.get(version);
      if (known && known.applied.length <= position + 1 && !isEarlier(applied, position, known)) {
        continue;
      }
      const first = Math.min(index, known?.index ?? index);
      found.set(version, { index: first, applied: applied.slice(0, position + 1), tool });
    }
  }
  return [...found].map(([version, { index, applied, tool }]) => ({
    ...{ key: '', version, name: applied.at(-1)?.name ?? '', tool, checksum: null, partial: false },
    ...{ applied: unique(applied), at: null, lastAt: null, reached: 0, first: index },
    ...{ isFound: false, reachedFrom: new Set() },
  }));
}

/** Of two ways to the same version with the same number of steps one has to be taken, whichever came first. */
function isEarlier(
  applied: readonly AppliedVersion[],
  position: number,
  known: PassedState,
): boolean {
  if (known.applied.length !== position + 1) return false;
  for (const [index, { version }] of known.applied.entries()) {
    const other = applied[index]?.version ?? '';
    if (other !== version) return other < version;
  }
  return false;
}
