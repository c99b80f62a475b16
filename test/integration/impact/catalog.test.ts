import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LiveCatalog } from '../../../src/domain/impact/live-catalog.js';
import { readLiveCatalog } from '../../../src/postgres/impact/read-live-catalog.js';
import { catalogOf } from '../../support/impact-world.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
  withSession,
} from '../../support/servers.js';
import { run } from '../../support/targets.js';

const fixture = `
  CREATE SCHEMA app; CREATE SCHEMA "Odd one";
  CREATE SCHEMA belay; COMMENT ON SCHEMA belay IS '{"belay":1,"kind":"history"}'; CREATE TABLE belay.migrations (id int);
  CREATE TYPE app.mood AS ENUM ('ok', 'it''s "bad"');
  CREATE DOMAIN app.email AS varchar(80) NOT NULL CHECK (VALUE LIKE '%@%');
  CREATE FUNCTION app.twice(n int, OUT result int) LANGUAGE sql AS 'SELECT $1 * 2';
  CREATE TABLE app.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail app.email, feeling app.mood DEFAULT 'ok', "Odd, {name}" text COLLATE "C",
    twice int GENERATED ALWAYS AS (number * 2) STORED, number int CHECK (number > 0));
  CREATE TABLE app.orders (id int, user_id bigint);
  ALTER TABLE app.orders ADD CONSTRAINT to_users FOREIGN KEY (user_id) REFERENCES app.users ON DELETE CASCADE NOT VALID;
  CREATE UNIQUE INDEX on_mail ON app.users (lower(mail::text), number) INCLUDE (id) WHERE number > 5;
  CREATE VIEW app.mails AS SELECT mail FROM app.users;
  CREATE TABLE app.days (day date, n int) PARTITION BY RANGE (day);
  CREATE TABLE app.days_1 PARTITION OF app.days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE app.days_2 PARTITION OF app.days DEFAULT;
  INSERT INTO app.days SELECT '2026-01-05', n FROM generate_series(1, 300) n;
  INSERT INTO app.days SELECT '2026-05-05', n FROM generate_series(1, 200) n;
  CREATE TABLE app.secrets (id int, owner name); ALTER TABLE app.secrets ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON app.secrets USING (owner = current_user);
  ANALYZE;
`;

describe.each(testServers())('$name', (server) => {
  let database: TestDatabase;
  let role: TestRole;
  let catalog: LiveCatalog;
  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'catalog', sql: fixture });
    role = await createTestRole(server);
    await run(
      database.url,
      `GRANT USAGE ON SCHEMA app TO ${role.name}; GRANT SELECT ON app.secrets TO ${role.name}`,
    );
    catalog = await catalogOf(database.url);
  });
  afterAll(async () => {
    await database.drop();
    await role.drop();
  });

  const relation = (name: string, from = catalog) =>
    from.relations.find((one) => one.name === name);

  it('has tables, columns and what hangs on them', () => {
    const users = relation('users');
    expect(users).toMatchObject({ schema: 'app', kind: 'r', mayRead: true, hidesRows: false });
    const columns = catalog.columns.filter((one) => one.relation === users?.oid);
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      ...['id bigint', 'mail app.email', 'feeling app.mood', 'Odd, {name} text'],
      ...['twice integer', 'number integer'],
    ]);
    expect(columns[0]).toMatchObject({ identity: 'a', notNull: true, default: null });
    expect(columns[2]).toMatchObject({ default: `'ok'::app.mood`, generated: null });
    expect(columns[3]).toMatchObject({ collation: '"C"' });
    expect(columns[4]).toMatchObject({ generated: 's', default: '(number * 2)' });
    const key = catalog.constraints.find(({ name }) => name === 'to_users');
    expect(key).toMatchObject({
      kind: 'f',
      validated: false,
      onDelete: 'c',
      referenced: users?.oid,
    });
    expect([key?.columns, key?.referencedColumns]).toEqual([[2], [1]]);
    expect(catalog.indexes.find(({ name }) => name === 'on_mail')).toMatchObject({
      ...{ relation: users?.oid, unique: true, columns: [0, 6], predicate: '(number > 5)' },
    });
    expect(catalog.types.find(({ name }) => name === 'mood')?.labels).toEqual(['ok', `it's "bad"`]);
    expect(catalog.types.find(({ name }) => name === 'email')).toMatchObject({
      ...{ kind: 'd', baseType: 'character varying(80)', notNull: true },
    });
    expect(catalog.routines.find(({ name }) => name === 'twice')).toMatchObject({
      ...{ argumentTypes: ['pg_catalog.int4'], source: 'SELECT $1 * 2', volatility: 'v' },
    });
    expect(catalog.volatileFunctions.has('twice')).toBe(true);
    expect(catalog.volatileFunctions.has('lower')).toBe(false);
  });

  it('adds partitions up, and knows their bounds', () => {
    const days = relation('days');
    expect(days).toMatchObject({ kind: 'p', estimatedRows: 500 });
    expect(days?.partitionKey).toEqual({ strategy: 'r', columns: [1], expression: null });
    expect(days?.sizeBytes).toBeGreaterThan(0);
    expect(relation('days_2')).toMatchObject({
      isPartition: true,
      parents: [days?.oid],
      partitionBound: 'DEFAULT',
    });
  });

  it('leaves out the system’s own and what Belay keeps', () => {
    const schemas = new Set(catalog.relations.map(({ schema }) => schema));
    expect([...schemas]).toEqual(['app']);
    expect(catalog.schemas.map(({ name }) => name).sort()).toEqual(['Odd one', 'app', 'public']);
    expect(catalog.historySchema).toBe('belay');
  });

  it('looks names up as everybody else does, not as Belay does', async () => {
    await run(
      database.url,
      `ALTER ROLE ${role.name} IN DATABASE ${database.name} SET search_path = nowhere, "Odd one", "$user", app`,
    );
    const own = await catalogOf(role.urlFor(database.url));
    expect(own.searchPath).toEqual(['Odd one', 'app']);
    expect(catalog.searchPath).toEqual(['public']);
  });

  it('says what the role may not read, and where rows are hidden from it', async () => {
    const own = await catalogOf(role.urlFor(database.url));
    expect(own.role).toBe(role.name);
    expect(relation('users', own)).toMatchObject({ mayRead: false });
    expect(relation('secrets', own)).toMatchObject({ mayRead: true, hidesRows: true });
    expect(relation('secrets')).toMatchObject({ rowSecurity: true, hidesRows: false });
  });

  it('waits for nobody, and leaves the session as it was', async () => {
    await withSession(database.url, async (client) => {
      await client.query(
        'BEGIN; LOCK TABLE app.users, app.days, app.orders IN ACCESS EXCLUSIVE MODE',
      );
      const session = await openSession(database.url);
      try {
        await session.execute(`SET lock_timeout = '1s'; SET jit = on`, 'setting up the test');
        const seen = await readLiveCatalog(session);
        const users = relation('users', seen);
        expect(users?.oid).toBe(relation('users')?.oid);
        const defaults = seen.columns.filter((one) => one.relation === users?.oid && one.default);
        expect(defaults.map(({ name }) => name)).toEqual(['feeling', 'twice']);
        const { jit } = await session.queryOne<{ jit: string }>(
          `SELECT current_setting('jit') AS jit`,
        );
        expect(jit).toBe('on');
      } finally {
        await session.close();
      }
      await client.query('ROLLBACK');
    });
  });
});
