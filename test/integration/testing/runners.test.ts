import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';
import {
  makeTestProject,
  runInProject,
  testingModule,
  vitestProgram,
  withTypeScript,
} from '../../support/test-project.js';

const importing = (names: string) => `import { ${names} } from ${JSON.stringify(testingModule)};
  import pg from 'pg';
  const on = async (url, sql) => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try { return (await client.query(sql)).rows; } finally { await client.end(); }
  };`;

/** A file of tests that all write, and each of which would see what another one left. */
const nodeSuite = (per: string) => `${importing('testDatabases, useTestDatabase')}
  import assert from 'node:assert/strict';
  import { after, afterEach, before, beforeEach, test } from 'node:test';
  import { options } from './options.mjs';
  const hooks = { before, after, beforeEach, afterEach };
  const db = useTestDatabase(testDatabases(options), { per: '${per}', hooks, variable: 'DATABASE_URL' });
  const urls = new Set();
  for (const name of ['one', 'two', 'three']) {
    test(name, async () => {
      urls.add(db.url);
      assert.equal(process.env.DATABASE_URL, db.url);
      assert.equal((await on(db.url, 'SELECT * FROM items')).length, 2);
      await on(db.url, "INSERT INTO items (name) VALUES ('" + name + "')");
      ${per === 'file' ? `await on(db.url, "DELETE FROM items WHERE name = '" + name + "'");` : ''}
    });
  }
  test('urls', () => assert.equal(urls.size, ${per === 'test' ? 3 : 1}));`;

const vitestSuite = `${importing('testDatabases, useTestDatabase')}
  import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
  import { options } from './options.mjs';
  const hooks = { beforeAll, afterAll, beforeEach, afterEach };
  const db = useTestDatabase(testDatabases(options), { per: 'reset', hooks });
  for (const name of ['one', 'two', 'three']) {
    test(name, async () => {
      expect(await on(db.url, 'SELECT * FROM items')).toHaveLength(2);
      await on(db.url, "INSERT INTO items (name) VALUES ('" + name + "')");
    });
  }`;

/** With the globals that Jest has, called in the order in which Jest calls them. */
const jestLike = `${importing('testDatabases, useTestDatabase')}
  import { options } from './options.mjs';
  const hooks = { beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };
  for (const name of Object.keys(hooks)) {
    globalThis[name] = (work, timeoutMs) => {
      if (typeof timeoutMs !== 'number') throw new Error('Jest wants a number of milliseconds');
      hooks[name].push(work);
    };
  }
  const db = useTestDatabase(testDatabases(options), { per: 'test' });
  const all = async (name) => { for (const work of hooks[name]) await work(); };
  await all('beforeAll');
  const urls = new Set();
  for (const name of ['one', 'two']) {
    await all('beforeEach');
    urls.add(db.url);
    if ((await on(db.url, 'SELECT * FROM items')).length !== 2) throw new Error('not fresh');
    await on(db.url, "INSERT INTO items (name) VALUES ('" + name + "')");
    await all('afterEach');
  }
  await all('afterAll');
  console.log('urls ' + urls.size);`;

const setup = `${importing('setupTestDatabases')}
  import { options } from './options.mjs';
  export default () => setupTestDatabases(options);`;

const vitestConfig = `export default {
  test: { include: ['*.spec.ts'], globalSetup: ['./setup.ts'], maxWorkers: 3, testTimeout: 60000, hookTimeout: 60000 },
};`;

const optionsFile = (options: object) =>
  `export const options = ${JSON.stringify({ migrations: 'db', seed: 'seed.sql', pool: 2, ...options })};`;

/** Each starts runners with workers of their own. */
const timeout = 180_000;

