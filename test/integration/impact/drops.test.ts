import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LiveCatalog } from '../../../src/domain/impact/live-catalog.js';
import { catalogOf, follow } from '../../support/impact-world.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';

const fixture = `
  CREATE SCHEMA app; CREATE SCHEMA "Odd Schema"; CREATE SCHEMA empty;
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TYPE unused AS ENUM ('x');
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE TYPE address AS (street text, feeling mood);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
  CREATE FUNCTION one(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
  CREATE FUNCTION is_fine(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
  CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE users (
    id serial PRIMARY KEY, name text NOT NULL CHECK (is_fine(name)), mail email, feeling mood DEFAULT 'ok',
    home address, moods mood[], doubled int GENERATED ALWAYS AS (number * 2) STORED, number int DEFAULT one(),
    UNIQUE (name, number));
  CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, amount numeric,
    during span);
  CREATE INDEX ON users (lower(name)); CREATE UNIQUE INDEX ON orders (user_id, amount); CREATE INDEX ON users (one(number));
  CREATE STATISTICS user_facts ON name, number FROM users;
  CREATE VIEW names AS SELECT id, name FROM users; CREATE VIEW more AS SELECT * FROM names;
  CREATE MATERIALIZED VIEW feelings AS SELECT feeling, count(*) FROM users GROUP BY 1;
  CREATE UNIQUE INDEX ON feelings (feeling);
  CREATE VIEW of_function AS SELECT one(2) AS n;
  CREATE TRIGGER fires BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION fire();
  CREATE TRIGGER on_column BEFORE UPDATE OF number ON users FOR EACH ROW EXECUTE FUNCTION fire();
  CREATE POLICY mine ON users USING (id > 0);
  CREATE RULE nobody AS ON DELETE TO orders DO INSTEAD NOTHING;
  CREATE TABLE parted (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
  CREATE TABLE parted_2a PARTITION OF parted_2 DEFAULT;
  CREATE INDEX parted_k ON parted (k);
  CREATE TRIGGER on_parted AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION fire();
  CREATE TABLE refers (id int, k int, FOREIGN KEY (id, k) REFERENCES parted);
  CREATE TABLE parent (a int, b text, own text); CREATE TABLE child (c int, own text) INHERITS (parent);
  CREATE SEQUENCE app.numbers; CREATE TABLE app.things (id int DEFAULT nextval('app.numbers'), feeling mood);
  CREATE TABLE "Odd Schema"."Odd.Table" ("Odd ""Column" int, plain int);
  CREATE TABLE of_rows (one users, many users[]);
  CREATE COLLATION sorting (provider = icu, locale = 'en-US'); CREATE TABLE sorted (name text COLLATE sorting);
  CREATE FUNCTION to_mood(int) RETURNS mood LANGUAGE sql AS $$ SELECT 'ok'::mood $$;
  CREATE CAST (int AS mood) WITH FUNCTION to_mood(int);
  CREATE FUNCTION body(int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT name FROM users WHERE id = $1; END;
  CREATE AGGREGATE added (int) (sfunc = int4pl, stype = int);
  CREATE VIEW of_aggregate AS SELECT added(id) FROM users;
  CREATE PROCEDURE do_it() LANGUAGE sql AS 'SELECT 1';
  CREATE PUBLICATION all_users FOR TABLE users;
  CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER watches ON ddl_command_end EXECUTE FUNCTION on_ddl();
`;

const extensions = `
  CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION pg_trgm;
  CREATE TABLE extended (id int, attributes hstore, list hstore[], word citext, text text);
  CREATE INDEX ON extended USING gin (text gin_trgm_ops);
  CREATE VIEW of_extension AS SELECT attributes FROM extended;
`;

