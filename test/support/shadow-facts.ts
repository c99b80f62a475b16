import type { ShadowRecord } from '../../src/domain/shadow.js';
import type { TestServer } from './servers.js';
import { databasesOf, rowsOf } from './targets.js';

/** Everything that a shadow of a database leaves on its server: databases, slots, and publications in the target. */
export async function tracesOf(
  server: TestServer,
  database: { readonly name: string; readonly url: string },
): Promise<string[]> {
  const databases = await databasesOf(server, database.name);
  const slots = await rowsOf(
    server.adminUrl,
    `SELECT slot_name AS name FROM pg_replication_slots WHERE database = $1 AND slot_name LIKE 'belay%'`,
    [database.name],
  );
  const publications = await rowsOf(
    database.url,
    `SELECT pubname AS name FROM pg_publication WHERE pubname LIKE 'belay%'`,
  );
  return [
    ...databases.filter((name) => name !== database.name).map((name) => `database ${name}`),
    ...slots.map(({ name }) => `slot ${name}`),
    ...publications.map(({ name }) => `publication ${name}`),
  ];
}

/** What the comment of a shadow says. */
export async function recordOf(server: TestServer, shadow: string): Promise<ShadowRecord> {
  const [row] = await rowsOf(
    server.adminUrl,
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [shadow],
  );
  return JSON.parse(row.comment);
}
