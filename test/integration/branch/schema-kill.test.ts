import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeUnusedBases } from '../../../src/features/branch/base.js';
import { schemaBranches } from '../../../src/features/branch/schema-driver.js';
import { underLock } from '../../../src/features/target/work.js';
import {
  makeSchemaBranch,
  removeSchemaBranch,
  resetSchemaBranch,
  schemaBranchesOf,
} from '../../support/schema-branches.js';
import {
  cleanEnvironment,
  createTestDatabase,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { databasesOf, rowsOf, run, withTarget } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

const program = fileURLToPath(new URL('../../support/schema-branch-victim.ts', import.meta.url));

/** Works in a process of its own, and kills it some time after it says the words. */
async function killAt(words: string, delayMs: number, args: readonly string[]): Promise<void> {
  const victim = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    env: { ...cleanEnvironment(), BELAY_HOME: testHome() },
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(victim, 'close');
  let output = '';
  victim.stderr.on('data', (chunk) => {
    output += chunk;
  });
  victim.stdout.on('data', (chunk) => {
    const wasSaid = output.includes(`${words}\n`);
    output += chunk;
    if (!wasSaid && output.includes(`${words}\n`)) {
      setTimeout(() => victim.kill('SIGKILL'), delayMs);
    }
  });
  await closed;
  expect(output).toContain(words);
}

const sql = `
  CREATE SCHEMA app;
  CREATE TABLE app.items (id serial PRIMARY KEY, name text);
  INSERT INTO app.items (name) SELECT repeat('x', 100) || i FROM generate_series(1, 5000) i;
  CREATE INDEX ON app.items (name);
  CREATE TABLE app.lines (id int PRIMARY KEY, item int REFERENCES app.items);
  INSERT INTO app.lines SELECT i, i FROM generate_series(1, 2000) i;
  CREATE FUNCTION app.how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.items';
`;

const hashOf = (schema: string) => `
  SELECT md5(string_agg(i::text, ',' ORDER BY i.id)) AS items, (SELECT md5(string_agg(l::text, ',' ORDER BY l.id)) FROM ${schema}.lines l) AS lines,
         ${schema}.how_many()::int AS n FROM ${schema}.items i`;

describe.each(testServers())('a kill while a schema branch is at work on $name', (server) => {
  let shop: TestDatabase;
  let source: unknown;
  beforeEach(async () => {
    shop = await createTestDatabase(server, { name: 'shop', sql });
    source = await rowsOf(shop.url, hashOf('app'));
  });
  afterEach(() => shop.drop());

  /** The server notices the death of a client within a second, and takes back what it did. */
  async function settled(): Promise<string[]> {
    const others = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname LIKE '${shop.name}%' AND pid <> pg_backend_pid()`;
    for (let round = 0; round < 200; round += 1) {
      const [row] = await rowsOf(server.adminUrl, others);
      if (row.n === 0) break;
      await sleep(100);
    }
    const rows = await rowsOf(
      shop.url,
      `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^public$' ORDER BY 1`,
    );
    expect(await rowsOf(shop.url, hashOf('app'))).toEqual(source);
    return rows.map(({ nspname }) => nspname);
  }

  /** What every command, and `gc`, does about leftovers. */
  const clean = () =>
    withTarget(shop.url, (target) =>
      underLock(target, {}, async (work) => {
        expect(await schemaBranches.findLeftovers(work)).toEqual([]);
        await removeUnusedBases(work, await schemaBranches.list(target));
      }),
    );

  it.each([
    ['step read', 0],
    ['step build tables', 30],
    ['step build indexes and constraints', Math.random() * 300],
    ['step count', Math.random() * 100],
  ])('of its making, after "%s": all of it, or nothing', async (words, delayMs) => {
    await killAt(words, delayMs, [shop.url, 'create', 'x']);
    const found = await settled();
    const branches = await schemaBranchesOf(shop.url);
    if (branches.length === 0) expect(found).toEqual(['app']);
    else expect(await rowsOf(shop.url, hashOf('app_x'))).toMatchObject([{ n: 5_000 }]);
    await clean();
    if (branches.length > 0) return;
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
    await makeSchemaBranch(shop.url, 'x');
    expect(await rowsOf(shop.url, hashOf('app_x'))).toMatchObject([{ n: 5_000 }]);
  });

  it.each([
    ['step copy rows', 50],
    ['step build indexes and constraints', Math.random() * 300],
    ['step count', Math.random() * 150],
  ])('of its reset, after "%s": the old state or the new', async (words, delayMs) => {
    await makeSchemaBranch(shop.url, 'x');
    await run(shop.url, 'DELETE FROM app_x.lines; DELETE FROM app_x.items WHERE id > 7');
    await killAt(words, delayMs, [shop.url, 'reset', 'x']);
    expect(await settled()).toEqual(['app', 'app_x']);
    const [{ n }] = await rowsOf(shop.url, 'SELECT app_x.how_many()::int AS n');
    expect([7, 5_000]).toContain(n);
    await clean();
    await resetSchemaBranch(shop.url, 'x');
    expect(await rowsOf(shop.url, hashOf('app_x'))).toMatchObject([{ n: 5_000 }]);
  });

  it('of its removal: all of it, or nothing', async () => {
    await makeSchemaBranch(shop.url, 'x');
    await killAt('step remove', Math.random() * 40, [shop.url, 'remove', 'x']);
    const found = await settled();
    expect([['app'], ['app', 'app_x']]).toContainEqual(found);
    if (found.length > 1) await removeSchemaBranch(shop.url, 'x');
    await clean();
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
  });

  it('of the server’s own process in the middle of it: nothing is left', async () => {
    let killed = false;
    const reporter = (event: { readonly type: string; readonly name?: string }) => {
      if (event.name !== 'build indexes and constraints' || killed) return;
      killed = true;
      void run(
        server.adminUrl,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${shop.name}'`,
      );
    };
    const made = makeSchemaBranch(shop.url, 'x', { reporter }).then(
      () => 'made',
      (error) => error.code,
    );
    expect(['made', 'SERVER_GONE']).toContain(await made);
    const found = await settled();
    if (found.length === 1) expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
  });

  it('an abort in the middle of it leaves nothing either', async () => {
    const controller = new AbortController();
    const reporter = (event: { readonly type: string; readonly name?: string }) => {
      if (event.name === 'copy rows') setTimeout(() => controller.abort('SIGINT'), 20);
    };
    const code = await makeSchemaBranch(shop.url, 'x', {
      reporter,
      signal: controller.signal,
    }).then(
      () => 'made',
      (error) => error.code,
    );
    expect(code).toBe('INTERRUPTED');
    expect(await settled()).toEqual(['app']);
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
  });
});
