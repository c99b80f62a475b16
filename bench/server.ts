import pg from 'pg';
import type { PostgresInstallation } from '../src/process/installation.js';
import { findInstallations } from '../src/process/postgres-installation.js';
import { withDatabase } from '../test/support/test-database.js';
import { startServerOf, type ThrowawayServer } from '../test/support/throwaway-server.js';

/** As in production: with durability off, what is slow about copying through the log would not show. */
export const serverSettings: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_level: 'replica',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  max_connections: '50',
  // A run that falls together with a vacuum of the other database would measure the vacuum.
  autovacuum: 'off',
};

export interface BenchServer extends ThrowawayServer {
  readonly installation: PostgresInstallation;
}

/** The newest installed server, and the one from npm, each only if it is there. */
export async function findServers(): Promise<{
  installed: PostgresInstallation | undefined;
  shipped: PostgresInstallation | undefined;
}> {
  const found = await findInstallations(process.env);
  return {
    installed: found.find(({ source }) => source !== 'npm'),
    shipped: found.find(({ source }) => source === 'npm'),
  };
}

/** Starts a server in a folder; it ends with this process at the latest. */
export async function startBenchServer(
  installation: PostgresInstallation,
  parentDir: string,
  more: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const settings = { ...serverSettings, ...more };
  const server = await startServerOf(installation, { parentDir, settings });
  return { ...server, installation };
}

/** The database that is snapshotted, restored and switched. */
export const benchDatabase = 'bench';

export function urlOf(server: BenchServer, database = benchDatabase): string {
  return withDatabase(server.adminUrl, database);
}

/** Connects, hands the client to `work`, and closes it whatever happens. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** One statement as superuser, beside the database. */
export async function runSql(server: BenchServer, sql: string): Promise<void> {
  await withClient(server.adminUrl, (client) => client.query(sql));
}

/** The folder with a database's files. */
export async function filesOf(server: BenchServer, database: string): Promise<string> {
  return withClient(server.adminUrl, async (client) => {
    const { rows } = await client.query<{ oid: number }>(
      'SELECT oid FROM pg_database WHERE datname = $1',
      [database],
    );
    const [row] = rows;
    if (!row) throw new Error(`there is no database ${database}`);
    return `${server.dataDir}/base/${row.oid}`;
  });
}
