import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Measure, MeasuredTable } from '../../../src/domain/impact/measure.js';
import { measureImpacts } from '../../../src/postgres/impact/measure-impacts.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
  withSession,
} from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';
import { measure, measureOne, tableOf } from './measure-support.js';

const fixture = `
  CREATE TABLE users (id int PRIMARY KEY, email text, age int, name text);
  INSERT INTO users SELECT i, CASE WHEN i % 4 > 0 THEN 'u' || i % 50 END, CASE WHEN i % 2 = 0 THEN i END, ''
    FROM generate_series(1, 200) i;
  CREATE TABLE orders (id int, user_id int, tenant int);
  INSERT INTO orders VALUES (1, 1, 1), (2, 999, 1), (3, NULL, 1), (4, NULL, NULL), (5, 998, 2), (6, 2, NULL);
  CREATE TABLE bookings (id int PRIMARY KEY, room int, during int4range);
  INSERT INTO bookings VALUES (1, 1, '[1,5)'), (2, 1, '[4,8)'), (3, 2, '[4,8)'), (4, 1, '[8,9)'), (5, NULL, '[1,9)'), (6, 1, NULL);
  CREATE TABLE secrets (id int, v text); INSERT INTO secrets SELECT i, i FROM generate_series(1, 100) i;
  CREATE TABLE tenants (id int, v text); INSERT INTO tenants SELECT i, i FROM generate_series(1, 100) i;
  ALTER TABLE tenants ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON tenants USING (id <= 5);
`;

