import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  listSnapshots,
  pruneSnapshots,
  restoreSnapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
  undoRestore,
} from '../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
  withSession,
} from '../support/servers.js';
import { databasesOf, failure, rowsOf, run, withTarget } from '../support/targets.js';

/** A team's database that Belay did not make: its owner may create databases, and is no superuser. */
const shopSql = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  CREATE TABLE shop.orders (id serial PRIMARY KEY, customer int REFERENCES shop.customers, total numeric NOT NULL);
  INSERT INTO shop.customers (name) SELECT 'customer ' || n FROM generate_series(1, 40) n;
  INSERT INTO shop.orders (customer, total) SELECT 1 + n % 40, n FROM generate_series(1, 300) n;
`;
const migrationSql = `
  ALTER TABLE shop.orders ADD COLUMN invoice text;
  CREATE TABLE shop.invoices (id serial PRIMARY KEY, total numeric);
  INSERT INTO shop.invoices (total) SELECT total FROM shop.orders;
  UPDATE shop.orders SET invoice = 'R-' || id;
  DELETE FROM shop.orders WHERE total > 290;
`;
const bugFixSql = `UPDATE shop.orders SET total = 0 WHERE id = 7; INSERT INTO shop.customers (name) VALUES ('fixed')`;

/** Everything in the tables, the next values, and the database's own properties, as one row. */
const stateSql = `
  SELECT (SELECT json_agg(o ORDER BY id) FROM shop.orders o)::text AS orders,
         (SELECT json_agg(c ORDER BY id) FROM shop.customers c)::text AS customers,
         (SELECT json_agg(s ORDER BY s) FROM (SELECT schemaname || sequencename || coalesce(last_value, 0)
            FROM pg_sequences) s) AS sequences,
         (SELECT array_agg(relname || coalesce(relacl::text, '') ORDER BY relname) FROM pg_class
           WHERE relnamespace = 'shop'::regnamespace) AS relations,
         (SELECT datacl::text[] FROM pg_database WHERE datname = current_database()) AS grants,
         (SELECT array_agg(setrole::regrole || array_to_string(setconfig, ';') ORDER BY setrole) FROM pg_db_role_setting
           WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())) AS settings,
         (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) AS owner,
         (SELECT array_agg(invoice ORDER BY id) FROM (SELECT to_jsonb(o) ->> 'invoice' AS invoice, id
            FROM shop.orders o) i) AS invoices`;

describe.each(testServers())('a migration, a bug and the way back on $name', (server) => {
  let shop: TestDatabase;
  let team: TestRole;
  let api: TestRole;
  let url: string;
  const known = new Map<string, unknown>();

  beforeAll(async () => {
    team = await createTestRole(server, 'CREATEDB');
    api = await createTestRole(server);
    shop = await createTestDatabase(server, { name: 'team', owner: team.name });
    url = team.urlFor(shop.url);
    await run(
      url,
      `${shopSql}
       GRANT USAGE ON SCHEMA shop TO ${api.name}; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO ${api.name};
       REVOKE CONNECT ON DATABASE "${shop.name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "${shop.name}" TO ${api.name};
       ALTER DATABASE "${shop.name}" SET search_path = shop, public;
       ALTER DATABASE "${shop.name}" SET work_mem = '7MB';
       ALTER DATABASE "${shop.name}" SET statement_timeout = '30s'`,
    );
  });
  afterAll(async () => {
    await shop.drop();
    // One after the other: each removes the membership in the other.
    await team.drop();
    await api.drop();
  });

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(url, work);
  const state = async () => (await rowsOf(url, stateSql))[0];
  const current = async () => (await on(listSnapshots)).current;

  it('takes a snapshot of the state before', async () => {
    known.set('before', await state());
    const { snapshot } = await on((target) => takeSnapshot(target, { tag: 'before-invoices' }));
    expect(snapshot.fingerprint?.rowCounts).toEqual({ 'shop.customers': 40, 'shop.orders': 300 });
    expect(await state()).toEqual(known.get('before'));
  });

  it('migrates, puts the half-done work aside, and is back before it', async () => {
    await run(url, migrationSql);
    known.set('migrated', await state());
    const { saved } = await on((target) =>
      switchSnapshot(target, { reference: 'before-invoices', save: 'invoices-wip' }),
    );
    expect(saved.fingerprint?.rowCounts).toMatchObject({
      'shop.orders': 290,
      'shop.invoices': 300,
    });
    expect(await state()).toEqual(known.get('before'));
  });

  it('fixes the bug there, and goes back to exactly where the work was', async () => {
    await run(url, bugFixSql);
    known.set('fixed', await state());
    await on((target) => switchSnapshot(target, { reference: 'invoices-wip', save: 'bug-fixed' }));
    expect(await state()).toEqual(known.get('migrated'));
    expect((await current()).basedOn?.tag).toBe('invoices-wip');
  });

  it('undoes the step, and the undo', async () => {
    await on((target) => undoRestore(target));
    expect(await state()).toEqual(known.get('fixed'));
    await on((target) => undoRestore(target));
    expect(await state()).toEqual(known.get('migrated'));
  });

  it('has kept every state on the way', async () => {
    for (const [tag, what] of [
      ['bug-fixed', 'fixed'],
      ['before-invoices', 'before'],
      ['invoices-wip', 'migrated'],
    ] as const) {
      await on((target) => restoreSnapshot(target, { reference: tag }));
      expect(await state()).toEqual(known.get(what));
    }
  });

  it('lets the other role in as before, with its rights and settings', async () => {
    const apiUrl = api.urlFor(shop.url);
    await run(apiUrl, `INSERT INTO customers (name) VALUES ('from the api')`);
    const [settings] = await rowsOf(
      apiUrl,
      `SELECT current_setting('search_path') AS path, current_setting('work_mem') AS work_mem,
              has_table_privilege('shop.orders', 'DELETE') AS may_delete`,
    );
    expect(settings).toEqual({ path: 'shop, public', work_mem: '7MB', may_delete: false });
  });

  it('names a session of another role that the owner may not end', async () => {
    const before = await databasesOf(server, shop.name);
    await withSession(api.urlFor(shop.url), async (client) => {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const fail = await on((target) =>
        failure(takeSnapshot(target, { tag: 'x', sessions: 'fail' }), 'SESSIONS_IN_THE_WAY'),
      );
      const wait = await on((target) =>
        failure(restoreSnapshot(target, { reference: 'latest' }), 'SESSIONS_IN_THE_WAY'),
      );
      for (const error of [fail, wait]) {
        expect(error.message).toContain(`pid ${rows[0].pid} (user ${api.name}`);
        expect(error.message).toContain('not visible to this role');
        expect(error.message).not.toContain('NaN');
        expect(error.hint).toContain(`may not end those of ${api.name}:`);
        expect(error.hint).toContain(`GRANT pg_signal_backend TO ${team.name}`);
      }
      // It goes on, and new ones are let in.
      await client.query('SELECT 1');
      await run(url, 'SELECT 1');
    });
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('ends it where the owner may, by being a member of its role', async () => {
    await run(server.adminUrl, `GRANT ${api.name} TO ${team.name}`);
    await withSession(api.urlFor(shop.url), async () => {
      await on((target) => restoreSnapshot(target, { reference: 'before-invoices' }));
    });
    expect(await state()).toEqual(known.get('before'));
  });

  it('cleans up: the owner may delete what the owner has made', async () => {
    const { removed, kept } = await on((target) =>
      pruneSnapshots(target, { keepLast: 0, confirm: () => true }),
    );
    expect(removed.length).toBeGreaterThan(2);
    expect(await databasesOf(server, shop.name)).toHaveLength(1 + kept.length);
    expect(await state()).toEqual(known.get('before'));
  });
});