const drops = `
  DROP TABLE users; DROP TABLE users CASCADE; DROP TABLE orders; DROP TABLE users, orders; DROP TABLE orders, users CASCADE;
  DROP TABLE parted; DROP TABLE parted CASCADE; DROP TABLE parted_1; DROP TABLE parted_2 CASCADE; DROP TABLE refers, parted;
  DROP TABLE parent; DROP TABLE parent CASCADE; DROP TABLE child; DROP TABLE "Odd Schema"."Odd.Table"; DROP TABLE of_rows, users CASCADE;
  DROP VIEW names; DROP VIEW names CASCADE; DROP VIEW more; DROP VIEW more, names; DROP VIEW of_function;
  DROP MATERIALIZED VIEW feelings;
  DROP TYPE mood; DROP TYPE mood CASCADE; DROP TYPE unused; DROP TYPE address; DROP TYPE address CASCADE; DROP TYPE span; DROP TYPE span CASCADE;
  DROP DOMAIN email; DROP DOMAIN email CASCADE; DROP TYPE users; DROP TYPE _mood;
  DROP SCHEMA app; DROP SCHEMA app CASCADE; DROP SCHEMA empty; DROP SCHEMA "Odd Schema" CASCADE; DROP SCHEMA public CASCADE;
  DROP SEQUENCE users_id_seq; DROP SEQUENCE users_id_seq CASCADE; DROP SEQUENCE orders_id_seq; DROP SEQUENCE orders_id_seq CASCADE;
  DROP SEQUENCE app.numbers; DROP SEQUENCE app.numbers CASCADE;
  DROP INDEX users_lower_idx; DROP INDEX users_pkey; DROP INDEX users_pkey CASCADE; DROP INDEX parted_k; DROP INDEX parted_1_k_idx; DROP INDEX feelings_feeling_idx;
  DROP FUNCTION one(); DROP FUNCTION one() CASCADE; DROP FUNCTION one; DROP FUNCTION one(int) CASCADE; DROP FUNCTION one(), one(int) CASCADE;
  DROP FUNCTION is_fine; DROP FUNCTION is_fine CASCADE; DROP FUNCTION fire CASCADE; DROP FUNCTION fire; DROP FUNCTION body; DROP FUNCTION to_mood CASCADE;
  DROP AGGREGATE added(int); DROP AGGREGATE added(int) CASCADE; DROP PROCEDURE do_it; DROP ROUTINE do_it(); DROP FUNCTION on_ddl CASCADE;
  DROP TRIGGER fires ON users; DROP TRIGGER on_parted ON parted; DROP TRIGGER on_parted ON parted_1; DROP POLICY mine ON users; DROP RULE nobody ON orders;
  DROP COLLATION sorting; DROP COLLATION sorting CASCADE; DROP STATISTICS user_facts; DROP PUBLICATION all_users; DROP EVENT TRIGGER watches;
  DROP EXTENSION plpgsql; DROP EXTENSION plpgsql CASCADE;
  DROP TABLE no_such; DROP TABLE IF EXISTS no_such; DROP TABLE names; DROP VIEW users; DROP FUNCTION one(text); DROP SCHEMA nowhere; DROP TYPE nowhere;
  ALTER TABLE users DROP COLUMN name; ALTER TABLE users DROP COLUMN name CASCADE; ALTER TABLE users DROP COLUMN number; ALTER TABLE users DROP COLUMN number CASCADE;
  ALTER TABLE users DROP COLUMN doubled; ALTER TABLE users DROP COLUMN id; ALTER TABLE users DROP COLUMN id CASCADE; ALTER TABLE orders DROP COLUMN id;
  ALTER TABLE parent DROP COLUMN a; ALTER TABLE parent DROP COLUMN own; ALTER TABLE child DROP COLUMN a; ALTER TABLE ONLY parent DROP COLUMN a;
  ALTER TABLE parted DROP COLUMN k; ALTER TABLE parted DROP COLUMN id CASCADE; ALTER TABLE parted_1 DROP COLUMN id;
  ALTER TABLE users DROP CONSTRAINT users_pkey; ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE; ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;
  ALTER TABLE parted DROP CONSTRAINT parted_pkey CASCADE; ALTER TABLE refers DROP CONSTRAINT refers_id_k_fkey;
  ALTER TABLE users ALTER COLUMN number DROP DEFAULT; ALTER TABLE app.things ALTER id DROP DEFAULT;
`;

const extensionDrops = `
  DROP EXTENSION hstore; DROP EXTENSION hstore CASCADE; DROP EXTENSION citext CASCADE; DROP EXTENSION pg_trgm; DROP EXTENSION pg_trgm CASCADE;
  DROP TYPE hstore CASCADE; DROP FUNCTION hstore(text, text); DROP EXTENSION hstore, citext, pg_trgm CASCADE;
`;

const listOf = (sql: string): string[] =>
  sql
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** Everything with an address: objects that depend on something, and columns of relations. */
const presentSql = `
  SELECT DISTINCT c.relname || '/' || d.objid || '/0' AS address
    FROM pg_depend d JOIN pg_class c ON c.oid = d.classid WHERE d.objid >= 16384 OR d.deptype = 'e'
  UNION
  SELECT 'pg_extension/' || oid || '/0' FROM pg_extension
  UNION
  SELECT 'pg_publication/' || oid || '/0' FROM pg_publication
  UNION ALL
  SELECT 'pg_class/' || a.attrelid || '/' || a.attnum FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
   WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped
     AND c.relnamespace <> 'pg_toast'::regnamespace`;

async function present(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ address: string }>(presentSql);
  return rows.map(({ address }) => address);
}

/** What really disappears; undefined: PostgreSQL refuses. */
async function reallyGone(
  client: Client,
  before: readonly string[],
  sql: string,
): Promise<string[] | undefined> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    const after = new Set(await present(client));
    const gone = new Set(before.filter((address) => !after.has(address)));
    const whole = (address: string) => address.replace(/\/\d+$/, '/0');
    // Columns go with their table.
    const isPart = (address: string) => whole(address) !== address && gone.has(whole(address));
    return [...gone].filter((address) => !isPart(address)).sort();
  } catch {
    return undefined;
  } finally {
    await client.query('ROLLBACK');
  }
}

describe.each(testServers())('$name', (server) => {
  let database: TestDatabase;
  let client: Client;
  let catalog: LiveCatalog;
  let before: readonly string[];
  let hasExtensions = false;

  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'drops', sql: fixture });
    client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      `SELECT FROM pg_available_extensions WHERE name IN ('hstore', 'citext', 'pg_trgm')`,
    );
    hasExtensions = rows.length === 3;
    if (hasExtensions) await client.query(extensions);
    before = await present(client);
    catalog = await catalogOf(database.url);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  async function compare(sql: string): Promise<void> {
    const { world, statements } = await follow(catalog, sql);
    const really = await reallyGone(client, before, sql);
    const fails = statements.some(({ findings }) => findings.some((one) => one.fails === true));
    expect(fails, really ? 'PostgreSQL does it' : 'PostgreSQL refuses').toBe(really === undefined);
    // What nothing depends on, and which depends on nothing, is in no list of the server's.
    const known = [...world.gone].filter((id) => !id.startsWith('pg_namespace/')).sort();
    expect(known).toEqual((really ?? []).filter((id) => !id.startsWith('pg_namespace/')));
  }

  it.each(listOf(drops))('%s', compare);

  it.each(listOf(extensionDrops))('%s', async (sql) => {
    // Not every package of PostgreSQL brings them.
    if (hasExtensions) await compare(sql);
    else expect(catalog.others.some(({ name }) => name === 'hstore')).toBe(false);
  });
});
