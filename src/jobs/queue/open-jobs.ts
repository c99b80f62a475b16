import type { Job } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../catalog/catalog.js';
import { addJob, type QueueLimits } from './add-job.js';
import { followJob, waitForEnd } from './follow-job.js';
import { isJobId, isOver, type JobRow, jobColumns, jobOf, tellingState } from './job-rows.js';
import type { JobFilter, JobOrder, Jobs } from './jobs.js';
import { listJobs } from './list-jobs.js';
import { WakeUps } from './wake-ups.js';

export interface OpenJobsOptions extends Partial<QueueLimits> {
  readonly catalog: Catalog;
  /**
   * What jobs that change something must not share while they run. Asked here to refuse an unknown database; a job gets it when it
   * is taken, as it is then.
   * @throws BelayError DATABASE_NOT_REGISTERED
   */
  readonly exclusiveKey: (database: string) => Promise<string>;
}

/** Jobs that may wait. */
export const defaultQueueLimit = 100;
/** After an abort the last look must not wait for a catalog that is away. */
const noPatience = AbortSignal.abort();

/** The queue in a catalog. Close it before the catalog. */
export function openJobs(options: OpenJobsOptions): Jobs & { close(): Promise<void> } {
  const { catalog, exclusiveKey } = options;
  const queueLimit = options.queueLimit ?? defaultQueueLimit;
  const limits = { queueLimit, perDatabaseLimit: options.perDatabaseLimit ?? queueLimit };
  const told = {
    job: new WakeUps(catalog, 'belay_job'),
    event: new WakeUps(catalog, 'belay_event'),
  };
  const get = (id: string) => readJob(catalog, id);
  return {
    add: async (order) => {
      await exclusiveKey(order.database);
      return catalog.transaction((connection) => addJob(connection, order as JobOrder, limits));
    },
    get,
    list: (filter: JobFilter) => listJobs(catalog, filter),
    follow: async function* (id, afterSeq, signal) {
      if (!(await get(id))) throw jobNotFound(id);
      const wakeUp = await told.event.subscribe(id);
      try {
        yield* followJob(catalog, id, afterSeq, wakeUp, () => get(id), signal);
      } finally {
        wakeUp.close();
      }
    },
    wait: async (id, signal) => {
      const wakeUp = await told.job.subscribe(id);
      try {
        const job = await waitForEnd(wakeUp, () => get(id), signal);
        const found = job ?? (await waitForEnd(wakeUp, () => get(id), noPatience));
        if (found) return found;
        throw jobNotFound(id);
      } finally {
        wakeUp.close();
      }
    },
    cancel: (id) => cancelJob(catalog, id),
    close: async () => {
      await Promise.all([told.job.close(), told.event.close()]);
    },
  };
}

async function readJob(catalog: Catalog, id: string): Promise<Job | undefined> {
  if (!isJobId(id)) return undefined;
  const [row] = await catalog.query<JobRow>(
    `SELECT ${jobColumns} FROM belay_server.jobs WHERE id = $1`,
    [id],
    `reading job ${id}`,
  );
  return row && jobOf(row);
}

async function cancelJob(catalog: Catalog, id: string): Promise<Job> {
  const doing = `cancelling job ${id}`;
  if (!isJobId(id)) throw jobNotFound(id);
  const [ended] = await catalog.query<JobRow>(
    tellingState(`
      UPDATE belay_server.jobs
         SET state = 'cancelled', finished_at = clock_timestamp(), last_seq = last_seq + 1
       WHERE id = $1 AND state = 'queued'`),
    [id],
    doing,
  );
  if (ended) return jobOf(ended);
  const [asked] = await catalog.query<JobRow>(
    `UPDATE belay_server.jobs SET cancel_requested = true
      WHERE id = $1 AND state IN ('queued', 'running') RETURNING ${jobColumns}`,
    [id],
    doing,
  );
  // Given back at this very moment, it waits again: then it is over at once.
  if (asked?.state === 'queued') return cancelJob(catalog, id);
  if (asked) return jobOf(asked);
  const job = await readJob(catalog, id);
  if (!job) throw jobNotFound(id);
  if (!isOver(job)) return cancelJob(catalog, id);
  throw new BelayError('JOB_OVER', `the job ${id} is over: it has ${job.state}`, {
    hint: 'There is nothing left to cancel.',
    details: { job: id, state: job.state },
  });
}

function jobNotFound(id: string): BelayError {
  return new BelayError('JOB_NOT_FOUND', `there is no job ${id}`, {
    hint: 'Jobs are forgotten 90 days after their end. GET /api/jobs lists those that are known.',
    details: { job: id },
  });
}
