import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { impactsOf } from './dml-support.js';

const fixture = `
  CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, age int, boss int REFERENCES users ON DELETE CASCADE);
  INSERT INTO users SELECT i, CASE WHEN i % 3 > 0 THEN 'u' || i || '@x' END, CASE WHEN i % 2 = 0 THEN i END,
                           CASE WHEN i > 50 THEN i - 50 END FROM generate_series(1, 100) i;
  CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, total numeric);
  INSERT INTO orders SELECT i, 1 + i % 100, i FROM generate_series(1, 300) i;
  CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
  INSERT INTO items SELECT i, 1 + i % 300 FROM generate_series(1, 900) i;
  CREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE SET NULL, at timestamptz DEFAULT now());
  INSERT INTO visits SELECT i, 1 + i % 200 % 100 FROM generate_series(1, 150) i;
  CREATE TABLE codes (code text PRIMARY KEY, note text);
  INSERT INTO codes VALUES ('a', 'one'), ('b', NULL), ('c', 'three');
  CREATE TABLE coded (id int, code text REFERENCES codes ON UPDATE CASCADE);
  INSERT INTO coded VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, NULL);
  CREATE TABLE strict_codes (id int, code text REFERENCES codes);
  INSERT INTO strict_codes VALUES (1, 'c');
  CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers VALUES (1), (2), (3);
  CREATE TABLE numbered (n int REFERENCES numbers); INSERT INTO numbered VALUES (2), (3);
  CREATE TABLE parts (id int, region text, x int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
  CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a'); CREATE TABLE parts_b PARTITION OF parts DEFAULT;
  INSERT INTO parts SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, i FROM generate_series(1, 60) i;
  CREATE TABLE part_refs (id int, region text, FOREIGN KEY (id, region) REFERENCES parts ON DELETE CASCADE);
  INSERT INTO part_refs VALUES (1, 'b'), (2, 'a'), (4, 'a'), (6, NULL);
  CREATE TABLE animals (id int, name text); CREATE TABLE dogs (breed text) INHERITS (animals);
  INSERT INTO animals VALUES (1, 'x'), (2, NULL); INSERT INTO dogs VALUES (3, 'y', 'z'), (1, 'w', NULL);
  CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree ON DELETE CASCADE);
  INSERT INTO tree SELECT i, CASE WHEN i > 1 THEN i / 2 END FROM generate_series(1, 31) i;
  CREATE MATERIALIZED VIEW stored AS SELECT 1 AS id; CREATE SEQUENCE counter;
  CREATE VIEW adults AS SELECT * FROM users WHERE age > 40;
  CREATE VIEW joined AS SELECT u.id, o.total FROM users u JOIN orders o ON o.user_id = u.id;
  CREATE TABLE logged (id int); INSERT INTO logged VALUES (1);
  CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER log_delete AFTER DELETE ON logged FOR EACH ROW EXECUTE FUNCTION log_it();
  CREATE TABLE late (id int REFERENCES numbers DEFERRABLE INITIALLY DEFERRED); INSERT INTO late VALUES (1);
  CREATE TABLE loop_a (id int PRIMARY KEY, b int); CREATE TABLE loop_b (id int PRIMARY KEY, a int REFERENCES loop_a ON DELETE CASCADE);
  ALTER TABLE loop_a ADD FOREIGN KEY (b) REFERENCES loop_b ON DELETE CASCADE;
  CREATE FUNCTION touching() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM logged; RETURN 1; END';
  CREATE TABLE computed (id int GENERATED ALWAYS AS IDENTITY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
  INSERT INTO computed (n) VALUES (1), (2);
  CREATE PROCEDURE proc() LANGUAGE plpgsql AS 'BEGIN NULL; END';
`;

/** Rows that go or change in a table, as the statement really does it. */
interface Case {
  readonly sql: string;
  /** Per impact: rule, object, rows, records at risk; null: not known. */
  readonly expected: readonly (readonly [
    rule: string,
    object: string,
    rows: number | null,
    records: number | null,
  ])[];
  /** Counts that tell what was really lost: each before minus after. */
  readonly really?: Readonly<Record<string, string>>;
  readonly fails?: boolean;
}

