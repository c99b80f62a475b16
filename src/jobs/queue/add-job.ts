import { describeCaller } from '../../contract/caller.js';
import type { Job } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import type { CatalogConnection } from '../catalog/catalog.js';
import { findByKey } from './idempotency.js';
import { changesTarget, mayBeginAgain } from './job-kinds.js';
import { type JobRow, jobColumns, jobOf, makeJobId, tellingState, toJson } from './job-rows.js';
import type { JobOrder } from './jobs.js';

export interface QueueLimits {
  /** Most jobs that wait. */
  readonly queueLimit: number;
  /** Most of them for one database. */
  readonly perDatabaseLimit: number;
}

/** So that of many that come at once no two count the same free place. */
const addLock = 7_262_534_410_188_832;
const longestRetryAfterSeconds = 60;
const unknownRetryAfterSeconds = 5;

/**
 * Puts a job into the queue, within the caller's transaction. Whoever sends the same idempotency key again gets the first job.
 * @throws BelayError TOO_MANY_JOBS (details: `retryAfterSeconds`), IDEMPOTENCY_KEY_REUSED
 */
export async function addJob(
  connection: CatalogConnection,
  order: JobOrder,
  limits: QueueLimits,
): Promise<Job> {
  const doing = 'putting a job into the queue';
  await connection.query('SELECT pg_advisory_xact_lock($1)', [addLock], doing);
  const first = await findFirst(connection, order);
  if (first) return first;
  const nowMs = await checkLimits(connection, order.database, limits);
  const { database, type, input, caller, idempotency } = order;
  const [row] = await connection.query<JobRow>(
    tellingState(`
      INSERT INTO belay_server.jobs
        (id, database, type, input, caller_id, requested_by, changes_target, may_begin_again, last_seq)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)`),
    [
      ...[makeJobId(nowMs), database, type, toJson(input), caller.id, describeCaller(caller)],
      ...[changesTarget(type), mayBeginAgain(type, input)],
    ],
    doing,
  );
  if (!row) throw new BelayError('BUG', 'a job that was put into the queue is not there');
  if (idempotency) {
    await connection.query(
      `INSERT INTO belay_server.idempotency (caller_id, key, request_hash, job)
       VALUES ($1, $2, $3, $4)`,
      [caller.id, idempotency.key, idempotency.requestHash, row.id],
      doing,
    );
  }
  return jobOf(row);
}

async function findFirst(connection: CatalogConnection, order: JobOrder): Promise<Job | undefined> {
  const { idempotency, caller } = order;
  if (!idempotency) return undefined;
  const id = await findByKey(connection, { ...idempotency, callerId: caller.id });
  if (id === undefined) return undefined;
  const [row] = await connection.query<JobRow>(
    `SELECT ${jobColumns} FROM belay_server.jobs WHERE id = $1`,
    [id],
  );
  return row && jobOf(row);
}

/** @returns the time by the catalog's clock */
async function checkLimits(
  connection: CatalogConnection,
  database: string,
  { queueLimit, perDatabaseLimit }: QueueLimits,
): Promise<number> {
  const [found] = await connection.query<{ queued: number; here: number; now: number }>(
    `SELECT count(*)::int AS queued, count(*) FILTER (WHERE database = $1)::int AS here,
            extract(epoch FROM clock_timestamp())::float8 * 1000 AS now
       FROM belay_server.jobs WHERE state = 'queued'`,
    [database],
    'counting the jobs that wait',
  );
  const { queued = 0, here = 0, now = 0 } = found ?? {};
  if (queued < queueLimit && here < perDatabaseLimit) return now;
  const retryAfterSeconds = await estimateRetryAfter(connection);
  const what =
    queued >= queueLimit
      ? `${queued} jobs wait already, and the queue takes ${queueLimit}`
      : `${here} jobs for "${database}" wait already, and it may have ${perDatabaseLimit}`;
  throw new BelayError('TOO_MANY_JOBS', `the job was not taken: ${what}`, {
    hint: `Try again in ${retryAfterSeconds} s.`,
    details: { retryAfterSeconds, queued, queueLimit, perDatabaseLimit },
  });
}

/** About when the next place becomes free, by how long the last jobs took. */
async function estimateRetryAfter(connection: CatalogConnection): Promise<number> {
  const [found] = await connection.query<{ seconds: number | null; running: number }>(
    `SELECT avg(extract(epoch FROM finished_at - started_at))::float8 AS seconds,
            (SELECT count(*)::int FROM belay_server.jobs WHERE state = 'running') AS running
       FROM (SELECT started_at, finished_at FROM belay_server.jobs
              WHERE finished_at IS NOT NULL AND started_at IS NOT NULL
              ORDER BY finished_at DESC LIMIT 20) AS recent`,
    [],
    'estimating when a job ends',
  );
  const each = found?.seconds ?? unknownRetryAfterSeconds;
  const seconds = Math.ceil(each / Math.max(1, found?.running ?? 1));
  return Math.min(longestRetryAfterSeconds, Math.max(1, seconds));
}
