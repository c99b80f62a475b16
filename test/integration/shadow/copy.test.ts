import { afterEach, describe, expect, it } from 'vitest';
import { createShadow } from '../../../src/features/shadow/create.js';
import { readContentHashes } from '../../../src/postgres/content-hash.js';
import { readFingerprint } from '../../../src/postgres/fingerprint.js';
import { chooseDumpTools } from '../../../src/process/client-tools.js';
import { openSession } from '../../support/open-session.js';
import { richSchema } from '../../support/rich-schema.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { tracesOf } from '../../support/shadow-facts.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';

/** Rows of nearly every kind of table that there is. */
const contents = `
  CREATE TABLE plain (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, g int GENERATED ALWAYS AS (length(body)) STORED);
  INSERT INTO plain (body) SELECT repeat(md5(i::text), 1 + i % 200) FROM generate_series(1, 3000) i;
  DELETE FROM plain WHERE id % 7 = 0;
  CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY); INSERT INTO unlogged VALUES (1), (2);
  CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
  CREATE TABLE parted (a int, b text, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
  CREATE TABLE parted_rest PARTITION OF parted DEFAULT; INSERT INTO parted VALUES (1, 'x'), (2, 'y'), (3, 'z');
  CREATE TABLE moved (drop_me int, kept int, "odd ""name"";
  " text); ALTER TABLE moved DROP drop_me; INSERT INTO moved VALUES (1, E'tab\\t\\\\back\\nline');
  CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
  CREATE TABLE refers (id int REFERENCES plain); INSERT INTO refers SELECT id FROM plain;
  CREATE TABLE guarded (id int PRIMARY KEY, who text); INSERT INTO guarded VALUES (1, 'x');
  ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON guarded USING (who = current_user);
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
  CREATE TABLE watched (id int); INSERT INTO watched VALUES (1);
  CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION refuse();
  CREATE TABLE accls (id int, acl aclitem[], x xid8, j jsonb, t tsvector, r int4range, a text[][], n numeric, f float8);
  INSERT INTO accls SELECT 1, relacl, '7', '{"a":1}', 'a b', '[1,3)', '{{a,b},{c,NULL}}', 'NaN', 1.1 FROM pg_class
   WHERE relname = 'pg_class';
  CREATE SEQUENCE counter; SELECT nextval('counter'), nextval('counter'); CREATE SEQUENCE fresh START 7;
  CREATE MATERIALIZED VIEW second AS SELECT 1 AS a; CREATE MATERIALIZED VIEW first AS SELECT count(*) FROM plain;
  DROP MATERIALIZED VIEW second; CREATE MATERIALIZED VIEW second AS SELECT * FROM first;
  CREATE UNIQUE INDEX ON second (count); CREATE MATERIALIZED VIEW unfilled AS SELECT 1 WITH NO DATA;
`;