describe.each(testServers())('measuring on $name', (server) => {
  let database: TestDatabase;
  let role: TestRole;
  const tables: Record<string, MeasuredTable> = {};
  const table = (name: string): MeasuredTable => tables[name] as MeasuredTable;
  const number = async (sql: string) => Number((await rowsOf(database.url, sql))[0].count);

  beforeAll(async () => {
    database = await createTestDatabase(server, { sql: fixture });
    role = await createTestRole(server);
    await run(
      database.url,
      `GRANT SELECT ON users, tenants TO ${role.name}; GRANT SELECT (id) ON secrets TO ${role.name}`,
    );
    for (const name of ['users', 'orders', 'bookings', 'secrets', 'tenants']) {
      tables[name] = await tableOf(database.url, name);
    }
  });
  afterAll(async () => {
    await database?.drop();
    await role?.drop();
  });

  it('counts all of a table in their order, in one scan', async () => {
    const users = table('users');
    const emails = await number('SELECT count(*) FROM users WHERE email IS NOT NULL');
    const either = await number(
      'SELECT count(*) FROM users WHERE id <= 20 AND (email IS NOT NULL OR age IS NOT NULL)',
    );
    const before = await number(
      `SELECT seq_scan AS count FROM pg_stat_user_tables WHERE relname = 'users'`,
    );
    const measured = await measure(database.url, [
      { what: 'rows', table: users, where: null },
      { what: 'values', table: users, column: '"email"', where: null },
      { what: 'values', table: users, column: 'age', where: 'id > 100' },
      { what: 'rows', table: users, where: 'id % 10 = 0' },
      { what: 'overwrites', table: users, where: 'id <= 20', columns: ['"email"', '"age"'] },
      { what: 'overwrites', table: users, where: null, columns: ['"age"'] },
      { what: 'overwrites', table: users, where: null, columns: [] },
      { what: 'values', table: users, column: '"email"', where: null },
      {
        what: 'conversion',
        table: users,
        column: '"age"',
        from: 'integer',
        to: 'smallint',
        using: null,
      },
    ]);
    expect(measured.map(({ count, changed }) => [count, changed])).toEqual([
      [200, null],
      [emails, null],
      [50, null],
      [20, null],
      [20, either],
      [200, 100],
      [200, 0],
      [150, null],
      [0, 0],
    ]);
    expect(measured.every((one) => one.measured === 'exact' && one.total === 200)).toBe(true);
    // The server tells of it a little later.
    await expect
      .poll(() =>
        number(`SELECT seq_scan AS count FROM pg_stat_user_tables WHERE relname = 'users'`),
      )
      .toBe(before + 1);
  });

  it('finds rows that break a constraint, and shows their keys alone', async () => {
    const [nulls, check] = await measure(database.url, [
      { what: 'violations', table: table('users'), breaks: 'email IS NULL' },
      { what: 'violations', table: table('users'), breaks: 'NOT (age < 1000)' },
    ]);
    expect(nulls).toMatchObject({ count: 50, samples: ['4', '8', '12'] });
    expect(check).toMatchObject({ count: 0, samples: [] });
  });

  it('counts rows that are not the only one with their values', async () => {
    const common = { what: 'duplicates', table: table('users'), where: null } as const;
    const [plain, nulls, key, part, expression] = await measure(database.url, [
      { ...common, by: ['"email"'], nullsNotDistinct: false, notNull: false },
      { ...common, by: ['"email"'], nullsNotDistinct: true, notNull: false },
      { ...common, by: ['"email"'], nullsNotDistinct: false, notNull: true },
      { ...common, by: ['"email"'], where: 'id <= 50', nullsNotDistinct: false, notNull: false },
      { ...common, by: ['id % 7', '(age)'], nullsNotDistinct: false, notNull: false },
    ]);
    const grouped = (by: string, where: string) =>
      number(
        `SELECT coalesce(sum(n), 0) AS count FROM (SELECT count(*) n FROM users WHERE ${where} GROUP BY ${by}) x WHERE n > 1`,
      );
    expect(plain?.count).toBe(await grouped('email', 'email IS NOT NULL'));
    expect(nulls?.count).toBe(await grouped('email', 'true'));
    expect(key?.count).toBe(200);
    expect(part?.count).toBe(0);
    expect(expression?.count).toBe(0);
    expect(plain?.samples).toHaveLength(3);
    for (const id of plain?.samples ?? []) {
      const same = `SELECT count(*) FROM users WHERE email = (SELECT email FROM users WHERE id = ${id})`;
      expect(await number(same)).toBeGreaterThan(1);
    }
    expect(part?.samples).toEqual([]);
  });

  it('counts rows that refer to nothing', async () => {
    const references = { table: table('users'), columns: ['"id"'] };
    const [one, two, full] = await measure(database.url, [
      {
        what: 'orphans',
        table: table('orders'),
        columns: ['"user_id"'],
        references,
        match: 'simple',
      },
      ...(['simple', 'full'] as const).map(
        (match): Measure => ({
          ...{ what: 'orphans', table: table('orders'), columns: ['"user_id"', '"tenant"'], match },
          references: { table: table('users'), columns: ['"id"', '"id"'] },
        }),
      ),
    ]);
    expect(one).toMatchObject({ count: 2, measured: 'exact' });
    expect(one?.samples).toHaveLength(2);
    expect(two?.count).toBe(2);
    expect(full?.count).toBe(4);
  });

  it('counts rows that exclude each other', async () => {
    const elements = [
      { expression: 'room', operator: '=' },
      { expression: 'during', operator: '&&' },
    ];
    const [all, some] = await measure(database.url, [
      { what: 'exclusion', table: table('bookings'), elements, where: null },
      { what: 'exclusion', table: table('bookings'), elements, where: 'id > 1' },
    ]);
    expect(all).toMatchObject({ count: 2, samples: ['1', '2'] });
    expect(some).toMatchObject({ count: 0, samples: [] });
  });

  it('never counts as nothing what the role may not read', async () => {
    const asRole = role.urlFor(database.url);
    const [hidden, column, other, seen] = await measure(asRole, [
      { what: 'rows', table: table('tenants'), where: null },
      { what: 'values', table: table('secrets'), column: '"v"', where: null },
      { what: 'values', table: table('secrets'), column: '"id"', where: null },
      { what: 'rows', table: table('users'), where: null },
    ]);
    expect(hidden).toMatchObject({ count: null, measured: 'unknown' });
    expect(hidden?.why).toContain('row-level security');
    expect(column).toMatchObject({
      count: null,
      measured: 'unknown',
      why: 'the role may not read it',
    });
    expect(other).toMatchObject({ count: 100, measured: 'exact' });
    expect(seen).toMatchObject({ count: 200, measured: 'exact' });
  });

  it('takes nothing along where one of the counts fails', async () => {
    const users = table('users');
    const [good, fails, missing, conversion, query] = await measure(database.url, [
      { what: 'rows', table: users, where: null },
      { what: 'rows', table: users, where: '1 / (id - 5) > 0' },
      { what: 'values', table: users, column: 'nothing', where: null },
      {
        what: 'conversion',
        table: users,
        column: 'age',
        from: 'integer',
        to: 'no_such_type',
        using: null,
      },
      { what: 'query', sql: 'SELECT 1/0 AS rows', searchPath: null, tables: [] },
    ]);
    expect(good).toMatchObject({ count: 200, measured: 'exact' });
    for (const one of [fails, missing, conversion, query]) {
      expect(one).toMatchObject({ count: null, measured: 'unknown' });
      expect(one?.why).toBeTruthy();
    }
    expect(missing?.why).toBe('it is not there now');
  });

  it('counts thousands of conditions on one table', async () => {
    const measures = Array.from({ length: 2500 }, (_, at): Measure => {
      const where = `id = ${at + 1}`;
      return { what: 'overwrites', table: table('users'), where, columns: ['"age"'] };
    });
    const all: Measure = { what: 'rows', table: table('users'), where: null };
    const [total, ...rest] = await measure(database.url, [all, ...measures]);
    expect(total?.count).toBe(200);
    expect(rest.filter(({ count, changed }) => count === 1 && changed === 1)).toHaveLength(100);
    expect(rest.filter(({ count }) => count === 0)).toHaveLength(2300);
  });

  it('says that a table is gone', async () => {
    const gone: MeasuredTable = { oid: 1, sql: 'public."gone"', only: true, searchPath: 'public' };
    const measured = await measureOne(database.url, { what: 'rows', table: gone, where: null });
    expect(measured).toMatchObject({
      count: null,
      measured: 'unknown',
      why: 'it is not there now',
    });
  });

  it('estimates what takes too long, and says so', async () => {
    const users = table('users');
    const slow = `pg_sleep(0.02) IS NOT NULL AND id > 0`;
    const [rows, where, breaks, query] = await measure(
      database.url,
      [
        { what: 'rows', table: users, where: null },
        { what: 'rows', table: users, where: slow },
        { what: 'violations', table: users, breaks: slow },
        {
          what: 'query',
          sql: `SELECT count(*) AS rows FROM public.users WHERE ${slow}`,
          searchPath: null,
          tables: [users],
        },
      ],
      { timeoutMs: 300, totalTimeoutMs: 3000, estimates: new Map([[users.oid, 200]]) },
    );
    expect(rows).toMatchObject({ count: 200, measured: 'exact' });
    expect(where).toMatchObject({ measured: 'estimate', count: expect.any(Number) });
    expect(where?.why).toContain('took longer');
    // The planner's guess says nothing of whether a single row breaks it.
    expect(breaks).toMatchObject({ count: null, measured: 'unknown' });
    expect(query).toMatchObject({ measured: 'estimate', count: expect.any(Number) });
  });

  it('says that some values fail where there is no time to count them', async () => {
    await run(
      database.url,
      `DROP TABLE IF EXISTS slow; CREATE TABLE slow (id int, v text); INSERT INTO slow SELECT i, 'x' FROM generate_series(1, 500) i`,
    );
    const using = `CASE WHEN pg_sleep(0.01) IS NOT NULL THEN replace(v, 'y', '')::int END`;
    const measured = await measureOne(
      database.url,
      {
        ...{ what: 'conversion', table: await tableOf(database.url, 'slow') },
        ...{ column: 'v', from: 'text', to: 'integer', using },
      },
      { timeoutMs: 700 },
    );
    expect(measured).toMatchObject({ count: null, measured: 'unknown' });
    expect(measured.atLeast).toBeGreaterThan(0);
  });

  describe('while others work', () => {
    beforeEach(() =>
      run(database.url, 'CREATE TABLE busy AS SELECT i AS id FROM generate_series(1, 50) i'),
    );
    afterEach(() => run(database.url, 'DROP TABLE IF EXISTS busy'));

    it('is in no writer’s way, and lets go of a table when it is counted', async () => {
      const busy = await tableOf(database.url, 'busy');
      const counting = measure(database.url, [
        { what: 'rows', table: busy, where: null },
        { what: 'query', sql: 'SELECT 1 AS rows FROM pg_sleep(2)', searchPath: null, tables: [] },
      ]);
      await withSession(database.url, async (client) => {
        await expect
          .poll(async () => {
            const { rows } = await client.query(
              `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(2)%' AND pid <> pg_backend_pid()`,
            );
            return rows.length;
          })
          .toBe(1);
        await client.query(
          `SET lock_timeout = '500ms'; INSERT INTO busy VALUES (1); ALTER TABLE busy ADD COLUMN n int`,
        );
      });
      const [rows] = await counting;
      expect(rows).toMatchObject({ count: 50, measured: 'exact' });
    });

    it('does not take a table for empty that was written anew meanwhile', async () => {
      const busy = await tableOf(database.url, 'busy');
      const counting = measure(database.url, [
        { what: 'rows', table: table('users'), where: 'pg_sleep(0.01) IS NOT NULL' },
        { what: 'rows', table: busy, where: null },
      ]);
      await withSession(database.url, async (client) => {
        await expect
          .poll(async () => {
            const { rows } = await client.query(
              `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(0.01)%' AND pid <> pg_backend_pid()`,
            );
            return rows.length;
          })
          .toBe(1);
        await client.query('ALTER TABLE busy ALTER id TYPE bigint');
      });
      const [, rows] = await counting;
      expect(rows).toMatchObject({ count: null, measured: 'unknown' });
      expect(rows?.why).toContain('anew');
    });

    it('does not wait for long where somebody has locked a table', async () => {
      const busy = await tableOf(database.url, 'busy');
      await withSession(database.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE');
        const [locked, free] = await measure(database.url, [
          { what: 'rows', table: busy, where: null },
          { what: 'rows', table: table('users'), where: null },
        ]);
        await client.query('ROLLBACK');
        expect(locked).toMatchObject({ count: null, measured: 'unknown' });
        expect(locked?.why).toContain('lock');
        expect(free).toMatchObject({ count: 200, measured: 'exact' });
      });
    });

    it('counts again within a transaction, and leaves it as it was', async () => {
      const busy = await tableOf(database.url, 'busy');
      const session = await openSession(database.url);
      try {
        await session.execute('BEGIN', 'a test');
        await session.execute(
          `SET LOCAL search_path = public; DELETE FROM busy WHERE id <= 10`,
          'a test',
        );
        const options = { timeoutMs: 5000, samples: 3, estimates: new Map() };
        const [rows, bad] = await measureImpacts(
          session,
          [
            { what: 'rows', table: busy, where: null },
            { what: 'rows', table: busy, where: '1/0 = 1' },
          ],
          options,
        );
        expect(rows?.count).toBe(40);
        expect(bad?.count).toBeNull();
        await session.execute('INSERT INTO busy VALUES (7)', 'a test');
        const { count } = await session.queryOne<{ count: string }>('SELECT count(*) FROM busy');
        expect(Number(count)).toBe(41);
        await session.execute('COMMIT', 'a test');
      } finally {
        await session.close();
      }
    });

    it('ends with what it counts when it is cancelled', async () => {
      const controller = new AbortController();
      const session = await openSession(database.url);
      try {
        const slow: Measure = {
          what: 'query',
          sql: 'SELECT 1 AS rows FROM pg_sleep(30)',
          searchPath: null,
          tables: [],
        };
        const counting = measureImpacts(session, [slow], {
          ...{ timeoutMs: 60_000, samples: 3, estimates: new Map(), signal: controller.signal },
        });
        setTimeout(() => {
          controller.abort();
          void rowsOf(database.url, 'SELECT pg_cancel_backend($1)', [session.pid]);
        }, 300);
        await expect(counting).rejects.toMatchObject({ code: 'CANCELED_BY_SERVER' });
        expect(session.client.getTransactionStatus()).toBe('I');
      } finally {
        await session.close();
      }
    });
  });
});
