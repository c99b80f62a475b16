import { chmodSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type CommandOptions,
  type CommandRun,
  runOnCopy,
} from '../../../src/features/rehearsal/run-on-copy.js';
import { openTarget, type Target } from '../../../src/features/target/open-target.js';
import {
  createTestDatabase,
  type TestDatabase,
  type TestServer,
  withSession,
} from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { testHome } from '../../support/test-home.js';

/** Where `pg` is found by scripts in temporary folders. */
const pgModule = fileURLToPath(new URL('../../../node_modules/pg', import.meta.url));

/** Undefined where this machine has none. */
export const psql: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'psql'))
  .find((file) => existsSync(file));

export interface Scene {
  readonly target: TestDatabase;
  readonly copy: TestDatabase;
  readonly server: TestServer;
}

const items =
  'CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, $$rope$$); CREATE SEQUENCE numbers';

/** A target with a few rows, and a copy of it. */
export async function makeScene(server: TestServer, exactName?: string): Promise<Scene> {
  const target = await createTestDatabase(server, { name: 'real', exactName, sql: items });
  const copy = await createTestDatabase(server, { name: 'copy', sql: items });
  return { target, copy, server };
}

/** Makes both as they were. */
export async function resetScene({ target, copy }: Scene): Promise<void> {
  for (const { url } of [target, copy]) {
    await withSession(url, (client) =>
      client.query(`DROP TABLE IF EXISTS items; DROP SEQUENCE IF EXISTS numbers; ${items}`),
    );
  }
}

export async function dropScene(scene: Scene | undefined): Promise<void> {
  await scene?.copy.drop();
  await scene?.target.drop();
}

export interface CommandCall extends CommandOptions {
  /** Files of the project, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Beside PATH and DATABASE_URL; undefined removes one. */
  readonly env?: NodeJS.ProcessEnv;
  readonly copy?: { readonly url: string; readonly server: TestServer };
}

/** Runs a command of a project on the copy, in a folder of its own. */
export async function runCommandOn(
  { target, copy, server }: Scene,
  command: readonly [string, ...string[]],
  { files = {}, env = {}, ...options }: CommandCall = {},
): Promise<CommandRun & { readonly folder: string }> {
  const folder = options.cwd ?? makeTempFolder(files);
  for (const name of Object.keys(files)) {
    if (name.endsWith('.sh')) chmodSync(join(folder, name), 0o755);
  }
  const withUrl = { DATABASE_URL: target.url, HOME: folder, PG_MODULE: pgModule, ...env };
  const place = options.copy ?? { url: copy.url, server };
  const opened = await open(target.url, withUrl);
  const other = await open(place.url, {});
  try {
    const { main: admin, settings, database } = other;
    const request = { ...options, commandStdout: 'stderr', cwd: folder } as const;
    const run = await runOnCopy(opened, { admin, settings, database }, command, request);
    return { ...run, folder };
  } finally {
    await opened.close();
    await other.close();
  }
}

export const open = (url: string, env: NodeJS.ProcessEnv): Promise<Target> =>
  openTarget({
    url,
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, BELAY_HOME: testHome(), ...env },
  });

/** A script that runs SQL in the database of $DATABASE_URL, or of another variable or expression. */
export const nodeScript = (sql: string, connection = 'process.env.DATABASE_URL') => `
  const pg = require(process.env.PG_MODULE);
  (async () => {
    const client = new pg.Client(${connection});
    await client.connect();
    await client.query(${JSON.stringify(sql)});
    await client.end();
  })().catch((error) => { console.error(error.message); process.exit(1); });
`;

export const itemsOf = (url: string): Promise<string[]> =>
  withSession(url, async (client) => {
    const { rows } = await client.query('SELECT name FROM items ORDER BY id');
    return rows.map(({ name }) => name);
  });

/** Waits for something that a process does. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; !condition(); round += 1) {
    if (round > 1_000) throw new Error(`it never came that ${what}`);
    await sleep(10);
  }
}
