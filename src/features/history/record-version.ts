import type { AppliedVersion, HistoryEntry, NewHistoryEntry } from '../../domain/history.js';
import { versionBeforeFirst } from '../../domain/migration.js';
import { isPartial, type SchemaModel, versionChecksum } from '../../domain/schema-model.js';
import type { GitState } from '../../domain/snapshot.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import type { MigrationSource } from '../migration/migration-source.js';
import type { SchemaHistory } from './schema-history.js';

export interface RecordVersionState {
  /** On the target's own database. */
  readonly session: Session;
  readonly history: SchemaHistory;
  /** Another tool, whose record says which migrations are in force; null: the last entry says it. */
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

/** The tool of versions that come from no migrations. */
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
  const model = await readSchemaModel(session);
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
  const { name, checksum } = found;
  const last = entries.at(-1);
  const migrated = migratedState(found, last);
  if (migrated) return name === undefined ? migrated : { ...migrated, version: name, name: '' };
  // A schema that was there before is that version again.
  const isIt = (entry: HistoryEntry) => entry.checksum === checksum && entry.tool === noTool;
  const version = name ?? entries.findLast(isIt)?.version ?? `schema-${checksum.slice(0, 8)}`;
  return { version, name: '', applied: [], tool: noTool };
}

/** The state by the record of the tool, else by the last entry; undefined where there were never migrations. */
function migratedState({ applied, tool }: Found, last: HistoryEntry | undefined) {
  if (applied !== null) {
    const { version, name } = applied.at(-1) ?? { version: versionBeforeFirst, name: '' };
    return { version, name, applied, tool };
  }
  if (!last || last.tool === noTool) return undefined;
  const { version, name, applied: before, tool: recorded } = last;
  return { version, name, applied: before, tool: recorded };
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
