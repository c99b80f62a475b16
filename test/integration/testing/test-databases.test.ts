import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTestLeftovers } from '../../../src/features/test-database/remove.js';
import {
  type TestDatabases,
  type TestDatabasesOptions,
  testDatabases,
} from '../../../src/testing/index.js';
import { testServers, withSession } from '../../support/servers.js';
import { failure, itemsOf, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTestProject, writeProjectFile } from '../../support/test-project.js';

/** The project's name keeps what one test makes apart from what others do on the same server. */
const newProject = () => `project ${randomBytes(5).toString('hex')} "'=`;

describe.each(testServers())('test databases on $name', (server) => {
  let cwd: string;
  let project: string;
  let made: TestDatabases[];
  let steps: string[];
  const seeded = ['rope', 'harness'];

  beforeEach(() => {
    cwd = makeTestProject();
    project = newProject();
    made = [];
    steps = [];
  });
  afterEach(async () => {
    for (const databases of made) await databases.close();
    for (const { datname } of await ownRows()) {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${datname}" WITH (FORCE)`);
    }
  });

  /** What is on the server of this test's project. */
  const ownRows = () =>
    rowsOf(
      server.adminUrl,
      `SELECT * FROM (SELECT datname, shobj_description(oid, 'pg_database') AS comment FROM pg_database) d
        WHERE comment LIKE '{"belay":%' AND comment::json->>'project' = $1 ORDER BY 1`,
      [project],
    );
  const states = async () =>
    (await ownRows())
      .map(({ comment }) => JSON.parse(comment))
      .map(({ kind, state }) => (kind === 'test-template' ? 'template' : state))
      .sort();
  const open = (options: Partial<TestDatabasesOptions> = {}) => {
    const databases = testDatabases({
      ...{ url: server.adminUrl, cwd, project, migrations: 'db', seed: 'seed.sql', pool: 2 },
      env: { PATH: process.env.PATH },
      reporter: (event) => {
        if (event.type === 'step') steps.push(event.name);
      },
      ...options,
    });
    made.push(databases);
    return databases;
  };

  it('gives each its own copy of what was migrated and seeded', async () => {
    const databases = open();
    const [one, two] = await Promise.all([databases.take(), databases.take()]);
    expect(one.database).not.toBe(two.database);
    await run(one.url, "INSERT INTO items (name) VALUES ('mine')");
    expect(await itemsOf(one.url)).toEqual([...seeded, 'mine']);
    expect(await itemsOf(two.url)).toEqual(seeded);
    expect(await itemsOf((await databases.take()).url)).toEqual(seeded);
  });

  it('migrates once, however many come at once, and again only when a file has changed', async () => {
    const all = Array.from({ length: 4 }, () => open());
    await Promise.all(all.map((databases) => databases.take()));
    expect(steps).toHaveLength(1);
    await Promise.all(made.map((databases) => databases.close()));
    await open().take();
    expect(steps).toHaveLength(1);
    writeProjectFile(cwd, 'db/3_note.sql', 'ALTER TABLE items ADD note text');
    const changed = await open().take();
    expect(steps).toHaveLength(2);
    expect(await rowsOf(changed.url, 'SELECT note FROM items')).toHaveLength(2);
    writeProjectFile(cwd, 'seed.sql', "INSERT INTO items (name) VALUES ('cord')");
    expect(await itemsOf((await open().take()).url)).toEqual(['cord']);
  });

  it('keeps a bounded number of templates', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      writeProjectFile(cwd, 'seed.sql', `INSERT INTO items (name) VALUES ('${name}')`);
      const databases = open({ keepTemplates: 2, pool: 0 });
      await databases.take();
      await databases.close();
    }
    expect(await states()).toEqual(['template', 'template']);
  });

  it('prepares ahead, and leaves only that and the template behind', async () => {
    const databases = open();
    await databases.prepare();
    expect(await states()).toEqual(['ready', 'ready', 'template']);
    const oids = async (names: string[]) =>
      rowsOf(server.adminUrl, 'SELECT oid FROM pg_database WHERE datname = ANY ($1)', [names]);
    const ready = await oids((await ownRows()).map(({ datname }) => datname));
    const db = await databases.take();
    expect(ready).toContainEqual((await oids([db.database]))[0]);
    await databases.close();
    expect((await states()).filter((state) => state !== 'ready')).toEqual(['template']);
    await failure(withSessionOn(db.url), 'TARGET_NOT_FOUND');
  });

  const withSessionOn = (url: string) =>
    rowsOf(url, 'SELECT 1').catch((error) => {
      throw Object.assign(error, error.code === '3D000' ? { code: 'TARGET_NOT_FOUND' } : {});
    });

  it('nobody can write to what is prepared, nor to the template', async () => {
    await open().prepare();
    const rows = await rowsOf(
      server.adminUrl,
      'SELECT datallowconn FROM pg_database WHERE datname = ANY ($1)',
      [(await ownRows()).map(({ datname }) => datname)],
    );
    expect(rows).toHaveLength(3);
    expect(rows.every(({ datallowconn }) => datallowconn === false)).toBe(true);
  });

  it('resets under the same URL and ends the sessions that are in it', async () => {
    const databases = open();
    const db = await databases.take();
    await withSession(db.url, async (client) => {
      await client.query("BEGIN; INSERT INTO items (name) VALUES ('open')");
      await run(db.url, "INSERT INTO items (name) VALUES ('mine'); CREATE TABLE extra ()");
      const { url } = db;
      await db.reset();
      expect(db.url).toBe(url);
      await expect(client.query('SELECT 1')).rejects.toThrow();
    });
    expect(await itemsOf(db.url)).toEqual(seeded);
    expect(await rowsOf(db.url, "SELECT to_regclass('extra') AS extra")).toEqual([{ extra: null }]);
    await Promise.all([db.reset(), db.reset()]);
    expect(await itemsOf(db.url)).toEqual(seeded);
    await databases.close();
    expect((await states()).filter((state) => state !== 'ready')).toEqual(['template']);
    expect((await failure(db.reset(), 'USAGE')).message).toContain(db.database);
  });

  it('carries over what CREATE DATABASE does not copy', async () => {
    const own =
      "DO $$BEGIN EXECUTE format($f$ALTER DATABASE %I SET work_mem = '7MB'$f$, current_database()); END$$";
    const db = await open({ migrations: ['db', { sql: own }] }).take();
    expect(await rowsOf(db.url, 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
  });

  it('a migration that fails is named, and leaves nothing', async () => {
    writeProjectFile(cwd, 'db/3_bad.sql', 'CREATE TABLE fine ();\nALTER TABLE itms ADD note text;');
    const error = await failure(open().take(), 'MIGRATION_FAILED');
    expect(error.message).toContain('db/3_bad.sql');
    expect(await states()).toEqual([]);
    writeProjectFile(cwd, 'db/3_bad.sql', 'ALTER TABLE items ADD note text;');
    // The same object tries again.
    expect(await itemsOf((await (made[0] as TestDatabases).take()).url)).toEqual(seeded);
  });

  it('runs the command of another tool, which gets the URL, and tells how it failed without the password', async () => {
    const files = {
      'migrate.mjs': `import pg from 'pg';
        const client = new pg.Client({ connectionString: process.env.APP_DATABASE });
        await client.connect(); await client.query('CREATE TABLE by_command ()'); await client.end();`,
      'fail.mjs': `console.log('cannot migrate', process.env.DATABASE_URL); process.exit(3);`,
    };
    cwd = makeTestProject(files);
    const command = (name: string) => [process.execPath, name] as const;
    const step = { command: command('migrate.mjs'), files: ['*.mjs'], variable: 'APP_DATABASE' };
    const db = await open({ migrations: step, seed: undefined }).take();
    expect(await rowsOf(db.url, 'SELECT * FROM by_command')).toEqual([]);
    const failing = { command: command('fail.mjs'), files: ['*.mjs'] };
    const error = await failure(open({ migrations: failing }).take(), 'MIGRATION_FAILED');
    expect(error.message).toContain('exit code 3');
    expect(error.message).toContain('cannot migrate');
    expect(JSON.stringify(error)).not.toContain(server.password);
    expect(error.message).not.toContain(server.password);
  });

  it('runs a function, known by its key', async () => {
    let runs = 0;
    const migrate = async (url: string) => {
      runs += 1;
      await run(url, `CREATE TABLE by_function_${runs} ()`);
    };
    const options = (key: string) => ({ migrations: { run: migrate, key }, seed: undefined });
    await open(options('1')).take();
    await open(options('1')).take();
    expect(runs).toBe(1);
    await open(options('2')).take();
    expect(runs).toBe(2);
    await failure(open({ migrations: { run: migrate } }).take(), 'USAGE');
  });

  it('files that are not there are an error, and not an empty template', async () => {
    await failure(open({ migrations: 'nowhere' }).take(), 'MIGRATIONS_NOT_FOUND');
    await failure(
      open({ migrations: { command: ['true'], files: ['nowhere/**'] } }).take(),
      'USAGE',
    );
    expect(await states()).toEqual([]);
  });

  it('removes only what it has made: not a database that has the name', async () => {
    const name = `belay_test_${'0123456789ab'.replace('b', String(server.major % 10))}`;
    await run(server.adminUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
    try {
      await withTarget(server.adminUrl, (target) => removeTestLeftovers(target.main));
      expect(
        await rowsOf(server.adminUrl, 'SELECT 1 FROM pg_database WHERE datname = $1', [name]),
      ).toHaveLength(1);
    } finally {
      await run(server.adminUrl, `DROP DATABASE ${name}`);
    }
  });

  it('what a living process has is no leftover, what a process gave up is', async () => {
    const db = await open().take();
    await withTarget(server.adminUrl, (target) => removeTestLeftovers(target.main));
    expect(await itemsOf(db.url)).toEqual(seeded);
    // The claim ends with the session, as by a kill.
    await run(
      server.adminUrl,
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory'
          AND l.classid = ${0x424c5444} AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'belay test databases ${process.pid}@%')`,
    );
    const removed = await withTarget(server.adminUrl, (target) => removeTestLeftovers(target.main));
    expect(removed.map(({ database }) => database)).toContain(db.database);
    made = [];
  });

  it('a role that may not make databases is told what it needs', async () => {
    const role = `role_${randomBytes(5).toString('hex')}`;
    await run(server.adminUrl, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    try {
      const url = new URL(server.adminUrl);
      url.username = role;
      url.password = 'x';
      const error = await failure(open({ url: url.href }).take(), 'PERMISSION_DENIED');
      expect(error.hint).toContain(`ALTER ROLE "${role}" CREATEDB`);
    } finally {
      await run(server.adminUrl, `DROP ROLE ${role}`);
    }
  });
});
