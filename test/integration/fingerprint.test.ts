import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareFingerprints } from '../../src/domain/fingerprint.js';
import { schemaChecksum } from '../../src/domain/schema-model.js';
import {
  countRows,
  listTables,
  type ReadFingerprintOptions,
  readFingerprint,
  readSchemaChecksum,
} from '../../src/postgres/fingerprint.js';
import type { Session } from '../../src/postgres/session.js';
import { openSession } from '../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
  withSession,
} from '../support/servers.js';

/** Reads a fingerprint and says how many sessions it took; closes them. */
async function fingerprintOf(
  url: string,
  options?: ReadFingerprintOptions,
  beforeCounting?: () => Promise<unknown>,
) {
  const sessions: Session[] = [];
  try {
    const read = await readFingerprint(async () => {
      const session = await openSession(url);
      sessions.push(session);
      const query = session.query.bind(session);
      session.query = async (sql, ...rest) => {
        if (sql.includes('FROM ONLY')) await beforeCounting?.();
        return query(sql, ...rest);
      };
      return session;
    }, options);
    return { ...read, sessions: sessions.length };
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

describe.each(testServers())('fingerprint on $name', (server) => {
  let database: TestDatabase;
  const run = (sql: string, url = database.url) => withSession(url, (client) => client.query(sql));

  beforeEach(async () => {
    database = await createTestDatabase(server);
  });
  afterEach(() => database.drop());

  it('of an empty database has the schema and nothing else', async () => {
    const { fingerprint, model, sessions } = await fingerprintOf(database.url);
    expect(fingerprint).toEqual({
      schemaChecksum: schemaChecksum(model),
      tables: 0,
      rows: 0,
      rowCounts: {},
      sequences: {},
    });
    expect(sessions).toBe(1);
  });

  it('counts each table once, whatever kind it is, and nothing that is not a table', async () => {
    await run(`
      CREATE TABLE plain (id int); INSERT INTO plain SELECT generate_series(1, 12345);
      CREATE UNLOGGED TABLE fast (id int); INSERT INTO fast VALUES (1), (2);
      CREATE TABLE parent (id int); INSERT INTO parent VALUES (1);
      CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (2), (3);
      CREATE TABLE parts (id int) PARTITION BY RANGE (id);
      CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
      CREATE TABLE parts_high_1 PARTITION OF parts_high DEFAULT;
      INSERT INTO parts SELECT generate_series(5, 14);
      CREATE VIEW seen AS SELECT * FROM plain;
      CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;
      DELETE FROM plain WHERE id <= 45; ANALYZE plain; INSERT INTO plain VALUES (1);
    `);
    const { fingerprint } = await fingerprintOf(database.url);
    expect(fingerprint.rowCounts).toEqual({
      'public.child': 2,
      'public.fast': 2,
      'public.parent': 1,
      'public.parts_high_1': 5,
      'public.parts_low': 5,
      'public.plain': 12301,
    });
    expect(fingerprint.tables).toBe(6);
    expect(fingerprint.rows).toBe(12316);
    expect(Object.keys(fingerprint.rowCounts)).toEqual(Object.keys(fingerprint.rowCounts).sort());
  });

  it('counts tables of extensions, and not temporary ones', async () => {
    await run(
      'CREATE SCHEMA ext; CREATE TABLE ext.settings (k text); INSERT INTO ext.settings VALUES (1)',
    );
    await run('CREATE EXTENSION hstore; ALTER EXTENSION hstore ADD TABLE ext.settings');
    const rowCounts = await withSession(database.url, async (client) => {
      await client.query('CREATE TEMP TABLE mine AS SELECT 1');
      return (await fingerprintOf(database.url)).fingerprint.rowCounts;
    });
    expect(rowCounts).toEqual({ 'ext.settings': 1 });
  });

  it('has the value of every sequence, and whether it was used', async () => {
    await run(`
      CREATE SEQUENCE fresh; CREATE SEQUENCE used; SELECT nextval('used'), nextval('used');
      CREATE SEQUENCE down INCREMENT -3 MAXVALUE 100 START 100; SELECT nextval('down'), nextval('down');
      CREATE SEQUENCE big; SELECT setval('big', 9007199254740993);
      CREATE SEQUENCE reset; SELECT setval('reset', 5, false);
      CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY); INSERT INTO t DEFAULT VALUES;
    `);
    const { fingerprint } = await fingerprintOf(database.url);
    expect(fingerprint.sequences).toEqual({
      'public.big': { lastValue: '9007199254740993', isCalled: true },
      'public.down': { lastValue: '97', isCalled: true },
      'public.fresh': { lastValue: '1', isCalled: false },
      'public.reset': { lastValue: '5', isCalled: false },
      'public.t_id_seq': { lastValue: '1', isCalled: true },
      'public.used': { lastValue: '2', isCalled: true },
    });
  });

  it('names odd tables so that no two are the same', async () => {
    await run(`
      CREATE SCHEMA "a.b"; CREATE TABLE "a.b".c (); CREATE SCHEMA a; CREATE TABLE a."b.c" ();
      CREATE TABLE "Order Items" (); CREATE TABLE "select" (); CREATE TABLE "-x='%s" ();
      CREATE TABLE "quo""te" (); CREATE TABLE "new
line" (); CREATE TABLE "größe" (); INSERT INTO "select" DEFAULT VALUES;
    `);
    const { fingerprint } = await fingerprintOf(database.url);
    expect(fingerprint.rowCounts).toEqual({
      '"a.b".c': 0,
      'a."b.c"': 0,
      'public.Order Items': 0,
      'public.select': 1,
      "public.-x='%s": 0,
      'public."quo""te"': 0,
      'public."new\nline"': 0,
      'public.größe': 0,
    });
  });

  it('is found different in exactly what changed', async () => {
    await run(
      `CREATE TABLE a (id serial, n int); CREATE TABLE b (id int); INSERT INTO b VALUES (1)`,
    );
    const { fingerprint: before } = await fingerprintOf(database.url);
    await run(`INSERT INTO a (n) VALUES (1), (2)`);
    const { fingerprint: after } = await fingerprintOf(database.url);
    expect(compareFingerprints(before, before)).toEqual([]);
    expect(compareFingerprints(before, after)).toEqual([
      { what: 'rows', name: 'public.a', expected: '0', actual: '2' },
      { what: 'sequence', name: 'public.a_id_seq', expected: '1 (not used yet)', actual: '2' },
    ]);
    await run('DROP TABLE b');
    const { fingerprint: dropped } = await fingerprintOf(database.url);
    expect(compareFingerprints(after, dropped)).toEqual([
      {
        what: 'schema',
        name: 'schema',
        expected: after.schemaChecksum,
        actual: dropped.schemaChecksum,
      },
      { what: 'rows', name: 'public.b', expected: '1', actual: 'none' },
    ]);
  });

  it('counts thousands of tables, small and large, with as many sessions as are worth it', async () => {
    await run(`DO $$ BEGIN FOR i IN 1..700 LOOP
        EXECUTE format('CREATE TABLE t%s AS SELECT generate_series(1, %s) AS n', i, i);
      END LOOP; END $$;
      CREATE TABLE big AS SELECT i, repeat('x', 200) FROM generate_series(1, 70000) i;
      CREATE TABLE bigger AS SELECT i, repeat('x', 200) FROM generate_series(1, 80000) i;`);
    const progress: { tables: number; rows: number }[] = [];
    const onProgress = (done: { tables: number; rows: number }) => progress.push(done);
    const { fingerprint, sessions } = await fingerprintOf(database.url, { onProgress });
    const rows = (700 * 701) / 2 + 150_000;
    expect(sessions).toBe(2);
    expect(fingerprint).toMatchObject({ tables: 702, rows });
    expect(fingerprint.rowCounts).toMatchObject({ 'public.t699': 699, 'public.bigger': 80_000 });
    expect(progress.length).toBeGreaterThan(3);
    expect(progress.at(-1)).toEqual({ tables: 702, rows });
    const alone = await fingerprintOf(database.url, { parallel: 1 });
    expect(alone.sessions).toBe(1);
    expect(alone.fingerprint).toEqual(fingerprint);
  });

  it('stops at once when it is aborted, and leaves no query behind', async () => {
    await run(`CREATE TABLE big AS SELECT i, repeat('x', 200) FROM generate_series(1, 100000) i;
      CREATE TABLE bigger AS SELECT i, repeat('x', 200) FROM generate_series(1, 120000) i;`);
    const reason = new Error('enough');
    const controller = new AbortController();
    await withSession(database.url, async (client) => {
      // Counting waits for these locks, as it would for a slow disk.
      let locked: Promise<unknown> | undefined;
      const lock = () => {
        locked ??= client.query('BEGIN; LOCK TABLE big, bigger IN ACCESS EXCLUSIVE MODE');
        return locked;
      };
      const counting = fingerprintOf(database.url, { signal: controller.signal }, lock);
      counting.catch(() => {});
      const waiting = async () => {
        const { rows } = await client.query(
          `SELECT pid FROM pg_locks
            WHERE NOT granted AND relation IN ('big'::regclass, 'bigger'::regclass)`,
        );
        return rows.length;
      };
      await expect.poll(waiting, { timeout: 10_000 }).toBe(2);
      controller.abort(reason);
      await expect(counting).rejects.toBe(reason);
      expect(await waiting()).toBe(0);
    });
  });

  describe('for a limited role', () => {
    let role: TestRole;
    beforeEach(async () => {
      role = await createTestRole(server);
      await run(`CREATE TABLE open (id int); GRANT SELECT ON open TO ${role.name};
        CREATE TABLE guarded (id int); INSERT INTO guarded VALUES (1), (2);
        GRANT SELECT ON guarded TO ${role.name}`);
    });
    afterEach(async () => {
      await run(`DROP OWNED BY ${role.name}`);
      await role.drop();
    });

    it('refuses where row level security would hide rows, instead of counting fewer', async () => {
      const { fingerprint } = await fingerprintOf(role.urlFor(database.url));
      expect(fingerprint.rowCounts).toEqual({ 'public.guarded': 2, 'public.open': 0 });
      await run(`ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE POLICY first_only ON guarded USING (id = 1)`);
      await expect(fingerprintOf(role.urlFor(database.url))).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringContaining('public.guarded'),
        hint: expect.stringContaining('BYPASSRLS'),
      });
      expect((await fingerprintOf(database.url)).fingerprint.rowCounts['public.guarded']).toBe(2);
    });

    it('names every table and sequence that it may not read', async () => {
      await run('CREATE TABLE secret (id serial)');
      await expect(fingerprintOf(role.urlFor(database.url))).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        details: { names: ['public.secret', 'public.secret_id_seq'] },
      });
    });

    it('gives the schema checksum all the same', async () => {
      await run('CREATE TABLE secret (id serial)');
      const checksums: string[] = [];
      for (const url of [database.url, role.urlFor(database.url)]) {
        const session = await openSession(url);
        checksums.push(await readSchemaChecksum(session).finally(() => session.close()));
      }
      expect(checksums[0]).toBe(checksums[1]);
    });
  });

  describe('of a live database', () => {
    let session: Session;
    beforeEach(async () => {
      await run(`CREATE TABLE b (id int); CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2)`);
      session = await openSession(database.url);
    });
    afterEach(() => session.close());

    it('lists the tables by name, without waiting for any of them', async () => {
      await withSession(database.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE');
        await session.execute('SET lock_timeout = 1', 'bounding the wait');
        expect(await listTables(session)).toEqual([
          { schema: 'public', name: 'a', qualified: 'public.a' },
          { schema: 'public', name: 'b', qualified: 'public.b' },
        ]);
      });
    });

    it('counts one table', async () => {
      expect(await countRows(session, { schema: 'public', name: 'a' }, { timeoutMs: 5000 })).toBe(
        2,
      );
    });

    it('gives null instead of waiting for a lock, and goes on', async () => {
      const table = { schema: 'public', name: 'a' };
      await withSession(database.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE');
        expect(await countRows(session, table, { timeoutMs: 50 })).toBeNull();
      });
      expect(await countRows(session, table, { timeoutMs: 5000 })).toBe(2);
    });

    it('gives null for a count that takes too long, and for a table that is gone', async () => {
      await run(`CREATE TABLE slow AS SELECT generate_series(1, 300000) AS id`);
      expect(
        await countRows(session, { schema: 'public', name: 'slow' }, { timeoutMs: 1 }),
      ).toBeNull();
      expect(
        await countRows(session, { schema: 'public', name: 'no' }, { timeoutMs: 100 }),
      ).toBeNull();
    });
  });
});
