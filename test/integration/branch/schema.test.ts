import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { schemaBranches } from '../../../src/features/branch/schema-driver.js';
import { takeSnapshot } from '../../../src/index.js';
import {
  branchNamed,
  collectWarnings,
  first,
  makeSchemaBranch,
  removeSchemaBranch,
  resetSchemaBranch,
  schemaBranchesOf,
  schemaShopSql,
  schemasOf,
  urlOf,
} from '../../support/schema-branches.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';

describe.each(testServers())('a branch that is a schema on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createTestDatabase(server, { name: 'shop', sql: schemaShopSql });
  });
  afterEach(() => shop.drop());

  const schemas = () => schemasOf(shop.url);
  const make = (name: string, options = {}) => makeSchemaBranch(shop.url, name, options);
  const reset = (name: string, options = {}) => resetSchemaBranch(shop.url, name, options);
  const remove = (name: string, options = {}) => removeSchemaBranch(shop.url, name, options);

  it('has the same objects and rows of its own, found by its URL', async () => {
    const branch = await make('invoices');
    expect(branch.record).toMatchObject({
      ...{ isolation: 'schema', database: shop.name, schema: 'app_invoices', sourceSchema: 'app' },
      base: { kind: 'live', isAutomatic: true },
    });
    const url = urlOf(branch);
    expect(
      await first(url, 'SELECT how_many()::int, (SELECT count FROM counts)::int, add($$x$$)'),
    ).toEqual([3, 3, 4]);
    expect(await first(url, 'SELECT how_many()::int, of::text FROM lines')).toEqual([4, 'items']);
    // Sequences go on where the source's were; identity columns as well.
    expect(await first(url, 'INSERT INTO lines (item) VALUES (4) RETURNING id')).toEqual([4]);
    // Nothing of it shows in the source, and nothing of the source in it.
    await run(shop.url, `DELETE FROM app.lines; UPDATE app.items SET name = 'gone'`);
    expect(await first(url, `SELECT count(*)::int FROM items WHERE name = 'gone'`)).toEqual([0]);
    expect(await rowsOf(shop.url, 'SELECT app.how_many()::int AS n')).toEqual([{ n: 3 }]);
    expect(await schemas()).toEqual(['app', 'app_invoices', 'public', 'shared']);
  });

  it('keeps referring to what it shares with the source', async () => {
    const url = urlOf(await make('invoices'));
    await expect(first(url, 'INSERT INTO items (name, person) VALUES ($$a$$, 77)')).rejects.toThrow(
      /items_person_fkey/,
    );
    await run(shop.url, `INSERT INTO shared.people VALUES (77, 'new')`);
    await first(url, 'INSERT INTO items (name, person) VALUES ($$a$$, 77)');
  });

  it('goes back to its base, and its URL stays', async () => {
    const url = urlOf(await make('invoices'));
    await first(url, 'DROP TABLE lines');
    await first(url, 'DELETE FROM items');
    await run(shop.url, 'DELETE FROM app.lines; DELETE FROM app.items');
    expect(await reset('invoices')).toMatchObject({ to: 'live', previous: null });
    expect(await first(url, 'SELECT how_many()::int, (SELECT count(*) FROM lines)::int')).toEqual([
      3, 3,
    ]);
    expect(await schemas()).toEqual(['app', 'app_invoices', 'public', 'shared']);
    expect((await branchNamed(shop.url, 'invoices')).record.resetAt).not.toBeNull();
  });

  it('goes to a snapshot: to its own state where it was there, else to the source’s', async () => {
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'early' }));
    await run(shop.url, `INSERT INTO app.items (name) VALUES ('late')`);
    const url = urlOf(await make('invoices'));
    await first(url, `INSERT INTO items (name) VALUES ('mine')`);
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'mine' }));
    await first(url, 'TRUNCATE items CASCADE');
    const names = () => first(url, 'SELECT array_agg(name ORDER BY id) FROM items');
    expect(await reset('invoices', { to: 'mine' })).toMatchObject({ to: 'mine' });
    expect(await names()).toEqual([['rope', 'harness', 'belay device', 'late', 'mine']]);
    await reset('invoices', { to: 'early' });
    expect(await names()).toEqual([['rope', 'harness', 'belay device']]);
  });

  it('starts from a snapshot, and from another branch', async () => {
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'early' }));
    await run(shop.url, 'DELETE FROM app.lines; DELETE FROM app.items');
    const parent = await make('a', { source: { kind: 'snapshot', reference: 'early' } });
    await first(urlOf(parent), `INSERT INTO items (name) VALUES ('of a')`);
    const child = await make('b', { source: { kind: 'branch', branch: parent } });
    expect(child.record).toMatchObject({
      schema: 'app_b',
      sourceSchema: 'app',
      base: { name: 'a' },
    });
    await first(urlOf(parent), 'TRUNCATE items CASCADE');
    const last = 'SELECT how_many()::int, (SELECT name FROM items ORDER BY id DESC LIMIT 1)';
    expect(await first(urlOf(child), last)).toEqual([4, 'of a']);
    await first(urlOf(child), 'TRUNCATE items CASCADE');
    await reset('b');
    expect(await first(urlOf(child), last)).toEqual([4, 'of a']);
  });

  it('is removed with what is in it, and nothing else', async () => {
    const branch = await make('invoices');
    const own = urlOf(branch);
    expect(
      (await withTarget(shop.url, (target) => schemaBranches.size(target, branch))).ownBytes,
    ).toBeGreaterThan(40_000);
    await first(own, 'CREATE VIEW shared.over AS SELECT * FROM items');
    const error = await failure(remove('invoices'), 'DEPENDENTS_IN_THE_WAY');
    expect(error.details.dependents).toEqual(['view shared.over']);
    await failure(reset('invoices'), 'DEPENDENTS_IN_THE_WAY');
    await run(shop.url, 'DROP VIEW shared.over; CREATE TABLE shared.part (LIKE app.items)');
    await remove('invoices');
    expect(await schemas()).toEqual(['app', 'public', 'shared']);
    expect(await schemaBranchesOf(shop.url)).toEqual([]);
    expect(await rowsOf(shop.url, 'SELECT count(*)::int AS n FROM app.items')).toEqual([{ n: 3 }]);
  });

  it('waits for who works in it, and says who it is', async () => {
    const url = urlOf(await make('invoices'));
    const client = new pg.Client({ connectionString: url, application_name: 'busy' });
    client.on('error', () => {});
    await client.connect();
    await client.query('BEGIN; INSERT INTO items (name) VALUES ($$unsaved$$)');
    const error = await failure(remove('invoices', { sessionsWaitMs: 300 }), 'SESSIONS_IN_THE_WAY');
    expect(error.message).toContain('busy');
    await failure(reset('invoices', { sessions: 'fail' }), 'SESSIONS_IN_THE_WAY');
    // Nobody who comes later waits for long, and what is there is untouched.
    expect(await first(url, 'SELECT how_many()::int')).toEqual([3]);
    await reset('invoices', { sessions: 'terminate' });
    expect(await first(url, 'SELECT how_many()::int')).toEqual([3]);
    await remove('invoices');
    await client.end().catch(() => {});
  });

  it('copies a schema whose name is odd', async () => {
    const odd = `Odd "x" \\ 'y', ü`;
    const quoted = pg.escapeIdentifier(odd);
    await run(
      shop.url,
      `CREATE SCHEMA ${quoted}; CREATE SEQUENCE ${quoted}.s; CREATE TABLE ${quoted}."T" (id int DEFAULT nextval('${`${quoted}.s`.replaceAll("'", "''")}'::text));
       INSERT INTO ${quoted}."T" DEFAULT VALUES;
       CREATE FUNCTION ${quoted}.f() RETURNS bigint LANGUAGE sql AS ${pg.escapeLiteral(`SELECT count(*) + nextval(${pg.escapeLiteral(`${quoted}.s`)}) FROM ${quoted}."T"`)}`,
    );
    const branch = await make('x y', { schema: odd });
    expect(branch.record.schema).toMatch(/^Odd "x" .*_x_y_[0-9a-f]{6}$/);
    expect(await first(urlOf(branch), 'SELECT f()::int, current_schema()')).toEqual([
      3,
      branch.record.schema,
    ]);
    expect(await first(urlOf(branch), 'INSERT INTO "T" DEFAULT VALUES RETURNING id')).toEqual([3]);
    expect(await rowsOf(shop.url, `SELECT last_value::int AS n FROM ${quoted}.s`)).toEqual([
      { n: 1 },
    ]);
  });

  it('leaves extensions in the source’s schema, and finds them from there', async () => {
    await run(
      shop.url,
      `CREATE EXTENSION hstore SCHEMA app; CREATE TABLE app.tagged (tags app.hstore);
       INSERT INTO app.tagged VALUES ('a=>1');
       CREATE TYPE app.span AS RANGE (subtype = float8);
       CREATE FUNCTION app.tags() RETURNS text LANGUAGE sql AS $$ SELECT tags OPERATOR(app.->) 'a' FROM app.tagged $$;
       COMMENT ON SCHEMA app IS 'ours'; GRANT USAGE ON SCHEMA app TO PUBLIC;
       ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC`,
    );
    const { warnings, reporter } = collectWarnings();
    const url = urlOf(await make('invoices', { reporter }));
    expect(warnings.join()).toContain('extensions live in the source');
    await first(url, `UPDATE tagged SET tags = 'a=>2'`);
    expect(await first(url, `SELECT tags(), tags ? 'a', how_many()::int FROM tagged`)).toEqual([
      '2',
      true,
      3,
    ]);
    const rows = await rowsOf(
      shop.url,
      `SELECT n.nspname AS at, has_schema_privilege('public', 'app_invoices', 'USAGE') AS may FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE typname = 'hstore'`,
    );
    expect(rows).toEqual([{ at: 'app', may: true }]);
  });

  it('is no branch under another name, and its record can be changed', async () => {
    const branch = await make('invoices');
    const changed = { ...branch.record, expiresAt: '2030-01-01T00:00:00.000Z' };
    await withTarget(shop.url, (target) => schemaBranches.writeRecord(target, branch, changed));
    expect((await branchNamed(shop.url, 'invoices')).record.expiresAt).toBe(changed.expiresAt);
    await run(shop.url, 'ALTER SCHEMA app_invoices RENAME TO mine');
    expect(await schemaBranchesOf(shop.url)).toEqual([]);
    await failure(
      withTarget(shop.url, (target) => schemaBranches.writeRecord(target, branch, changed)),
      'BRANCH_NOT_FOUND',
    );
  });

  it('one is made while others work in the source, whose transaction is waited for', async () => {
    await withSession(shop.url, async (client) => {
      await client.query('BEGIN; SELECT FROM app.items');
      await failure(make('x', { sessionsWaitMs: 200 }), 'SESSIONS_IN_THE_WAY');
    });
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'early' }));
    await withSession(shop.url, async (client) => {
      await client.query('BEGIN; INSERT INTO app.items (name) VALUES ($$mine$$)');
      // From a snapshot nobody is in the way, and nobody is disconnected.
      await make('x', { source: { kind: 'snapshot', reference: 'early' } });
      await client.query('COMMIT');
    });
  });
});
