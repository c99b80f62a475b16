import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateDown } from '../../../src/features/migration/down.js';
import { migrateUp } from '../../../src/features/migration/up.js';
import { withHistory } from '../../../src/features/schema/with-history.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { makeProject } from './project.js';

/** Migrations of many kinds, each on top of those before, with a way down that takes back all of it. */
const migrations: readonly (readonly [name: string, up: string, down: string])[] = [
  [
    'tables',
    `CREATE SCHEMA shop;
     CREATE TABLE shop.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text UNIQUE);
     CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer int REFERENCES shop.customers, total numeric(10,2) DEFAULT 0);
     COMMENT ON TABLE shop.orders IS 'what was ordered';`,
    'DROP SCHEMA shop CASCADE;',
  ],
  [
    'rows',
    `INSERT INTO shop.customers (mail) VALUES ('a@b'), ('c@d');`,
    'DELETE FROM shop.customers;',
  ],
  [
    'columns',
    `ALTER TABLE shop.customers ADD name text NOT NULL DEFAULT 'nobody', ADD born date;
     ALTER TABLE shop.orders ALTER total TYPE numeric(12,3), ALTER total SET NOT NULL;`,
    `ALTER TABLE shop.customers DROP name, DROP born;
     ALTER TABLE shop.orders ALTER total DROP NOT NULL, ALTER total TYPE numeric(10,2);`,
  ],
  [
    'renames',
    `ALTER TABLE shop.customers RENAME mail TO email;
     ALTER TABLE shop.orders RENAME TO purchases;
     ALTER SEQUENCE shop.orders_id_seq RENAME TO purchases_id_seq;`,
    `ALTER SEQUENCE shop.purchases_id_seq RENAME TO orders_id_seq;
     ALTER TABLE shop.purchases RENAME TO orders;
     ALTER TABLE shop.customers RENAME email TO mail;`,
  ],
  [
    'types',
    `CREATE TYPE shop.state AS ENUM ('new', 'paid'); CREATE DOMAIN shop.positive AS int CHECK (VALUE > 0);
     ALTER TABLE shop.purchases ADD state shop.state DEFAULT 'new', ADD count shop.positive;`,
    `ALTER TABLE shop.purchases DROP state, DROP count; DROP DOMAIN shop.positive; DROP TYPE shop.state;`,
  ],
  [
    'constraints',
    `ALTER TABLE shop.purchases ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID;
     CREATE INDEX by_customer ON shop.purchases (customer) INCLUDE (total) WHERE total > 0;
     CREATE STATISTICS shop.both (dependencies) ON customer, total FROM shop.purchases;`,
    `DROP STATISTICS shop.both; DROP INDEX shop.by_customer;
     ALTER TABLE shop.purchases DROP CONSTRAINT total_positive;`,
  ],
  [
    'code',
    `CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.total := 1; RETURN NEW; END; $$;
     CREATE TRIGGER stamp BEFORE INSERT ON shop.purchases FOR EACH ROW EXECUTE FUNCTION shop.stamp();
     CREATE PROCEDURE shop.clean() LANGUAGE sql BEGIN ATOMIC DELETE FROM shop.purchases; SELECT 1; END;`,
    `DROP PROCEDURE shop.clean(); DROP TRIGGER stamp ON shop.purchases; DROP FUNCTION shop.stamp();`,
  ],
  [
    'views',
    `CREATE VIEW shop.totals AS SELECT customer, sum(total) AS total FROM shop.purchases GROUP BY customer;
     CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.totals WITH NO DATA;`,
    'DROP MATERIALIZED VIEW shop.kept; DROP VIEW shop.totals;',
  ],
  [
    'rights',
    `ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY; GRANT SELECT ON shop.customers TO PUBLIC;
     CREATE POLICY own ON shop.customers USING (email = current_user);
     ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC;`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE SELECT ON TABLES FROM PUBLIC;
     DROP POLICY own ON shop.customers; REVOKE SELECT ON shop.customers FROM PUBLIC;
     ALTER TABLE shop.customers DISABLE ROW LEVEL SECURITY;`,
  ],
  [
    'partitions',
    `CREATE TABLE shop.log (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
     CREATE TABLE shop.log_2026 PARTITION OF shop.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
     CREATE INDEX ON shop.log (at);`,
    'DROP TABLE shop.log;',
  ],
  [
    'concurrently',
    '-- belay:no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON shop.customers (name);\nVACUUM shop.customers;',
    '-- belay:no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS shop.by_name;',
  ],
];

describe.each(testServers())('up and down again on $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase(server, { name: 'there_and_back' });
  });
  afterAll(() => db.drop());

  it('each way down gives the checksum of before its way up', async () => {
    const files = migrations.flatMap(([name, up, down], index) => {
      const folder = `${String(index + 1).padStart(3, '0')}_${name}`;
      return [
        [`${folder}/up.sql`, up],
        [`${folder}/down.sql`, down],
      ] as const;
    });
    const project = makeProject(db.url, Object.fromEntries(files));
    await project.run(async (target) => {
      await migrateUp(target);
      await migrateDown(target, { to: '0' });
      const again = await migrateUp(target, { to: '3' });
      const entries = await withHistory(target, ({ history }) => history.read());
      const checksums = entries.map(({ checksum }) => checksum);
      const count = migrations.length;
      const there = checksums.slice(0, count + 1);
      // All but the one that only adds rows lead to another schema.
      expect(new Set(there).size).toBe(count);
      expect(checksums.slice(count, 2 * count + 1)).toEqual([...there].reverse());
      expect(again.applied.map(({ checksum }) => checksum)).toEqual(there.slice(1, 4));
      const renames = entries[4]?.renames.map(({ object, from, to }) => `${object} ${from} ${to}`);
      expect(renames?.sort()).toEqual([
        'column shop.customers.mail shop.customers.email',
        'sequence shop.orders_id_seq shop.purchases_id_seq',
        'table shop.orders shop.purchases',
      ]);
    });
  });
});
