import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stopCluster } from '../../../src/process/cluster.js';
import { makeServerFolder } from '../../support/throwaway-server.js';
import { tellWatchdog } from '../../support/watchdog.js';

export interface CatalogHome {
  readonly home: string;
  /** Of the embedded catalog's server. */
  readonly folder: string;
  /** Stops what runs there and removes it. */
  remove(): Promise<void>;
}

/** A data folder for an embedded catalog, which the server's user may enter. */
export async function makeCatalogHome(): Promise<CatalogHome> {
  const home = await makeServerFolder();
  const folder = join(home, 'serve', 'catalog');
  tellWatchdog(folder);
  return {
    home,
    folder,
    remove: async () => {
      await stopCluster(folder);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
      tellWatchdog(`-${folder}`);
    },
  };
}
