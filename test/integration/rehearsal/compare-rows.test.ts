import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StateComparison } from '../../../src/postgres/rehearsal/compare-states.js';
import { testServers } from '../../support/servers.js';
import {
  compareCase,
  makeTableCases,
  type StateCase,
  type TableCase,
  tablesOf,
} from '../../support/state-case.js';

/** Ten rows: 1 to 10, of which the even ones have a note. */
const ten = `CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, amount numeric(10,2), note text);
  INSERT INTO t SELECT g, 'n' || g, g * 1.25, CASE WHEN g % 2 = 0 THEN 'note ' || g END FROM generate_series(1, 10) g;
  CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1);`;
/** Large enough for several ranges of blocks. */
const many = `CREATE TABLE t (id int PRIMARY KEY, name text, note text);
  INSERT INTO t SELECT g, 'n' || g, repeat('x', 100) FROM generate_series(1, 20000) g;`;

const cases: readonly TableCase[] = [
  { name: 'nothing', setup: ten, migration: ['SELECT 1'], expected: [] },
  {
    name: 'an update that changes nothing',
    setup: ten,
    migration: ['UPDATE t SET name = name', 'UPDATE t SET id = id WHERE id < 5'],
    expected: [],
  },
  {
    name: 'values lost, changed and set, also in the same row',
    setup: ten,
    migration: [
      'UPDATE t SET note = NULL WHERE id IN (2, 4)',
      `UPDATE t SET note = 'new' WHERE id IN (1, 6)`,
      'UPDATE t SET amount = 0 WHERE id = 6',
    ],
    expected: ['t: 10 > 10, 4 updated; amount: 1 changed; note: 2 lost, 1 changed, 1 set'],
  },
  {
    name: 'an update of all rows',
    setup: ten,
    migration: ['UPDATE t SET amount = amount + 1'],
    expected: ['t: 10 > 10, 10 updated; amount: 10 changed'],
  },
  {
    name: 'rows inserted and deleted',
    setup: ten,
    migration: ['DELETE FROM t WHERE id > 7', `INSERT INTO t VALUES (8, 'eight'), (20, 'twenty')`],
    expected: [
      't: 10 > 9, 1 inserted, 2 deleted, 1 updated; name: 1 changed; amount: 1 lost; note: 1 lost',
    ],
  },
  {
    name: 'rows that only came',
    setup: ten,
    migration: [`INSERT INTO t VALUES (20, 'twenty'), (21, 'more')`],
    expected: ['t: 10 > 12, 2 inserted'],
  },
  {
    name: 'rows deleted and put back as they were',
    setup: ten,
    migration: [
      'CREATE TEMP TABLE aside AS SELECT * FROM t',
      'DELETE FROM t',
      'INSERT INTO t SELECT * FROM aside ORDER BY id DESC',
    ],
    expected: [],
  },
  {
    name: 'all rows deleted',
    setup: ten,
    migration: ['DELETE FROM t'],
    expected: ['t: 10 > 0, 10 deleted'],
  },
  {
    name: 'TRUNCATE',
    setup: ten,
    migration: ['TRUNCATE t'],
    expected: ['t: 10 > 0, 10 deleted'],
  },
  {
    name: 'TRUNCATE and most rows put back',
    setup: ten,
    migration: [
      'CREATE TEMP TABLE aside AS SELECT * FROM t',
      'TRUNCATE t',
      `INSERT INTO t SELECT id, upper(name), amount, note FROM aside WHERE id < 9`,
    ],
    expected: ['t: 10 > 8, 2 deleted, 8 updated; name: 8 changed'],
  },
  {
    name: 'what was rolled back, also to a savepoint',
    setup: ten,
    migration: [
      'BEGIN',
      `INSERT INTO t VALUES (20, 'twenty')`,
      'DELETE FROM t WHERE id < 3',
      'ROLLBACK',
      'BEGIN',
      'SAVEPOINT s',
      'UPDATE t SET note = NULL',
      'ROLLBACK TO s',
      `UPDATE t SET name = 'x' WHERE id = 9`,
      'COMMIT',
    ],
    expected: ['t: 10 > 10, 1 updated; name: 1 changed'],
  },
  {
    name: 'a key that is another now',
    setup: ten,
    migration: ['UPDATE t SET id = 100 WHERE id = 1'],
    expected: ['t: 10 > 10, 1 inserted, 1 deleted'],
  },
  {
    name: 'a row that took the key of another',
    setup: ten,
    migration: ['DELETE FROM t WHERE id = 1', 'UPDATE t SET id = 1 WHERE id = 2'],
    expected: ['t: 10 > 9, 1 deleted, 1 updated; name: 1 changed; amount: 1 changed; note: 1 set'],
  },
  {
    name: 'rows in some blocks of a larger table',
    setup: many,
    migration: [
      'DELETE FROM t WHERE id % 5000 = 17',
      'UPDATE t SET name = NULL WHERE id BETWEEN 9000 AND 9009',
      `UPDATE t SET name = 'twice' WHERE id = 9000`,
      `INSERT INTO t VALUES (-1, 'first')`,
    ],
    expected: ['t: 20000 > 19997, 1 inserted, 4 deleted, 10 updated; name: 9 lost, 1 changed'],
  },
  {
    name: 'places of deleted rows that others took',
    setup: many,
    migration: [
      'DELETE FROM t WHERE id <= 3000',
      'VACUUM t',
      `INSERT INTO t SELECT g, 'again', repeat('x', 100) FROM generate_series(1, 2990) g`,
    ],
    expected: ['t: 20000 > 19990, 10 deleted, 2990 updated; name: 2990 changed'],
  },
  {
    name: 'more than half of a larger table',
    setup: `${many} INSERT INTO t SELECT g, 'n' || g FROM generate_series(20001, 45000) g`,
    migration: [`UPDATE t SET name = 'all' WHERE id > 15000`, 'DELETE FROM t WHERE id <= 10'],
    expected: ['t: 45000 > 44990, 10 deleted, 30000 updated; name: 30000 changed'],
  },
  {
    name: 'VACUUM FULL and CLUSTER, which only move rows',
    setup: many,
    migration: [
      'DELETE FROM t WHERE id = 5',
      'VACUUM FULL t',
      'CLUSTER t USING t_pkey',
      'VACUUM FREEZE t',
    ],
    expected: ['t: 20000 > 19999, 1 deleted'],
  },
  {
    name: 'no key: rows that are there less often, or more',
    setup: `CREATE TABLE t (a int, b text); INSERT INTO t SELECT g % 3, NULL FROM generate_series(1, 30) g;
      INSERT INTO t VALUES (7, ''), (8, 'x')`,
    migration: [
      'DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE a = 1 LIMIT 4)',
      'INSERT INTO t VALUES (2, NULL), (2, NULL)',
      `UPDATE t SET b = NULL WHERE a = 7`,
    ],
    expected: ['t (whole row): 32 > 30, 3 inserted, 5 deleted'],
  },
  {
    name: 'a unique key where there is no primary one, of two columns',
    setup: `CREATE TABLE t (a int NOT NULL, b text NOT NULL, c text, UNIQUE (a, b));
      INSERT INTO t SELECT g / 3, 'b' || g % 3, 'c' FROM generate_series(1, 9) g`,
    migration: [`UPDATE t SET c = 'd' WHERE a = 1`, `DELETE FROM t WHERE a = 3`],
    expected: ['t (unique key): 9 > 8, 1 deleted, 3 updated; c: 3 changed'],
  },
  {
    name: 'a unique index that may hold nulls, or is of some rows only, is no key',
    setup: `CREATE TABLE t (a int UNIQUE, b int NOT NULL); CREATE UNIQUE INDEX ON t (b) WHERE b > 0;
      INSERT INTO t VALUES (NULL, 0), (NULL, 0), (3, 4)`,
    migration: ['UPDATE t SET b = 5 WHERE a = 3'],
    expected: ['t (whole row): 3 > 3, 1 inserted, 1 deleted'],
  },
  {
    name: 'a primary key that came with the migration',
    setup: `CREATE TABLE t (id int, name text); INSERT INTO t SELECT g, 'n' FROM generate_series(1, 5) g`,
    migration: [`UPDATE t SET name = 'm' WHERE id = 2`, 'ALTER TABLE t ADD PRIMARY KEY (id)'],
    expected: ['t: 5 > 5, 1 updated; name: 1 changed'],
  },
  {
    name: 'a key that is no longer one, with the same key twice',
    setup: ten,
    migration: [
      'ALTER TABLE t DROP CONSTRAINT t_pkey',
      `INSERT INTO t SELECT id, 'copy' FROM t WHERE id < 3`,
    ],
    expected: ['t: 10 > 12, 2 inserted'],
  },
  {
    name: 'types that cannot be compared, and large values',
    setup: `CREATE TABLE t (id int PRIMARY KEY, j json, p point, x xml, b bytea, l text);
      INSERT INTO t SELECT g, '{"a": 1, "a":  2}', '(1,2)', '<a/>', NULL, NULL FROM generate_series(1, 3) g;
      UPDATE t SET b = decode(repeat('00ff', 200000), 'hex'), l = (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 9000) g)`,
    migration: [
      `UPDATE t SET j = '{"a": 1, "a": 2}', p = '(1,3)', x = '<b/>' WHERE id = 1`,
      'UPDATE t SET b = set_byte(b, 399999, 7) WHERE id = 2',
      `UPDATE t SET l = l || '.' WHERE id = 3`,
    ],
    expected: [
      't: 3 > 3, 3 updated; j: 1 changed; p: 1 changed; x: 1 changed; b: 1 changed; l: 1 changed',
    ],
  },
  {
    name: 'the same number, written otherwise, and a row of nulls that is none',
    setup: `CREATE TYPE pair AS (a int, b int); CREATE TABLE t (id numeric PRIMARY KEY, n numeric, p pair);
      INSERT INTO t VALUES (1.0, 1.0, '(,)'), (2, 2, NULL)`,
    migration: [
      'UPDATE t SET id = 1.00, n = 1.000 WHERE id = 1',
      'UPDATE t SET p = NULL WHERE id = 1',
      `UPDATE t SET p = '(,)' WHERE id = 2`,
    ],
    expected: ['t: 2 > 2, 2 updated; id: 1 changed; n: 1 changed; p: 1 lost, 1 set'],
  },
  {
    name: 'empty tables, and one without columns',
    setup:
      'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES',
    migration: ['INSERT INTO nothing DEFAULT VALUES', 'DELETE FROM t'],
    expected: ['nothing (whole row): 1 > 2, 1 inserted'],
  },
  {
    name: 'unlogged tables',
    setup: `CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 5) g`,
    migration: ['UPDATE t SET a = NULL WHERE id = 3', 'ALTER TABLE t SET LOGGED'],
    expected: ['t: 5 > 5, 1 updated; a: 1 lost'],
  },
];

describe.each(testServers())('rows that a migration changed, on $name', (server) => {
  let state: StateCase;
  let found: StateComparison;
  let foundByReading: StateComparison;
  beforeAll(async () => {
    state = await makeTableCases(server, cases);
    found = await compareCase(state);
    foundByReading = await compareCase(state, { mark: null });
  });
  afterAll(() => state?.drop());

  it.each(cases.map(({ name, expected }, index) => ({ name, expected, index })))(
    '$name',
    ({ expected, index }) => {
      expect(tablesOf(found, index)).toEqual(expected);
    },
  );

  it('finds the same without knowing where to look', () => {
    expect(foundByReading.tables).toEqual(found.tables);
    expect(foundByReading.tablesUntouched).toBe(0);
  });

  it('finds the same without believing the statistics', async () => {
    const whole = await compareCase(state, { isWhole: true });
    expect(whole.tables).toEqual(found.tables);
    expect(whole.tablesUntouched).toBe(0);
  });

  it('does not read what nothing was written to', () => {
    // Of PostgreSQL 14 statistics prove nothing. The table "other" is in many of the cases.
    expect(found.tablesUntouched).toBeGreaterThan(10);
  });
});
