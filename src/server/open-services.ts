import type { Logger } from 'pino';
import type { RunOptions } from '../domain/reporter.js';
import type { Addresses } from '../jobs/addresses/addresses.js';
import { openAddresses } from '../jobs/addresses/open-addresses.js';
import { openCatalog } from '../jobs/catalog/open-catalog.js';
import type { ConfiguredDatabase } from '../jobs/databases/configured-databases.js';
import { type OpenDatabases, openDatabases } from '../jobs/databases/open-databases.js';
import { openInventories } from '../jobs/inventory/open-inventories.js';
import { defaultQueueLimit, openJobs } from '../jobs/queue/open-jobs.js';
import { openSchedules } from '../jobs/schedules/open-schedules.js';
import { openSecrets } from '../jobs/secrets/open-secrets.js';
import type { Secrets } from '../jobs/secrets/secrets.js';
import { openWebhooks } from '../jobs/webhooks/open-webhooks.js';
import { openAccess } from './access/open-access.js';
import type { Closers } from './closers.js';
import type { Services } from './services.js';

/** So much of the queue may wait for one database. */
const shareOfOneDatabase = 0.8;

export interface OpenServicesOptions extends RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly home: string;
  readonly catalogUrl: string | undefined;
  readonly store: string | undefined;
  readonly configured: readonly ConfiguredDatabase[];
  readonly allowAddresses: readonly string[];
  readonly queueLimit: number | undefined;
  readonly logger: Logger;
}

export interface OpenServices
  extends Omit<Services, 'admission' | 'closing' | 'allowsRestoreByAssistants' | 'isWorking'> {
  readonly databases: OpenDatabases;
  readonly secrets: Secrets;
  readonly addresses: Addresses;
}

/**
 * Opens what the server keeps its state in, without starting any work.
 * @param closers gets what has to be closed again, also where this fails half-way
 */
export async function openServices(
  options: OpenServicesOptions,
  closers: Closers,
): Promise<OpenServices> {
  const { env, cwd, home, logger, signal, reporter } = options;
  const catalog = await openCatalog({ url: options.catalogUrl, home, env, signal, reporter });
  closers.add(() => catalog.close());
  const secrets = await openSecrets({ home, env });
  const addresses = openAddresses({ allow: options.allowAddresses });
  const databases = await openDatabases({
    ...{ catalog, secrets, env, home, cwd, defaultStore: options.store },
  });
  closers.add(() => databases.close());
  await databases.registerConfigured(options.configured);
  const inventories = await openInventories({ catalog, databases });
  closers.add(() => inventories.close());
  const { queueLimit = defaultQueueLimit } = options;
  const jobs = openJobs({
    ...{ catalog, exclusiveKey: databases.exclusiveKey, queueLimit },
    // Jobs of an agent that is away wait for it: those of others must get in meanwhile.
    perDatabaseLimit: Math.ceil(queueLimit * shareOfOneDatabase),
  });
  closers.add(() => jobs.close());
  const access = openAccess({ catalog });
  closers.add(() => access.close());
  return {
    ...{ catalog, secrets, addresses, databases, inventories, jobs, access, logger, env },
    webhooks: openWebhooks({ catalog, secrets, addresses }),
    schedules: openSchedules({ catalog, jobs, databases }),
  };
}
