/**
 * A server's worker in a process of its own, which a test kills in the middle of a job. Each job writes into the table `work` when
 * it begins and ends, through a connection of its own: what was really done, whatever the queue says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { catalogSource } from '../../../src/jobs/queue/catalog-source.js';
import { startReaper } from '../../../src/jobs/queue/start-reaper.js';
import { startWorker } from '../../../src/jobs/queue/start-worker.js';
import { openQueue } from './scene.js';

const [url = '', name = '', leaseMs = '', jobMs = ''] = process.argv.slice(2);
const { catalog } = await openQueue(url);
const source = catalogSource({ catalog, worker: name, kinds: 'direct', leaseMs: Number(leaseMs) });
startReaper(catalog, { graceMs: Number(leaseMs) / 4, intervalMs: 100 });
startWorker({
  source,
  renewMs: Number(leaseMs) / 6,
  run: async (job, { report, signal }) => {
    report({ type: 'step', name: 'work' });
    await catalog.query(
      'INSERT INTO public.work (job, attempt, database, worker) VALUES ($1, $2, $3, $4)',
      [job.id, job.attempt, job.database, name],
    );
    await sleep(Number(jobMs), undefined, { signal });
    await catalog.query(
      'UPDATE public.work SET ended_at = clock_timestamp() WHERE job = $1 AND attempt = $2',
      [job.id, job.attempt],
    );
    return { state: 'succeeded', result: { worker: name } };
  },
});
process.stdout.write('ready\n');
