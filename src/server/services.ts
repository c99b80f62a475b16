import type { Logger } from 'pino';
import type { Catalog } from '../jobs/catalog/catalog.js';
import type { Databases } from '../jobs/databases/databases.js';
import type { Inventories } from '../jobs/inventory/inventories.js';
import type { Jobs } from '../jobs/queue/jobs.js';
import type { Schedules } from '../jobs/schedules/schedules.js';
import type { Webhooks } from '../jobs/webhooks/webhooks.js';
import type { Access } from './access/access.js';
import type { Admission } from './http/admission.js';

/** What routes work with. */
export interface Services {
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  readonly databases: Databases;
  readonly inventories: Inventories;
  readonly access: Access;
  readonly schedules: Schedules;
  readonly webhooks: Webhooks;
  readonly logger: Logger;
  readonly env: NodeJS.ProcessEnv;
  /** Under which names and origins the server may be called. */
  readonly admission: Admission;
  /** Aborts when the server stops: streams end, and who waits for a job is told to ask again. */
  readonly closing: AbortSignal;
  /** `--allow-restore`: assistants may restore in place, if their token may. */
  readonly allowsRestoreByAssistants: boolean;
  /** Whether jobs are taken: what /readyz says. */
  readonly isWorking: () => boolean;
}
