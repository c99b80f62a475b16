import { dataHome } from '../../config/data-home.js';
import type { RunOptions } from '../../domain/reporter.js';
import { openCatalog } from '../../jobs/catalog/open-catalog.js';
import type { Access } from './access.js';
import { openAccess } from './open-access.js';

export interface AccessPlace extends RunOptions {
  /** Of the catalog; default BELAY_CATALOG, else Belay's own in the data folder. */
  readonly catalogUrl?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Opens the catalog for work on tokens and people, beside a server that runs or before the first one.
 *
 * @example
 * await withAccess({ env }, (access) => access.createToken({ scopes: ['read'] }));
 * @throws BelayError as `openCatalog`, and what the work throws
 */
export async function withAccess<T>(
  { catalogUrl, env, ...run }: AccessPlace,
  work: (access: Access) => Promise<T>,
): Promise<T> {
  const url = catalogUrl ?? (env.BELAY_CATALOG || undefined);
  const catalog = await openCatalog({ ...run, url, env, home: dataHome(env) });
  try {
    const access = openAccess({ catalog });
    try {
      return await work(access);
    } finally {
      await access.close();
    }
  } finally {
    await catalog.close();
  }
}
