import { afterEach, describe, expect, it, vi } from 'vitest';
import { callCli } from '../../support/call-cli.js';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

const users = `CREATE TABLE users (id int PRIMARY KEY, email text);`;
const phones = [
  `ALTER TABLE users ADD phone text; ALTER TABLE users ADD fax text;
   CREATE TABLE sessions (id int PRIMARY KEY, user_id int REFERENCES users (id));`,
  `DROP TABLE sessions; ALTER TABLE users DROP fax; ALTER TABLE users DROP phone;`,
] as const;
const rows = `INSERT INTO users VALUES (1, 'a', '11'), (2, 'b', '22'), (3, 'c', NULL);
  INSERT INTO sessions SELECT n, 1 FROM generate_series(1, 5) n;`;

describe.each(testServers())('$name: planned rollback', (server) => {
  let database: TestDatabase;
  const project = async (migrations: Parameters<typeof makeMigrationProject>[1]) => {
    database = await createTestDatabase(server, { name: 'back' });
    return makeMigrationProject(database.url, migrations, {
      BELAY_DRILL_SERVER: server.adminUrl,
    });
  };
  afterEach(() => database.drop());

  it('counts what would be lost, refuses, goes back, and can be undone', async () => {
    const { belay, url, text } = await project({ '0001_users': [users], '0002_phones': phones });
    await belay(['migrate', 'up']);
    await run(url, rows);

    const plan = await belay(['rollback', 'plan', '1']);
    expect(plan).toMatchObject({
      ...{ from: '0002', to: '0001', migrations: ['0002'], overallSafety: 'UNSAFE' },
      ...{ requiresApproval: true, proven: true, differences: [] },
    });
    const issue = (name: string) =>
      plan.issues.find(({ description }: { description: string }) => description.includes(name));
    expect(issue('public.sessions')).toMatchObject({
      safety: 'UNSAFE',
      rowsLost: 5,
      migration: '0002',
    });
    expect(issue('column public.users.phone')).toMatchObject({ safety: 'DATA_LOSS', rowsLost: 2 });
    expect(issue('column public.users.fax')).toMatchObject({ safety: 'DATA_LOSS', rowsLost: 0 });
    expect(issue('column public.users.fax').description).toContain('it is empty in all 3 rows');

    const refused = await belay(['rollback', '1'], 3);
    expect(refused.error.code).toBe('WOULD_LOSE');
    expect(await belay(['rollback', '1', '--dry-run'])).toMatchObject({
      dryRun: true,
      rolledBack: [],
    });
    expect(await text(['rollback', '1', '--dry-run'])).toContain('DROP TABLE sessions');
    expect(await rowsOf(url, 'SELECT count(*)::int AS n FROM sessions')).toEqual([{ n: 5 }]);
    expect((await belay(['list'])).snapshots).toEqual([]);

    const done = await belay(['rollback', '1', '--force']);
    expect(done).toMatchObject({ ok: true, rolledBack: ['0002'], verified: true });
    expect(done.snapshot.tag).toMatch(/^before-rollback-/);
    expect(await rowsOf(url, `SELECT to_regclass('sessions') AS gone`)).toEqual([{ gone: null }]);
    expect(await belay(['migrate', 'status'])).toMatchObject({
      applied: [{ version: '0001' }],
      pending: [{ version: '0002' }],
    });

    await belay(['undo']);
    expect(await rowsOf(url, 'SELECT phone FROM users ORDER BY id')).toMatchObject([
      { phone: '11' },
      { phone: '22' },
      { phone: null },
    ]);
    expect(await belay(['migrate', 'status'])).toMatchObject({ pending: [] });
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });

    await belay(['undo']);
    expect(await belay(['migrate', 'status'])).toMatchObject({ pending: [{ version: '0002' }] });
  });

  it('goes back through the recorded schemas where nobody wrote a way down, and forward again', async () => {
    const { belay, url } = await project({
      '0001_users': [users],
      '0002_more': [
        `CREATE TYPE mood AS ENUM ('good', 'bad');
         ALTER TABLE users ADD mood mood NOT NULL DEFAULT 'good', ALTER email SET NOT NULL;
         CREATE VIEW moods AS SELECT id, mood FROM users;
         CREATE INDEX users_email ON users (lower(email));`,
      ],
      '0003_drop': [`DROP VIEW moods; ALTER TABLE users DROP email;`],
    });
    await belay(['migrate', 'up']);
    const before = (await belay(['schema', 'list'])).versions;
    const plan = await belay(['rollback', 'plan', '0', '--no-renames']);
    expect(
      plan.steps.map(({ source, to }: { source: string; to: string }) => [source, to]),
    ).toEqual([
      ['diff', '0002'],
      ['diff', '0001'],
      ['diff', '0'],
    ]);
    expect(plan).toMatchObject({ migrations: ['0003', '0002', '0001'], proven: true });
    const done = await belay(['rollback', '0', '--force', '--no-renames']);
    expect(done).toMatchObject({ ok: true, rolledBack: ['0003', '0002', '0001'], verified: true });
    expect(
      await rowsOf(url, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`),
    ).toEqual([]);
    await belay(['migrate', 'up']);
    const after = (await belay(['schema', 'list'])).versions;
    const checksums = (versions: { version: string; checksum: string }[]) =>
      new Map(versions.map(({ version, checksum }) => [version, checksum]));
    expect(checksums(after)).toEqual(checksums(before));
  });

  it('renames back what a migration renamed, with its rows', async () => {
    const { belay, url } = await project({
      '0001_users': [users],
      '0002_rename': [
        'ALTER TABLE users RENAME email TO mail; ALTER TABLE users RENAME TO people;',
      ],
    });
    await belay(['migrate', 'up', '--to', '1']);
    await run(url, `INSERT INTO users VALUES (1, 'kept')`);
    await belay(['migrate', 'up']);
    const plan = await belay(['rollback', 'plan', '1']);
    expect(plan).toMatchObject({ overallSafety: 'SAFE', issues: [], proven: true });
    expect(await belay(['rollback', '1'])).toMatchObject({
      ok: true,
      snapshot: null,
      verified: true,
    });
    expect(await rowsOf(url, 'SELECT email FROM users')).toEqual([{ email: 'kept' }]);
    const { error } = await belay(['undo'], 4);
    expect(error).toMatchObject({ code: 'NOTHING_TO_UNDO' });
    expect(error.hint).toContain('belay migrate up');
  });

  it('says where it stands when a step fails on the rows, and goes on either way', async () => {
    const { belay, url, write } = await project({
      '0001_users': [users],
      '0002_null': [
        'ALTER TABLE users ADD note text',
        'ALTER TABLE users ALTER email SET NOT NULL; ALTER TABLE users DROP note;',
      ],
      '0003_index': ['CREATE INDEX users_note ON users (note)', 'DROP INDEX users_note'],
    });
    await belay(['migrate', 'up']);
    await run(url, `INSERT INTO users VALUES (1, NULL, 'x')`);
    const plan = await belay(['rollback', 'plan', '1']);
    expect(
      plan.issues.map(({ description }: { description: string }) => description).join('\n'),
    ).toContain('1 row in the way: it would fail');
    const { error } = await belay(['rollback', '1', '--force'], 6);
    expect(error).toMatchObject({
      code: 'ROLLBACK_FAILED',
      details: { rolledBack: ['0003'], at: '0002' },
    });
    expect(error.message).toContain('0003 was rolled back, the database is at 0002');
    expect(error.hint).toContain('belay rollback 0001');
    expect(error.hint).toContain('belay migrate up');
    expect(await belay(['migrate', 'status'])).toMatchObject({ pending: [{ version: '0003' }] });
    const entries: { action: string }[] = (await belay(['ledger'])).entries;
    expect(entries.find(({ action }) => action === 'rollback')).toMatchObject({
      outcome: 'failed',
      details: { rolledBack: ['0003'], code: 'ROLLBACK_FAILED' },
    });

    await belay(['migrate', 'up']);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });

    await run(url, `UPDATE users SET email = 'x'`);
    write(
      'migrations/0003_index/down.sql',
      'DROP INDEX users_note -- the file is not what was recorded',
    );
    expect(await belay(['rollback', '1', '--force'])).toMatchObject({
      rolledBack: ['0003', '0002'],
    });
  });
});

// What does not depend on the version of the server is tried on one.
describe.each(testServers().slice(-1))('$name: what a rollback refuses and counts', (server) => {
  let database: TestDatabase;
  const drillServer = { BELAY_DRILL_SERVER: server.adminUrl };
  const project = async (
    migrations: Parameters<typeof makeMigrationProject>[1],
    env: NodeJS.ProcessEnv = drillServer,
  ) => {
    database = await createTestDatabase(server, { name: 'back' });
    return makeMigrationProject(database.url, migrations, env);
  };
  afterEach(() => database.drop());

  it('tries down scripts before anything is done', async () => {
    const { belay } = await project({
      '0001_users': [users],
      '0002_t': ['CREATE TABLE t (a int)', 'DROP TABLE t; DROP TABLE nowhere;'],
    });
    await belay(['migrate', 'up']);
    const { error } = await belay(['rollback', '1', '--force'], 6);
    expect(error.code).toBe('ROLLBACK_FAILED');
    expect(error.message).toMatch(/down script of 0002 .*nowhere/s);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });
    // The recorded schemas know the way too.
    const done = await belay(['rollback', '1', '--force', '--no-down-scripts']);
    expect(done).toMatchObject({ ok: true, rolledBack: ['0002'] });
  });

  it('names what it cannot go back to', async () => {
    const { belay, url } = await project({ '0001_users': [users], '0002_phones': phones });
    expect((await belay(['rollback', 'plan', '1'], 4)).error.code).toBe('NO_HISTORY');
    await belay(['migrate', 'up', '--no-auto-snapshot']);
    expect((await belay(['rollback', 'plan', '2'], 5)).error.code).toBe('VERSION_IS_CURRENT');
    expect((await belay(['rollback', 'plan', '9'], 4)).error.code).toBe('VERSION_NOT_FOUND');
    expect((await belay(['rollback', 'plan', '0'], 3)).error.code).toBe('NO_WAY_DOWN');
    await belay(['rollback', '1', '--force']);
    expect((await belay(['rollback', 'plan', '2'], 5)).error.code).toBe('NOT_AN_ANCESTOR');
    await run(url, 'SELECT 1');
  });

  it('counts what statements of a down script do to rows', async () => {
    const { belay, url } = await project(
      {
        '0001_users': [users],
        '0002_rows': [`INSERT INTO users VALUES (1, 'x')`, 'DELETE FROM users WHERE id = 1'],
      },
      {},
    );
    await belay(['migrate', 'up']);
    await run(url, `INSERT INTO users VALUES (2, 'y')`);
    const plan = await belay(['rollback', 'plan', '1']);
    expect(plan).toMatchObject({
      overallSafety: 'DATA_LOSS',
      issues: [{ migration: '0002', safety: 'DATA_LOSS' }],
    });
    expect(plan.issues[0].description).toContain('DELETE');
  });

  it('says that a part may be done of what is no single transaction', async () => {
    const { belay, url } = await project({
      '0001_users': [users],
      '0002_two': [
        'ALTER TABLE users ADD a int, ADD b int',
        '-- belay:no-transaction\nALTER TABLE users DROP a;\nALTER TABLE users ALTER email SET NOT NULL;',
      ],
    });
    await belay(['migrate', 'up']);
    await run(url, 'INSERT INTO users VALUES (1, NULL)');
    const { error } = await belay(['rollback', '1', '--force'], 6);
    expect(error).toMatchObject({ code: 'ROLLBACK_FAILED', details: { mayBeHalfDone: true } });
    expect(error.message).toContain('with a part of 0002 taken back');
    expect(error.hint).not.toContain('migrate up');
    expect((await belay(['ledger'])).entries.at(-1)).toMatchObject({
      action: 'rollback',
      outcome: 'failed',
    });
    await belay(['undo'], 4);
    await belay(['restore', error.details.snapshot]);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });
  });

  it('tries nothing that reaches beyond its database on a server that others use', async () => {
    const { belay, url, write } = await project({
      '0001_users': [users],
      '0002_role': ['CREATE TABLE t (a int)', 'DROP TABLE t; CREATE ROLE belay_test_beyond;'],
    });
    await belay(['migrate', 'up']);
    const { error } = await belay(['rollback', 'plan', '1'], 6);
    expect(error).toMatchObject({ code: 'ROLLBACK_FAILED', details: { line: 1 } });
    expect(error.message).toContain('CREATE ROLE');
    write('role.sql', 'CREATE TABLE a (b int);\nCREATE ROLE belay_test_beyond;');
    const file = await belay(['schema', 'diff', 'role.sql'], 2);
    expect(file.error).toMatchObject({ code: 'BAD_SCHEMA_FILE', details: { line: 2 } });
    const roles = `SELECT 1 FROM pg_roles WHERE rolname = 'belay_test_beyond'`;
    expect(await rowsOf(url, roles)).toEqual([]);
  });

  it('an interruption between two steps says which were done', async () => {
    const { folder, belay, url } = await project({
      '0001_users': [users],
      '0002_slow': ['CREATE TABLE a (x int)', 'SELECT pg_sleep(600) FROM users; DROP TABLE a;'],
      '0003_index': ['CREATE INDEX i ON users (email)', 'DROP INDEX i'],
    });
    await belay(['migrate', 'up']);
    await run(url, `INSERT INTO users VALUES (1, 'x')`);
    const abort = new AbortController();
    const running = callCli(['rollback', '1', '--force', '--json'], {
      ...{ cwd: folder, signal: abort.signal },
      env: { DATABASE_URL: url, BELAY_STORE: `${folder}/store`, ...drillServer },
    });
    const sleeping = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'`;
    await vi.waitFor(async () => expect(await rowsOf(url, sleeping)).toHaveLength(1), 30_000);
    abort.abort('SIGINT');
    const { exitCode, json } = await running;
    expect(exitCode).toBe(130);
    expect(json.error).toMatchObject({ code: 'INTERRUPTED', details: { rolledBack: ['0003'] } });
    expect(await belay(['migrate', 'status'])).toMatchObject({ current: '0002' });
  });
});
