import { randomBytes } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot } from '../../../src/index.js';
import {
  archiveFile,
  beside,
  checkpoint,
  restorePlainly,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { richSchema } from '../../support/rich-schema.js';
import { createTestDatabase, type TestDatabase, withDatabase } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const unique = randomBytes(4).toString('hex');
const oddRole = `-o=wn'er "${unique}"\n$x.é`;
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

interface Kind {
  readonly what: string;
  readonly sql: string;
  /** What somebody would look at to see that it came through; has to give something. */
  readonly probe: string;
}

const kinds: readonly Kind[] = [
  {
    what: 'a rich schema: RLS, event triggers, domains, enums, composite types, ranges',
    sql: `${richSchema}
      INSERT INTO app.customers (name, email, feeling, attributes) VALUES ('a', 'a@b', 'happy', 'x=>1'), ('bo', 'none', 'sad', NULL);
      INSERT INTO app.orders (customer, total, at, during) VALUES (1000, 5, (1, 2.5), '[2026-01-01,2026-02-01)');
      INSERT INTO app.events VALUES (1, '2025-05-05', 'x'), (2, '2026-05-05', 'y');
      REFRESH MATERIALIZED VIEW app.totals`,
    probe: `SELECT polname, evtname, evtenabled FROM pg_policy, pg_event_trigger`,
  },
  {
    what: 'generated and identity columns',
    sql: `CREATE TABLE computed (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3));
      INSERT INTO computed (a) VALUES (1), (2), (NULL); DELETE FROM computed WHERE a = 2`,
    probe: `SELECT c.*, last_value, is_called FROM computed c, computed_id_seq ORDER BY id`,
  },
  {
    what: 'large objects with their owner, grants and comment',
    sql: `SELECT lo_from_bytea(770001, 'small'); SELECT lo_put(lo_create(770002), 3000000, 'after a hole');
      CREATE TABLE holders (o oid); INSERT INTO holders VALUES (770001), (770002);
      GRANT SELECT ON LARGE OBJECT 770001 TO PUBLIC; COMMENT ON LARGE OBJECT 770002 IS 'has a hole'`,
    probe: `SELECT o, md5(lo_get(o)), lomacl::text, obj_description(o, 'pg_largeobject')
              FROM holders JOIN pg_largeobject_metadata m ON m.oid = o ORDER BY o`,
  },
  {
    what: 'partitions of partitions, attached with other columns’ order',
    sql: `CREATE TABLE parted (a int, b text, c date) PARTITION BY LIST (a);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1) PARTITION BY RANGE (c);
      CREATE TABLE parted_1_x (gone int, c date, b text, a int); ALTER TABLE parted_1_x DROP gone;
      ALTER TABLE parted_1 ATTACH PARTITION parted_1_x FOR VALUES FROM (MINVALUE) TO ('2030-01-01');
      CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
      CREATE INDEX ON parted (c);
      INSERT INTO parted VALUES (1, 'one', '2026-01-01'), (9, 'nine', NULL)`,
    probe: `SELECT tableoid::regclass::text, * FROM parted ORDER BY a`,
  },
  {
    what: 'a cycle of foreign keys, and a table that refers to itself',
    sql: `CREATE TABLE heads (id int PRIMARY KEY, body int); CREATE TABLE bodies (id int PRIMARY KEY, head int NOT NULL REFERENCES heads);
      INSERT INTO heads VALUES (1, 1), (2, 2); INSERT INTO bodies VALUES (1, 2), (2, 1);
      ALTER TABLE heads ADD FOREIGN KEY (body) REFERENCES bodies;
      CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree); INSERT INTO tree VALUES (3, 3), (1, 3), (2, 1)`,
    probe: `SELECT conname, convalidated, conrelid::regclass::text FROM pg_constraint
             WHERE contype = 'f' AND conrelid::regclass::text IN ('heads', 'bodies', 'tree') ORDER BY 1`,
  },
  {
    what: 'a materialized view of a materialized view, and one that was never filled',
    sql: `CREATE MATERIALIZED VIEW base AS SELECT n FROM generate_series(1, 10) n;
      CREATE MATERIALIZED VIEW doubled AS SELECT n * 2 AS n FROM base; CREATE UNIQUE INDEX ON doubled (n);
      CREATE MATERIALIZED VIEW a_before_base AS SELECT sum(n) FROM doubled;
      CREATE MATERIALIZED VIEW empty_one AS SELECT 1 AS x WITH NO DATA`,
    probe: `SELECT sum, count(*) FROM a_before_base, doubled GROUP BY 1`,
  },
  {
    what: 'unlogged tables with their rows',
    sql: `CREATE UNLOGGED TABLE fast (a serial); INSERT INTO fast SELECT FROM generate_series(1, 50)`,
    probe: `SELECT count(*), relpersistence FROM fast, pg_class WHERE relname = 'fast' GROUP BY 2`,
  },
  {
    what: 'extensions in public and in a schema of their own',
    sql: `CREATE SCHEMA ext; CREATE EXTENSION pg_trgm SCHEMA public; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION btree_gist;
      CREATE TABLE words (w ext.citext PRIMARY KEY, t text, r int4range, EXCLUDE USING gist (t WITH =, r WITH &&));
      CREATE INDEX ON words USING gin (t public.gin_trgm_ops); INSERT INTO words VALUES ('Word', 'w', '[1,3)')`,
    probe: `SELECT extname, extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace ORDER BY 1`,
  },
  {
    what: 'names with quotes, =, newlines, dots, $, unicode and a dash in front',
    sql: `CREATE SCHEMA "-sch=e ""ma"".x"; CREATE TABLE "-sch=e ""ma"".x"."-t=a
ble' $1 \\d" ("-c=ol""" int PRIMARY KEY, "näme
x" text, "\\.;$$--" serial);
      INSERT INTO "-sch=e ""ma"".x"."-t=a
ble' $1 \\d" VALUES (1, E'\\\\.\\n\\t\\x01''"$'), (2, NULL);
      CREATE TABLE "漢字.é" ("select" text); INSERT INTO "漢字.é" VALUES ('🧗');
      CREATE ROLE ${quoted(oddRole)}; ALTER TABLE "漢字.é" OWNER TO ${quoted(oddRole)}`,
    probe: `SELECT relname, relowner::regrole::text, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
             WHERE attnum > 0 AND (relname ~ '^-t' OR relname ~ '漢') ORDER BY 1, attnum`,
  },
];

describe(`a checkpoint and plain pg_restore on ${server.name}`, () => {
  const store = storeFolder();
  const exactName = `-d=b '${unique}' "x"\n$y.é`;
  let source: TestDatabase;
  let restored: TestDatabase;
  beforeAll(async () => {
    source = await createTestDatabase(server, { exactName });
    for (const { sql } of kinds) await run(source.url, sql);
    const { snapshot } = await checkpoint(source.url, store, { tag: 'all', drill: 'deep' });
    const file = beside(store);
    await copyFile(archiveFile(snapshot), file);
    restored = await restorePlainly(server, tools.pgRestore.path, file);
  });
  afterAll(async () => {
    await restored.drop();
    await source.drop();
    await run(server.adminUrl, `DROP ROLE ${quoted(oddRole)}`);
  });

  it('bring back every row by its content, the schema and the sequences', async () => {
    const state = await stateOf(source.url);
    expect(state.fingerprint.rows).toBeGreaterThan(60);
    expect(await stateOf(restored.url)).toEqual(state);
  });

  it.each(kinds)('bring back $what', async ({ probe }) => {
    const expected = await rowsOf(source.url, probe);
    expect(expected).not.toEqual([]);
    expect(await rowsOf(restored.url, probe)).toEqual(expected);
  });

  it('and Belay itself restores it under another odd name, with the same content', async () => {
    const to = `-t=o ${unique}\n"'`;
    const result = await withStore(source.url, store, (target) =>
      restoreSnapshot(target, { reference: 'all', to }),
    );
    expect(result).toMatchObject({ database: to, verified: true });
    const url = withDatabase(source.url, to);
    expect(await stateOf(url)).toEqual(await stateOf(source.url));
    await run(server.adminUrl, `DROP DATABASE ${quoted(to)}`);
  });
});
