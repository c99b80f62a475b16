import type { AssessedChange } from '../../domain/change-safety.js';
import { beforeRenames } from '../../domain/measure-renames.js';
import { versionBeforeFirst } from '../../domain/migration.js';
import { withoutRelations } from '../../domain/own-relations.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import {
  type RollbackIssue,
  type RollbackPlan,
  type RollbackStep,
  type RouteStep,
  routeBack,
} from '../../domain/rollback.js';
import { issueOf, severalColumns, stepSafety } from '../../domain/rollback-issues.js';
import {
  compareSchemas,
  isPartial,
  type SchemaModel,
  versionChecksum,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { type Measured, measureLosses } from '../../postgres/measure-losses.js';
import type { Session } from '../../postgres/session.js';
import { readVersionModel } from '../branch/version-model.js';
import { type MigrationState, withMigrationState } from '../migration/migration-state.js';
import { cancelling } from '../migration/run-steps.js';
import { withScratch } from '../schema/scratch.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted, underLock, type WorkOptions } from '../target/work.js';
import type { DataRollbackOptions, DataSteps } from './data-plan.js';
import { dataStatements } from './data-statements.js';
import { findDestination } from './destination.js';
import {
  dataNotes,
  noneSettled,
  overwriteIssues,
  planData,
  restoredObjects,
  type SettledChange,
} from './plan-data.js';
import { type SimulatedStep, simulate } from './simulate.js';

export interface PlanRollbackOptions extends WorkOptions, DataRollbackOptions {
  /** Where to: a version, `version_name`, or "0" for the state before the first migration. */
  readonly version: string;
  /** Leave down scripts aside where the schema before was recorded. */
  readonly noDownScripts?: boolean | undefined;
  /** Nothing was renamed but what the history knows. */
  readonly noRenames?: boolean | undefined;
  /** For each scan of a table, in milliseconds; default 60 s. */
  readonly countTimeoutMs?: number | undefined;
}

const defaultCountTimeoutMs = 60_000;

/**
 * Finds the way back to an earlier version: each migration's down script, or the SQL between the recorded schemas. The steps
 * are run on a copy of the schema, without rows, and what they would lose is counted in the live database. Nothing is changed.
 *
 * @example
 * const plan = await planRollback(target, { version: '20261119' });
 * if (plan.requiresApproval) for (const issue of plan.issues) console.log(issue.description);
 * @throws BelayError VERSION_NOT_FOUND, VERSION_IS_CURRENT, NOT_AN_ANCESTOR, NO_WAY_DOWN, RENAME_UNDECIDED, ROLLBACK_FAILED,
 *   HISTORY_DAMAGED
 */
export async function planRollback(
  target: Target,
  options: PlanRollbackOptions,
): Promise<RollbackPlan> {
  return (await planUnderLock(target, options)).plan;
}

/** An abort cancels what is counted in the database. */
export function planUnderLock(target: Target, options: PlanRollbackOptions): Promise<Planned> {
  return underLock(target, options, (work) =>
    withMigrationState(target, (state) =>
      cancelling(work, state, () => planFrom(target, state, options)),
    ),
  );
}

/** A plan, and what it was made from. */
export interface Planned {
  readonly plan: RollbackPlan;
  readonly simulated: readonly SimulatedStep[];
  /** `versionChecksum` of the schema that it starts from. */
  readonly checksum: string;
  /** What each step puts back; null where that was not asked for. */
  readonly data: DataSteps | null;
}

async function planFrom(
  target: Target,
  state: MigrationState,
  options: PlanRollbackOptions,
): Promise<Planned> {
  const { reporter = silentReporter, signal } = options;
  const keep = findDestination(state, options.version);
  const steps = await findRoute(state, keep, options);
  const own = state.source?.ownRelations ?? [];
  const whole = await readVersionModel(state.session);
  const live = withoutRelations(whole, own);
  const readModel = async (checksum: string) =>
    withoutRelations(await state.history.readModel(checksum), own);
  // A script of the user's may hold anything, such as CREATE ROLE; SQL between recorded schemas is Belay's own.
  const runs = steps.some(({ script }) => script !== null) ? 'foreign' : 'own';
  const scratch = { target, runs, env: target.env, signal, reporter } as const;
  const { simulated, data, rollback } = await reportStep(
    reporter,
    { name: 'try the rollback on a copy of the schema' },
    () =>
      withScratch(scratch, async (place) => {
        const noRenames = options.noRenames ?? false;
        const tried = await simulate(place, { live, steps, readModel, noRenames, signal });
        return options.data
          ? planData(state, place, { live, simulated: tried, options })
          : { simulated: tried, data: null, rollback: null };
      }),
  );
  const counted = await reportStep(reporter, { name: 'count what would be lost' }, () =>
    countLosses(state.session, simulated, options.countTimeoutMs ?? defaultCountTimeoutMs),
  );
  // A count that was cancelled looks like one that took too long.
  throwIfAborted(signal);
  const differences = await compareWithRecorded(simulated, steps, state, readModel);
  const described = await describeSteps(state.session, simulated, counted, {
    ...options,
    settled: data ? restoredObjects(data) : noneSettled,
    overwritten: rollback ? overwriteIssues(rollback) : [],
  });
  const plan = assemble(state, keep, described, {
    ...{ differences, data: rollback },
    notes: [...notesOf(state, whole), ...(rollback ? dataNotes(rollback) : [])],
  });
  return { plan, simulated, checksum: versionChecksum(whole), data };
}

async function findRoute(
  state: MigrationState,
  keep: number,
  options: PlanRollbackOptions,
): Promise<readonly RouteStep[]> {
  const { entries, applied, history } = state;
  const kept = await history.keptModels();
  const downOf = options.noDownScripts ? () => null : state.downOf;
  const route = routeBack({ entries, applied, keep, downOf, isKept: (one) => kept.has(one) });
  if ('steps' in route) return route.steps;
  const names = route.noWayFrom.map(({ version, name }) => `${version}${name && `_${name}`}`);
  throw new BelayError('NO_WAY_DOWN', `there is no way back from ${names.join(', ')}`, {
    hint: 'It has no down script, and no schema before it was recorded: write a down script, or restore a snapshot that is older (`belay list`).',
    details: { migrations: names },
  });
}

interface Counted {
  readonly change: AssessedChange;
  readonly measured: Measured | null;
}

/** What each change above SAFE would cost, step by step. */
async function countLosses(
  session: Session,
  simulated: readonly SimulatedStep[],
  timeoutMs: number,
): Promise<Counted[][]> {
  const measures = simulated.flatMap(({ changes }, index) => {
    const renames = simulated.slice(0, index + 1).map((step) => step.renames);
    return changes.flatMap(({ measure }) => (measure ? [beforeRenames(measure, renames)] : []));
  });
  const results = await measureLosses(session, measures, { timeoutMs });
  let next = 0;
  return simulated.map(({ changes }) =>
    changes
      .filter(({ safety, measure }) => safety !== 'SAFE' || measure !== null)
      .map((change) => ({ change, measured: change.measure ? (results[next++] ?? null) : null })),
  );
}

/** What the data that comes back makes of the issues. */
interface DataIssues {
  readonly settled: SettledChange;
  readonly overwritten: readonly RollbackIssue[];
}

interface Described {
  readonly step: RollbackStep;
  readonly issues: readonly RollbackIssue[];
}

async function describeSteps(
  session: Session,
  simulated: readonly SimulatedStep[],
  counted: readonly Counted[][],
  options: PlanRollbackOptions & DataIssues,
): Promise<Described[]> {
  const described: Described[] = [];
  for (const [index, { route, statements, changes, unresolved }] of simulated.entries()) {
    const versions = route.migrations.map(({ version }) => version);
    const migration = versions.join(', ');
    const several = severalColumns(migration, changes);
    const issues = [
      ...(counted[index] ?? [])
        .filter(({ change }) => !options.settled(index, change))
        .map(({ change, measured }) => issueOf(migration, change, measured)),
      ...(several ? [several] : []),
      ...options.overwritten.filter((issue) => versions.includes(issue.migration)),
      ...(route.script
        ? await dataStatements(session, migration, route.script, {
            timeoutMs: options.countTimeoutMs ?? defaultCountTimeoutMs,
          })
        : []),
    ];
    const step: RollbackStep = {
      ...{ migrations: versions, to: route.to, script: route.script },
      source: route.script ? 'down' : 'diff',
      ...{ safety: stepSafety(issues), statements, changes, unresolved },
    };
    described.push({ step, issues });
  }
  return described;
}

async function compareWithRecorded(
  simulated: readonly SimulatedStep[],
  steps: readonly RouteStep[],
  { history }: MigrationState,
  readModel: (checksum: string) => Promise<SchemaModel>,
) {
  const checksum = steps.at(-1)?.checksum ?? null;
  const last = simulated.at(-1);
  if (checksum === null || !last || !(await history.keptModels()).has(checksum)) return null;
  const recorded = await readModel(checksum);
  return compareSchemas(withoutColumnOrder(last.model), withoutColumnOrder(recorded));
}

function notesOf({ entries, applied }: MigrationState, live: SchemaModel): string[] {
  const last = entries.at(-1);
  const notes: string[] = [];
  const isSameState = last && last.version === (applied.at(-1)?.version ?? versionBeforeFirst);
  if (isSameState && last.checksum !== versionChecksum(live)) {
    notes.push(
      `the live schema is not what was recorded at ${last.version}: \`belay schema drift\` shows what was changed`,
    );
  }
  if (isPartial(live)) {
    const names = live.unmodelled?.join(', ');
    notes.push(`not looked at, because Belay does not model them: ${names}`);
  }
  return notes;
}

type Differences = Awaited<ReturnType<typeof compareWithRecorded>>;

function assemble(
  state: MigrationState,
  keep: number,
  described: readonly Described[],
  {
    differences,
    data,
    notes,
  }: Pick<RollbackPlan, 'data' | 'notes'> & { readonly differences: Differences },
): RollbackPlan {
  const issues = described.flatMap((one) => one.issues);
  const overallSafety = stepSafety(issues);
  const missing =
    differences === null
      ? ['the schema of that version was not recorded: whether the scripts lead to it is not known']
      : [];
  return {
    from: state.current,
    to: state.applied[keep - 1]?.version ?? versionBeforeFirst,
    migrations: state.applied
      .slice(keep)
      .map(({ version }) => version)
      .reverse(),
    ...{ overallSafety, requiresApproval: overallSafety !== 'SAFE' },
    ...{ issues, steps: described.map(({ step }) => step) },
    proven: differences !== null && differences.length === 0,
    ...{ differences: differences ?? [], data },
    notes: [...notes, ...missing],
  };
}
