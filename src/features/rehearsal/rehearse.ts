import type { AssessedChange } from '../../domain/change-safety.js';
import type { Rehearsal, RehearsalThresholds, RehearsedProbe } from '../../domain/rehearsal.js';
import { exclusiveLockMs, locksOf, type RelationName } from '../../domain/rehearsal-locks.js';
import { foldRenames } from '../../domain/rehearsal-renames.js';
import { exceededThresholds } from '../../domain/rehearsal-thresholds.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import { compareStates, type StateComparison } from '../../postgres/rehearsal/compare-states.js';
import { readRelationNames } from '../../postgres/rehearsal/read-relation-names.js';
import { startWatching, type WatchResult } from '../../postgres/rehearsal/watch-locks.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { recorded } from '../ledger/recorded.js';
import { assessed } from '../schema/compare.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted } from '../target/work.js';
import { findDatabase, type RehearsalCopies } from './copies.js';
import {
  type MigrationOrder,
  type MigrationRun,
  type PreparedRun,
  prepareRun,
} from './migration-order.js';
import { type Probe, readProbes, runProbes } from './run-probes.js';
import { type SourceOptions, withCopies } from './sources.js';

export interface RehearseOptions extends SourceOptions, MigrationOrder {
  /** Beyond one of them the rehearsal is not ok. */
  readonly thresholds?: RehearsalThresholds | undefined;
  /** A file with the application's own queries, which are run before and after. */
  readonly probes?: string | undefined;
  /** Rows shown of each table; default 5. */
  readonly sampleLimit?: number | undefined;
  /** Compare every table, also those that the server's statistics prove untouched. */
  readonly compareAll?: boolean | undefined;
}

/**
 * Runs a migration, files of SQL or any command, on a copy of the target that is thrown away, and measures what it
 * really did. A migration that fails, or that goes beyond a threshold, is a result: look at `ok`.
 *
 * @example
 * const { ok, recordsLost, tables } = await rehearseMigration(target, {
 *   command: ['npx', 'prisma', 'migrate', 'deploy'],
 *   thresholds: { maxRecordsLost: 0 },
 * });
 * @throws BelayError COMMAND_NOT_ISOLATED, TOOL_MISSING, MIGRATIONS_NOT_FOUND, REHEARSAL_IMPOSSIBLE, DISK_FULL, …; then
 *   nothing was run
 */
export async function rehearseMigration(
  target: Target,
  options: RehearseOptions,
): Promise<Rehearsal> {
  const { reporter } = options;
  const work = async () => {
    const migration = await prepareRehearsal(target, options);
    return withCopies(target, options, migration);
  };
  return recorded(target, 'rehearsal', reporter, work, recordedRehearsal);
}

/** What the ledger says of a rehearsal. */
export function recordedRehearsal(rehearsal: Rehearsal) {
  const { ok, exitCode, recordsLost, valuesChanged, command, file, source, durationMs } = rehearsal;
  const program = command?.split(' ')[0] ?? null;
  return {
    ...{ snapshot: null, rows: null, outcome: ok ? ('done' as const) : ('failed' as const) },
    details: {
      ...{ program, file, exitCode, recordsLost, valuesChanged, source: source.kind, durationMs },
      exceeded: rehearsal.exceeded.map(({ threshold }) => threshold),
      untouched: rehearsal.untouched.status,
    },
  };
}

/**
 * Everything that can be wrong with a rehearsal before a copy is made.
 * @returns rehearses on the copies that it is given
 */
export async function prepareRehearsal(
  target: Target,
  options: RehearseOptions,
): Promise<(copies: RehearsalCopies) => Promise<Rehearsal>> {
  const migration = await prepareRun(target, options);
  const probes = options.probes === undefined ? null : await readProbes(options.probes, target.cwd);
  return async (copies) => {
    const ran = await watchMigration(copies, options, migration);
    throwIfAborted(options.signal);
    const startedAt = performance.now();
    const found = await measure(copies, options, probes);
    const measuringMs = Math.round(performance.now() - startedAt);
    return report(copies, options, { ...ran, ...found, measuringMs });
  };
}

