import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../catalog/catalog.js';
import { cleanOldJobs } from './clean-old-jobs.js';
import { Reaper, type ReapOptions } from './reaper.js';

export interface ReaperOptions extends ReapOptions {
  /** Between two looks, default 2 s. */
  readonly intervalMs?: number | undefined;
  /** Between two cleanings of what is old, default an hour. */
  readonly cleanEveryMs?: number | undefined;
  /** Told of a look that failed; the next one comes all the same. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const defaultIntervalMs = 2_000;
const hourMs = 3_600_000;

/**
 * Looks again and again for jobs whose workers were lost, and gives them back to the queue or ends them; also removes old jobs.
 * Every server runs one: of several, one takes each job.
 */
export function startReaper(
  catalog: Catalog,
  options: ReaperOptions = {},
): { close(): Promise<void> } {
  const { intervalMs = defaultIntervalMs, cleanEveryMs = hourMs, onError = () => {} } = options;
  const reaper = new Reaper(catalog, options);
  const ending = new AbortController();
  const { signal } = ending;
  const work = async () => {
    let cleanedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        await reaper.look();
        if (performance.now() - cleanedAt > cleanEveryMs) {
          cleanedAt = performance.now();
          await cleanOldJobs(catalog);
        }
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
    }
  };
  const ended = work();
  return {
    close: () => {
      ending.abort();
      return ended;
    },
  };
}
