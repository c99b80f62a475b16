import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyseScript } from '../../../src/domain/impact/analyse-script.js';
import { analysers } from '../../../src/domain/impact/analysers/index-of-analysers.js';
import { createWorld } from '../../../src/domain/impact/simulated-world.js';
import type { Tree } from '../../../src/domain/impact/world.js';
import { loadDeparser } from '../../../src/postgres/impact/live-expression.js';
import { readLiveCatalog } from '../../../src/postgres/impact/read-live-catalog.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

/** In a schema of its own for each case: the statement there, the safer way in another one. */
const fixture = (schema: string) => `
  CREATE SCHEMA ${schema};
  SET search_path = ${schema};
  CREATE TABLE p (id int PRIMARY KEY);
  INSERT INTO p SELECT g FROM generate_series(1, 50) g;
  CREATE TABLE w (id int NOT NULL, a int, b text NOT NULL, "select" text);
  INSERT INTO w SELECT g, g, 'b' || g, 's' || g FROM generate_series(1, 50) g;
  CREATE INDEX w_b ON w (b);
  CREATE TABLE "Order Items" (id int, "User" int);
  INSERT INTO "Order Items" SELECT g, g FROM generate_series(1, 50) g;
  CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  INSERT INTO events SELECT g, '2024-01-01'::date + g FROM generate_series(1, 50) g;
  CREATE TABLE events_2 (id int, at date);
  INSERT INTO events_2 SELECT g, '2025-01-01'::date + g FROM generate_series(1, 50) g;`;

interface Case {
  readonly sql: string;
  /** What is to stand in the way that is offered. */
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  { sql: 'ALTER TABLE w ADD CHECK (a > 0)', says: /NOT VALID[\s\S]*VALIDATE/ },
  { sql: 'ALTER TABLE w ADD FOREIGN KEY (a) REFERENCES p', says: /NOT VALID[\s\S]*VALIDATE/ },
  { sql: 'ALTER TABLE w ADD UNIQUE (a)', says: /CONCURRENTLY[\s\S]*USING INDEX/ },
  { sql: 'ALTER TABLE w ADD PRIMARY KEY (id)', says: /CONCURRENTLY[\s\S]*USING INDEX/ },
  { sql: 'ALTER TABLE w ADD UNIQUE ("select", a)', says: /\("select", a\)/ },
  { sql: 'ALTER TABLE w ALTER a SET NOT NULL', says: /NOT VALID[\s\S]*VALIDATE/ },
  { sql: 'ALTER TABLE w ALTER a TYPE bigint', says: /RENAME COLUMN a_new TO a/ },
  {
    sql: 'ALTER TABLE w ADD z uuid DEFAULT gen_random_uuid()',
    says: /SET DEFAULT gen_random_uuid\(\)/,
  },
  { sql: 'ALTER TABLE w ADD z uuid NOT NULL DEFAULT gen_random_uuid()', says: /NOT VALID/ },
  { sql: 'ALTER TABLE w DROP COLUMN b', says: /DROP NOT NULL[\s\S]*DROP COLUMN b/ },
  { sql: 'CREATE INDEX ON w (a)', says: /CREATE INDEX CONCURRENTLY ON w/ },
  { sql: 'CREATE UNIQUE INDEX u ON w (a)', says: /CREATE UNIQUE INDEX CONCURRENTLY u/ },
  { sql: 'REINDEX TABLE w', says: /REINDEX TABLE CONCURRENTLY w/ },
  { sql: 'DROP INDEX w_b', says: /CONCURRENTLY/ },
  { sql: 'ALTER TABLE w ALTER a SET DEFAULT 1', says: /lock_timeout/ },
  { sql: 'ALTER TABLE "Order Items" ADD CHECK ("User" > 0)', says: /"Order Items"[\s\S]*"User"/ },
  { sql: 'ALTER TABLE "Order Items" ALTER "User" SET NOT NULL', says: /VALIDATE/ },
  { sql: 'ALTER TABLE events DETACH PARTITION events_1', says: /CONCURRENTLY/ },
  {
    sql: "ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    says: /CHECK[\s\S]*VALIDATE[\s\S]*ATTACH PARTITION/,
  },
];

interface Shape {
  readonly columns: readonly string[];
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
  readonly partitions: readonly string[];
}

/** Columns, constraints and indexes of a schema, with nothing of its name. What a swap leaves behind is left out. */
async function shapeOf(url: string, schema: string): Promise<Shape> {
  const [row] = await rowsOf(
    url,
    `SELECT ARRAY(SELECT format('%s.%s %s %s', c.relname, attname, format_type(atttypid, atttypmod), attnotnull)
                    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
                   WHERE relnamespace = n.oid AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
                     AND attname !~ '_old$' ORDER BY 1) AS columns,
            ARRAY(SELECT format('%s %s %s', conrelid::regclass, convalidated, pg_get_constraintdef(oid))
                    FROM pg_constraint k WHERE connamespace = n.oid ORDER BY 1) AS constraints,
            ARRAY(SELECT pg_get_indexdef(indexrelid) || indisvalid
                    FROM pg_index JOIN pg_class c ON c.oid = indexrelid
                   WHERE relnamespace = n.oid ORDER BY 1) AS indexes,
            ARRAY(SELECT inhrelid::regclass::text FROM pg_inherits
                    JOIN pg_class c ON c.oid = inhrelid WHERE relnamespace = n.oid ORDER BY 1) AS partitions
       FROM pg_namespace n WHERE nspname = $1`,
    [schema],
  );
  return JSON.parse(JSON.stringify(row).replaceAll(`${schema}.`, ''));
}

describe.each(testServers())('safer ways on $name', (server) => {
  let database: TestDatabase;
  let deparse: (node: Tree) => string;

  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'ways' });
    deparse = await loadDeparser();
  });

  afterAll(() => database.drop());

  /** The way that is offered for a statement, as one SQL text. */
  async function wayOf(schema: string, sql: string): Promise<string> {
    const session = await openSession(database.url);
    const catalog = await readLiveCatalog(session).finally(() => session.close());
    const world = createWorld({ ...catalog, searchPath: [schema] }, { deparse });
    const found = analyseScript(await splitStatements(sql), world, analysers);
    return found[0]?.findings.find(({ saferWay }) => saferWay !== null)?.saferWay ?? '';
  }

  it.each(cases.map((one, at) => ({ ...one, at })))('$sql', async ({ sql, says, at }) => {
    const [one, other] = [`plain_${at}`, `safer_${at}`];
    await run(database.url, fixture(one));
    await run(database.url, fixture(other));
    const way = await wayOf(other, sql);
    expect(way).toMatch(says);
    await run(database.url, `SET search_path = ${one}; ${sql}`);
    for (const statement of await splitStatements(way)) {
      // Each in a transaction of its own, as CONCURRENTLY needs it.
      const [path, alone] = [`ALTER ROLE CURRENT_USER IN DATABASE ${database.name}`, statement.sql];
      await run(database.url, `${path} SET search_path = ${other}`);
      await run(database.url, alone);
    }
    const [left, expected] = [await shapeOf(database.url, other), await shapeOf(database.url, one)];
    // DETACH … CONCURRENTLY leaves the bound behind as a check, which the way says.
    const constraints = left.constraints.filter((text) => !text.startsWith('events_1 t CHECK'));
    expect({ ...left, constraints }).toEqual(expected);
  });
});
