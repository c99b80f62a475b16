import { beforeAll, describe, expect, it } from 'vitest';
import { analyseScript } from '../../../src/domain/impact/analyse-script.js';
import { analysers } from '../../../src/domain/impact/analysers/index-of-analysers.js';
import type { LiveCatalog, LiveRelation } from '../../../src/domain/impact/live-catalog.js';
import { createWorld, type SimulatedWorld } from '../../../src/domain/impact/simulated-world.js';
import type { Tree } from '../../../src/domain/impact/world.js';
import { loadDeparser } from '../../../src/postgres/impact/live-expression.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';

const relation = (oid: number, schema: string, name: string): LiveRelation => ({
  ...{
    oid,
    schema,
    name,
    kind: 'r',
    persistence: 'p',
    owner: 'me',
    estimatedRows: 10,
    sizeBytes: 8192,
  },
  ...{ writes: 0, reads: 0, mayRead: true, hidesRows: false, rowSecurity: false, parents: [] },
  ...{ isPartition: false, definition: null },
});

const columns = (oid: number, ...list: readonly [name: string, type: string][]) =>
  list.map(([name, type], at) => ({
    ...{ relation: oid, number: at + 1, name, type, typeOid: 25, notNull: false, default: null },
    ...{ identity: null, generated: null, collation: null },
  }));

const catalog: LiveCatalog = {
  ...{ database: 'shop', serverVersion: 150000, role: 'me', searchPath: ['public'] },
  schemas: [
    { oid: 1, name: 'public' },
    { oid: 2, name: 'archive' },
  ],
  relations: [
    relation(10, 'public', 'users'),
    relation(11, 'public', 'orders'),
    relation(12, 'archive', 'users'),
  ],
  columns: [
    ...columns(10, ['id', 'integer'], ['name', 'text'], ['Mail', 'text']),
    ...columns(11, ['id', 'integer'], ['user_id', 'integer'], ['total', 'numeric']),
    ...columns(12, ['id', 'integer']),
  ],
  ...{ types: [], constraints: [], indexes: [], triggers: [], routines: [], others: [] },
  dependencies: [],
  volatileFunctions: new Set(['random', 'now', 'nextval']),
};

let deparse: (node: Tree) => string;
beforeAll(async () => {
  deparse = await loadDeparser();
});

async function worldAfter(sql: string): Promise<SimulatedWorld> {
  const world = createWorld(catalog, { deparse });
  const statements = sql === '' ? [] : await splitStatements(sql);
  analyseScript(statements, world, analysers);
  world.statement = statements.length + 1;
  return world;
}

async function findings(sql: string) {
  const world = createWorld(catalog, { deparse });
  return analyseScript(await splitStatements(sql), world, analysers).map((one) => one.findings);
}

/** The statement after a script, for what is counted of it. */
async function queryAfter(sql: string, select: string) {
  const world = await worldAfter(sql);
  const [statement] = await splitStatements(select);
  return world.query(statement?.tree ?? {});
}

async function conditionAfter(sql: string, table: string, condition: string, alias?: string) {
  const world = await worldAfter(sql);
  const [statement] = await splitStatements(`SELECT WHERE ${condition}`);
  const found = world.findRelation({ name: table });
  if (!found) throw new Error(`no ${table}`);
  return world.expression(statement?.tree.whereClause as Tree, found, alias);
}

const oneLine = (result: { sql: string } | { unmeasured: string }): string =>
  'sql' in result
    ? result.sql.replace(/\s+/g, ' ').replace(/\( | \)/g, (both) => both.trim())
    : `unmeasured: ${result.unmeasured}`;

