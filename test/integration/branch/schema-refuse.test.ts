import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  collectWarnings,
  makeSchemaBranch,
  schemaShopSql,
  schemasOf,
} from '../../support/schema-branches.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { databasesOf, failure, run } from '../../support/targets.js';

describe.each(testServers())('what no schema branch is made of, on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createTestDatabase(server, { name: 'shop', sql: schemaShopSql });
  });
  afterEach(() => shop.drop());

  const schemas = () => schemasOf(shop.url);
  const make = (name: string, options = {}) => makeSchemaBranch(shop.url, name, options);

  it('refuses a name that somebody else’s schema has', async () => {
    await run(shop.url, 'CREATE SCHEMA app_invoices');
    await failure(make('invoices'), 'BRANCH_EXISTS');
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
    // Names that differ in case only, or that are long, never meet.
    const one = await make('Invoices');
    const two = await make('iNvoices');
    const long = await make(`${'ü'.repeat(60)}/x`);
    const made = [one, two, long].map(({ record }) => record.schema ?? '');
    expect(new Set(made).size).toBe(3);
    for (const schema of made) expect(Buffer.byteLength(schema)).toBeLessThan(64);
  });

  it('refuses code that may lead back to the source, and tells of texts that do not', async () => {
    await run(
      shop.url,
      `CREATE FUNCTION app.wild(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM app.' || t; END $$`,
    );
    const error = await failure(make('invoices'), 'SCHEMA_NOT_COPIED');
    expect(error.message).toContain('app_invoices.wild(text)');
    expect(await schemas()).toEqual(['app', 'public', 'shared']);
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
    await run(
      shop.url,
      `DROP FUNCTION app.wild; CREATE FUNCTION app.tame() RETURNS text LANGUAGE sql AS $$ SELECT 'app.items' $$`,
    );
    const { warnings, reporter } = collectWarnings();
    await make('invoices', { reporter });
    expect(warnings.join()).toContain('app.items');
  });

  it('refuses what would show in tables of others', async () => {
    await run(
      shop.url,
      'CREATE TABLE shared.base (a int); CREATE TABLE app.child () INHERITS (shared.base)',
    );
    const error = await failure(make('invoices'), 'SCHEMA_NOT_COPIED');
    expect(error.message).toContain('inherits from shared.base');
  });

  it('says which schema is missing, and never takes one of the system’s', async () => {
    const error = await failure(make('x', { schema: 'nowhere' }), 'SCHEMA_NOT_COPIED');
    expect(error.hint).toContain('app, public, shared');
    await failure(make('x', { schema: 'pg_catalog' }), 'BAD_NAME');
  });

  it('needs the right to make schemas, and to read all rows', async () => {
    const role = await createTestRole(server, 'CREATEDB');
    const url = role.urlFor(shop.url);
    try {
      await run(
        shop.url,
        `ALTER DATABASE "${shop.name}" OWNER TO ${role.name}; REVOKE ALL ON DATABASE "${shop.name}" FROM ${role.name}`,
      );
      const denied = await failure(makeSchemaBranch(url, 'x'), 'PERMISSION_DENIED');
      expect(denied.hint).toContain('GRANT CREATE ON DATABASE');
      await run(
        shop.url,
        `GRANT ALL ON DATABASE "${shop.name}" TO ${role.name}; ALTER SCHEMA app OWNER TO ${role.name}`,
      );
      await failure(makeSchemaBranch(url, 'x'), 'PERMISSION_DENIED');
      await run(
        shop.url,
        `GRANT USAGE ON SCHEMA app, shared TO ${role.name}; GRANT SELECT ON ALL TABLES IN SCHEMA app, shared TO ${role.name};
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO ${role.name};
         ALTER TABLE app.items ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON app.items USING (id = 1)`,
      );
      await failure(makeSchemaBranch(url, 'x'), 'PERMISSION_DENIED');
      expect(await schemas()).toEqual(['app', 'public', 'shared']);
    } finally {
      await run(
        shop.url,
        `REASSIGN OWNED BY ${role.name} TO CURRENT_USER; DROP OWNED BY ${role.name}`,
      );
      await role.drop();
    }
  });
});
