import type { RunOptions } from '../../domain/reporter.js';
import { describeServer, resolveConnection } from '../../postgres/settings.js';
import type { Catalog, CatalogMigration } from './catalog.js';
import { startEmbedded } from './embedded.js';
import { migrateCatalog } from './migrate.js';
import { catalogMigrations } from './migrations/all.js';
import { SqlCatalog, type SqlCatalogOptions } from './sql-catalog.js';

export interface OpenCatalogOptions extends RunOptions {
  /** Of an existing database on any PostgreSQL from 14 on. Undefined: Belay's own server in the data folder. */
  readonly url?: string | undefined;
  /** Belay's data folder (`dataHome(env)`). */
  readonly home: string;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A migration may have much to do in a big catalog. */
const migrationTimeoutMs = 15 * 60_000;

/**
 * Opens the catalog of servers and brings its schema up to date. An embedded one is started where nobody has, and stopped by
 * whoever closes it last; while it is open, it is started again where it has died.
 *
 * @example
 * const catalog = await openCatalog({ home: dataHome(env), url: env.BELAY_CATALOG });
 * try {
 *   await catalog.query('SELECT count(*) FROM belay_server.jobs');
 * } finally {
 *   await catalog.close();
 * }
 * @throws BelayError CATALOG_UNAVAILABLE, CATALOG_NEWER, BAD_URL, TARGET_NOT_FOUND, AUTHENTICATION_FAILED, PERMISSION_DENIED,
 * SERVER_TOO_OLD; for an embedded one POSTGRES_NOT_FOUND, LOCAL_SERVER_FAILED, LOCKED, INTERRUPTED
 */
export async function openCatalog(options: OpenCatalogOptions): Promise<Catalog> {
  const env = options.env ?? process.env;
  const { url } = options;
  return prepared(
    url === undefined ? await embedded({ ...options, env }) : await external(url, env),
    catalogMigrations,
  );
}

async function external(url: string, env: NodeJS.ProcessEnv): Promise<SqlCatalogOptions> {
  const settings = await resolveConnection({ url, env });
  return {
    kind: 'external',
    settings: () => settings,
    place: `${describeServer(settings)}/${settings.database}`,
  };
}

async function embedded(
  options: OpenCatalogOptions & { readonly env: NodeJS.ProcessEnv },
): Promise<SqlCatalogOptions> {
  const server = await startEmbedded(options);
  return {
    kind: 'embedded',
    settings: () => server.settings(),
    place: server.folder,
    revive: () => server.revive(),
    onClose: () => server.release(),
  };
}

async function prepared(
  options: SqlCatalogOptions,
  migrations: readonly CatalogMigration[],
): Promise<Catalog> {
  const catalog = new SqlCatalog(options);
  try {
    await catalog.use(
      (session) => migrateCatalog(session, migrations, catalog.place),
      migrationTimeoutMs,
    );
    return catalog;
  } catch (error) {
    await catalog.close();
    throw error;
  }
}