describe.each(testServers())('copying table by table on $name', (server) => {
  const made: TestDatabase[] = [];
  const create = async (sql: string) => {
    const database = await createTestDatabase(server, { name: 'copied', sql });
    made.push(database);
    return database;
  };
  afterEach(async () => {
    for (const database of made.splice(0)) await database.drop();
  });

  /** PostgreSQL from npm comes without pg_dump. */
  const hasTools = () =>
    chooseDumpTools(server.major, process.env).then(
      () => true,
      () => false,
    );
  const copy = (url: string, jobs = 2) =>
    withTarget(url, (target) =>
      createShadow(target, { ...{ method: 'copy', jobs, inputs: { stdin: 'SELECT 1' } } }),
    );

  async function stateOf(url: string) {
    const open = () => openSession(url);
    const sessions: Awaited<ReturnType<typeof open>>[] = [];
    const opener = async () => {
      const session = await open();
      sessions.push(session);
      return session;
    };
    try {
      const { fingerprint } = await readFingerprint(opener);
      return { fingerprint, hashes: await readContentHashes(opener) };
    } finally {
      for (const session of sessions) await session.close();
    }
  }

  it('everything is there as it was: schema, rows of every table, sequences', async () => {
    const source = await create(contents);
    const { database } = await copy(source.url);
    const url = withDatabase(source.url, database);
    expect(await stateOf(url)).toEqual(await stateOf(source.url));
    expect(await rowsOf(url, 'SELECT * FROM second')).toEqual([{ count: '2572' }]);
    expect(await rowsOf(url, `SELECT nextval('counter'), nextval('fresh') AS f`)).toEqual([
      { nextval: '3', f: '7' },
    ]);
    await expect(run(url, 'SELECT * FROM unfilled')).rejects.toThrow('has not been populated');
  });

  it('as of one moment, while others write to several tables at once', async () => {
    const source = await create(`
      CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY, pad text);
      CREATE TABLE big AS SELECT i, md5(i::text) AS pad FROM generate_series(1, 60000) i`);
    await withSession(source.url, async (writer) => {
      let isOver = false;
      let written = 0;
      const writing = (async () => {
        for (; !isOver; written += 1) {
          await writer.query(
            `BEGIN; INSERT INTO a VALUES (${written}, 'x'); INSERT INTO b VALUES (${written}, 'y'); COMMIT`,
          );
        }
      })();
      const { database } = await copy(source.url).finally(async () => {
        isOver = true;
        await writing;
      });
      const url = withDatabase(source.url, database);
      const [rows] = await rowsOf(
        url,
        `SELECT (SELECT count(*) FROM a)::int AS a, (SELECT count(*) FROM b)::int AS b,
                (SELECT count(*) FROM a FULL JOIN b USING (id) WHERE a.id IS NULL OR b.id IS NULL)::int AS torn`,
      );
      expect(rows).toMatchObject({ b: rows.a, torn: 0 });
      expect(written).toBeGreaterThan(rows.a);
    });
  });

  it('a role that may not see all rows is told so, and nothing is left', async () => {
    const source = await create(contents);
    const role = await createTestRole(server, 'CREATEDB');
    await run(server.adminUrl, `ALTER DATABASE "${source.name}" OWNER TO ${role.name}`);
    await run(
      source.url,
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role.name};
       GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`,
    );
    const error = await failure(copy(role.urlFor(source.url)), 'PERMISSION_DENIED');
    expect(error.message).toContain('guarded');
    expect(await tracesOf(server, source)).toEqual([]);
    for (const database of made.splice(0)) await database.drop();
    await role.drop();
  });

  it('a row that cannot be written ends it, and nothing is left', async () => {
    const source = await create(`
      CREATE FUNCTION fine(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
      CREATE DOMAIN fine AS int CHECK (fine(VALUE)); CREATE TABLE checked (id fine, pad text);
      INSERT INTO checked SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i;
      CREATE OR REPLACE FUNCTION fine(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < 20'`);
    const error = await failure(copy(source.url), 'DATABASE_ERROR');
    expect(error.message).toContain('public.checked');
    expect(await tracesOf(server, source)).toEqual([]);
    const [{ sessions }] = await rowsOf(
      server.adminUrl,
      `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = $1 AND state = 'active'`,
      [source.name],
    );
    expect(sessions).toBe(0);
  });

  it('says what cannot be copied without pg_dump, and copies it with it', async () => {
    const source = await create(`SELECT lo_from_bytea(0, 'large'); CREATE TABLE t (id int)`);
    if (!(await hasTools())) {
      const error = await failure(copy(source.url), 'SCHEMA_NOT_BUILT');
      expect(error.message).toContain('large objects');
      expect(await tracesOf(server, source)).toEqual([]);
      return;
    }
    const { database } = await copy(source.url);
    const read = `SELECT m.oid::int, convert_from(lo_get(m.oid), 'UTF8') AS text FROM pg_largeobject_metadata m`;
    expect(await rowsOf(withDatabase(source.url, database), read)).toEqual(
      await rowsOf(source.url, read),
    );
  });

  it('a schema with something of nearly everything', async () => {
    const source = await create(
      `${richSchema}; DROP USER MAPPING FOR CURRENT_USER SERVER elsewhere; DROP FOREIGN TABLE app.remote; DROP SERVER elsewhere`,
    );
    await run(
      source.url,
      `INSERT INTO app.customers (name, email, attributes) VALUES ('bob', 'b@x', 'a=>1'), ('eve', '', NULL);
       INSERT INTO app.orders (customer, status, at) SELECT id, 'new', '(1,2)' FROM app.customers;
       INSERT INTO app.events VALUES (1, '2025-05-05', 'k'), (2, '2026-05-05', 'l'); INSERT INTO app.dogs VALUES ('rex', 4, 'me', true)`,
    );
    if (!(await hasTools())) {
      // A partition that was a table of its own has its columns in another order.
      const error = await failure(copy(source.url), 'SCHEMA_NOT_BUILT');
      expect(error.message).toContain('app.events_2026: column order');
      return;
    }
    const { database } = await copy(source.url);
    expect(await stateOf(withDatabase(source.url, database))).toEqual(await stateOf(source.url));
  });

  it('secrets of foreign servers go along, or it says that they cannot', async () => {
    const source = await create(`
      CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper OPTIONS (host 'x');
      CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (user 'u', password 's3cret');
      CREATE FOREIGN TABLE remote (id int) SERVER elsewhere`);
    if (!(await hasTools())) {
      const error = await failure(copy(source.url), 'SCHEMA_NOT_BUILT');
      expect(error.message).toContain('user mapping');
      expect(error.message).not.toContain('s3cret');
      return;
    }
    const { database } = await copy(source.url);
    const read =
      'SELECT srvname, ARRAY(SELECT unnest(umoptions) ORDER BY 1) AS options FROM pg_user_mappings';
    expect(await rowsOf(withDatabase(source.url, database), read)).toEqual(
      await rowsOf(source.url, read),
    );
  });
});
