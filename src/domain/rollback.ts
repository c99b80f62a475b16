import type { AssessedChange } from './change-safety.js';
import type { DataRollback } from './data-rollback.js';
import type { AppliedVersion, HistoryEntry, Rename } from './history.js';
import { isVersion, type MigrationScript, versionBeforeFirst } from './migration.js';
import type { Safety } from './safety.js';
import type { SchemaChange } from './schema-model.js';

/** One thing that somebody has to know before a rollback. */
export interface RollbackIssue {
  /** The version whose migration is taken back. */
  readonly migration: string;
  readonly safety: Safety;
  /** What goes, with the number that was counted in the live database. */
  readonly description: string;
  readonly recommendation: string;
  /** Rows or values that would be lost now; null where they could not be counted. */
  readonly rowsLost: number | null;
}

/** A statement of a plan. */
export interface RollbackStatement {
  readonly sql: string;
  /** False for what PostgreSQL runs outside of a transaction only. */
  readonly transactional: boolean;
  /** What came before has to be committed first. */
  readonly breaksBefore: boolean;
}

/** One or several migrations that are taken back together. */
export interface RollbackStep {
  /** Newest first. */
  readonly migrations: readonly string[];
  /** The version that the database is at afterwards. */
  readonly to: string;
  /** "down": a script that somebody wrote; "diff": SQL that was found between the recorded schemas. */
  readonly source: 'down' | 'diff';
  /** The script, where there is one. */
  readonly script: MigrationScript | null;
  readonly safety: Safety;
  readonly statements: readonly RollbackStatement[];
  readonly changes: readonly AssessedChange[];
  /** What of the recorded schema this step does not bring back. */
  readonly unresolved: readonly SchemaChange[];
}

export interface RollbackPlan {
  readonly from: string;
  readonly to: string;
  /** Versions whose migrations are taken back, newest first. */
  readonly migrations: readonly string[];
  readonly overallSafety: Safety;
  /** Something is above SAFE: it has to be approved before it is run. */
  readonly requiresApproval: boolean;
  readonly issues: readonly RollbackIssue[];
  readonly steps: readonly RollbackStep[];
  /** The steps were run on a copy of the schema, and it was compared with what was recorded. */
  readonly proven: boolean;
  /** What would differ from the schema that was recorded of the version, when all is done. */
  readonly differences: readonly SchemaChange[];
  /** What record backups would bring back; null where that was not asked for. */
  readonly data: DataRollback | null;
  readonly notes: readonly string[];
}

/** A step of which is known how it is made, not yet what it does. */
export interface RouteStep {
  /** Newest first. */
  readonly migrations: readonly AppliedVersion[];
  readonly to: string;
  /** The migrations that are in force afterwards. */
  readonly applied: readonly AppliedVersion[];
  /** Checksum of the schema that was recorded of the state afterwards; null where there is none. */
  readonly checksum: string | null;
  readonly script: MigrationScript | null;
  /** What its migrations renamed, as it has to be renamed back. */
  readonly renames: readonly Rename[];
}

export interface RouteInput {
  readonly entries: readonly HistoryEntry[];
  /** In force now, oldest first. */
  readonly applied: readonly AppliedVersion[];
  /** How many of them stay. */
  readonly keep: number;
  readonly downOf: (version: string) => MigrationScript | null;
  /** Whether the model of a checksum can still be read. */
  readonly isKept: (checksum: string) => boolean;
}

const versionsOf = (applied: readonly AppliedVersion[]): string =>
  JSON.stringify(applied.map(({ version }) => version));

/** The checksum that was last recorded of the state in which just these migrations were in force. */
function recordedState(
  entries: readonly HistoryEntry[],
  applied: readonly AppliedVersion[],
): HistoryEntry | undefined {
  const wanted = versionsOf(applied);
  return entries.findLast((entry) => versionsOf(entry.applied) === wanted);
}

/** The renames of the migrations, backwards. */
function renamesBack(
  entries: readonly HistoryEntry[],
  migrations: readonly AppliedVersion[],
): Rename[] {
  return migrations.flatMap(({ version }) => {
    const up = entries.findLast((entry) => entry.action === 'up' && entry.version === version);
    return [...(up?.renames ?? [])]
      .reverse()
      .map(({ object, from, to }) => ({ object, from: to, to: from }));
  });
}

/**
 * The way back: a migration's own down script where there is one, else a step to the nearest earlier state whose schema
 * was recorded.
 * @returns the steps, or the migrations from which there is no way back
 */
export function routeBack(
  input: RouteInput,
): { readonly steps: readonly RouteStep[] } | { readonly noWayFrom: readonly AppliedVersion[] } {
  const { entries, applied, keep } = input;
  const steps: RouteStep[] = [];
  const stateOf = (length: number) => recordedState(entries, applied.slice(0, length));
  for (let length = applied.length; length > keep; ) {
    const newest = applied[length - 1] as AppliedVersion;
    const script = input.downOf(newest.version);
    const next = script ? length - 1 : nearestKept(input, length, stateOf);
    if (next === undefined) return { noWayFrom: applied.slice(keep, length).reverse() };
    const migrations = applied.slice(next, length).reverse();
    steps.push({
      ...{ migrations, script, applied: applied.slice(0, next) },
      to: applied[next - 1]?.version ?? versionBeforeFirst,
      checksum: stateOf(next)?.checksum ?? null,
      renames: renamesBack(entries, migrations),
    });
    length = next;
  }
  return { steps };
}

/** How many migrations are in force in the nearest earlier state with a model. */
function nearestKept(
  { keep, isKept }: RouteInput,
  length: number,
  stateOf: (length: number) => HistoryEntry | undefined,
): number | undefined {
  for (let next = length - 1; next >= keep; next -= 1) {
    const state = stateOf(next);
    if (state && isKept(state.checksum)) return next;
  }
  return undefined;
}

/** How many of the applied migrations stay when a version is gone back to; undefined where it is none of them. */
export function keptMigrations(
  applied: readonly AppliedVersion[],
  reference: string,
): number | undefined {
  if (reference === versionBeforeFirst) return 0;
  const index = applied.findIndex((one) => isVersion(reference, one));
  return index < 0 ? undefined : index + 1;
}
