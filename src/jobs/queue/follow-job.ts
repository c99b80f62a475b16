import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobEvent } from '../../contract/job.js';
import type { Catalog } from '../catalog/catalog.js';
import { isCatalogAway } from '../catalog/catalog-errors.js';
import { type EventRow, eventOf, isOver } from './job-rows.js';
import type { WakeUp } from './wake-ups.js';

/** Also without a word one looks this often. */
const lookAgainMs = 5_000;
const batch = 500;
/** A catalog that is started again must not end what people watch. */
const patienceMs = 60_000;
const retryMs = 500;

/** Events after one, in order, until the job is over or the signal is aborted. */
export async function* followJob(
  catalog: Catalog,
  id: string,
  afterSeq: number,
  wakeUp: WakeUp,
  readJob: () => Promise<Job | undefined>,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  let seq = afterSeq;
  while (!signal.aborted) {
    // Before its events: the one that says how it ended is then among them.
    const job = await patiently(readJob, signal);
    for (;;) {
      const rows = await patiently(() => readEvents(catalog, id, seq), signal);
      for (const row of rows ?? []) {
        if (signal.aborted) return;
        seq = row.seq;
        yield eventOf(row);
      }
      if (!rows || rows.length < batch) break;
    }
    if (signal.aborted || !job || isOver(job)) return;
    await wakeUp.next(lookAgainMs, signal);
  }
}

/** Waits until the job is over, or the signal is aborted. @returns the job as it was seen last */
export async function waitForEnd(
  wakeUp: WakeUp,
  readJob: () => Promise<Job | undefined>,
  signal: AbortSignal,
): Promise<Job | undefined> {
  let last: Job | undefined;
  for (;;) {
    const job = await patiently(readJob, signal);
    last = job ?? last;
    if (!job || isOver(job) || signal.aborted) return last;
    await wakeUp.next(lookAgainMs, signal);
  }
}

function readEvents(catalog: Catalog, id: string, afterSeq: number): Promise<EventRow[]> {
  return catalog.query<EventRow>(
    `SELECT seq, at, event FROM belay_server.job_events
      WHERE job = $1 AND seq > $2 ORDER BY seq LIMIT ${batch}`,
    [id, afterSeq],
    `reading the events of job ${id}`,
  );
}

/** Goes on where the catalog is away for a while. @returns undefined where the signal was aborted meanwhile */
async function patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (signal.aborted) return undefined;
      const isTooLong = performance.now() - startedAt > patienceMs;
      if (!isCatalogAway(error) || isTooLong) throw error;
      await sleep(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}
