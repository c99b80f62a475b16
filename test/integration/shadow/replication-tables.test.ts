import { afterEach, describe, expect, it } from 'vitest';
import {
  createPair,
  type PairOptions,
  type ReplicatedPair,
  rowsOf,
} from '../../support/replicated-pair.js';
import { testServers } from '../../support/servers.js';

describe.each(testServers())('tables whose changes come from a slot on $name', (server) => {
  const pairs: ReplicatedPair[] = [];
  afterEach(async () => {
    for (const pair of pairs.splice(0)) await pair.drop();
  });

  async function pairOf(options: PairOptions): Promise<ReplicatedPair> {
    const pair = await createPair(server, options);
    pairs.push(pair);
    return pair;
  }

  it('values of all kinds come over as they are, whatever the database is set to', async () => {
    const values = `
      (1, '2024-02-29 12:00:00.123456+02', '-infinity', '1 year 2 mons 3 days 04:05:06.789', '\\x00ff', 1e-300, 'NaN', 0.1::float4 + 0.2,
       123456789012345678901234567890.123456789, ARRAY['a,b', NULL, '"q"', '{}', E'new\\nline'], ARRAY[[1,2],[3,4]],
       'glad', ARRAY['sad', 'glad']::mood[], 5, ROW(1, 'a "b", c')::pair, '{"b": 1,  "a": 1, "a": 2}', '{"b": 1, "a": null}',
       '[1,10)', '{[2024-01-01,2024-02-01),[2024-03-01,)}', B'1010', '10.0.0.0/8', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
       '<a>é</a>', '12.34', 'ab ', '9223372036854775807', E'\\\\ \\t tab 😀 ''quote''', '''fat'' & cat', '(1.5,2)', '16/B374D848')`;
    const columns = `id, stamp, far, span, bytes, tiny, nan, sum, big, texts, grid, mood, moods, even, pair, json, jsonb, range,
      ranges, bits, net, uuid, xml, money, fixed, most, text, query, point, lsn`;
    const pair = await pairOf({
      sql: `
        CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (n int, t text);
        CREATE DOMAIN even AS int CHECK (VALUE > 0);
        CREATE TABLE kinds (id int PRIMARY KEY, stamp timestamptz, far date, span interval, bytes bytea, tiny float8,
          nan numeric, sum float8, big numeric, texts text[], grid int[], mood mood, moods mood[], even even, pair pair, json json,
          jsonb jsonb, range int4range, ranges datemultirange, bits bit(4), net cidr, uuid uuid, xml text, money money,
          fixed char(5), most int8, text text, query tsquery, point point, lsn pg_lsn);
        DO $$ BEGIN
          EXECUTE format('ALTER DATABASE %I SET DateStyle = ''German''', current_database());
          EXECUTE format('ALTER DATABASE %I SET IntervalStyle = ''sql_standard''', current_database());
          EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
          EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -15', current_database());
          EXECUTE format('ALTER DATABASE %I SET TimeZone = ''Asia/Kathmandu''', current_database());
        END $$`,
    });
    await pair.run(`
      SET DateStyle = ISO; INSERT INTO kinds (${columns}) VALUES ${values};
      INSERT INTO kinds SELECT 2; INSERT INTO kinds SELECT * FROM kinds WHERE false;
      UPDATE kinds SET texts = '{}', bytes = '' WHERE id = 2`);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    expect(
      await rowsOf(pair.copyUrl, 'SELECT count(*)::int AS n, max(json::text) AS json FROM kinds'),
    ).toEqual([{ n: 2, json: '{"b": 1,  "a": 1, "a": 2}' }]);
  });

  it('a database in another encoding', async () => {
    const pair = await pairOf({
      encoding: 'LATIN1',
      sql: `CREATE TABLE "été" ("clé" text PRIMARY KEY, v text); INSERT INTO "été" VALUES ('ä', 'ö')`,
    });
    await pair.run(
      `UPDATE "été" SET "clé" = 'ß' WHERE "clé" = 'ä'; INSERT INTO "été" VALUES ('ÿ', '§')`,
    );
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    expect(await rowsOf(pair.copyUrl, 'SELECT * FROM "été" ORDER BY v')).toContainEqual({
      clé: 'ß',
      v: 'ö',
    });
  });

  it('names of any kind, and columns that the migration has renamed, dropped, moved and retyped', async () => {
    const table = `"-we; ird ""t"""."1 ''t\n\\"`;
    const pair = await pairOf({
      sql: `CREATE SCHEMA "-we; ird ""t""";
            CREATE TABLE ${table} ("select" int, "a ""b""" int, gone text, "😀" text, "NEW.x" text, PRIMARY KEY ("a ""b""", "select"));
            INSERT INTO ${table} SELECT n, n, 'gone', 'x', 'y' FROM generate_series(1, 5) n`,
      migration: `
        ALTER TABLE ${table} RENAME TO renamed; ALTER TABLE "-we; ird ""t""".renamed SET SCHEMA public;
        ALTER TABLE renamed DROP gone; ALTER TABLE renamed RENAME "a ""b""" TO b; ALTER TABLE renamed ALTER "select" TYPE bigint;
        ALTER TABLE renamed ADD extra int DEFAULT 7`,
    });
    await pair.run(`
      UPDATE ${table} SET "😀" = 'new', gone = 'changed' WHERE "select" = 1;
      UPDATE ${table} SET "a ""b""" = 20 WHERE "select" = 2; DELETE FROM ${table} WHERE "select" = 3;
      INSERT INTO ${table} VALUES (6, 6, NULL, NULL, E'\\n')`);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    expect(
      await rowsOf(pair.copyUrl, 'SELECT count(*)::int AS n, min(extra) AS extra FROM renamed'),
    ).toEqual([{ n: 5, extra: 7 }]);
  });

  it('partitions, those of partitions, and rows that move between them', async () => {
    const pair = await pairOf({
      sql: `CREATE TABLE p (id int, k text, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
            CREATE TABLE pa PARTITION OF p FOR VALUES IN ('a');
            CREATE TABLE pr PARTITION OF p DEFAULT PARTITION BY RANGE (id);
            CREATE TABLE pr1 PARTITION OF pr FOR VALUES FROM (0) TO (100);
            CREATE TABLE pr2 PARTITION OF pr FOR VALUES FROM (100) TO (200);
            INSERT INTO p SELECT n, chr(96 + n % 3), 'v' FROM generate_series(1, 30) n`,
    });
    expect(pair.replication.published).toHaveLength(3);
    await pair.run(`
      UPDATE p SET k = 'a' WHERE k = 'b'; UPDATE p SET id = id + 100 WHERE k <> 'a' AND id > 20; DELETE FROM p WHERE id = 3;
      INSERT INTO p VALUES (150, 'z', 'new'); TRUNCATE pa; INSERT INTO p VALUES (1, 'a', 'after')`);
    expect((await pair.read()).truncated).toHaveLength(1);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    await pair.run(`TRUNCATE p; INSERT INTO p VALUES (5, 'a', 'last')`);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('children that inherit are tables of their own', async () => {
    const pair = await pairOf({
      sql: `CREATE TABLE parent (id int PRIMARY KEY, v text);
            CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent);
            CREATE TABLE keyless () INHERITS (parent);
            INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3); INSERT INTO keyless VALUES (3, 'k')`,
    });
    await pair.run(
      `UPDATE parent SET v = 'new'; DELETE FROM parent WHERE id = 1; INSERT INTO child VALUES (9, 'c', 9)`,
    );
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    expect(pair.replication.leftOut).toMatchObject([
      { table: 'public.keyless', why: 'it has no key' },
    ]);
  });

  it('publishes what has a usable identity, and never makes an UPDATE or DELETE fail', async () => {
    const pair = await pairOf({
      sql: `
        CREATE TABLE plain (id int PRIMARY KEY, u int NOT NULL UNIQUE, v int);
        CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, v int);
        CREATE TABLE keyless (v int);
        CREATE TABLE unknown_rows (id int PRIMARY KEY, v int); ALTER TABLE unknown_rows REPLICA IDENTITY NOTHING;
        CREATE TABLE whole (id int PRIMARY KEY, v int); ALTER TABLE whole REPLICA IDENTITY FULL;
        CREATE TABLE whole_keyless (v int); ALTER TABLE whole_keyless REPLICA IDENTITY FULL;
        CREATE TABLE other (id int PRIMARY KEY, u int NOT NULL, v int);
        CREATE UNIQUE INDEX other_u ON other (u); ALTER TABLE other REPLICA IDENTITY USING INDEX other_u;
        CREATE TABLE wider (id int PRIMARY KEY, u int NOT NULL, v int);
        CREATE UNIQUE INDEX wider_u ON wider (u, id); ALTER TABLE wider REPLICA IDENTITY USING INDEX wider_u;
        CREATE TABLE uniq (u int NOT NULL UNIQUE, v int);
        CREATE TABLE indexed (u int NOT NULL, v int);
        CREATE UNIQUE INDEX indexed_u ON indexed (u); ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_u;
        CREATE TABLE computed (id int PRIMARY KEY, v int, d int GENERATED ALWAYS AS (v * 2) STORED);
        CREATE TABLE computed_whole (id int PRIMARY KEY, v int, d int GENERATED ALWAYS AS (v * 2) STORED);
        ALTER TABLE computed_whole REPLICA IDENTITY FULL;
        CREATE TABLE computed_key (v int, d int GENERATED ALWAYS AS (v * 2) STORED PRIMARY KEY);
        CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, v int);
        CREATE TABLE covering (id int, v int, PRIMARY KEY (id) INCLUDE (v))`,
    });
    const { published, leftOut } = pair.replication;
    const names = pair.tables
      .filter(({ table }) => published.includes(table.oid))
      .map(({ source }) => source.name);
    expect(names).toEqual(['plain', 'whole', 'wider', 'indexed', 'computed', 'covering']);
    expect(
      Object.fromEntries(leftOut.map(({ table, why }) => [table.replace('public.', ''), why])),
    ).toEqual({
      late: 'it has no replica identity',
      keyless: 'it has no key',
      unknown_rows: 'its replica identity is NOTHING',
      whole_keyless: 'it has no key',
      other: 'its replica identity lacks its key',
      uniq: 'it has no replica identity',
      computed_whole: 'a generated column is part of its replica identity',
      computed_key: 'it has no key',
      unlogged: 'it is unlogged',
    });
    for (const { source } of pair.tables) {
      const columns = await rowsOf(
        pair.url,
        `SELECT attname AS name FROM pg_attribute WHERE attrelid = '${source.name}'::regclass AND attnum > 0
            AND attgenerated = ''`,
      );
      const list = columns.map(({ name }) => name).join(', ');
      await pair.run(`
        INSERT INTO ${source.name} (${list}) VALUES (${columns.map((_, i) => i + 1).join(', ')});
        INSERT INTO ${source.name} (${list}) VALUES (${columns.map((_, i) => i + 11).join(', ')});
        UPDATE ${source.name} SET v = v + 100; UPDATE ${source.name} SET ${columns[0].name} = 50 WHERE v BETWEEN 102 AND 103;
        DELETE FROM ${source.name} WHERE v > 105`);
    }
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('notices that a replica identity was changed', async () => {
    const pair = await pairOf({
      sql: 'CREATE TABLE t (id int PRIMARY KEY, u int NOT NULL UNIQUE); INSERT INTO t VALUES (1, 1)',
    });
    await pair.run('ALTER TABLE t REPLICA IDENTITY USING INDEX t_u_key; UPDATE t SET id = 2');
    await expect(pair.read()).rejects.toMatchObject({
      code: 'SCHEMA_CHANGED',
      message: expect.stringContaining('public.t'),
    });
  });
});
