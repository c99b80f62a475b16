import { loadConfig } from '../../config/load-config.js';
import type { Inventory } from '../../contract/inventory.js';
import {
  type Job,
  type JobError,
  type JobEvent,
  type JobType,
  jobInputs,
} from '../../contract/job.js';
import { BelayError, toBelayError } from '../../errors.js';
import { actingFor } from '../../features/ledger/acting-for.js';
import type { Target } from '../../features/target/open-target.js';
import { redactUrl } from '../../postgres/redact-url.js';
import { lookAt } from '../inventory/look-at.js';
import type { JobOutcome } from '../queue/job-source.js';
import { branchVerbs } from './branch-verbs.js';
import type { JobEnd, JobVerbs, JobWork } from './job-work.js';
import { proofVerbs } from './proof-verbs.js';
import { schemaVerbs } from './schema-verbs.js';
import { snapshotVerbs } from './snapshot-verbs.js';

/** Where a job is done: by a server, or by an agent with credentials that only it knows. */
export interface JobPlace {
  /**
   * Connects to the job's database. Closed when the job is over.
   * @param action shown in pg_stat_activity, e.g. "checkpoint"
   */
  open(action: string): Promise<Target>;
  /** Gets what a job of kind `inventory` has found. */
  readonly onInventory?: ((inventory: Inventory) => void | Promise<void>) | undefined;
}

export interface RunJobOptions {
  readonly report: (event: JobEvent['event']) => void;
  /** Ends the work; what was begun is cleaned up first. */
  readonly signal: AbortSignal;
}

/** Another run on the same target may be somebody's at a terminal, or one that was killed a moment ago. */
const lockWaitMs = 120_000;

/**
 * Does what a job says. Entries that it makes in the ledger name who asked. A job that was begun before, and whose worker died, is
 * begun anew: a checkpoint or snapshot that it had sealed by then is its result, and is not made twice.
 *
 * @param job as it was taken
 * @returns how it ended; `cancelled` where the signal ended it. Never throws
 */
export async function runJobOn(
  place: JobPlace,
  job: Pick<Job, 'id' | 'type' | 'input' | 'database' | 'requestedBy'>,
  options: RunJobOptions,
): Promise<JobOutcome> {
  try {
    const { result, failure } = await actingFor(job.requestedBy, () => run(place, job, options));
    if (!failure) return { state: 'succeeded', result };
    return { state: 'failed', error: describeError(failure), result };
  } catch (error) {
    const failure = toBelayError(error);
    const isEnded = failure.code === 'INTERRUPTED' || failure.code === 'TERMINATED';
    if (options.signal.aborted && isEnded) return { state: 'cancelled' };
    return { state: 'failed', error: describeError(failure) };
  }
}

async function run(
  place: JobPlace,
  job: Parameters<typeof runJobOn>[1],
  { report, signal }: RunJobOptions,
): Promise<JobEnd> {
  const input = jobInputs[job.type].safeParse(job.input);
  if (!input.success) throw badInput(job.type, input.error.issues);
  const target = await place.open(job.type);
  try {
    const loaded = await loadConfig({ cwd: target.cwd, env: target.env });
    const work = {
      ...{ target, name: job.database, input: input.data, job: job.id },
      options: { signal, reporter: report, lockWaitMs },
      isScheduled: job.requestedBy.startsWith('schedule '),
      ...{ config: loaded?.config, configFolder: loaded?.directory },
    };
    if (job.type === 'inventory') return await look(place, work);
    // Each verb gets the input of its own kind: that was parsed by the same key.
    const verb = verbs[job.type] as (work: JobWork) => Promise<JobEnd>;
    return await verb(work as JobWork);
  } finally {
    await target.close();
  }
}

const verbs: JobVerbs<Exclude<JobType, 'inventory'>> = {
  ...snapshotVerbs,
  ...proofVerbs,
  ...schemaVerbs,
  ...branchVerbs,
};

async function look(
  place: JobPlace,
  { target, name, options }: Pick<JobWork, 'target' | 'name' | 'options'>,
): Promise<JobEnd> {
  const inventory = await lookAt(target, { name, isThorough: true, signal: options.signal });
  await place.onInventory?.(inventory);
  const { snapshots, branches, versions, ledger, ...rest } = inventory;
  const counts = { snapshots: snapshots.length, branches: branches.length };
  return { result: { ...rest, ...counts, versions: versions.length, ledger: ledger.length } };
}

/** An error as a job keeps it and everybody who may see the job reads it. */
export function describeError(error: BelayError): JobError {
  const { code, kind, message, hint } = error;
  const plain = { code, kind, message: redactUrl(message) };
  return hint === undefined ? plain : { ...plain, hint: redactUrl(hint) };
}

function badInput(
  type: JobType,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): BelayError {
  const [issue] = issues;
  const where = issue?.path.map(String).join('.') ?? '';
  const what = `${where === '' ? '' : `${where}: `}${issue?.message ?? 'it makes no sense'}`;
  return new BelayError(
    'BAD_REQUEST',
    `a job of kind ${type} was given what it cannot use: ${what}`,
    {
      hint: 'See the documentation of the API.',
      details: { field: where },
    },
  );
}
