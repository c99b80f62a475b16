import { tmpdir } from 'node:os';
import { openTarget, type Target } from '../../src/index.js';
import { createTestDatabase, type TestDatabase, withSession } from './test-database.js';
import { testHome } from './test-home.js';
import type { TestServer } from './throwaway-server.js';

export { failure } from './failure.js';

/** The target that a URL means, for as long as `work` runs, without what the developer's shell may say. */
export async function withTarget<T>(
  url: string,
  work: (target: Target) => Promise<T>,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const target = await openTarget({
    ...{ url, cwd: tmpdir(), action: 'test' },
    env: { PATH: process.env.PATH, BELAY_HOME: testHome(), ...env },
  });
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}

/** Rows of one query in the database of a URL. */
export function rowsOf(
  url: string,
  sql: string,
  parameters: unknown[] = [],
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its columns
): Promise<any[]> {
  return withSession(url, async (client) => (await client.query(sql, parameters)).rows);
}

/** Runs statements in the database of a URL. */
export async function run(url: string, sql: string): Promise<void> {
  await withSession(url, (client) => client.query(sql));
}

/** Names of all databases of the server that begin like the given one, sorted; to see what is left behind. */
export async function databasesOf(server: TestServer, name: string): Promise<string[]> {
  const rows = await rowsOf(
    server.adminUrl,
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1',
    [name],
  );
  return rows.map(({ datname }) => datname);
}

/** A small shop: three rows, a sequence and a view. */
export const shopSql = `
  CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  INSERT INTO items (name) VALUES ('rope'), ('harness'), ('belay device');
  CREATE VIEW short_items AS SELECT id FROM items WHERE length(name) < 6;
`;

export function createShop(server: TestServer): Promise<TestDatabase> {
  return createTestDatabase(server, { name: 'shop', sql: shopSql });
}

export async function itemsOf(url: string): Promise<string[]> {
  const rows = await rowsOf(url, 'SELECT name FROM items ORDER BY id');
  return rows.map(({ name }) => name);
}

export const addItem = (url: string, name: string): Promise<void> =>
  run(url, `INSERT INTO items (name) VALUES ('${name}')`);
