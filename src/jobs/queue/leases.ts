import type { JobError, JobEvent } from '../../contract/job.js';
import type { Catalog } from '../catalog/catalog.js';
import { tellingState, toJson } from './job-rows.js';
import type { JobOutcome, LeaseAnswer } from './job-source.js';

/** What a worker shows to do anything with its job. */
export interface Lease {
  readonly id: string;
  readonly lease: string;
}

/** Then only the job's states are noted: a job that talks without end must not fill the catalog. */
const mostEvents = 10_000;

/** Conditions of every statement here: whoever has lost the job changes nothing. */
const isMine = `id = $1 AND lease = $2 AND state = 'running'`;
const unleased = 'lease = NULL, lease_ms = NULL, exclusive_key = NULL';

/** Keeps the job for another lease. @throws BelayError CATALOG_UNAVAILABLE */
export async function renewLease(catalog: Catalog, { id, lease }: Lease): Promise<LeaseAnswer> {
  const [row] = await catalog.query<{ cancel_requested: boolean }>(
    `UPDATE belay_server.jobs SET renewals = renewals + 1 WHERE ${isMine} RETURNING cancel_requested`,
    [id, lease],
    `renewing the lease of job ${id}`,
  );
  if (!row) return 'lost';
  return row.cancel_requested ? 'cancel' : 'renewed';
}

/**
 * Notes what a job has done since. Of a job that was lost nothing is noted.
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function reportEvents(
  catalog: Catalog,
  { id, lease }: Lease,
  events: readonly JobEvent['event'][],
): Promise<void> {
  if (events.length === 0) return;
  const steps = events.flatMap((event) => (event.type === 'step' ? event.name : []));
  // The one character that PostgreSQL's text does not take.
  const step = steps.at(-1)?.replaceAll('\0', '') ?? null;
  await catalog.query(
    `WITH job AS (
       UPDATE belay_server.jobs
          SET last_seq = last_seq + cardinality($3::text[]), step = coalesce($4, step)
        WHERE ${isMine} AND last_seq + cardinality($3::text[]) <= ${mostEvents}
       RETURNING id, last_seq),
     noted AS (
       INSERT INTO belay_server.job_events (job, seq, event)
       SELECT job.id, job.last_seq - cardinality($3::text[]) + given.place::int, given.event::json
         FROM job, unnest($3::text[]) WITH ORDINALITY AS given (event, place))
     SELECT pg_notify('belay_event', id) FROM job`,
    [id, lease, events.map(toJson), step],
    `noting the progress of job ${id}`,
  );
}

/**
 * Ends a job.
 * @returns false where it was lost before: then nothing was changed
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function finishJob(
  catalog: Catalog,
  { id, lease }: Lease,
  outcome: JobOutcome,
): Promise<boolean> {
  const result =
    'result' in outcome && outcome.result !== undefined ? toJson(outcome.result) : null;
  const error = outcome.state === 'failed' ? toJson(outcome.error) : null;
  const rows = await catalog.query(
    tellingState(`
      UPDATE belay_server.jobs
         SET state = $3, result = $4, error = $5, ${unleased},
             last_seq = last_seq + 1, finished_at = clock_timestamp()
       WHERE ${isMine}`),
    [id, lease, outcome.state, result, error],
    `ending job ${id}`,
  );
  return rows.length > 0;
}

/**
 * Gives a job back that its worker cannot end: it waits for the next one, where it may be begun again; was its end asked for,
 * it is cancelled; else it has failed with this error.
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function releaseJob(
  catalog: Catalog,
  { id, lease }: Lease,
  error: JobError,
): Promise<void> {
  await catalog.query(
    tellingState(`
      UPDATE belay_server.jobs AS job
         SET state = next, ${unleased}, last_seq = last_seq + 1,
             worker = CASE WHEN next = 'queued' THEN NULL ELSE worker END,
             error = CASE WHEN next = 'failed' THEN $3::json END,
             finished_at = CASE WHEN next <> 'queued' THEN clock_timestamp() END
        FROM (SELECT id AS given, CASE WHEN cancel_requested THEN 'cancelled'
                                       WHEN may_begin_again THEN 'queued' ELSE 'failed' END AS next
                FROM belay_server.jobs WHERE ${isMine} FOR UPDATE) AS mine
       WHERE job.id = given`),
    [id, lease, toJson(error)],
    `giving back job ${id}`,
  );
}
