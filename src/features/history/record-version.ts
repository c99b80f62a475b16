import type { AppliedVersion, HistoryEntry, NewHistoryEntry } from '../../domain/history.js';
import { versionBeforeFirst } from '../../domain/migration.js';
import { isPartial, type SchemaModel, versionChecksum } from '../../domain/schema-model.js';
import type { GitState } from '../../domain/snapshot.js';
import type { Session } from '../../postgres/session.js';
import { readVersionModel } from '../branch/version-model.js';
import type { MigrationSource } from '../migration/migration-source.js';
import type { SchemaHistory } from './schema-history.js';

export interface RecordVersionState {
  /** On the target's own database. */
  readonly session: Session;
  readonly history: SchemaHistory;
  /** Another tool, whose record says which migrations are in force; null: the history itself says it. */
  readonly source: Pick<MigrationSource, 'tool' | 'readApplied'> | null;
}

export interface RecordVersionOptions {
  /** What to call the version; default: that of the last migration, else one made of the checksum. */
  readonly name?: string | undefined;
  readonly git?: GitState | null | undefined;
  /** The snapshot or checkpoint that was taken before. */
  readonly snapshotId?: string | null | undefined;
  readonly durationMs?: number | null | undefined;
}

export interface RecordedVersion {
  readonly entry: HistoryEntry;
  readonly model: SchemaModel;
  /** False where the last entry says the same already. */
  readonly isNew: boolean;
}

/** The tool of states that no migration led to. */
const noTool = 'none';

/**
 * Records the schema as it is found, such as after another tool's migrations, unless the last entry is of that state
 * and its schema is kept.
 * The caller holds the target's lock.
 */
export async function recordVersion(
  { session, history, source }: RecordVersionState,
  options: RecordVersionOptions = {},
): Promise<RecordedVersion> {
  const entries = await history.read();
  const applied = source ? ((await source.readApplied(session)) ?? []) : null;
  const model = await readVersionModel(session);
  const checksum = versionChecksum(model);
  const found = {
    applied: applied === null ? null : applied.map(({ version, name }) => ({ version, name })),
    ...{ name: options.name, checksum, tool: source?.tool ?? noTool },
  };
  const state = stateOf(found, entries);
  const last = entries.at(-1);
  const isKnown = last !== undefined && isSameState(last, { ...state, checksum });
  // An entry whose schema is not kept does not say what it was.
  if (isKnown && (await history.keptModels()).has(checksum)) {
    return { entry: last, model, isNew: false };
  }
  const isFirst = entries.length === 0 && state.version === versionBeforeFirst;
  const entry: NewHistoryEntry = {
    ...{ action: isFirst ? 'baseline' : 'snapshot', ...state },
    ...{ from: last?.version ?? null, checksum, partial: isPartial(model) },
    ...{ fileChecksum: null, up: null, down: null, renames: [], git: options.git ?? null },
    ...{ durationMs: options.durationMs ?? null, snapshotId: options.snapshotId ?? null },
  };
  return { entry: await history.append(entry, model), model, isNew: true };
}

type State = Pick<NewHistoryEntry, 'version' | 'name' | 'applied' | 'tool'>;

interface Found {
  /** By the record of the tool; null where nobody keeps one. */
  readonly applied: readonly AppliedVersion[] | null;
  /** What the caller wants it to be called. */
  readonly name: string | undefined;
  readonly checksum: string;
  readonly tool: string;
}

function stateOf(found: Found, entries: readonly HistoryEntry[]): State {
  const { applied, name, tool } = found;
  if (applied === null) return foundState(found, entries);
  const last = applied.at(-1) ?? { version: versionBeforeFirst, name: '' };
  return name === undefined
    ? { version: last.version, name: last.name, applied, tool }
    : { version: name, name: '', applied, tool };
}

/**
 * What nobody's migration led to is a step of its own after the state before, so that there is a way back from it. Where
 * the schema is one that was there with the same migrations in force, it is that state again.
 */
function foundState({ name, checksum }: Found, entries: readonly HistoryEntry[]): State {
  const inForce = entries.at(-1)?.applied ?? [];
  const steps = stepsIn(entries);
  const migrationsOf = (versions: readonly AppliedVersion[]) =>
    versionsOf(versions.filter((one) => !steps.has(one.version)));
  const isIt = (entry: HistoryEntry) =>
    entry.checksum === checksum &&
    (name === undefined || entry.version === name) &&
    migrationsOf(entry.applied) === migrationsOf(inForce);
  const known = entries.findLast(isIt);
  if (known) {
    const { version, applied, tool } = known;
    return { version, name: known.name, applied, tool };
  }
  const version = name ?? `schema-${checksum.slice(0, 8)}`;
  const before = inForce.filter((one) => one.version !== version);
  return { version, name: '', applied: [...before, { version, name: '' }], tool: noTool };
}

/** Versions that are states without a migration. */
function stepsIn(entries: readonly HistoryEntry[]): Set<string> {
  const steps = new Set<string>();
  for (const { tool, version } of entries) if (tool === noTool) steps.add(version);
  for (const { tool, version } of entries) if (tool !== noTool) steps.delete(version);
  return steps;
}

const versionsOf = (applied: readonly AppliedVersion[]): string =>
  JSON.stringify(applied.map(({ version }) => version));

function isSameState(
  last: HistoryEntry,
  { version, applied, checksum }: State & { readonly checksum: string },
): boolean {
  return (
    last.version === version &&
    last.checksum === checksum &&
    versionsOf(last.applied) === versionsOf(applied)
  );
}
