import type { Catalog } from '../catalog/catalog.js';

/** Jobs that have ended are kept this long, with their events. */
const keptJobs = '90 days';
const keptKeys = '24 hours';
const keptWorkers = '7 days';
/** At once, so that no lock is held for long. */
const batch = 1_000;

/** Removes jobs that ended long ago, idempotency keys that no longer count, and workers that were not heard of for days. */
export async function cleanOldJobs(catalog: Catalog): Promise<void> {
  const doing = 'removing old jobs';
  for (;;) {
    const removed = await catalog.query(
      `DELETE FROM belay_server.jobs WHERE id IN (
         SELECT id FROM belay_server.jobs
          WHERE finished_at < clock_timestamp() - interval '${keptJobs}'
          LIMIT ${batch} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [],
      doing,
    );
    if (removed.length < batch) break;
  }
  await catalog.query(
    `DELETE FROM belay_server.idempotency
      WHERE created_at < clock_timestamp() - interval '${keptKeys}'`,
    [],
    doing,
  );
  await catalog.query(
    `DELETE FROM belay_server.workers WHERE seen_at < clock_timestamp() - interval '${keptWorkers}'`,
    [],
    doing,
  );
}
