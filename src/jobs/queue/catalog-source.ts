import type { Catalog } from '../catalog/catalog.js';
import { waitForJob } from './claim-job.js';
import type { JobSource } from './job-source.js';
import { finishJob, releaseJob, renewLease, reportEvents } from './leases.js';

export interface CatalogSourceOptions {
  readonly catalog: Catalog;
  /** Name of the server, as jobs show it. */
  readonly worker: string;
  /** Those of databases that the server connects to itself; an agent's are for the agent. */
  readonly kinds: 'direct';
  /** Default 15 s. */
  readonly leaseMs?: number | undefined;
}

/** Jobs for a server, straight from the catalog. */
export function catalogSource({ catalog, worker, leaseMs }: CatalogSourceOptions): JobSource {
  return {
    claim: (waitMs, signal) => waitForJob(catalog, { worker, leaseMs }, waitMs, signal),
    renew: (job) => renewLease(catalog, job),
    report: (job, events) => reportEvents(catalog, job, events),
    finish: (job, outcome) => finishJob(catalog, job, outcome),
    release: (job, error) => releaseJob(catalog, job, error),
  };
}
