import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planMigration } from '../../../src/features/plan/plan-migration.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { run, withTarget } from '../../support/targets.js';

const fixture = `
  CREATE TABLE pairs (a int, b int, note text) PARTITION BY RANGE (a, b);
  CREATE TABLE pairs_1 (a int, b int, note text);
  INSERT INTO pairs_1 VALUES (1, 1), (1, 5), (2, 0), (2, 7), (3, 3), (NULL, 1);
  CREATE TABLE words (word text, n int) PARTITION BY LIST (word);
  CREATE TABLE words_1 (word text, n int);
  INSERT INTO words_1 VALUES ('a', 1), ('b', 2), (NULL, 3), ('it''s', 4);
  CREATE TABLE letters (letter text) PARTITION BY LIST (letter);
  CREATE TABLE letters_a PARTITION OF letters FOR VALUES IN ('a', 'A');
  CREATE TABLE letters_b PARTITION OF letters FOR VALUES IN ('b');
  CREATE TABLE letters_rest (letter text);
  INSERT INTO letters_rest VALUES ('A'), ('b'), ('c'), (NULL);
  CREATE VIEW shown AS SELECT id, parent FROM (VALUES (1, 2)) v (id, parent);
  CREATE TABLE spread (id int) PARTITION BY HASH (id);
  CREATE TABLE spread_1 (id int);
  INSERT INTO spread_1 SELECT generate_series(1, 20);
  CREATE TABLE years (at date) PARTITION BY RANGE (extract(year FROM at));
  CREATE TABLE years_1 (at date);
  INSERT INTO years_1 VALUES ('2024-05-01'), ('2024-06-01'), ('2025-01-01');
  CREATE TABLE days (day date, n int) PARTITION BY RANGE (day);
  CREATE TABLE days_rest PARTITION OF days DEFAULT;
  INSERT INTO days VALUES ('2024-01-01', 1), ('2024-01-31', 2), ('2024-02-01', 3);
  CREATE TABLE days_january (day date, n int);
  CREATE TABLE days_other (day timestamp, n int);
  CREATE DOMAIN percent AS int;
  CREATE TABLE rates (id int PRIMARY KEY, rate percent);
  INSERT INTO rates VALUES (1, 10), (2, 200), (3, NULL), (4, -5);
  CREATE DOMAIN listed AS int;
  CREATE TABLE lists (list listed[]);
  CREATE TABLE roots (id int PRIMARY KEY, parent int);
  INSERT INTO roots VALUES (1, NULL), (2, 1), (3, 99);
  CREATE TABLE heirs () INHERITS (roots);
  INSERT INTO heirs VALUES (3, 99);`;

interface Case {
  readonly sql: string;
  /** Rows on which it fails; 0: it does not fail. */
  readonly fails: number;
  /** It fails whatever the rows. */
  readonly anyway?: boolean;
}

const attach = (parent: string, child: string, bound: string) =>
  `ALTER TABLE ${parent} ATTACH PARTITION ${child} ${bound}`;

