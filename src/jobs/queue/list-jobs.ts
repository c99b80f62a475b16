import type { Job } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../catalog/catalog.js';
import { type JobRow, jobColumns, jobOf } from './job-rows.js';
import type { JobFilter } from './jobs.js';

const defaultLimit = 50;
const largestLimit = 200;

/**
 * Jobs, newest first, a page at a time.
 * @throws BelayError BAD_REQUEST for a cursor or limit that is none
 */
export async function listJobs(
  catalog: Catalog,
  filter: JobFilter,
): Promise<{ readonly jobs: readonly Job[]; readonly next: string | null }> {
  const limit = filter.limit ?? defaultLimit;
  if (!Number.isInteger(limit) || limit < 1 || limit > largestLimit) {
    throw new BelayError('BAD_REQUEST', `limit is a number from 1 to ${largestLimit}`);
  }
  const rows = await catalog.query<JobRow>(
    `SELECT ${jobColumns} FROM belay_server.jobs
      WHERE ($1::text[] IS NULL OR database = ANY ($1))
        AND ($2::text IS NULL OR caller_id = $2)
        AND ($3::text[] IS NULL OR state = ANY ($3))
        AND ($4::text[] IS NULL OR type = ANY ($4))
        AND ($5::bigint IS NULL OR number < $5)
      ORDER BY number DESC LIMIT $6`,
    [
      ...[filter.databases ?? null, filter.callerId ?? null, filter.states ?? null],
      ...[filter.types ?? null, readCursor(filter.cursor), limit + 1],
    ],
    'listing jobs',
  );
  const page = rows.slice(0, limit);
  return {
    jobs: page.map(jobOf),
    next: rows.length > limit ? (page.at(-1)?.number ?? null) : null,
  };
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  if (/^\d{1,18}$/.test(cursor)) return cursor;
  throw new BelayError('BAD_REQUEST', 'the cursor is none that a list of jobs has given', {
    hint: 'Begin again without a cursor.',
  });
}