describe('names', () => {
  it('finds a table in the first schema of the search path that has it', async () => {
    const found = async (sql: string) =>
      (await worldAfter(sql)).findRelation({ name: 'users' })?.live?.oid;
    expect(await found('')).toBe(10);
    expect(await found('SET search_path = archive, public')).toBe(12);
    expect(await found('SET search_path = archive; RESET search_path')).toBe(10);
    expect(await found('BEGIN; SET LOCAL search_path = archive')).toBe(12);
    expect(await found('BEGIN; SET LOCAL search_path = archive; COMMIT')).toBe(10);
    expect(await found(`SELECT pg_catalog.set_config('search_path', '', false)`)).toBeUndefined();
    expect(await found('SET search_path = nowhere, archive')).toBe(12);
  });

  it('lets a temporary table hide the one of the same name', async () => {
    const world = await worldAfter('CREATE TEMP TABLE users (id int)');
    expect(world.findRelation({ name: 'users' })?.isTemporary).toBe(true);
    expect(world.findRelation({ schema: 'public', name: 'users' })?.live?.oid).toBe(10);
    expect(
      (await worldAfter('CREATE TEMP TABLE users (id int); DROP TABLE users')).findRelation({
        name: 'users',
      })?.live?.oid,
    ).toBe(10);
  });

  it('follows renames and moves', async () => {
    const world =
      await worldAfter(`ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN "Mail" TO mail;
      ALTER TABLE archive.users SET SCHEMA public; ALTER SCHEMA archive RENAME TO old`);
    expect(world.findRelation({ name: 'people' })?.live?.oid).toBe(10);
    expect(world.findRelation({ name: 'users' })?.live?.oid).toBe(12);
    expect(world.hasSchema('old') && !world.hasSchema('archive')).toBe(true);
    const people = world.findRelation({ name: 'people' });
    expect(people && world.findColumn(people, 'mail')?.live?.name).toBe('Mail');
  });

  it('forgets what a script rolls back', async () => {
    const [, , , dropped] = await findings('BEGIN; DROP TABLE orders; ROLLBACK; DROP TABLE orders');
    expect(dropped?.[0]).toMatchObject({ rule: 'drop-table', fails: null, table: 11 });
    const back = await findings(
      'BEGIN; SAVEPOINT a; DROP TABLE users; ROLLBACK TO a; DROP TABLE users; COMMIT; DROP TABLE public.users',
    );
    expect(back.map(([one]) => one?.fails)).toEqual([null, null, null, null, null, null, true]);
  });

  it('begins each script with the usual search path', async () => {
    const world = createWorld(catalog, { deparse });
    const statements = await splitStatements('SET search_path = archive; DROP TABLE users');
    const [, last] = analyseScript(statements, world, analysers, { endsScript: (at) => at === 0 });
    expect(last?.findings[0]?.table).toBe(10);
  });
});

describe('drops', () => {
  it('loses nothing of a table or a column that the script itself has made', async () => {
    const made = await findings(`CREATE TABLE fresh (id int); DROP TABLE fresh;
      ALTER TABLE users ADD COLUMN fresh int; ALTER TABLE users DROP COLUMN fresh`);
    for (const at of [1, 3]) {
      expect(made[at]).toHaveLength(1);
      expect(made[at]?.[0]).toMatchObject({ safety: 'SAFE', measure: null, loss: null });
    }
  });

  it('counts in the live table what is dropped under its new name', async () => {
    const [, , dropped] = await findings(
      'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME "Mail" TO mail; ALTER TABLE people DROP mail',
    );
    expect(dropped?.[0]).toMatchObject({
      object: 'public.people.mail',
      measure: { what: 'values', table: { sql: '"public"."users"' }, column: '"Mail"' },
      loss: { what: 'column', table: 10, column: 3 },
    });
  });

  it('says that counts are as things are now where an earlier statement changes the rows', async () => {
    const [, dropped] = await findings('DELETE FROM users WHERE id = 1; DROP TABLE users');
    expect(dropped?.[0]?.after).toEqual([1]);
  });

  it('sees what the script itself puts in the way', async () => {
    const view = await findings(
      'CREATE VIEW v AS SELECT name FROM users; DROP TABLE users; DROP TABLE users CASCADE',
    );
    expect(view[1]?.[0]).toMatchObject({ rule: 'dependents-in-the-way', fails: true });
    expect(view[2]?.map(({ operation, object }) => `${operation} ${object}`)).toEqual([
      'DROP TABLE public.users',
      'DROP VIEW public.v',
    ]);
    const column =
      await findings(`CREATE VIEW v AS SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id;
      ALTER TABLE users DROP COLUMN "Mail"; ALTER TABLE users DROP COLUMN name`);
    expect(column.map(([one]) => one?.fails)).toEqual([null, null, true]);
    const key = await findings(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); DROP TABLE a',
    );
    expect(key[2]?.[0]?.fails).toBe(true);
  });

  it('takes what is missing for a failure only where it is known to be missing', async () => {
    const [known] = await findings('DROP TABLE nothing');
    expect(known?.[0]).toMatchObject({ rule: 'object-missing', fails: true, safety: 'SAFE' });
    const [, unsure] = await findings('DO $$ BEGIN END $$; DROP TABLE IF EXISTS nothing');
    expect(unsure?.[0]).toMatchObject({ rule: 'object-missing', fails: null, safety: 'UNSAFE' });
  });
});

