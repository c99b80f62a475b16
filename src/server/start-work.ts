import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { catalogSource } from '../jobs/queue/catalog-source.js';
import { startReaper } from '../jobs/queue/start-reaper.js';
import { startWorker } from '../jobs/queue/start-worker.js';
import { directRunner } from '../jobs/run/direct-runner.js';
import { startScheduler } from '../jobs/schedules/start-scheduler.js';
import { startUpkeep } from '../jobs/schedules/start-upkeep.js';
import { startDeliveries } from '../jobs/webhooks/start-deliveries.js';
import { Closers } from './closers.js';
import type { OpenServices } from './open-services.js';

export interface Work {
  /** Takes no more jobs and waits for those that run; after `graceMs` the rest is given back. */
  close(graceMs: number): Promise<void>;
}

/** What a server does by itself: jobs, schedules, upkeep of branches, webhooks, and looking after what dead servers left. */
export function startWork(
  services: OpenServices,
  options: { readonly concurrency: number | undefined; readonly name: string | undefined },
): Work {
  const { catalog, databases, inventories, jobs, schedules, secrets, addresses, webhooks, logger } =
    services;
  const onError = (what: string) => (error: unknown) => logger.warn({ err: error }, what);
  const worker = startWorker({
    source: catalogSource({ catalog, worker: workerName(options.name), kinds: 'direct' }),
    run: directRunner({ databases, inventories }),
    concurrency: options.concurrency,
    onError: (error, job) => logger.warn({ err: error, job: job?.id }, 'worker'),
  });
  const rest = new Closers();
  const reaper = startReaper(catalog, { onError: onError('reaper') });
  rest.add(() => reaper.close());
  const deliveries = startDeliveries({
    ...{ catalog, secrets, addresses, onError: onError('webhooks') },
  });
  rest.add(() => deliveries.close());
  const scheduler = startScheduler({ catalog, jobs, schedules, onError: onError('schedules') });
  rest.add(() => scheduler.close());
  const upkeep = startUpkeep({ databases, webhooks, onError: onError('upkeep') });
  rest.add(() => upkeep.close());
  return {
    close: async (graceMs) => {
      await worker.close(graceMs);
      await rest.close();
    },
  };
}

/** As jobs show it; two servers must never share one. */
function workerName(name: string | undefined): string {
  return `${name ?? hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