const deleteUsers = (rows: number, orders: number, items: number, visits: number, followers = 0) =>
  [
    ['delete', 'public.users', rows, rows],
    ['cascade-delete', 'public.users', followers, followers],
    ['cascade-delete', 'public.orders', orders, orders],
    ['cascade-delete', 'public.items', items, items],
    ['cascade-update', 'public.visits', visits, visits],
  ] as const;

const cases: readonly Case[] = [
  { sql: 'DELETE FROM users WHERE id > 90', expected: deleteUsers(10, 30, 90, 10) },
  { sql: 'DELETE FROM users WHERE id <= 10', expected: deleteUsers(10, 60, 180, 30, 10) },
  {
    sql: 'DELETE FROM users u USING numbers n WHERE u.id = n.n + 90',
    expected: deleteUsers(3, 9, 27, 3),
  },
  {
    sql: 'DELETE FROM users WHERE id IN (SELECT user_id FROM orders WHERE id < 3)',
    expected: deleteUsers(2, 12, 36, 6, 2),
  },
  {
    sql: 'WITH few AS (SELECT n + 97 AS n FROM numbers) DELETE FROM users WHERE id IN (SELECT n FROM few)',
    expected: deleteUsers(3, 9, 27, 3),
  },
  { sql: 'DELETE FROM items', expected: [['delete-without-where', 'public.items', 900, 900]] },
  {
    sql: 'DELETE FROM tree WHERE id = 2',
    expected: [
      ['delete', 'public.tree', 1, 1],
      ['cascade-delete', 'public.tree', 14, 14],
    ],
  },
  { sql: 'DELETE FROM tree', expected: [['delete-without-where', 'public.tree', 31, 31]] },
  {
    sql: "DELETE FROM parts WHERE region = 'a' AND id < 5",
    expected: [
      ['delete', 'public.parts', 2, 2],
      ['cascade-delete', 'public.part_refs', 2, 2],
    ],
  },
  {
    sql: 'DELETE FROM parts_a WHERE id < 5',
    expected: [
      ['delete', 'public.parts_a', 2, 2],
      ['cascade-delete', 'public.part_refs', 2, 2],
    ],
  },
  { sql: 'DELETE FROM animals WHERE id = 1', expected: [['delete', 'public.animals', 2, 2]] },
  { sql: 'DELETE FROM ONLY animals WHERE id = 1', expected: [['delete', 'public.animals', 1, 1]] },
  {
    sql: "DELETE FROM codes WHERE code = 'b'",
    fails: true,
    expected: [
      ['delete', 'public.codes', 1, 1],
      ['rows-in-the-way', 'public.coded', 1, 0],
      ['rows-in-the-way', 'public.strict_codes', 0, 0],
    ],
  },
  {
    sql: 'DELETE FROM adults WHERE id < 50',
    expected: [
      ['delete', 'public.adults', 4, 4],
      ['cascade-delete', 'public.users', null, null],
      ['cascade-delete', 'public.orders', null, null],
      ['cascade-delete', 'public.items', null, null],
      ['cascade-update', 'public.visits', null, null],
    ],
  },
  {
    sql: 'UPDATE users SET age = age + 1',
    expected: [['update-without-where', 'public.users', 100, 50]],
  },
  {
    sql: 'UPDATE users SET email = NULL, age = 3 WHERE id <= 12',
    expected: [['update', 'public.users', 12, 10]],
  },
  {
    sql: 'UPDATE users u SET age = o.id FROM orders o WHERE o.user_id = u.id AND o.total > 290',
    expected: [['update', 'public.users', 10, 5]],
  },
  {
    sql: 'UPDATE users SET (email, age) = (SELECT NULL, 1) WHERE id = 2',
    expected: [['update', 'public.users', 1, 1]],
  },
  {
    sql: "UPDATE codes SET code = 'z' WHERE code = 'a'",
    expected: [
      ['update', 'public.codes', 1, 1],
      ['cascade-update', 'public.coded', 2, 2],
      ['rows-in-the-way', 'public.strict_codes', 0, 0],
    ],
  },
  {
    sql: "UPDATE codes SET code = 'z' WHERE code = 'c'",
    fails: true,
    expected: [
      ['update', 'public.codes', 1, 1],
      ['cascade-update', 'public.coded', 0, 0],
      ['rows-in-the-way', 'public.strict_codes', 1, 0],
    ],
  },
  {
    sql: 'UPDATE numbers SET n = n WHERE n > 1',
    expected: [
      ['update', 'public.numbers', 2, 2],
      ['rows-in-the-way', 'public.numbered', 0, 0],
      ['rows-in-the-way', 'public.late', 0, 0],
    ],
  },
  {
    sql: 'UPDATE numbers SET n = 5 - n WHERE n > 1',
    fails: true,
    expected: [
      ['update', 'public.numbers', 2, 2],
      ['rows-in-the-way', 'public.numbered', 0, 0],
      ['rows-in-the-way', 'public.late', 0, 0],
    ],
  },
  {
    sql: 'UPDATE animals SET name = NULL',
    expected: [['update-without-where', 'public.animals', 4, 3]],
  },
  { sql: "INSERT INTO codes VALUES ('d', 'x')", expected: [['insert', 'public.codes', 0, 0]] },
  {
    sql: "INSERT INTO codes VALUES ('a', 'x'), ('b', 'y'), ('q', 'z') ON CONFLICT (code) DO UPDATE SET note = excluded.note",
    expected: [
      ['insert', 'public.codes', 0, 0],
      ['insert-on-conflict', 'public.codes', 2, 1],
    ],
  },
  {
    sql: 'INSERT INTO users (id, age) SELECT n, 5 FROM numbers ORDER BY n LIMIT 2 ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET age = excluded.age WHERE users.age IS NOT NULL',
    expected: [
      ['insert', 'public.users', 0, 0],
      ['insert-on-conflict', 'public.users', 1, 1],
    ],
  },
  {
    sql: "INSERT INTO users (id, age) VALUES ('4', '5'), (DEFAULT, 7) ON CONFLICT (id) DO UPDATE SET age = 1",
    fails: true,
    expected: [
      ['insert', 'public.users', 0, 0],
      ['insert-on-conflict', 'public.users', 1, 1],
    ],
  },
  {
    sql: "INSERT INTO codes VALUES ('a') ON CONFLICT DO NOTHING",
    expected: [['insert', 'public.codes', 0, 0]],
  },
  {
    sql: 'TRUNCATE items, animals',
    expected: [
      ['truncate', 'public.items', 900, 900],
      ['truncate', 'public.animals', 4, 4],
    ],
  },
  {
    sql: 'DELETE FROM stored',
    fails: true,
    expected: [['object-missing', 'public.stored', 0, 0]],
  },
  {
    sql: 'DELETE FROM items WHERE nothing_there = 1',
    fails: true,
    expected: [['delete', 'public.items', 0, 0]],
  },
  {
    sql: 'UPDATE items SET order_id = nothing_there',
    fails: true,
    expected: [['update-without-where', 'public.items', 0, 0]],
  },
  {
    sql: 'UPDATE computed SET twice = 1',
    fails: true,
    expected: [['update-without-where', 'public.computed', 0, 0]],
  },
  {
    sql: 'UPDATE computed SET id = 9',
    fails: true,
    expected: [['update-without-where', 'public.computed', 0, 0]],
  },
  {
    sql: 'DELETE FROM ONLY parts',
    expected: [
      ['delete-without-where', 'public.parts', 0, 0],
      ['cascade-delete', 'public.part_refs', 0, 0],
    ],
  },
  { sql: 'TRUNCATE ONLY parts', fails: true, expected: [['truncate', 'public.parts', 0, 0]] },
  { sql: 'TRUNCATE ONLY animals', expected: [['truncate', 'public.animals', 2, 2]] },
  {
    sql: 'TRUNCATE parts, part_refs',
    expected: [
      ['truncate', 'public.parts', 60, 60],
      ['truncate', 'public.part_refs', 4, 4],
    ],
  },
  { sql: 'TRUNCATE orders', fails: true, expected: [['truncate', 'public.orders', 300, 0]] },
  {
    sql: 'TRUNCATE users CASCADE',
    expected: [
      ['truncate', 'public.users', 100, 100],
      ['truncate', 'public.orders', 300, 300],
      ['truncate', 'public.visits', 150, 150],
      ['truncate', 'public.items', 900, 900],
    ],
  },
  { sql: 'TRUNCATE nothing', fails: true, expected: [['object-missing', 'nothing', 0, 0]] },
  {
    sql: 'WITH gone AS (DELETE FROM items WHERE id < 11 RETURNING *) INSERT INTO numbers SELECT id + 100 FROM gone',
    expected: [
      ['delete', 'public.items', 10, 10],
      ['insert', 'public.numbers', 0, 0],
    ],
  },
  {
    sql: 'WITH gone AS (DELETE FROM items WHERE id < 11 RETURNING *) SELECT count(*) FROM gone',
    expected: [['delete', 'public.items', 10, 10]],
  },
  {
    sql: 'PREPARE p (int) AS DELETE FROM items WHERE id < $1; EXECUTE p (6)',
    expected: [
      ['read-only', 'p', 0, 0],
      ['delete', 'public.items', 5, 5],
    ],
  },
];