describe('what is counted', () => {
  it('has conditions in the names of the live database', async () => {
    const renamed =
      'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN "Mail" TO mail';
    expect(
      oneLine(await conditionAfter(renamed, 'people', `people.mail LIKE 'a%' AND name = 'x'`)),
    ).toBe(`"Mail" LIKE 'a%' AND name = 'x'`);
    expect(oneLine(await conditionAfter('', 'users', 'u.id > 5', 'u'))).toBe('id > 5');
    expect(oneLine(await conditionAfter('', 'users', 'u.id > now()::int', 'u'))).toContain('now()');
  });

  it.each([
    ['', 'random() < 0.5', 'it calls random(), which may give another answer each time'],
    ['', 'id IN (SELECT user_id FROM orders)', 'it looks at rows of other tables'],
    ['', 'id = $1', 'its parameters are not known'],
    ['', 'age > 5', 'there is no column age'],
    ['', 'orders.id = 1', 'it needs orders.id, which is not a column of the table'],
    [
      'ALTER TABLE users ADD COLUMN age int',
      'age > 5',
      'it needs public.users.age, which an earlier statement makes',
    ],
    [
      'ALTER TABLE users ALTER COLUMN name TYPE int USING 1',
      'name > 5',
      'it needs public.users.name as integer, which an earlier statement makes it',
    ],
    [
      'CREATE FUNCTION f(int) RETURNS bool LANGUAGE sql AS $$ SELECT true $$',
      'f(id)',
      'it calls f(), which an earlier statement makes',
    ],
  ])('says why a condition cannot be counted: %s … %s', async (sql, condition, why) => {
    expect(await conditionAfter(sql, 'users', condition)).toEqual({ unmeasured: why });
  });

  it('has queries in the names of the live database', async () => {
    expect(
      oneLine(
        await queryAfter(
          'ALTER TABLE orders RENAME TO sales; ALTER TABLE sales RENAME COLUMN total TO amount',
          'SELECT count(*) FROM sales s JOIN users ON users.id = s.user_id WHERE amount > 5',
        ),
      ),
    ).toBe(
      'SELECT count(*) FROM (SELECT id AS id, user_id AS user_id, total AS amount FROM public.orders) AS s JOIN public.users AS users ON users.id = s.user_id WHERE amount > 5',
    );
    expect(oneLine(await queryAfter('SET search_path = archive', 'SELECT FROM users'))).toBe(
      'SELECT FROM archive.users AS users',
    );
  });

  it('leaves names of WITH alone, and the table behind one that is not there yet', async () => {
    const sql = 'WITH orders AS (SELECT * FROM orders) SELECT * FROM orders';
    expect(oneLine(await queryAfter('', sql))).toBe(
      'WITH orders AS (SELECT * FROM public.orders AS orders) SELECT * FROM orders',
    );
  });

  it.each([
    [
      'CREATE TABLE fresh (id int)',
      'SELECT FROM fresh',
      'it needs fresh, which an earlier statement makes',
    ],
    ['', 'SELECT FROM nowhere', 'there is no table nowhere'],
    ['', 'WITH d AS (DELETE FROM users RETURNING id) SELECT FROM d', 'it changes rows in its WITH'],
    [
      'ALTER TABLE users ADD COLUMN age int',
      'SELECT FROM users u WHERE u.age > 5',
      'it needs public.users.age, which an earlier statement makes',
    ],
  ])('says why a query cannot be counted: %s … %s', async (sql, select, why) => {
    expect(await queryAfter(sql, select)).toEqual({ unmeasured: why });
  });
});

describe('statements of all kinds', () => {
  it('never calls safe what it does not know', () => {
    const [one] = analyseScript(
      [{ sql: 'FROB ALL tables', kind: 'FrobStmt', tree: {} }],
      createWorld(catalog, { deparse }),
      analysers,
    );
    expect(one?.findings[0]).toMatchObject({ rule: 'unknown-statement', safety: 'UNSAFE' });
    expect(one?.findings[0]?.unmeasured).not.toBeNull();
  });

  it('looks into statements that run others', async () => {
    const [explained, analyzed, schema] = await findings(`EXPLAIN DELETE FROM users;
      EXPLAIN ANALYZE DELETE FROM users; CREATE SCHEMA extra CREATE TABLE t (id int)`);
    expect(explained?.map(({ rule }) => rule)).toEqual(['read-only']);
    expect(analyzed?.map(({ rule }) => rule)).toContain('delete-without-where');
    expect(schema?.map(({ object }) => object)).toContain('extra.t');
  });
});
