import type { DataRollback } from '../../domain/data-rollback.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import type { HistoryEntry, NewHistoryEntry } from '../../domain/history.js';
import { withoutRelations } from '../../domain/own-relations.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import type { RollbackPlan } from '../../domain/rollback.js';
import {
  compareSchemas,
  isPartial,
  type SchemaChange,
  type SchemaModel,
  versionChecksum,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import type { GitState } from '../../domain/snapshot.js';
import { BelayError, toBelayError } from '../../errors.js';
import { readGitState } from '../../process/git.js';
import { readVersionModel } from '../branch/version-model.js';
import { type Recorded, recorded } from '../ledger/recorded.js';
import { type MigrationState, withMigrationState } from '../migration/migration-state.js';
import { cancelling } from '../migration/run-steps.js';
import { pruneHistory } from '../schema/with-history.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { DataRestorer } from './data-run.js';
import { type KeptState, keepState } from './keep-state.js';
import { type Planned, type PlanRollbackOptions, planUnderLock } from './plan.js';
import { requireBackups, requireNoViolations } from './plan-data.js';
import { runStep } from './run-step.js';
import type { SimulatedStep } from './simulate.js';

export interface ExecuteRollbackOptions
  extends PlanRollbackOptions,
    WorkOptions,
    ProductionApproval {
  /** Only plan: nothing is executed. */
  readonly dryRun?: boolean | undefined;
  /** The loss is approved. */
  readonly force?: boolean | undefined;
  /** Asked where something is above SAFE and `force` is not given. */
  readonly approve?: ((plan: RollbackPlan) => Promise<boolean>) | undefined;
  /** What is made before anything above SAFE; default "snapshot". */
  readonly keep?: 'snapshot' | 'checkpoint' | 'none' | undefined;
  /** Sessions in the target while the snapshot is taken; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

export interface RollbackResult {
  /** The schema is afterwards what the plan said it would be. */
  readonly ok: boolean;
  readonly dryRun: boolean;
  readonly from: string;
  readonly to: string;
  /** Versions whose migrations were taken back, newest first. */
  readonly rolledBack: readonly string[];
  /** What was made before; null where nothing could be lost. */
  readonly snapshot: KeptState | null;
  /** Rows and values that were put back from record backups. */
  readonly restored: { readonly rows: number; readonly values: number };
  /** Backup by backup what came back, and what did not and why; null where that was not asked for. */
  readonly data: DataRollback | null;
  /** The schema is exactly what was recorded of the version. */
  readonly verified: boolean;
  /** Where it is not. */
  readonly differences: readonly SchemaChange[];
  readonly plan: RollbackPlan;
  readonly durationMs: number;
}

/**
 * Takes migrations back, down to an earlier version. Each step is a transaction of its own, together with its entry in the
 * history. Before anything above SAFE the state is kept as a snapshot, so that `undoRestore` brings it back.
 *
 * @example
 * const { rolledBack } = await executeRollback(target, { version: '20261119', force: true });
 * @throws BelayError WOULD_LOSE where nobody approved the loss, ROLLBACK_FAILED, PRODUCTION_GUARD, and as {@link planRollback}
 */
export async function executeRollback(
  target: Target,
  options: ExecuteRollbackOptions,
): Promise<RollbackResult> {
  const startedAt = performance.now();
  const git = await readGitState(options.cwd ?? target.cwd);
  if (options.dryRun) {
    const { plan } = await planUnderLock(target, options);
    return planned(plan, performance.now() - startedAt);
  }
  const { result, failure } = await recorded(
    target,
    'rollback',
    options.reporter,
    async () => {
      guardProduction(target, 'roll back', options);
      return execute(target, options, git, startedAt);
    },
    toLedger,
  );
  if (failure) throw failure;
  return result;
}

/** What was done, and whether it came to its end. */
interface Outcome {
  readonly result: RollbackResult;
  /** What ended it; as data until it is in the ledger, as some steps may have been committed before. */
  readonly failure: BelayError | undefined;
}

function toLedger({ result, failure }: Outcome): Recorded | null {
  const { snapshot, from, to, rolledBack, data } = result;
  if (failure && rolledBack.length === 0 && !failure.details.mayBeHalfDone) return null;
  return {
    ...{ snapshot: snapshot && { id: snapshot.id, tag: snapshot.tag }, rows: null },
    outcome: failure ? 'failed' : 'done',
    details: {
      ...{ from, to, rolledBack, ...(failure ? { code: failure.code } : {}) },
      ...(data ? { restored: data.totals } : {}),
    },
  };
}

function planned(plan: RollbackPlan, durationMs: number): RollbackResult {
  return {
    ...{ ok: true, dryRun: true, from: plan.from, to: plan.to, rolledBack: [], snapshot: null },
    ...{ restored: restoredBy(plan.data), data: plan.data },
    ...{ verified: plan.proven, differences: plan.differences },
    ...{ plan, durationMs: Math.round(durationMs) },
  };
}

function restoredBy(data: DataRollback | null): RollbackResult['restored'] {
  const { rows = 0, values = 0 } = data?.totals ?? {};
  return { rows, values };
}

async function execute(
  target: Target,
  options: ExecuteRollbackOptions,
  git: GitState | null,
  startedAt: number,
): Promise<Outcome> {
  const order = await planUnderLock(target, options);
  if (order.plan.data) {
    if (!options.force) requireBackups(order.plan.data);
    if (!options.unvalidated) requireNoViolations(order.plan.data);
  }
  await requireApproval(order.plan, options);
  // Its own lock, and no session of this process in the database: a clone is made while nobody is in it.
  const snapshot = order.plan.requiresApproval
    ? await keepState(target, order.plan, options)
    : null;
  const { live, done, failure, data } = await underLock(target, options, (work) =>
    withMigrationState(target, async (state) => {
      await requireUnchanged(state, order);
      return cancelling(work, state, () => runSteps(work, state, { ...order, snapshot, git }));
    }),
  );
  const { plan } = order;
  const expected = order.simulated.at(-1)?.model ?? live;
  const asPlanned =
    live && expected ? compareSchemas(withoutColumnOrder(live), withoutColumnOrder(expected)) : [];
  const isDone = !failure && asPlanned.length === 0;
  const result: RollbackResult = {
    ...{ ok: isDone, dryRun: false, from: plan.from, to: plan.to },
    ...{ rolledBack: done, snapshot, restored: restoredBy(data), data },
    verified: isDone && plan.proven,
    differences: asPlanned.length === 0 ? plan.differences : asPlanned,
    ...{ plan, durationMs: Math.round(performance.now() - startedAt) },
  };
  return { result, failure };
}

/** @throws BelayError WOULD_LOSE */
async function requireApproval(plan: RollbackPlan, options: ExecuteRollbackOptions): Promise<void> {
  if (!plan.requiresApproval || options.force) return;
  if (await options.approve?.(plan)) return;
  const named = plan.issues
    .filter(({ safety }) => safety !== 'SAFE')
    .map((issue) => issue.description);
  throw new BelayError(
    'WOULD_LOSE',
    `the rollback from ${plan.from} to ${plan.to} is ${plan.overallSafety}: ${named.join('; ')}`,
    {
      hint: 'Nothing was changed. `belay rollback plan` shows it whole; --force goes on, after a snapshot was taken.',
      details: { overallSafety: plan.overallSafety, issues: plan.issues },
    },
  );
}

/** What was approved has to be what is done. */
async function requireUnchanged(state: MigrationState, { plan, checksum }: Planned): Promise<void> {
  const live = versionChecksum(await readVersionModel(state.session));
  if (live === checksum && state.current === plan.from) return;
  throw new BelayError('SCHEMA_CHANGED', 'the schema was changed since the rollback was planned', {
    hint: 'Nothing was rolled back. Somebody else is at work on it: look at `belay schema drift`, and plan again.',
  });
}

interface RunOrder extends Planned {
  readonly snapshot: KeptState | null;
  readonly git: GitState | null;
}

interface StepsRun {
  /** Migrations that were taken back. */
  readonly done: readonly string[];
  /** The schema afterwards; null where the steps did not come to their end. */
  readonly live: SchemaModel | null;
  readonly failure: BelayError | undefined;
  readonly data: DataRollback | null;
}

async function runSteps(work: Work, state: MigrationState, order: RunOrder): Promise<StepsRun> {
  const { reporter = silentReporter, signal } = work;
  const own = state.source?.ownRelations ?? [];
  const done: string[] = [];
  const restorer = order.data && new DataRestorer(state.session, order.data, reporter);
  const dataOf = (committed: number) =>
    restorer && order.plan.data ? restorer.outcome(committed, order.plan.data) : null;
  for (const [index, step] of order.simulated.entries()) {
    const versions = step.route.migrations.map(({ version }) => version);
    const name = `roll back ${versions.join(', ')}`;
    try {
      await reportStep(reporter, { name }, () =>
        runStep(state.session, step, {
          ...{ signal, reporter },
          beforeCommit: () => recordStep(state, step, order),
          restorer: restorer?.step(index),
        }),
      );
    } catch (thrown) {
      const failure = stoppedAt(thrown, { done, step, order, signal });
      return { done, live: null, failure, data: dataOf(index) };
    }
    done.push(...versions);
  }
  await pruneHistory(state);
  const live = withoutRelations(await readVersionModel(state.session), own);
  return { done, live, failure: undefined, data: dataOf(order.simulated.length) };
}

/** In the step's own transaction: what the history says is what the schema is, whenever something ends early. */
async function recordStep(
  state: MigrationState,
  { route }: SimulatedStep,
  { snapshot, git }: RunOrder,
): Promise<HistoryEntry> {
  const { session, source, history } = state;
  const versions = route.migrations.map(({ version }) => version);
  await source?.forget(session, versions);
  const model = await readVersionModel(session);
  const [newest] = route.migrations;
  const name = route.applied.at(-1)?.name ?? '';
  const entry: NewHistoryEntry = {
    ...{ action: 'rollback', version: route.to, name, tool: source?.tool ?? 'belay' },
    ...{ from: newest?.version ?? null, applied: route.applied },
    ...{ checksum: versionChecksum(model), partial: isPartial(model) },
    ...{ fileChecksum: null, up: null, down: route.script, renames: [] },
    ...{ git, durationMs: null, snapshotId: snapshot?.id ?? null },
  };
  return history.append(entry, model);
}

interface Stop {
  readonly done: readonly string[];
  /** The step that failed. */
  readonly step: SimulatedStep;
  readonly order: RunOrder;
  readonly signal: AbortSignal | undefined;
}

/** What an abort has cancelled fails like anything that is cancelled. */
function codeOf(signal: AbortSignal | undefined): 'ROLLBACK_FAILED' | 'INTERRUPTED' | 'TERMINATED' {
  if (!signal?.aborted) return 'ROLLBACK_FAILED';
  return signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED';
}

/** Says where a rollback stands that did not come to its end, and how to go on in either direction. */
function stoppedAt(thrown: unknown, { done, step, order, signal }: Stop): BelayError {
  const error = toBelayError(thrown);
  const { plan, snapshot, simulated } = order;
  const at = done.length === 0 ? plan.from : (simulated[done.length - 1]?.route.to ?? plan.from);
  const versions = step.route.migrations.map(({ version }) => version).join(', ');
  const mayBeHalfDone = !isOneTransaction(step);
  const stands =
    done.length === 0
      ? `nothing was rolled back, the database is at ${plan.from}`
      : `${done.join(', ')} ${done.length === 1 ? 'was' : 'were'} rolled back, the database is at ${at}`;
  const half = mayBeHalfDone
    ? `, with a part of ${versions} taken back, as that is no single transaction: \`belay schema drift\` shows which`
    : '';
  const isForward = done.length > 0 && !mayBeHalfDone;
  const ways = [
    ...(snapshot ? [`\`belay restore ${snapshot.tag}\``] : []),
    ...(isForward || !snapshot ? ['`belay migrate up`'] : []),
  ];
  return new BelayError(
    codeOf(signal),
    `rolling back ${versions} failed: ${error.message}; ${stands}${half}`,
    {
      hint: `To go on: mend what failed, then \`belay rollback ${plan.to}\`. To go back: ${ways.join(' or ')}.`,
      details: {
        ...error.details,
        ...{ cause: error.code, rolledBack: done, at, mayBeHalfDone },
        snapshot: snapshot?.tag ?? null,
      },
      cause: error,
    },
  );
}

/** Whether a step that fails leaves nothing. */
function isOneTransaction({ route, statements }: SimulatedStep): boolean {
  if (route.script) return route.script.inTransaction;
  return statements.every(({ transactional, breaksBefore }) => transactional && !breaksBefore);
}
