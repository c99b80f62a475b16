import type { Logger } from 'pino';
import type { Catalog } from '../jobs/catalog/catalog.js';
import type { Databases } from '../jobs/databases/databases.js';
import type { Inventories } from '../jobs/inventory/inventories.js';
import type { Jobs } from '../jobs/queue/jobs.js';
import type { Access } from './access/access.js';

/** What routes work with. */
export interface Services {
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  readonly databases: Databases;
  readonly inventories: Inventories;
  readonly access: Access;
  readonly logger: Logger;
  readonly env: NodeJS.ProcessEnv;
}
