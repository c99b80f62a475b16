import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase, withDatabase } from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run } from '../../support/targets.js';
import { dumpServers, restore, schemaOf, snapshot } from './tables.js';

const shop = `
  CREATE SCHEMA app;
  CREATE TYPE app.mood AS ENUM ('sad', 'happy');
  CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE app.customers (id int PRIMARY KEY);
  CREATE TABLE app.orders (id serial PRIMARY KEY, customer int REFERENCES app.customers, parent int REFERENCES app.orders, feeling app.mood);
  CREATE INDEX orders_customer ON app.orders (customer);
  CREATE TRIGGER touch BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
  CREATE TABLE app.items ("order" int REFERENCES app.orders);
  INSERT INTO app.customers VALUES (1), (2);
  INSERT INTO app.orders (customer, parent, feeling) VALUES (1, NULL, 'sad'), (2, 1, 'happy');
  INSERT INTO app.items VALUES (1), (2);
`;

describe.each(dumpServers())('restoring a table beside what is there on $name', (server) => {
  let db: TestDatabase;
  let before: string[];
  let others: TestDatabase[];
  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'beside', sql: shop });
    others = [];
    before = await schemaOf(db.url);
    await snapshot(db.url);
    await run(
      db.url,
      'DELETE FROM app.items; DELETE FROM app.orders; DELETE FROM app.customers WHERE id = 2',
    );
  });
  afterEach(async () => {
    for (const one of [...others, db]) await one.drop();
  });
  const put = (options: object) => restore(db.url, { tables: ['app.orders'], ...options });
  const good = [
    { id: 1, customer: 1, parent: null, feeling: 'sad' },
    { id: 2, customer: 2, parent: 1, feeling: 'happy' },
  ];

  it('puts it into a schema, and nothing else changes', async () => {
    const result = await put({ intoSchema: 'look' });
    expect(await rowsOf(db.url, 'SELECT * FROM look.orders ORDER BY id')).toEqual(good);
    expect(result).toMatchObject({
      outageMs: 0,
      keptIn: [],
      tables: [
        {
          table: 'app.orders',
          restoredAs: 'look.orders',
          rows: 2,
          replaced: null,
          leftOut: [{ constraint: 'orders_customer_fkey' }],
        },
      ],
    });
    const now = await schemaOf(db.url);
    expect(now.filter((object) => !object.includes('look'))).toEqual(before);
    // Everything of its own came along.
    const own = before.filter((object) =>
      /^(index|column|trigger|constraint) app.orders/.test(object),
    );
    for (const object of own.filter((text) => !text.includes('customer_fkey'))) {
      expect(now).toContain(object.replaceAll('app.orders', 'look.orders'));
    }
    await run(db.url, 'DELETE FROM app.customers');
    expect(await rowsOf(db.url, 'INSERT INTO look.orders DEFAULT VALUES RETURNING id')).toEqual([
      { id: 3 },
    ]);
    expect(await rowsOf(db.url, `SELECT nextval('app.orders_id_seq')::int AS id`)).toEqual([
      { id: 3 },
    ]);
  });

  it('refuses a schema that has such a table, and keeps it', async () => {
    await run(db.url, 'CREATE SCHEMA look; CREATE TABLE look.orders (mine text)');
    await failure(put({ intoSchema: 'look' }), 'TABLE_EXISTS');
    await run(db.url, 'DROP TABLE look.orders; CREATE SEQUENCE look.orders_pkey');
    await failure(put({ intoSchema: 'look' }), 'TABLE_EXISTS');
    expect(await rowsOf(db.url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay%'`)).toEqual(
      [],
    );
  });

  it('makes a new database with the table and what it needs', async () => {
    const name = `${db.name}_new`;
    const result = await put({ to: name });
    others.push({
      ...db,
      name,
      url: withDatabase(db.url, name),
      drop: () => run(server.adminUrl, `DROP DATABASE "${name}"`),
    });
    const url = withDatabase(db.url, name);
    expect(await rowsOf(url, 'SELECT * FROM app.orders ORDER BY id')).toEqual(good);
    expect(result).toMatchObject({
      database: name,
      tables: [{ rows: 2, leftOut: [{ constraint: 'orders_customer_fkey' }] }],
    });
    expect(
      await rowsOf(
        url,
        `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'app'::regnamespace`,
      ),
    ).toEqual([{ relname: 'orders' }]);
    expect(
      await rowsOf(url, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'belay%'`),
    ).toEqual([]);
    expect(await databasesOf(server, db.name)).toHaveLength(3);
    await failure(put({ to: name }), 'TABLE_EXISTS');
  });

  it('puts it into a database that is there, with the foreign keys that have something to refer to', async () => {
    const other = await createTestDatabase(server, { name: 'other', sql: shop });
    others.push(other);
    await run(
      other.url,
      'DROP TABLE app.items, app.orders; DELETE FROM app.customers WHERE id = 2',
    );
    const result = await restore(db.url, { tables: ['app.orders'], to: other.name });
    expect(result.tables[0]).toMatchObject({
      rows: 2,
      notValid: ['app.orders.orders_customer_fkey'],
      leftOut: [],
    });
    expect(await rowsOf(other.url, 'SELECT * FROM app.orders ORDER BY id')).toEqual(good);
    expect(
      await rowsOf(other.url, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'belay%'`),
    ).toEqual([]);
    await failure(put({ to: db.name }), 'USAGE');
  });

  it('says what is missing where the table cannot be made', async () => {
    await run(db.url, 'DROP TABLE app.orders CASCADE; DROP TYPE app.mood');
    const error = await failure(put({}), 'RESTORE_FAILED');
    expect(error.message).toContain('app.mood');
    expect(error.hint).toContain('--to');
    await run(db.url, 'DROP SCHEMA app CASCADE');
    await failure(put({}), 'TABLE_NOT_FOUND');
    expect(
      await rowsOf(db.url, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'belay%'`),
    ).toEqual([]);
  });
});
