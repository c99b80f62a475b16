import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { idFromCloneName } from '../../src/domain/clone-name.js';
import type { TestServer } from './throwaway-server.js';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Removes the database and what Belay made for it, nothing else. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Beginning of the name; a random end makes it unique. Default "t". */
  readonly name?: string | undefined;
  /** The whole name, for tests of odd names; the test sees to it that it is unique. */
  readonly exactName?: string | undefined;
  /** An existing role. */
  readonly owner?: string | undefined;
  /** Statements to run in the new database. */
  readonly sql?: string | undefined;
}

/** A URL of the same server and user with another database. */
export function withDatabase(url: string, database: string): string {
  const result = new URL(url);
  result.pathname = `/${encodeURIComponent(database)}`;
  return result.href;
}

/** Connects, hands the client to `work`, and closes it whatever happens. */
export async function withSession<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const parsed = new URL(url);
  const client = new pg.Client({
    host: parsed.hostname,
    port: Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database: decodeURIComponent(parsed.pathname.slice(1)),
    application_name: 'belay-test',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Makes a database. Remember to `drop` it in afterEach or afterAll. */
export async function createTestDatabase(
  server: Pick<TestServer, 'adminUrl'>,
  options: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const name = options.exactName ?? `${options.name ?? 't'}_${randomBytes(5).toString('hex')}`;
  const owner = options.owner ? ` OWNER ${pg.escapeIdentifier(options.owner)}` : '';
  await withSession(server.adminUrl, (client) =>
    // From template0: nobody else is ever connected to it, so tests at the same time don't collide.
    client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0${owner}`),
  );
  const url = withDatabase(server.adminUrl, name);
  const { sql } = options;
  if (sql) await withSession(url, (client) => client.query(sql));
  return { url, name, drop: () => dropAll(server.adminUrl, name) };
}

/** Whether a comment is Belay's record of a copy of the database with this name. */
function isRecordOf(comment: string | null, name: string): boolean {
  if (!comment?.startsWith('{"belay":')) return false;
  try {
    const record = JSON.parse(comment);
    return (record.snapshot ?? record).target?.database === name;
  } catch {
    return false;
  }
}

/** Also what an interrupted run left, which has no record yet and is known by its name. */
function isMadeFor(name: string, database: string, comment: string | null): boolean {
  return isRecordOf(comment, name) || idFromCloneName(name, database) !== undefined;
}

async function dropAll(adminUrl: string, name: string): Promise<void> {
  await withSession(adminUrl, async (client) => {
    const { rows } = await client.query<{ datname: string; comment: string | null }>(
      `SELECT d.datname, s.description AS comment
         FROM pg_database d
         LEFT JOIN pg_shdescription s
           ON s.objoid = d.oid AND s.classoid = 'pg_database'::regclass`,
    );
    for (const { datname, comment } of rows) {
      if (datname === name || isMadeFor(name, datname, comment)) await dropOne(client, datname);
    }
  });
}

async function dropOne(client: pg.Client, database: string): Promise<void> {
  const quoted = pg.escapeIdentifier(database);
  const gids = await client.query('SELECT gid FROM pg_prepared_xacts WHERE database = $1', [
    database,
  ]);
  if (gids.rows.length > 0) throw new Error(`the test left prepared transactions in ${database}`);
  await client.query(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
      WHERE database = $1 AND NOT active`,
    [database],
  );
  await client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
}

export interface TestRole {
  readonly name: string;
  readonly password: string;
  /** The same database as this role instead of the superuser. */
  urlFor(url: string): string;
  drop(): Promise<void>;
}

/** Makes a role that can log in. Drop the databases it owns first. */
export async function createTestRole(
  server: Pick<TestServer, 'adminUrl'>,
  attributes = '',
): Promise<TestRole> {
  const name = `role_${randomBytes(5).toString('hex')}`;
  const password = randomBytes(9).toString('hex');
  await withSession(server.adminUrl, (client) =>
    client.query(`CREATE ROLE ${name} LOGIN ${attributes} PASSWORD '${password}'`),
  );
  return {
    name,
    password,
    urlFor: (url) => {
      const result = new URL(url);
      result.username = name;
      result.password = password;
      return result.href;
    },
    drop: () =>
      withSession(server.adminUrl, async (client) => {
        await client.query(`DROP ROLE IF EXISTS ${name}`);
      }),
  };
}
