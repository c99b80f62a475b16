import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';
import { measureOne, tableOf } from './measure-support.js';

interface Case {
  readonly from: string;
  readonly to: string;
  /** Of a column x; null: an assignment cast. */
  readonly using?: string;
  /** Values as SQL, NULL included. */
  readonly values: readonly string[];
  readonly fails: number;
  /** Of those that do not fail. */
  readonly changed: number;
}

const cases: readonly Case[] = [
  {
    from: 'varchar(10)',
    to: 'character varying(3)',
    values: ["'abc'", "'abcd'", "'ab   '", "'é€ab'", 'NULL'],
    fails: 2,
    changed: 1,
  },
  {
    from: 'text',
    to: 'character varying(3)',
    using: 'x::varchar(3)',
    values: ["'abc'", "'abcd'", 'NULL'],
    fails: 0,
    changed: 1,
  },
  {
    from: 'text',
    to: 'character varying(3)',
    using: 'x::varchar(5)',
    values: ["'abc'", "'abcd'"],
    fails: 1,
    changed: 0,
  },
  { from: 'text', to: 'character(2)', values: ["'a'", "'abc'", "'ab '"], fails: 1, changed: 1 },
  {
    from: 'integer',
    to: 'character varying(2)',
    values: ['1', '99', '-99', '100'],
    fails: 2,
    changed: 0,
  },
  {
    from: 'bigint',
    to: 'integer',
    values: ['2147483647', '2147483648', '-2147483649', 'NULL'],
    fails: 2,
    changed: 0,
  },
  { from: 'integer', to: 'smallint', values: ['32767', '32768', '-32768'], fails: 1, changed: 0 },
  { from: 'integer', to: 'bigint', values: ['1', '2147483647'], fails: 0, changed: 0 },
  {
    from: 'numeric',
    to: 'integer',
    values: ['1.5', '2', "'NaN'", "'Infinity'", '2147483647.4', '2147483647.5'],
    fails: 3,
    changed: 2,
  },
  { from: 'numeric(10,2)', to: 'integer', values: ['1.00', '1.20', '7.5'], fails: 0, changed: 2 },
  {
    from: 'numeric(10,2)',
    to: 'numeric(5,1)',
    values: ['9999.94', '9999.95', "'NaN'", '1.10', '1.15', '-10000'],
    fails: 2,
    changed: 2,
  },
  {
    from: 'double precision',
    to: 'integer',
    values: ['1', '1.5', "'NaN'", "'-Infinity'", '3e9'],
    fails: 3,
    changed: 1,
  },
  {
    from: 'double precision',
    to: 'bigint',
    values: ['9223372036854775807', '-9223372036854775808', '9e18'],
    fails: 1,
    changed: 0,
  },
  {
    from: 'double precision',
    to: 'real',
    values: ['0.5', '0.1', '1e300', '1e-300', "'NaN'"],
    fails: 2,
    changed: 1,
  },
  {
    from: 'double precision',
    to: 'numeric(4,2)',
    values: ['99.99', '99.995', "'Infinity'", "'NaN'"],
    fails: 2,
    changed: 0,
  },
  {
    from: 'timestamp',
    to: 'date',
    values: ["'2020-01-01'", "'2020-01-01 10:00'", "'infinity'"],
    fails: 0,
    changed: 1,
  },
  {
    from: 'timestamptz',
    to: 'date',
    values: ["'2020-01-01 00:00+00'", "'2020-01-01 10:00+00'"],
    fails: 0,
    changed: 1,
  },
  {
    from: 'timestamp',
    to: 'timestamp(0) without time zone',
    values: ["'2020-01-01 10:00'", "'2020-01-01 10:00:00.4'"],
    fails: 0,
    changed: 1,
  },
  {
    from: 'text',
    to: 'mood',
    using: 'x::mood',
    values: ["'sad'", "'ok'", "'glad'", 'NULL'],
    fails: 1,
    changed: 0,
  },
  {
    from: 'text',
    to: 'integer',
    using: 'x::integer',
    values: ["'1'", "'007'", "'x'", "''", 'NULL'],
    fails: 2,
    changed: 1,
  },
  {
    from: 'text',
    to: 'integer',
    using: "replace(x, 'n', '')::int",
    values: ["'n1'", "'2'", "'x'", 'NULL'],
    fails: 1,
    changed: 1,
  },
  {
    from: 'text',
    to: 'integer',
    using: 'length(x)',
    values: ["'abc'", "'1'", 'NULL'],
    fails: 0,
    changed: 1,
  },
  {
    from: 'text',
    to: 'uuid',
    using: 'x::uuid',
    values: [
      "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
      "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
      "'x'",
    ],
    fails: 1,
    changed: 1,
  },
  {
    from: 'text',
    to: 'jsonb',
    using: 'x::jsonb',
    values: [`'{"a": 1}'`, `'{"a":1,"a":2}'`, "'{'"],
    fails: 1,
    changed: 1,
  },
  { from: 'jsonb', to: 'text', values: [`'{"a": 1}'`, 'NULL'], fails: 0, changed: 0 },
  { from: 'json', to: 'jsonb', values: [`'{"a": 1}'`, `'{"b": 1, "a": 2}'`], fails: 0, changed: 1 },
  {
    from: 'integer',
    to: 'boolean',
    using: 'x <> 0',
    values: ['0', '1', '2', 'NULL'],
    fails: 0,
    changed: 1,
  },
  {
    from: 'integer',
    to: 'text',
    using: "'n' || x",
    values: ['1', '2', 'NULL'],
    fails: 0,
    changed: 2,
  },
  { from: 'integer', to: 'text', values: ['1', 'NULL'], fails: 0, changed: 0 },
  {
    from: 'integer',
    to: 'date',
    using: "date '2020-01-01' + x",
    values: ['1', '2', 'NULL'],
    fails: 0,
    changed: 2,
  },
  {
    from: 'integer',
    to: 'numeric(3,2)',
    using: '10.0 / x',
    values: ['0', '2', '1', '5'],
    fails: 2,
    changed: 2,
  },
  { from: 'text', to: 'short', values: ["'ab'", "'abcd'", "'no'"], fails: 2, changed: 0 },
  {
    from: 'text',
    to: 'short',
    using: 'x::short',
    values: ["'ab'", "'abcd'", "'no'"],
    fails: 1,
    changed: 1,
  },
  {
    from: 'text[]',
    to: 'character varying(3)[]',
    values: ["'{abc,ab}'", "'{abcd}'", "'{}'", 'NULL'],
    fails: 1,
    changed: 0,
  },
  { from: 'integer[]', to: 'smallint[]', values: ["'{1,2}'", "'{1,99999}'"], fails: 1, changed: 0 },
  { from: 'bit(4)', to: 'bit(3)', values: ["B'0101'", "B'0000'"], fails: 2, changed: 0 },
  {
    from: 'bit varying',
    to: 'bit varying(3)',
    values: ["B'010'", "B'0101'"],
    fails: 1,
    changed: 0,
  },
  {
    from: 'interval',
    to: 'time without time zone',
    values: ["'1 hour'", "'1 day 1 hour'"],
    fails: 0,
    changed: 1,
  },
  { from: 'citext_like', to: 'text', values: ["'A'"], fails: 0, changed: 0 },
  {
    from: 'text',
    to: 'text',
    using: "nullif(x, '')",
    values: ["''", "'a'", 'NULL'],
    fails: 0,
    changed: 1,
  },
  {
    from: 'text',
    to: 'text',
    using: "coalesce(x, 'none')",
    values: ["'a'", 'NULL'],
    fails: 0,
    changed: 0,
  },
];

