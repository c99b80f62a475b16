import { afterEach, describe, expect, it } from 'vitest';
import type { RowChange } from '../../../src/domain/shadow.js';
import { applyChanges } from '../../../src/postgres/shadow/apply-changes.js';
import { Applying } from '../../../src/postgres/shadow/applying.js';
import { createTestRole, type TestRole, testServers } from '../../support/servers.js';
import { createShadowPair, type ShadowPair } from '../../support/shadow-pair.js';
import { failure, rowsOf, run } from '../../support/targets.js';

type PairOptions = Parameters<typeof createShadowPair>[1];

describe.each(testServers())('applying changes to a shadow on $name', (server) => {
  let pair: ShadowPair | undefined;
  let role: TestRole | undefined;
  const make = async (options: PairOptions) => {
    pair = await createShadowPair(server, options);
    return pair;
  };
  /** Applies to the first table, in one transaction, as a sync does. */
  const apply = (made: ShadowPair, changes: readonly RowChange[]) =>
    made.withSessions((source, shadow, tables) =>
      shadow.transaction(async () => {
        const [table] = tables;
        if (!table) throw new Error('no table');
        const applying = await Applying.begin(source, shadow, tables);
        await applying.beforeWriting();
        const { onMerged } = applying;
        const done = await applyChanges(shadow, table, changes, { onMerged });
        applying.count(table, done);
        await applying.end(tables);
        return done;
      }),
    );
  afterEach(async () => {
    await pair?.drop();
    await role?.drop();
    pair = undefined;
    role = undefined;
  });

  it('follows tables and columns with any name through a migration', async () => {
    const made = await make({
      sql: `CREATE SCHEMA "S p""ü"; CREATE TABLE "S p""ü"."-t;
x" ("i d" int, "a""b" text, "?" int GENERATED ALWAYS AS ("i d" * 2) STORED, gone text, n int, PRIMARY KEY ("i d"));
        INSERT INTO "S p""ü"."-t;
x" ("i d", "a""b", gone, n) VALUES (1, 'x', 'y', 1)`,
      migration: `ALTER SCHEMA "S p""ü" RENAME TO "new;"; ALTER TABLE "new;"."-t;
x" RENAME "a""b" TO "b'c"; ALTER TABLE "new;"."-t;
x" DROP COLUMN gone; ALTER TABLE "new;"."-t;
x" ALTER n TYPE text; ALTER TABLE "new;"."-t;
x" RENAME TO "to\\ n"; ALTER TABLE "new;"."to\\ n" RENAME "i d" TO "k "`,
    });
    const done = await apply(made, [
      { kind: 'upsert', values: ['1', 'new', '5'], oldKey: null },
      { kind: 'upsert', values: ['2', '\\N', null], oldKey: null },
    ]);
    expect(done).toEqual({ upserted: 2, deleted: 0 });
    expect(await rowsOf(made.shadowUrl, `SELECT * FROM "new;"."to\\ n" ORDER BY "k "`)).toEqual([
      { 'k ': 1, "b'c": 'new', '?': 2, n: '5' },
      { 'k ': 2, "b'c": '\\N', '?': 4, n: null },
    ]);
  });

  it('is the same when it is done twice, and leaves alone what was not sent', async () => {
    const made = await make({
      sql: `CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text, b text); INSERT INTO t (a, b) VALUES ('1', 'one'), ('2', 'two'), ('3', 'three')`,
      migration: 'ALTER TABLE t ADD c int DEFAULT 1; UPDATE t SET c = id * 10',
    });
    const changes: RowChange[] = [
      { kind: 'delete', key: ['3'] },
      { kind: 'upsert', values: ['1', 'changed', undefined], oldKey: null },
      { kind: 'upsert', values: ['9', 'nine', 'n'], oldKey: ['2'] },
      { kind: 'upsert', values: ['40', 'new', null], oldKey: null },
      { kind: 'upsert', values: ['77', 'not there', undefined], oldKey: null },
    ];
    expect(await apply(made, changes)).toEqual({ upserted: 3, deleted: 1 });
    const rows = [
      { id: 1, a: 'changed', b: 'one', c: 10 },
      { id: 9, a: 'nine', b: 'n', c: 20 },
      { id: 40, a: 'new', b: null, c: 1 },
    ];
    expect(await rowsOf(made.shadowUrl, 'SELECT * FROM t ORDER BY id')).toEqual(rows);
    await apply(made, changes);
    expect(await rowsOf(made.shadowUrl, 'SELECT id, a, b FROM t ORDER BY id')).toEqual(
      rows.map(({ c: _, ...rest }) => rest),
    );
  });

  it('moves keys all at once', async () => {
    const made = await make({
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
      migration: 'ALTER TABLE t ADD own text; UPDATE t SET own = a',
    });
    // 1 and 2 change places, 3 goes on to 4, and a new row takes its number.
    await apply(made, [
      { kind: 'upsert', values: ['2', 'a'], oldKey: ['1'] },
      { kind: 'upsert', values: ['1', 'b'], oldKey: ['2'] },
      { kind: 'upsert', values: ['4', undefined], oldKey: ['3'] },
      { kind: 'upsert', values: ['3', 'new'], oldKey: null },
    ]);
    expect(await rowsOf(made.shadowUrl, 'SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, a: 'b', own: 'b' },
      { id: 2, a: 'a', own: 'a' },
      { id: 3, a: 'new', own: null },
      { id: 4, a: 'c', own: 'c' },
    ]);
  });

  it('takes values of every kind as they are printed', async () => {
    const types = `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3) CHECK (value <> 'no');
      CREATE TYPE pair AS (x int, y text); CREATE EXTENSION IF NOT EXISTS citext`;
    const made = await make({
      sql: `${types}; CREATE TABLE t (k citext PRIMARY KEY, e mood, d short, es mood[], p pair, r int4range, j json, jb jsonb, f float8, n numeric(20,5),
          ts timestamptz, i interval, b bytea, c char(5), v bit varying, u uuid, m money, big bigint, pt point, ip inet);
        INSERT INTO t (k) VALUES ('Key')`,
    });
    await made.run(`UPDATE t SET k = 'KEY', e = 'ok', d = 'abc', es = '{sad,NULL}', p = '(1,"a,b")', r = '[1,5)', j = '{"b": 1, "a": 2, "a": 3}', jb = '{"z": [1]}',
        f = 0.1::float8 + 0.2, n = 1.50000, ts = '2026-03-29 01:00Z', i = '1 mon -2 days', b = '\\x00ff5c0a', c = 'ab', v = B'101',
        u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', big = 9007199254740993, pt = '(1,2)', ip = '10.0.0.1/8';
      INSERT INTO t (k, f) VALUES (E'tab\\t\\\\ "q" \\n', 'NaN')`);
    expect((await made.sync()).rowsBroughtOver).toBe(2);
    const { target, shadow } = await made.both('SELECT t::text, k::text FROM t ORDER BY k');
    expect(shadow).toEqual(target);
    expect((await made.sync()).rowsBroughtOver).toBe(0);
  });

  it('fires no trigger, runs no rule and checks no foreign key on the way', async () => {
    const made = await make({
      sql: `CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED; CREATE TABLE log (n int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.log VALUES (1); RETURN new; END';
        CREATE TRIGGER t1 AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE a ENABLE ALWAYS TRIGGER t1;
        CREATE TRIGGER t2 AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION note()`,
    });
    await made.run(
      'BEGIN; INSERT INTO a VALUES (1, 1), (2, 1); INSERT INTO b VALUES (1, 1); COMMIT',
    );
    await made.sync();
    expect(
      await made.both(
        'SELECT (SELECT count(*)::int FROM a) a, (SELECT count(*)::int FROM b) b, (SELECT count(*)::int FROM log) l',
      ),
    ).toEqual({
      target: [{ a: 2, b: 1, l: 3 }],
      shadow: [{ a: 2, b: 1, l: 3 }],
    });
    expect(
      await rowsOf(
        made.shadowUrl,
        `SELECT tgname::text AS name, tgenabled::text AS mode FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`,
      ),
    ).toEqual([
      { name: 't1', mode: 'A' },
      { name: 't2', mode: 'O' },
    ]);
  });

  it('refuses rows that break a foreign key that only the shadow has', async () => {
    const made = await make({
      sql: `CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, p int);
        INSERT INTO parent SELECT generate_series(1, 10); INSERT INTO child SELECT i, i FROM generate_series(1, 10) i`,
      migration: 'ALTER TABLE child ADD CONSTRAINT known FOREIGN KEY (p) REFERENCES parent',
    });
    await made.run('INSERT INTO child VALUES (11, 11), (12, NULL), (13, 3)');
    const arrived = await failure(made.sync(), 'SHADOW_ROW_REFUSED');
    expect(arrived.details).toMatchObject({ constraint: 'known', rows: 1 });
    await made.run('INSERT INTO parent VALUES (11)');
    expect((await made.sync()).rowsBroughtOver).toBe(4);
    await made.run('DELETE FROM parent WHERE id = 5');
    expect((await failure(made.sync(), 'SHADOW_ROW_REFUSED')).message).toContain('{5}');
  });

  it('works for an owner who may not rest triggers, and leaves foreign keys as they were', async () => {
    role = await createTestRole(server);
    const { urlFor, name } = role;
    const made = await make({
      owner: name,
      as: urlFor,
      sql: `CREATE SCHEMA app; CREATE TABLE app.a (id int PRIMARY KEY, up int REFERENCES app.a ON DELETE CASCADE); CREATE TABLE app.log (n int);
        CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.log VALUES (1); RETURN new; END';
        CREATE TRIGGER t1 AFTER INSERT OR UPDATE ON app.a FOR EACH ROW EXECUTE FUNCTION app.note();
        COMMENT ON CONSTRAINT a_up_fkey ON app.a IS 'to itself'; INSERT INTO app.a VALUES (1, NULL), (2, 1)`,
      migration: 'ALTER TABLE app.a ADD note text',
    });
    await made.run(
      'INSERT INTO app.a VALUES (3, 4), (4, 1); UPDATE app.a SET up = NULL WHERE id = 2',
    );
    await made.sync();
    const state = `SELECT (SELECT json_agg(a ORDER BY id) FROM (SELECT id, up FROM app.a) a) AS rows, (SELECT count(*)::int FROM app.log) AS log,
        pg_get_constraintdef(k.oid) AS fk, k.convalidated AS valid, obj_description(k.oid) AS comment, g.tgenabled::text AS mode
      FROM pg_constraint k, pg_trigger g WHERE k.contype = 'f' AND g.tgname = 't1'`;
    const { target, shadow } = await made.both(state);
    expect(shadow).toEqual(target);
  });

  it('follows partitions, a table made partitioned, and rows that change their partition', async () => {
    const made = await make({
      sql: `CREATE TABLE p (id int, y int, PRIMARY KEY (id, y)) PARTITION BY LIST (y); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
        CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); CREATE TABLE flat (id int PRIMARY KEY, t text);
        INSERT INTO p SELECT i, 1 + i % 2 FROM generate_series(1, 20) i; INSERT INTO flat SELECT i, 'x' FROM generate_series(1, 20) i`,
      migration: `ALTER TABLE p ADD z int DEFAULT 3; ALTER TABLE flat RENAME TO old; CREATE TABLE flat (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
        CREATE TABLE flat1 PARTITION OF flat FOR VALUES FROM (0) TO (10); CREATE TABLE flat2 PARTITION OF flat DEFAULT;
        INSERT INTO flat SELECT * FROM old; DROP TABLE old`,
    });
    await made.run(`UPDATE p SET y = 2 WHERE id = 2; DELETE FROM p WHERE id = 7; INSERT INTO p VALUES (50, 2);
      UPDATE flat SET id = 100 WHERE id = 3; INSERT INTO flat VALUES (0, 'n'); DELETE FROM flat WHERE id = 20`);
    await made.sync();
    for (const sql of [
      'SELECT tableoid::regclass::text AS leaf, id, y FROM p ORDER BY id',
      'SELECT id, t FROM flat ORDER BY id',
    ]) {
      const { target, shadow } = await made.both(sql);
      expect(shadow).toEqual(target);
    }
    expect((await made.sync()).rowsBroughtOver).toBe(0);
  });

  it('sets sequences and brings large objects', async () => {
    const made = await make({
      sql: `CREATE TABLE t (id serial PRIMARY KEY); CREATE SEQUENCE "odd ""s"; INSERT INTO t SELECT FROM generate_series(1, 5); SELECT lo_from_bytea(700, 'one'), lo_from_bytea(701, 'keep')`,
      migration: 'ALTER TABLE t RENAME id TO key; ALTER SEQUENCE t_id_seq RENAME TO keys',
    });
    await made.run(
      `INSERT INTO t SELECT FROM generate_series(1, 5); SELECT nextval('"odd ""s"'); SELECT lo_put(700, 1, 'NE'), lo_from_bytea(702, 'new')`,
    );
    await made.sync();
    expect(
      await rowsOf(
        made.shadowUrl,
        `SELECT nextval('keys')::int AS a, nextval('"odd ""s"')::int AS b`,
      ),
    ).toEqual([{ a: 11, b: 2 }]);
    const objects = await rowsOf(
      made.shadowUrl,
      `SELECT oid::int, convert_from(lo_get(oid), 'UTF8') AS text FROM pg_largeobject_metadata ORDER BY 1`,
    );
    expect(objects).toEqual([
      { oid: 700, text: 'oNE' },
      { oid: 701, text: 'keep' },
      { oid: 702, text: 'new' },
    ]);
    await run(made.shadowUrl, 'SELECT 1');
  });
});