describe.each(testServers())('suites of test runners on $name', { timeout }, (server) => {
  let project: string;
  let options: { project: string; url: string };
  beforeEach(() => {
    project = `suite ${randomBytes(5).toString('hex')}`;
    options = { project, url: server.adminUrl };
  });
  afterEach(async () => {
    for (const name of Object.keys(await left())) {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    }
  });

  /** What is left on the server: name and state. */
  const left = async (): Promise<Record<string, string>> => {
    const rows = await rowsOf(
      server.adminUrl,
      `SELECT datname, comment::json->>'state' AS state FROM (
         SELECT datname, shobj_description(oid, 'pg_database') AS comment FROM pg_database) d
        WHERE comment LIKE '{"belay":%' AND comment::json->>'project' = $1`,
      [project],
    );
    return Object.fromEntries(rows.map(({ datname, state }) => [datname, state ?? 'template']));
  };
  const leftStates = async () => Object.values(await left()).filter((state) => state !== 'ready');

  it('Vitest: files in parallel workers, and nothing but the template is left', async () => {
    const folder = makeTestProject({
      ...{ 'options.mjs': optionsFile(options), 'setup.ts': setup },
      ...{ 'vitest.config.mjs': vitestConfig },
      ...{ 'a.spec.ts': vitestSuite, 'b.spec.ts': vitestSuite, 'c.spec.ts': vitestSuite },
    });
    const { exitCode, output } = await runInProject(folder, [vitestProgram, 'run']);
    expect(output).toContain('9 passed');
    expect(exitCode).toBe(0);
    expect(Object.values(await left())).toEqual(['template']);
  });

  it('node:test: three files at once, each test fresh in the way it asked for', async () => {
    const folder = makeTestProject({
      'options.mjs': optionsFile(options),
      ...{ 'file.test.mjs': nodeSuite('file'), 'test.test.mjs': nodeSuite('test') },
      'reset.test.mjs': nodeSuite('reset'),
    });
    const files = ['file.test.mjs', 'test.test.mjs', 'reset.test.mjs'];
    const { exitCode, output } = await runInProject(folder, [
      ...withTypeScript,
      '--test',
      ...files,
    ]);
    expect(output).toContain('pass 12');
    expect(exitCode).toBe(0);
    expect(await leftStates()).toEqual(['template']);
  });

  it('Jest: with its globals', async () => {
    const folder = makeTestProject({
      ...{ 'options.mjs': optionsFile(options), 'jest-like.mjs': jestLike },
    });
    const { exitCode, output } = await runInProject(folder, [...withTypeScript, 'jest-like.mjs']);
    expect(output).toContain('urls 2');
    expect(exitCode).toBe(0);
    expect(await leftStates()).toEqual(['template']);
  });

  it('two runs at once share the template and nothing else', async () => {
    const folder = makeTestProject({
      ...{ 'options.mjs': optionsFile(options), 'setup.ts': setup },
      ...{ 'vitest.config.mjs': vitestConfig, 'a.spec.ts': vitestSuite, 'b.spec.ts': vitestSuite },
    });
    const runs = await Promise.all([1, 2].map(() => runInProject(folder, [vitestProgram, 'run'])));
    for (const { output } of runs) expect(output).toContain('6 passed');
    expect(await leftStates()).toEqual(['template']);
  });

  it('a suite that fails gives its databases back as well', async () => {
    const failing = nodeSuite('test').replace(
      "test('urls'",
      "test('fails', async () => { await on(db.url, 'SELEC'); }); test('urls'",
    );
    const folder = makeTestProject({
      ...{ 'options.mjs': optionsFile(options), 'a.test.mjs': failing },
    });
    const done = await runInProject(folder, [...withTypeScript, '--test', 'a.test.mjs']);
    expect(done.exitCode).toBe(1);
    expect(done.output).toContain('fail 1');
    expect(await leftStates()).toEqual(['template']);
  });

  it('a process that ends without closing can end, and the next one removes what it had', async () => {
    const careless = `${importing('testDatabases')}
      import { options } from './options.mjs';
      const db = await testDatabases(options).take();
      await on(db.url, 'SELECT 1');
      console.log('taken ' + db.database);`;
    const folder = makeTestProject({
      ...{ 'options.mjs': optionsFile(options), 'careless.mjs': careless },
      'a.test.mjs': nodeSuite('file'),
    });
    const { exitCode, output } = await runInProject(folder, [...withTypeScript, 'careless.mjs']);
    expect(exitCode).toBe(0);
    const [, name = ''] = /taken (\w+)/.exec(output) ?? [];
    expect((await left())[name]).toBe('taken');
    const next = await runInProject(folder, [...withTypeScript, '--test', 'a.test.mjs']);
    expect(next.exitCode).toBe(0);
    expect(await leftStates()).toEqual(['template']);
  });

  it('kill -9 of a suite: the next run removes what it had', async () => {
    const dying = nodeSuite('test').replace(
      "test('urls'",
      "test('dies', async () => { console.log('has ' + db.database); process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}); }); test('urls'",
    );
    const folder = makeTestProject({
      ...{
        'options.mjs': optionsFile(options),
        'a.test.mjs': dying,
        'b.test.mjs': nodeSuite('test'),
      },
    });
    const killed = await runInProject(folder, [...withTypeScript, '--test', 'a.test.mjs']);
    expect(killed.exitCode).not.toBe(0);
    expect(await leftStates()).toContain('taken');
    const next = await runInProject(folder, [...withTypeScript, '--test', 'b.test.mjs']);
    expect(next.output).toContain('pass 4');
    expect(await leftStates()).toEqual(['template']);
  });
});
