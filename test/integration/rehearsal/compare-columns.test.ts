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
import { rowsOf } from '../../support/targets.js';

const ten = `CREATE TABLE t (id int PRIMARY KEY, name text, amount numeric(10,2), note text);
  INSERT INTO t SELECT g, 'n' || g, g * 1.25, CASE WHEN g % 2 = 0 THEN 'note ' || g END FROM generate_series(1, 10) g`;

const cases: readonly TableCase[] = [
  {
    name: 'a dropped column',
    setup: ten,
    migration: ['ALTER TABLE t DROP COLUMN note'],
    expected: ['t: 10 > 10; note: dropped, 5 lost'],
  },
  {
    name: 'a dropped column, where rows went and were changed too',
    setup: ten,
    migration: [
      'DELETE FROM t WHERE id IN (1, 2)',
      `UPDATE t SET name = 'x', note = NULL WHERE id = 4`,
      'ALTER TABLE t DROP COLUMN note',
      `INSERT INTO t VALUES (20, 'new')`,
    ],
    expected: [
      't: 10 > 9, 1 inserted, 2 deleted, 1 updated; name: 1 changed; note: dropped, 4 lost',
    ],
  },
  {
    name: 'a dropped column of a table that was written anew',
    setup: ten,
    migration: ['ALTER TABLE t DROP COLUMN note', 'DELETE FROM t WHERE id = 2', 'VACUUM FULL t'],
    expected: ['t: 10 > 9, 1 deleted; note: dropped, 4 lost'],
  },
  {
    name: 'a dropped key',
    setup: ten,
    migration: ['ALTER TABLE t DROP COLUMN id', `UPDATE t SET note = 'x' WHERE name = 'n2'`],
    expected: ['t (whole row): 10 > 10, 1 inserted, 1 deleted; id: dropped, 9 lost'],
  },
  {
    name: 'renamed table, columns and schema',
    setup: `${ten}; CREATE TABLE "a ""b.c" ("x;y" int PRIMARY KEY, "-o" text); INSERT INTO "a ""b.c" VALUES (1, 'é')`,
    migration: [
      'ALTER TABLE t RENAME TO u',
      'ALTER TABLE u RENAME note TO remark',
      `UPDATE u SET remark = NULL WHERE id = 2`,
      `ALTER TABLE "a ""b.c" RENAME "-o" TO "new\nline"`,
    ],
    expected: [
      '"a ""b.c": 1 > 1; -o > new\nline',
      't > u: 10 > 10, 1 updated; note > remark: 1 lost',
    ],
  },
  {
    name: 'columns added: empty, with a default, computed, filled',
    setup: ten,
    migration: [
      'ALTER TABLE t ADD empty int, ADD constant int DEFAULT 7, ADD filled text',
      `UPDATE t SET filled = 'x' WHERE id < 4`,
      `INSERT INTO t (id, filled) VALUES (11, 'y')`,
    ],
    expected: [
      't: 10 > 11, 1 inserted; empty: added; constant: added, 10 set; filled: added, 3 set',
    ],
  },
  {
    name: 'a column with a default of which nothing was written',
    setup: ten,
    migration: ['ALTER TABLE t ADD constant int DEFAULT 7'],
    expected: ['t: 10 > 10; constant: added, 10 set'],
  },
  {
    name: 'a generated column, added, and changed by what it is made of',
    setup: `CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
      INSERT INTO t (id, a) SELECT g, g FROM generate_series(1, 5) g; INSERT INTO t (id) VALUES (6)`,
    migration: [
      'ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED',
      'UPDATE t SET a = 100 WHERE id = 1',
    ],
    expected: ['t: 6 > 6, 1 updated; a: 1 changed; b: 1 changed; c: added, 5 set'],
  },
  {
    name: 'a type without loss: wider numbers, text, time zones',
    setup: `CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(20), c timestamp, d numeric(6,2), e text, f char(5));
      INSERT INTO t SELECT g, g, 'b' || g, '2024-01-01'::timestamp + g * interval '1 hour', g * 1.5, g::text, 'f' FROM generate_series(1, 5) g`,
    migration: [
      'ALTER TABLE t ALTER id TYPE bigint, ALTER a TYPE numeric(20,4), ALTER b TYPE text',
      `ALTER TABLE t ALTER c TYPE timestamptz USING c AT TIME ZONE 'UTC', ALTER d TYPE float8`,
      'ALTER TABLE t ALTER e TYPE int USING e::int, ALTER f TYPE text',
    ],
    expected: [
      't: 5 > 5; id: retyped; a: retyped; b: retyped; c: retyped; d: retyped; e: retyped; f: retyped',
    ],
  },
  {
    name: 'a number that only lost its zeros, also as key; and one that lost more',
    setup: `CREATE TABLE t (id numeric PRIMARY KEY, a numeric, b numeric);
      INSERT INTO t VALUES (1.0, 1.50, 0.10), (2.50, 100, 0.30)`,
    migration: [
      'ALTER TABLE t ALTER id TYPE float8, ALTER a TYPE float8, ALTER b TYPE numeric(4,1)',
      'UPDATE t SET a = 101 WHERE id = 2.5',
    ],
    expected: ['t: 2 > 2, 1 updated; id: retyped; a: retyped, 1 changed; b: retyped'],
  },
  {
    name: 'a type and a schema with another name, and an enum made anew under its old name',
    setup: `CREATE TYPE size AS ENUM ('s', 'm'); CREATE TYPE role AS ENUM ('user', 'admin');
      CREATE TABLE t (id int PRIMARY KEY, s size, r role); INSERT INTO t VALUES (1, 's', 'user'), (2, 'm', 'admin')`,
    migration: [
      'ALTER TYPE size RENAME TO dimension',
      `CREATE TYPE role_new AS ENUM ('user', 'admin', 'guest')`,
      'ALTER TABLE t ALTER r TYPE role_new USING r::text::role_new',
      'DROP TYPE role',
      'ALTER TYPE role_new RENAME TO role',
    ],
    expected: ['t: 2 > 2; r: retyped'],
  },
  {
    name: 'a type that loses: rounded, cut, the time of day',
    setup: `CREATE TABLE t (id int PRIMARY KEY, a numeric(10,2), b text, c timestamp, d text);
      INSERT INTO t SELECT g, g * 0.5, repeat('x', g), '2024-01-01'::timestamp + g * interval '12 hours', '00' || g FROM generate_series(1, 6) g`,
    migration: [
      'ALTER TABLE t ALTER a TYPE int, ALTER b TYPE varchar(3) USING b::varchar(3), ALTER c TYPE date',
      'ALTER TABLE t ALTER d TYPE int USING nullif(d::int, 3)',
    ],
    expected: [
      't: 6 > 6, 6 updated; a: retyped, 3 changed; b: retyped, 3 changed; c: retyped, 3 changed; d: retyped, 1 lost, 5 changed',
    ],
  },
  {
    name: 'values that the old type could not hold',
    setup: `CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(3)); INSERT INTO t SELECT g, g, g FROM generate_series(1, 5) g`,
    migration: [
      'ALTER TABLE t ALTER a TYPE text, ALTER b TYPE text, ALTER id TYPE bigint',
      `UPDATE t SET a = 'many' WHERE id = 1`,
      `UPDATE t SET b = 'longer' WHERE id = 2`,
      `INSERT INTO t VALUES (5000000000, 'x', 'y')`,
    ],
    expected: [
      't: 5 > 6, 1 inserted, 2 updated; id: retyped; a: retyped, 1 changed; b: retyped, 1 changed',
    ],
  },
  {
    name: 'a type that is gone, and one with other names for its values',
    setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE size AS ENUM ('s', 'm');
      CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
      CREATE TABLE t (id int PRIMARY KEY, m mood, s size, e even);
      INSERT INTO t SELECT g, (ARRAY['sad', 'ok'])[1 + g % 2]::mood, 's', 2 FROM generate_series(1, 4) g`,
    migration: [
      'ALTER TABLE t ALTER m TYPE text, ALTER e TYPE int',
      'DROP TYPE mood; DROP DOMAIN even',
      `ALTER TYPE size RENAME VALUE 's' TO 'small'`,
      `UPDATE t SET m = 'glad', e = 3 WHERE id = 1`,
    ],
    expected: ['t: 4 > 4, 1 updated; m: retyped, 1 changed; e: retyped, 1 changed'],
  },
  {
    name: 'a table that was made again, with its rows',
    setup: ten,
    migration: [
      `CREATE TABLE t_new (name text, id bigint PRIMARY KEY, extra int, note text)`,
      `INSERT INTO t_new SELECT name, id, 1, nullif(note, 'note 4') FROM t WHERE id < 10`,
      'DROP TABLE t',
      'ALTER TABLE t_new RENAME TO t',
    ],
    expected: [
      't (remade): 10 > 9, 1 deleted, 1 updated; id: retyped; note: 1 lost; amount: dropped, 9 lost; extra: added, 9 set',
    ],
  },
  {
    name: 'tables dropped and created',
    setup: `${ten}; CREATE TABLE u (a int)`,
    migration: ['DROP TABLE t', 'CREATE TABLE v (id int PRIMARY KEY)', 'INSERT INTO v VALUES (1)'],
    expected: ['t (dropped): 10 > 0, 10 deleted', 'v (created): 0 > 1, 1 inserted'],
  },
  {
    name: 'a table that took the name of another',
    setup: `${ten}; CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)`,
    migration: ['DROP TABLE t', 'ALTER TABLE u RENAME TO t'],
    expected: ['t (dropped): 10 > 0, 10 deleted', 'u > t: 1 > 1'],
  },
  {
    name: 'partitions: attached, detached, and rows that moved from one to another',
    setup: `CREATE TABLE p (id int, a text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
      CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
      CREATE TABLE loose (a text, id int PRIMARY KEY);
      INSERT INTO p SELECT g, 'a' FROM generate_series(1, 19) g; INSERT INTO loose VALUES ('l', 25)`,
    migration: [
      'UPDATE p SET id = id + 100 WHERE false',
      'ALTER TABLE p ATTACH PARTITION loose FOR VALUES FROM (20) TO (30)',
      'UPDATE p SET id = 26 WHERE id = 5',
      'ALTER TABLE p DETACH PARTITION p2',
      `UPDATE p2 SET a = 'b' WHERE id = 12`,
    ],
    expected: [
      'loose: 1 > 2, 1 inserted',
      'p1: 9 > 8, 1 deleted',
      'p2: 10 > 10, 1 updated; a: 1 changed',
    ],
  },
  {
    name: 'tables that inherit: each has its own rows',
    setup: `CREATE TABLE parent (id int PRIMARY KEY, a text); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
      INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (1, 'c'), (2, 'c')`,
    migration: [`UPDATE parent SET a = 'x' WHERE id = 1`, 'ALTER TABLE parent ADD b int DEFAULT 1'],
    expected: [
      'child: 2 > 2, 1 updated; a: 1 changed; b: added, 2 set',
      'parent: 1 > 1, 1 updated; a: 1 changed; b: added, 1 set',
    ],
  },
  {
    name: 'a column that is computed when it is read',
    since: 180000,
    setup: `CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);
      INSERT INTO t (id, a) SELECT g, g FROM generate_series(1, 5) g`,
    migration: [
      'ALTER TABLE t ALTER b SET EXPRESSION AS (CASE WHEN a > 3 THEN a * 2 + 1 ELSE a * 2 END)',
      'ALTER TABLE t ADD c int GENERATED ALWAYS AS (nullif(a, 1)) VIRTUAL',
    ],
    expected: ['t: 5 > 5, 2 updated; b: 2 changed; c: added, 4 set'],
  },
];

describe.each(testServers())('columns and tables that a migration changed, on $name', (server) => {
  let state: StateCase;
  let found: StateComparison;
  let version: number;
  const known: TableCase[] = [];
  beforeAll(async () => {
    const [row] = await rowsOf(
      server.adminUrl,
      `SELECT current_setting('server_version_num')::int AS v`,
    );
    version = row.v;
    known.push(...cases.filter(({ since = 0 }) => since <= version));
    state = await makeTableCases(server, known);
    found = await compareCase(state);
  });
  afterAll(() => state?.drop());

  it.each(cases)('$name', ({ name, since = 0, expected }) => {
    if (since > version) return;
    expect(
      tablesOf(
        found,
        known.findIndex((one) => one.name === name),
      ),
    ).toEqual(expected);
  });

  it('finds the same without knowing where to look', async () => {
    expect((await compareCase(state, { mark: null })).tables).toEqual(found.tables);
  });
});