const setUp = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'no');
  CREATE DOMAIN citext_like AS text;
`;

describe.each(testServers())('conversions on $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, { sql: setUp });
  });
  afterAll(() => database?.drop());

  const alter = ({ to, using }: Pick<Case, 'to' | 'using'>) =>
    `ALTER TABLE c ALTER x TYPE ${to}${using ? ` USING ${using}` : ''}`;

  /** Each value by itself, for real. */
  const countReallyFailing = (one: Case) =>
    withSession(database.url, async (client) => {
      let count = 0;
      for (const value of one.values) {
        await client.query(`BEGIN; TRUNCATE c; INSERT INTO c VALUES (1, ${value})`);
        await client.query(alter(one)).catch(() => {
          count += 1;
        });
        await client.query('ROLLBACK');
      }
      return count;
    });

  it.each(cases.map((one) => [`${one.from} to ${one.to} ${one.using ?? ''}`, one] as const))(
    'counts what fails and what changes: %s',
    async (_, one) => {
      const { from, to, using = null, values, fails, changed } = one;
      const list = values.map((value, index) => `(${index + 1}, ${value})`).join(', ');
      await run(
        database.url,
        `DROP TABLE IF EXISTS c; CREATE TABLE c (id int PRIMARY KEY, x ${from}); INSERT INTO c VALUES ${list}`,
      );
      const table = await tableOf(database.url, 'c');
      const measured = await measureOne(database.url, {
        ...{ what: 'conversion', table, column: '"x"', from, to, using },
      });
      expect(measured).toMatchObject({ count: fails, changed, measured: 'exact' });
      expect(measured.samples.length > 0).toBe(fails + changed > 0);
      expect(await countReallyFailing(one)).toBe(fails);
    },
  );

  it.each([
    { from: 'text', to: 'integer', standard: null },
    { from: 'text', to: 'mood', standard: null },
    { from: 'integer', to: 'boolean', standard: null },
    { from: 'integer', to: 'date', standard: null },
    { from: 'text[]', to: 'integer[]', standard: null },
  ])('says that $from cannot become $to by itself, rows or not', async ({ from, to }) => {
    await run(database.url, `DROP TABLE IF EXISTS c; CREATE TABLE c (id int, x ${from})`);
    const table = await tableOf(database.url, 'c');
    const measured = await measureOne(database.url, {
      ...{ what: 'conversion', table, column: '"x"', from, to, using: null },
    });
    expect(measured.refused).toContain('cannot be cast automatically');
    await expect(run(database.url, alter({ to }))).rejects.toMatchObject({ code: '42804' });
  });

  it('says that a default cannot be cast', async () => {
    await run(database.url, `DROP TABLE IF EXISTS c; CREATE TABLE c (id int, x text DEFAULT '5')`);
    const table = await tableOf(database.url, 'c');
    const common = { what: 'conversion', table, column: '"x"', from: 'text' } as const;
    const measured = await measureOne(database.url, {
      ...{ ...common, to: 'integer', using: 'x::int', default: "'5'::text" },
    });
    expect(measured.refused).toContain('default');
    const statement = alter({ to: 'integer', using: 'x::int' });
    await expect(run(database.url, statement)).rejects.toMatchObject({ code: '42804' });
    const fine = await measureOne(database.url, {
      ...{ ...common, to: 'character varying(4)', using: null, default: "'5'::text" },
    });
    expect(fine.refused).toBeUndefined();
  });

  it('shows keys with the value before and after', async () => {
    await run(
      database.url,
      `DROP TABLE IF EXISTS c; CREATE TABLE c (a int, b text, x numeric, PRIMARY KEY (a, b));
       INSERT INTO c VALUES (1, 'one', 1.5), (2, 'two', 2), (3, 'three', 1e20)`,
    );
    const table = await tableOf(database.url, 'c');
    const { samples } = await measureOne(database.url, {
      ...{ what: 'conversion', table, column: 'x', from: 'numeric', to: 'integer', using: null },
    });
    expect(samples).toEqual(['(1, one): 1.5 → 2', '(3, three): 100000000000000000000 fails']);
  });

  it('looks at all partitions', async () => {
    await run(
      database.url,
      `DROP TABLE IF EXISTS c; CREATE TABLE c (id int, x text) PARTITION BY LIST (id);
       CREATE TABLE c1 PARTITION OF c FOR VALUES IN (1); CREATE TABLE c2 PARTITION OF c DEFAULT;
       INSERT INTO c SELECT i, CASE WHEN i % 2 = 0 THEN 'x' ELSE i::text END FROM generate_series(1, 2000) i`,
    );
    const table = await tableOf(database.url, 'c');
    const using = "replace(x, 'y', '')::int";
    const measured = await measureOne(database.url, {
      ...{ what: 'conversion', table, column: 'x', from: 'text', to: 'integer', using },
    });
    expect(measured).toMatchObject({ count: 1000, changed: 0, measured: 'exact' });
    const rows = await rowsOf(database.url, "SELECT count(*) FROM c WHERE x = 'x'");
    expect(Number(rows[0].count)).toBe(1000);
  });
});