interface Watched {
  readonly run: MigrationRun;
  readonly watched: WatchResult;
  readonly walBytes: number | null;
}

/** Runs the migration while locks and statements are sampled. */
async function watchMigration(
  copies: RehearsalCopies,
  { reporter = silentReporter }: RehearseOptions,
  migration: PreparedRun,
): Promise<Watched> {
  const { admin, after } = copies;
  const walBefore = await currentWal(copies);
  const watcher = startWatching(await copies.openAdmin(), { database: after });
  try {
    const step = { name: 'rehearse', detail: migration.what };
    const run = await reportStep(reporter, step, () => migration.runOn(copies));
    const [row] = await admin.query<{ bytes: string }>(
      'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::text AS bytes',
      [walBefore],
    );
    return { run, watched: await watcher.stop(), walBytes: row ? Number(row.bytes) : null };
  } finally {
    await watcher.stop();
  }
}

async function currentWal({ admin }: RehearsalCopies): Promise<string> {
  const { lsn } = await admin.queryOne<{ lsn: string }>(
    'SELECT pg_current_wal_insert_lsn()::text AS lsn',
  );
  return lsn;
}

interface Measured {
  readonly schema: readonly AssessedChange[];
  readonly names: ReadonlyMap<number, RelationName>;
  readonly states: StateComparison;
  readonly probes: readonly RehearsedProbe[];
}

/** Probes come last: they write, and take it back, on both copies. */
async function measure(
  copies: RehearsalCopies,
  options: RehearseOptions,
  probes: readonly Probe[] | null,
): Promise<Measured> {
  const { signal, reporter = silentReporter, sampleLimit, compareAll: isWhole } = options;
  const { openBefore, openAfter, mark, afterOid } = copies;
  return reportStep(reporter, { name: 'compare' }, async () => {
    const [before, after] = [await openBefore(), await openAfter()];
    const [schemaBefore, schemaAfter] = await Promise.all([
      readSchemaModel(before),
      readSchemaModel(after),
    ]);
    const names = await readRelationNames(before);
    // A command may have dropped the copy and made it anew: nothing is known of its statistics then.
    const isSame = (await findDatabase(copies.admin, copies.after)).oid === afterOid;
    const states = await compareStates(
      { before: openBefore, after: openAfter },
      { mark: isSame ? mark : null, afterOid, sampleLimit, isWhole, signal },
    );
    return {
      schema: assessed(schemaBefore, schemaAfter),
      ...{ names, states },
      probes: probes === null ? [] : await runProbes(copies, probes, { signal }),
    };
  });
}

function report(
  { source, isShared }: RehearsalCopies,
  { thresholds = {} }: RehearseOptions,
  found: Watched & Measured & { readonly measuringMs: number },
): Rehearsal {
  const { run, watched, names, states, probes, schema, walBytes, measuringMs } = found;
  const sum = (of: (table: StateComparison['tables'][number]) => number) =>
    states.tables.reduce((total, table) => total + of(table), 0);
  const locks = locksOf(watched, names, run.locks);
  const measured = {
    recordsLost: sum(({ rowsDeleted, valuesLost }) => rowsDeleted + valuesLost),
    valuesChanged: sum(({ valuesChanged }) => valuesChanged),
    ...{ exclusiveLockMs: exclusiveLockMs(locks), durationMs: run.durationMs, walBytes, probes },
  };
  const exceeded = exceededThresholds(measured, thresholds);
  const isTouched = run.untouched.status === 'touched';
  return {
    ok: run.exitCode === 0 && !run.timedOut && exceeded.length === 0 && !isTouched,
    ...{ exitCode: run.exitCode, timedOut: run.timedOut, command: run.command, file: run.file },
    ...{ source, ...states, ...measured, locks, measuringMs },
    schema: foldRenames(schema, states.tables),
    sampleIntervalMs: watched.sampleIntervalMs,
    statements: run.statements ?? watched.statements,
    ...{ walShared: isShared, errors: run.errors, untouched: run.untouched, exceeded },
    notes: [...run.notes, ...(watched.problem ? [watched.problem] : [])],
  };
}