const mergeCase: Case = {
  sql: `MERGE INTO users u USING numbers n ON u.id = n.n
         WHEN MATCHED AND u.age IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET age = 0
         WHEN NOT MATCHED THEN INSERT (id) VALUES (n.n)`,
  expected: [
    ...([
      ['merge', 'public.users', 2, 2],
      ['cascade-delete', 'public.users', 2, 2],
    ] as const),
    ...([
      ['cascade-delete', 'public.orders', 12, 12],
      ['cascade-delete', 'public.items', 36, 36],
    ] as const),
    ...([
      ['cascade-update', 'public.visits', 6, 6],
      ['merge', 'public.users', 1, 1],
      ['merge', 'public.users', 0, 0],
    ] as const),
  ],
};

/** Of PostgreSQL 17 and later. */
const bySourceCase: Case = {
  sql: `MERGE INTO numbers USING (SELECT 1 AS n UNION SELECT 2) s ON numbers.n = s.n
         WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN DO NOTHING`,
  fails: true,
  expected: [
    ['merge', 'public.numbers', 1, 1],
    ['rows-in-the-way', 'public.numbered', 1, 0],
    ['rows-in-the-way', 'public.late', 0, 0],
  ],
};

const tables = [
  'users',
  'orders',
  'items',
  'visits',
  'codes',
  'coded',
  'parts',
  'part_refs',
  'animals',
  'dogs',
  'tree',
  'numbers',
];

