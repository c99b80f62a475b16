import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { RemovedBranch } from '../features/branch/gc.js';
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
  const { catalog, databases, inventories, jobs, secrets, addresses, logger, env } = services;
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
  const scheduler = startScheduler({ catalog, jobs, onError: onError('schedules') });
  rest.add(() => scheduler.close());
  const upkeep = startUpkeep({
    ...{ catalog, databases, env },
    onRemoved: (database, removed) => announceRemoved(services, database, removed),
    onError: (database, error) => logger.warn({ err: error, database }, 'upkeep of branches'),
  });
  rest.add(() => upkeep.close());
  return {
    close: async (graceMs) => {
      await worker.close(graceMs);
      await rest.close();
    },
  };
}

/** No job has removed them, so nobody else tells. */
function announceRemoved(
  { webhooks, inventories, logger }: OpenServices,
  database: string,
  removed: readonly RemovedBranch[],
): void {
  inventories.invalidate(database);
  for (const branch of removed) {
    webhooks
      .announce('branch.removed', database, { branch: branch.name, reason: branch.reason })
      .catch((error: unknown) => logger.warn({ err: error, database }, 'webhooks'));
  }
}

/** As jobs show it; two servers must never share one. */
function workerName(name: string | undefined): string {
  return `${name ?? hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
