import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MigrationImpact } from '../../../src/features/migration/backup-choice.js';
import { type MigrateUpOptions, migrateUp } from '../../../src/features/migration/up.js';
import { failure } from '../../support/failure.js';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';
import { makeProject } from './project.js';

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  INSERT INTO users SELECT i, 'user ' || i, CASE WHEN i <= 12 THEN i || '@example.org' END
    FROM generate_series(1, 20) i;
  CREATE TABLE sessions (id int PRIMARY KEY, user_id int REFERENCES users);
  INSERT INTO sessions SELECT i, i % 20 + 1 FROM generate_series(1, 56) i;`;

const drop = 'ALTER TABLE users DROP COLUMN email;\nDROP TABLE sessions;\n';

/** What a plan says is lost, in short. */
const lossesOf = (impacts: readonly MigrationImpact[]) =>
  impacts.flatMap(({ impact }) =>
    impact.statements.flatMap(({ impacts: all }) =>
      all
        .filter(({ recordsAtRisk }) => recordsAtRisk !== 0)
        .map(({ operation, object, recordsAtRisk }) => `${operation} ${object} ${recordsAtRisk}`),
    ),
  );

describe.each(testServers())('a migration that loses records on $name', (server) => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'backup', sql: schema });
  });
  afterEach(() => db.drop());

  const up = (files: Record<string, string>, options: MigrateUpOptions = {}) =>
    makeProject(db.url, files).run((target) => migrateUp(target, options));
  const count = async (sql: string) => Number((await rowsOf(db.url, sql))[0].n);

  it('is refused with the numbers where nobody chooses, and nothing is applied', async () => {
    const error = await failure(
      up({ '1_note/up.sql': 'CREATE TABLE note ();', '2_drop.sql': drop }),
      'WOULD_LOSE',
    );
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain(
      '2_drop.sql, line 1: DROP COLUMN public.users.email: 12 values',
    );
    expect(error.message).toContain('2_drop.sql, line 2: DROP TABLE public.sessions: 56 rows');
    expect(await rowsOf(db.url, "SELECT to_regclass('note') AS found")).toEqual([{ found: null }]);
    expect(await count('SELECT count(email) AS n FROM users')).toBe(12);
  });

  it('keeps what goes beside it, and a rollback with data brings it back with what was written since', async () => {
    const files = { '1_note': ['CREATE TABLE note ();'], '2_drop': [drop] } as const;
    const env = { BELAY_DRILL_SERVER: server.adminUrl };
    const project = makeMigrationProject(db.url, files, env);
    const applied = await project.belay(['migrate', 'up', '--backup', 'database']);
    expect(applied.backup).toMatchObject({
      choice: 'database',
      records: [
        { table: 'public.users', column: 'email', rows: 12 },
        { table: 'public.sessions', column: null, rows: 56 },
      ],
    });
    await run(
      db.url,
      "INSERT INTO users VALUES (100, 'new'); UPDATE users SET name = 'other' WHERE id = 3",
    );
    const dry = await project.belay(['rollback', '1', '--data', '--dry-run']);
    expect(dry.data.totals).toMatchObject({ rows: 56, values: 12 });
    const back = await project.belay(['rollback', '1', '--data']);
    expect(back).toMatchObject({ ok: true, restored: { rows: 56, values: 12 }, verified: true });
    expect(await count('SELECT count(email) AS n FROM users')).toBe(12);
    expect(await count('SELECT count(*) AS n FROM sessions')).toBe(56);
    expect(await count("SELECT count(*) AS n FROM users WHERE name IN ('new', 'other')")).toBe(2);
  });

  it('asks nobody where nothing is lost', async () => {
    const sql =
      'ALTER TABLE users ADD age int; UPDATE users SET age = 1; CREATE TABLE t (a int); DROP TABLE t;';
    const chooseBackup = () => Promise.reject(new Error('somebody was asked'));
    const result = await up({ '1_add.sql': sql }, { chooseBackup });
    expect(result).toMatchObject({ ok: true, backup: null, applied: [{ version: '1' }] });
  });

  it('is left alone where the answer is to cancel', async () => {
    const error = await failure(
      up({ '1_drop.sql': drop }, { chooseBackup: async () => 'cancel' }),
      'NOT_CONFIRMED',
    );
    expect(error.exitCode).toBe(3);
    expect(await count('SELECT count(*) AS n FROM sessions')).toBe(56);
  });

  it('asks again where more would be lost than was shown', async () => {
    const asked: string[][] = [];
    const chooseBackup: MigrateUpOptions['chooseBackup'] = async (impacts) => {
      asked.push(lossesOf(impacts));
      if (asked.length === 1) await run(db.url, 'INSERT INTO sessions VALUES (1000, 1)');
      return 'none';
    };
    const result = await up({ '1_drop.sql': drop }, { chooseBackup });
    expect(result).toMatchObject({ ok: true, backup: { choice: 'none', records: [] } });
    expect(asked).toEqual([
      ['DROP COLUMN public.users.email 12', 'DROP TABLE public.sessions 56'],
      ['DROP COLUMN public.users.email 12', 'DROP TABLE public.sessions 57'],
    ]);
  });

  it('says what was applied before where the second answer is to cancel', async () => {
    const files = {
      '1_email.sql': 'ALTER TABLE users DROP COLUMN email;',
      '2_sessions.sql': 'DROP TABLE sessions;',
    };
    const asked: string[][] = [];
    const chooseBackup: MigrateUpOptions['chooseBackup'] = async (impacts) => {
      asked.push(impacts.map(({ version }) => version));
      if (asked.length > 1) return 'cancel';
      await run(db.url, 'INSERT INTO sessions VALUES (1000, 1)');
      return 'none';
    };
    const error = await failure(up(files, { chooseBackup }), 'NOT_CONFIRMED');
    expect(error.details).toMatchObject({ applied: ['1'] });
    expect(error.hint).toContain('Done before it, and staying so: 1.');
    expect(asked).toEqual([['1', '2'], ['2']]);
    expect(await count('SELECT count(*) AS n FROM sessions')).toBe(57);
  });

  it('takes what an earlier migration adds to the loss for approved', async () => {
    const files = {
      '1_more.sql': 'INSERT INTO sessions SELECT i, 1 FROM generate_series(1001, 1010) i;',
      '2_drop.sql': drop,
    };
    let times = 0;
    const chooseBackup: MigrateUpOptions['chooseBackup'] = async () => {
      times += 1;
      return 'none';
    };
    expect(await up(files, { chooseBackup })).toMatchObject({ ok: true, current: '2' });
    expect(times).toBe(1);
  });

  it('keeps rows that an earlier migration of the same run has written', async () => {
    const files = {
      '1_make.sql': 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);',
      '2_drop.sql': 'DROP TABLE t;',
    };
    expect(await up(files, { backup: 'database' })).toMatchObject({
      backup: { choice: 'database', records: [{ version: '2', table: 'public.t', rows: 3 }] },
    });
  });

  it('is asked about code whose effect nobody knows, and says that nothing of it is kept', async () => {
    const code = "DO $$ BEGIN EXECUTE 'DELETE FROM sessions WHERE id < 10'; END $$;";
    await failure(up({ '1_code.sql': code }), 'WOULD_LOSE');
    const said: string[] = [];
    const reporter: MigrateUpOptions['reporter'] = (event) => {
      if (event.type === 'warning') said.push(event.message);
    };
    await up({ '1_code.sql': code }, { backup: 'database', reporter });
    expect(said).toEqual([
      expect.stringContaining('line 1: nothing is kept of what DO may remove'),
    ]);
  });

  it('keeps nothing of a migration that fails', async () => {
    const files = { '1_drop.sql': `${drop}SELECT 1 / 0;` };
    await failure(up(files, { backup: 'database' }), 'MIGRATION_FAILED');
    expect(await count('SELECT count(*) AS n FROM sessions')).toBe(56);
    expect(
      await count("SELECT count(*) AS n FROM pg_tables WHERE tablename LIKE 'backup\\_%'"),
    ).toBe(0);
  });
});

// pg_dump of the server's version is there for the first alone.
describe.each(testServers().slice(0, 1))('a backup to files on $name', (server) => {
  it('is a sealed archive of the tables, from which one comes back', async () => {
    const db = await createTestDatabase(server, { name: 'backup_files', sql: schema });
    try {
      const env = { BELAY_DRILL_SERVER: server.adminUrl };
      const project = makeMigrationProject(db.url, { '1_drop': [drop] }, env);
      const { backup } = await project.belay(['migrate', 'up', '--backup', 'files']);
      expect(backup).toMatchObject({
        choice: 'files',
        archive: { tables: ['public.users', 'public.sessions'], restore_drill: 'proven' },
      });
      expect(await rowsOf(db.url, "SELECT to_regclass('sessions') AS found")).toEqual([
        { found: null },
      ]);
      await project.belay(['restore', backup.archive.tag, '--table', 'public.sessions', '--yes']);
      expect(await rowsOf(db.url, 'SELECT count(*)::int AS n FROM sessions')).toEqual([{ n: 56 }]);
    } finally {
      await db.drop();
    }
  });
});