describe.each(testServers())('statements that change rows, on $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, { sql: fixture });
  });
  afterAll(() => database?.drop());

  /** Rows, as text, that are there before and not after, by table. */
  const reallyLost = (sql: string) =>
    withSession(database.url, async (client) => {
      const rows = async (table: string) =>
        (
          await client.query(
            `SELECT t::text AS row FROM ONLY ${table} t`.replace('ONLY parts ', 'parts '),
          )
        ).rows.map(({ row }): string => row);
      await client.query('BEGIN');
      const before = new Map<string, string[]>();
      for (const table of tables) before.set(table, await rows(table));
      await client.query(sql);
      const lost: Record<string, number> = {};
      for (const table of tables) {
        const after = new Map<string, number>();
        for (const row of await rows(table)) after.set(row, (after.get(row) ?? 0) + 1);
        lost[table] = (before.get(table) ?? []).filter((row) => {
          const left = after.get(row) ?? 0;
          after.set(row, left - 1);
          return left <= 0;
        }).length;
      }
      await client.query('ROLLBACK');
      return lost;
    });

  const tried = [...cases, mergeCase, ...(server.name.endsWith(' 18') ? [bySourceCase] : [])];

  it.each(tried.map((one) => [one.sql.replaceAll(/\s+/g, ' '), one] as const))(
    'counts: %s',
    async (_, one) => {
      const impacts = await impactsOf(database.url, one.sql);
      const got = impacts.map((impact) => [
        impact.rule,
        impact.object,
        impact.rowsAffected,
        impact.recordsAtRisk,
      ]);
      expect(got).toEqual(one.expected);
      const isRun = withSession(database.url, async (client) => {
        await client.query('BEGIN');
        await client.query(one.sql);
        // Not the deferred ones: they fail only when the transaction ends.
        await client.query('ROLLBACK');
      });
      if (one.fails) await expect(isRun).rejects.toThrow();
      else await isRun;
      if (one.fails) return;
      const lost = await reallyLost(one.sql);
      const said = (table: string) =>
        impacts
          .filter(({ object }) => object === `public.${table}`)
          .reduce((sum, impact) => sum + (impact.rowsAffected ?? Number.NaN), 0);
      for (const table of ['orders', 'items', 'visits', 'part_refs', 'tree', 'coded']) {
        const count = said(table);
        if (!Number.isNaN(count)) expect([table, lost[table]]).toEqual([table, count]);
      }
      expect(impacts.some(({ wouldFail }) => wouldFail)).toBe(false);
    },
  );

  it('never calls code safe that it cannot see', async () => {
    const sql = `DO 'BEGIN DELETE FROM logged; END'; CALL proc(); SELECT touching(); SELECT now(), random();
      UPDATE logged SET id = touching(); EXECUTE unknown_one; SELECT setval('x', 1)`;
    const impacts = await impactsOf(database.url, sql);
    expect(impacts.map(({ rule, safety, recordsAtRisk }) => [rule, safety, recordsAtRisk])).toEqual(
      [
        ['opaque-code', 'UNSAFE', null],
        ['opaque-code', 'UNSAFE', null],
        ['opaque-code', 'UNSAFE', null],
        ['read-only', 'SAFE', 0],
        ['update-without-where', 'DATA_LOSS', 1],
        ['opaque-code', 'UNSAFE', null],
        ['opaque-code', 'UNSAFE', null],
        ['opaque-code', 'UNSAFE', null],
      ],
    );
  });

  it('says what it cannot count, and never counts it as nothing', async () => {
    const sql = `DELETE FROM joined; DELETE FROM items WHERE random() < 0.5; DELETE FROM items WHERE CURRENT OF c;
      DELETE FROM loop_a WHERE id = 1; DELETE FROM logged;
      INSERT INTO users VALUES (1) ON CONFLICT ((lower(email))) DO UPDATE SET age = 1`;
    const impacts = await impactsOf(database.url, sql);
    const unknown = impacts.filter(({ measured }) => measured === 'unknown');
    expect(unknown.map(({ object, recordsAtRisk }) => [object, recordsAtRisk])).toEqual([
      ['public.joined', null],
      ['public.items', null],
      ['public.items', null],
      ['public.loop_b', null],
      ['public.users', null],
    ]);
    const logged = impacts.find(({ object }) => object === 'public.logged');
    expect(logged?.reason).toContain('log_delete');
  });

  it('follows what statements before it have done', async () => {
    const [first, second] = await impactsOf(
      database.url,
      'UPDATE users SET age = 1 WHERE id = 1; DELETE FROM users WHERE age = 1',
    );
    expect(first?.after).toEqual([]);
    expect(second?.after).toEqual([1]);
  });

  it('says what a statement that would fail later takes: checked at the end of the transaction', async () => {
    const impacts = await impactsOf(database.url, 'DELETE FROM numbers WHERE n = 1');
    const late = impacts.find(({ object }) => object === 'public.late');
    expect(late).toMatchObject({ rowsAffected: 1, wouldFail: null, rule: 'rows-in-the-way' });
  });
});
