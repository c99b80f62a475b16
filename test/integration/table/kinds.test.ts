import { afterEach, describe, expect, it } from 'vitest';
import { restoreSnapshot } from '../../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  withSession,
} from '../../support/servers.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';
import { dumpServers, restore, schemaOf, snapshot } from './tables.js';

describe.each(dumpServers())('tables of every kind on $name', (server) => {
  let db: TestDatabase | undefined;
  afterEach(async () => {
    await db?.drop();
    db = undefined;
  });

  /** A database with a snapshot, to damage. */
  async function prepare(sql: string, options: { name?: string; exactName?: string } = {}) {
    db = await createTestDatabase(server, { name: 'kinds', ...options, sql });
    await snapshot(db.url);
    return { url: db.url, before: await schemaOf(db.url) };
  }
  const contents = (url: string, table: string) =>
    rowsOf(url, `SELECT * FROM ${table} ORDER BY 1, 2`);

  const circle = `
    CREATE TABLE people (id int PRIMARY KEY, boss int REFERENCES people, team int, pet int);
    CREATE TABLE teams (id int PRIMARY KEY, lead int NOT NULL REFERENCES people DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES people);
    ALTER TABLE people ADD FOREIGN KEY (team) REFERENCES teams, ADD FOREIGN KEY (pet) REFERENCES pets;
    INSERT INTO people VALUES (1, NULL), (2, 1), (3, 3);
    INSERT INTO teams VALUES (1, 1), (2, 2);
    INSERT INTO pets VALUES (1, 2);
    UPDATE people SET team = 1, pet = 1;
  `;

  it('restores tables that refer to each other in one step', async () => {
    const { url, before } = await prepare(circle);
    const good = [await contents(url, 'people'), await contents(url, 'teams')];
    await run(
      url,
      'UPDATE people SET team = NULL, boss = NULL; DELETE FROM teams; DROP TABLE teams CASCADE',
    );
    const result = await restore(url, { tables: ['public.people', 'public.teams'] });
    expect([await contents(url, 'people'), await contents(url, 'teams')]).toEqual(good);
    expect(await schemaOf(url)).toEqual(before);
    expect(result.tables).toMatchObject([
      { table: 'public.people', replaced: { rows: 3 }, notValid: [] },
      { table: 'public.teams', replaced: null, notValid: [] },
    ]);
    await expect(run(url, 'DELETE FROM teams WHERE id = 1')).rejects.toThrow('people_team_fkey');
    await expect(run(url, 'DELETE FROM pets')).rejects.toThrow('people_pet_fkey');
  });

  it('restores a table that refers to itself', async () => {
    const { url, before } = await prepare(circle);
    await run(url, 'UPDATE people SET boss = 2 WHERE id = 3');
    await restore(url, { tables: ['public.people'] });
    expect(await rowsOf(url, 'SELECT boss FROM people WHERE id = 3')).toEqual([{ boss: 3 }]);
    expect(await schemaOf(url)).toEqual(before);
    await expect(
      run(url, 'DELETE FROM people WHERE id = 3; UPDATE people SET boss = 99 WHERE id = 1'),
    ).rejects.toThrow('people_boss_fkey');
  });

  const events = `
    CREATE TABLE accounts (id int PRIMARY KEY);
    INSERT INTO accounts VALUES (1), (2);
    CREATE TABLE events (id int NOT NULL, at date NOT NULL, account int REFERENCES accounts, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE INDEX events_account ON events (account);
    CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE events_2026 (account int, at date NOT NULL, id int NOT NULL);
    ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER each AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION noop();
    CREATE TABLE notes (event int, at date, FOREIGN KEY (event, at) REFERENCES events);
    CREATE VIEW recent AS SELECT id FROM events WHERE at > '2026-06-01';
    INSERT INTO events SELECT i, '2025-12-01'::date + i, 1 + i % 2 FROM generate_series(1, 100) i;
    INSERT INTO notes SELECT id, at FROM events WHERE id % 10 = 0;
  `;

  it.each([
    [
      'damaged',
      `DELETE FROM notes WHERE event = 99; UPDATE events SET account = NULL WHERE at >= '2026-01-01'`,
    ],
    ['dropped', 'ALTER TABLE notes DROP CONSTRAINT notes_event_at_fkey; DROP TABLE events_2026'],
  ])('restores one partition that was %s', async (what, damage) => {
    const { url, before } = await prepare(events);
    const good = await contents(url, 'events');
    await run(url, damage);
    const result = await restore(url, { tables: ['public.events_2026'] });
    expect(await contents(url, 'events')).toEqual(good);
    const now = await schemaOf(url);
    // The foreign key of notes was on the parent, which is no part of the partition.
    const lost =
      what === 'dropped' ? (object: string) => !object.includes('notes_event_at_fkey') : () => true;
    expect(now).toEqual(before.filter(lost));
    expect(result.tables[0]).toMatchObject({ rows: 70, notValid: [] });
    const bounds = `SELECT conname FROM pg_constraint WHERE conname = 'belay_bound'`;
    expect(await rowsOf(url, bounds)).toEqual([]);
    await expect(run(url, `INSERT INTO events_2026 VALUES (1, '2025-01-01', 1)`)).rejects.toThrow(
      'partition constraint',
    );
  });

  it.each([
    ['public.events', 'is partitioned'],
    ['public.recent', 'is a view'],
    ['public.child', 'inheritance'],
    ['public.lone', 'is a sequence'],
    ['public.filled', 'is a materialized view'],
  ])('refuses %s', async (table, why) => {
    const { url } = await prepare(`${events}
      CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent); CREATE SEQUENCE lone;
      CREATE MATERIALIZED VIEW filled AS SELECT 1 AS one`);
    const error = await failure(restore(url, { tables: [table] }), 'USAGE');
    expect(error.message).toContain(why);
  });

  it('names what the snapshot has not, and what is no name', async () => {
    const { url } = await prepare('CREATE TABLE t (a int)');
    await failure(restore(url, { tables: ['public.nothing'] }), 'TABLE_NOT_FOUND');
    await failure(restore(url, { tables: ['nothing'] }), 'USAGE');
    await failure(restore(url, { tables: [] }), 'USAGE');
    await failure(restore(url, { tables: ['public.t'], intoSchema: 'a', to: 'b' }), 'USAGE');
    await failure(restore(url, { tables: ['public.t'], intoSchema: 'pg_mine' }), 'BAD_NAME');
  });

  it('passes odd names through', async () => {
    const odd = `-s "x".y=z'\n\\é`;
    const quoted = `"${odd.replaceAll('"', '""')}"`;
    const { url, before } = await prepare(
      `CREATE SCHEMA ${quoted};
       CREATE TABLE ${quoted}.${quoted} (${quoted} serial PRIMARY KEY, "b,""c)" text);
       CREATE INDEX "i ${odd.replaceAll('"', '""')}" ON ${quoted}.${quoted} ("b,""c)");
       CREATE TABLE ${quoted}."(a) FROM stdin;" (r int REFERENCES ${quoted}.${quoted});
       CREATE VIEW ${quoted}."v'" AS SELECT * FROM ${quoted}.${quoted};
       CREATE MATERIALIZED VIEW ${quoted}."m${odd.replaceAll('"', '""')}$" AS SELECT * FROM ${quoted}.${quoted};
       INSERT INTO ${quoted}.${quoted} ("b,""c)") VALUES (E'a\\tb\\n\\\\.'), (NULL), ('\\.');
       INSERT INTO ${quoted}."(a) FROM stdin;" VALUES (1)`,
      { exactName: `odd "x" y=z '${Date.now()}` },
    );
    const good = await contents(url, `${quoted}.${quoted}`);
    await run(url, `UPDATE ${quoted}.${quoted} SET "b,""c)" = 'gone'`);
    const name = `${quoted}.${quoted}`;
    await restore(url, { tables: [name, `${quoted}."(a) FROM stdin;"`], keepAs: odd.slice(1) });
    expect(await contents(url, name)).toEqual(good);
    expect(
      (await schemaOf(url)).filter((object) => !object.includes('s """x"".y')).length,
    ).toBeGreaterThan(0);
    expect((await schemaOf(url)).filter((object) => before.includes(object))).toEqual(before);
  });

  it('restores empty tables, and tables without columns or keys', async () => {
    const { url, before } = await prepare(
      'CREATE TABLE empty (a int); CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; CREATE UNLOGGED TABLE fast (a int, b text); INSERT INTO fast VALUES (1), (1)',
    );
    await run(url, 'DROP TABLE empty, bare; DELETE FROM fast');
    await restore(url, { tables: ['public.empty', 'public.bare', 'public.fast'] });
    expect(await schemaOf(url)).toEqual(before);
    expect(
      await rowsOf(
        url,
        'SELECT (SELECT count(*)::int FROM bare) b, (SELECT count(*)::int FROM fast) f, (SELECT count(*)::int FROM empty) e',
      ),
    ).toEqual([{ b: 1, f: 2, e: 0 }]);
  });

  it('does not add what default privileges grant', async () => {
    const { url, before } = await prepare(
      'CREATE TABLE secret (id serial); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO PUBLIC',
    );
    await run(url, 'DROP TABLE secret');
    await restore(url, { tables: ['public.secret'] });
    expect(await schemaOf(url)).toEqual(before);
  });

  it('names a foreign key that has nothing to refer to any more, and goes without it when told to', async () => {
    const { url } = await prepare(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)',
    );
    await run(url, 'DELETE FROM b; ALTER TABLE a RENAME TO gone');
    const error = await failure(restore(url, { tables: ['public.b'] }), 'WOULD_LOSE');
    expect(error.message).toBe(
      'public.b would lose its foreign key "b_a_fkey": there is no table public.a any more',
    );
    const { tables } = await restore(url, { tables: ['public.b'], confirm: () => true });
    expect(tables[0]).toMatchObject({ rows: 1, leftOut: [{ constraint: 'b_a_fkey' }] });
    expect(await rowsOf(url, 'SELECT a FROM b')).toEqual([{ a: 1 }]);
  });

  it('does not put in place what is not as the snapshot had it', async () => {
    const { url } = await prepare('CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)');
    await run(
      url,
      `UPDATE t SET a = 2;
       CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$
       DECLARE made record;
       BEGIN
         FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
           EXECUTE format('COMMENT ON TABLE %s IS %L', made.object_identity, 'meddled');
         END LOOP;
       END $$;
       CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION meddle()`,
    );
    const error = await failure(restore(url, { tables: ['public.t'] }), 'FINGERPRINT_MISMATCH');
    expect(error.message).toContain('meddled');
    expect(await rowsOf(url, 'SELECT a FROM t')).toEqual([{ a: 2 }]);
    expect(await rowsOf(url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay%'`)).toEqual([]);
  });

  it('works for an owner who is no superuser, and for nobody else', async () => {
    const owner = await createTestRole(server, 'CREATEDB');
    const other = await createTestRole(server, 'CREATEDB');
    db = await createTestDatabase(server, { name: 'kinds', owner: owner.name });
    const url = owner.urlFor(db.url);
    try {
      await run(
        url,
        `CREATE TABLE things (id serial PRIMARY KEY, name text); INSERT INTO things (name) VALUES ('a'), ('b');
         CREATE TABLE parts (thing int REFERENCES things); INSERT INTO parts VALUES (1);
         ALTER TABLE things ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON things USING (false);
         CREATE VIEW names AS SELECT name FROM things; GRANT SELECT ON things TO ${other.name}`,
      );
      await snapshot(url);
      const before = await schemaOf(url);
      await run(url, 'DELETE FROM things WHERE id = 2');
      await restore(url, { tables: ['public.things'] });
      expect(await schemaOf(url)).toEqual(before);
      expect(await rowsOf(url, 'SELECT id FROM things')).toEqual([{ id: 1 }, { id: 2 }]);
      await withSession(db.url, async (client) => {
        await client.query(`ALTER TABLE parts OWNER TO ${other.name}`);
      });
      const error = await failure(restore(url, { tables: ['public.things'] }), 'PERMISSION_DENIED');
      expect(error.message).toContain('parts_thing_fkey');
    } finally {
      await db.drop();
      db = undefined;
      await owner.drop();
      await other.drop();
    }
  });

  it('leaves the whole database restorable, and its snapshots as they were', async () => {
    const { url, before } = await prepare(
      'CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)',
    );
    await run(url, 'UPDATE t SET a = 2');
    await restore(url, { tables: ['public.t'] });
    const { previous } = await withTarget(url, (target) =>
      restoreSnapshot(target, { reference: 'good' }),
    );
    expect(previous?.fingerprint?.rowCounts).toMatchObject({ 'public.t': 1 });
    expect(await schemaOf(url)).toEqual(before);
  });
});