const cases: readonly Case[] = [
  { sql: attach('pairs', 'pairs_1', 'FOR VALUES FROM (1, 1) TO (3, 3)'), fails: 2 },
  { sql: attach('pairs', 'pairs_1', 'FOR VALUES FROM (1, 2) TO (2, 7)'), fails: 4 },
  {
    sql: attach('pairs', 'pairs_1', 'FOR VALUES FROM (MINVALUE, MINVALUE) TO (3, MAXVALUE)'),
    fails: 1,
  },
  {
    sql: attach('pairs', 'pairs_1', 'FOR VALUES FROM (1, MAXVALUE) TO (MAXVALUE, MAXVALUE)'),
    fails: 3,
  },
  { sql: attach('pairs', 'pairs_1', 'FOR VALUES FROM (1, MINVALUE) TO (2, MINVALUE)'), fails: 4 },
  { sql: attach('words', 'words_1', "FOR VALUES IN ('a', 'b')"), fails: 2 },
  { sql: attach('words', 'words_1', "FOR VALUES IN (NULL, 'a')"), fails: 2 },
  { sql: attach('words', 'words_1', "FOR VALUES IN ('a', 'b', NULL, 'it''s')"), fails: 0 },
  { sql: attach('letters', 'letters_rest', 'DEFAULT'), fails: 2 },
  { sql: attach('words', 'words_1', 'DEFAULT'), fails: 0 },
  { sql: attach('spread', 'spread_1', 'FOR VALUES WITH (MODULUS 1, REMAINDER 0)'), fails: 0 },
  { sql: attach('years', 'years_1', 'FOR VALUES FROM (2024) TO (2025)'), fails: 1 },
  { sql: attach('years', 'years_1', 'FOR VALUES FROM (2024) TO (2026)'), fails: 0 },
  {
    sql: attach('days', 'days_january', "FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')"),
    fails: 2,
  },
  {
    sql: attach('days', 'days_january', "FOR VALUES FROM ('2023-01-01') TO ('2023-02-01')"),
    fails: 0,
  },
  {
    sql: attach('days', 'days_other', "FOR VALUES FROM ('2023-01-01') TO ('2023-02-01')"),
    fails: 0,
    anyway: true,
  },
  { sql: 'ALTER DOMAIN percent ADD CHECK (VALUE BETWEEN 0 AND 100)', fails: 2 },
  { sql: 'ALTER DOMAIN percent ADD CHECK (VALUE < 1000)', fails: 0 },
  { sql: 'ALTER DOMAIN percent SET NOT NULL', fails: 1 },
  { sql: 'ALTER DOMAIN listed ADD CHECK (VALUE < 1000)', fails: 0, anyway: true },
  { sql: 'ALTER DOMAIN listed ADD CHECK (VALUE < 1000) NOT VALID', fails: 0 },
  { sql: 'ALTER TABLE roots ADD UNIQUE (id, parent)', fails: 0 },
  { sql: 'ALTER TABLE roots ADD FOREIGN KEY (parent) REFERENCES roots', fails: 1 },
  { sql: 'ALTER TABLE roots ALTER parent SET NOT NULL', fails: 1 },
  { sql: 'ALTER TABLE ONLY roots ADD CHECK (parent IS NOT NULL) NO INHERIT', fails: 1 },
  { sql: 'ALTER TABLE roots ADD need int NOT NULL', fails: 4 },
  { sql: 'ALTER TABLE roots ADD need int DEFAULT 5 CHECK (need < 3)', fails: 4 },
  { sql: 'ALTER TABLE roots ADD need int DEFAULT 2 CHECK (need < 3)', fails: 0 },
  { sql: 'ALTER TABLE roots ADD need int DEFAULT 1 REFERENCES roots', fails: 0 },
  { sql: 'ALTER TABLE roots ADD need int DEFAULT 55 REFERENCES roots', fails: 3 },
  { sql: 'ALTER TABLE roots ALTER nothing SET NOT NULL', fails: 0, anyway: true },
  { sql: 'ALTER TABLE shown ALTER parent SET NOT NULL', fails: 0, anyway: true },
  { sql: 'ALTER TABLE shown ALTER parent SET DEFAULT 4', fails: 0 },
  { sql: 'ALTER TABLE nothing ADD x int', fails: 0, anyway: true },
  { sql: 'ALTER TABLE roots ADD PRIMARY KEY (parent)', fails: 0, anyway: true },
];

describe.each(testServers())('what ALTER TABLE fails on, on $name', (server) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'alter', sql: fixture });
  });

  afterAll(() => database.drop());

  it.each(cases)('$sql', async ({ sql, fails, anyway = false }) => {
    const script = { file: 'up.sql', line: 1, sql, inTransaction: true };
    const { statements } = await withTarget(database.url, (target) =>
      planMigration(target, { scripts: [script] }),
    );
    const failing = (statements[0]?.impacts ?? []).filter(({ wouldFail }) => wouldFail);
    const really = await run(database.url, `BEGIN; ${sql}; ROLLBACK`).then(
      () => false,
      () => true,
    );
    expect(really).toBe(fails > 0 || anyway);
    expect(failing.length > 0).toBe(really);
    const rows = failing.reduce((sum, { rowsAffected }) => sum + (rowsAffected ?? 0), 0);
    expect(rows).toBe(fails);
  });
});
