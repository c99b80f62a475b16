import pg from 'pg';
import type { ConnectionSettings } from './settings.js';

export interface ConnectOptions {
  /** Instead of the settings' database. */
  readonly database?: string | undefined;
  /** Shown in pg_stat_activity, so that a DBA and a waiting Belay see who it is. */
  readonly applicationName: string;
}

/**
 * Opens one connection, trying each host in order.
 * @returns a connected client with an `error` listener attached: an idle client whose backend is
 * terminated emits `error`, which would end the process.
 */
export async function connectClient(
  settings: ConnectionSettings,
  options: ConnectOptions,
): Promise<pg.Client> {
  const [address] = settings.hosts;
  const client = new pg.Client({
    host: address?.host,
    port: address?.port,
    user: settings.user,
    password: settings.password,
    database: options.database ?? settings.database,
    application_name: options.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    ssl: false,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}
