import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startThrowawayServer, type ThrowawayServer, testServers } from '../../support/servers.js';
import { createShadowPair, type ShadowPair } from '../../support/shadow-pair.js';
import { failure, rowsOf, run } from '../../support/targets.js';
import { withSession } from '../../support/test-database.js';

describe.each(testServers())('scanning for changes on $name', ({ major }) => {
  // A server of its own: rows look new by the transactions that others had open, whoever they are.
  let server: ThrowawayServer;
  beforeAll(async () => {
    server = await startThrowawayServer({ major, settings: { autovacuum: 'off' } });
  });
  afterAll(() => server?.remove());

  let pair: ShadowPair | undefined;
  const make = async (
    ...args: Parameters<typeof createShadowPair> extends [unknown, infer O] ? [O] : never
  ) => {
    pair = await createShadowPair(server, ...args);
    return pair;
  };
  afterEach(async () => {
    await pair?.drop();
    pair = undefined;
  });

  const people = `CREATE TABLE people (id int PRIMARY KEY, name text, age int);
    INSERT INTO people SELECT i, 'n' || i, i FROM generate_series(1, 1000) i`;

  it('brings over inserted, updated and deleted rows, and then nothing more', async () => {
    const made = await make({
      sql: people,
      migration: `ALTER TABLE people RENAME TO persons; ALTER TABLE persons RENAME name TO full_name;
        ALTER TABLE persons DROP COLUMN age; ALTER TABLE persons ADD COLUMN level int NOT NULL DEFAULT 7`,
    });
    await made.run(`INSERT INTO people VALUES (2000, 'new', 1); UPDATE people SET name = 'changed' WHERE id IN (5, 6);
      DELETE FROM people WHERE id BETWEEN 10 AND 12`);
    await run(made.shadowUrl, 'UPDATE persons SET level = 9 WHERE id = 5');
    const first = await made.sync();
    expect(first.tables).toEqual([{ table: 'public.people', upserted: 3, deleted: 3 }]);
    const { target, shadow } = await made.both(
      'SELECT id, name FROM people ORDER BY id',
      'SELECT id, full_name AS name FROM persons ORDER BY id',
    );
    expect(shadow).toEqual(target);
    expect(
      await rowsOf(
        made.shadowUrl,
        'SELECT id, level FROM persons WHERE id IN (5, 2000) ORDER BY 1',
      ),
    ).toEqual([
      { id: 5, level: 9 },
      { id: 2000, level: 7 },
    ]);
    expect((await made.sync()).rowsBroughtOver).toBe(0);
    expect(made.record.sync.count).toBe(2);
    expect(made.record.tables[0]?.arrived).toBe(3);
  });

  it('finds rows of a subtransaction that was open when the snapshot was taken', async () => {
    const made = await make({ sql: people });
    await withSession(made.url, async (client) => {
      await client.query(
        `BEGIN; SELECT pg_current_xact_id(); SAVEPOINT s; INSERT INTO people VALUES (3000, 'sub', 1); RELEASE s`,
      );
      // Another transaction, whose number is behind the subtransaction's, ends before it.
      await made.run(`UPDATE people SET name = 'other' WHERE id = 1`);
      expect((await made.sync()).rowsBroughtOver).toBe(1);
      await client.query('COMMIT');
    });
    await made.run(`UPDATE people SET name = 'later' WHERE id = 2`);
    await made.sync();
    const { target, shadow } = await made.both('SELECT * FROM people ORDER BY id');
    expect(shadow).toEqual(target);
    expect(shadow).toHaveLength(1001);
  });

  it('does not lose changes in frozen rows', async () => {
    const made = await make({ sql: people });
    await made.run(`UPDATE people SET name = 'x' WHERE id < 10`);
    await made.run('VACUUM FREEZE people');
    expect((await made.sync()).rowsBroughtOver).toBe(9);
  });

  it('leaves alone what the migration inserted and deleted', async () => {
    const made = await make({
      sql: people,
      migration: `DELETE FROM people WHERE id <= 100; INSERT INTO people SELECT i, 'seed', 0 FROM generate_series(5001, 5050) i`,
      transformed: { 'public.people': { inserted: 50, deleted: 100 } },
    });
    expect((await made.sync()).rowsBroughtOver).toBe(0);
    const ids = async () =>
      (
        await rowsOf(
          made.shadowUrl,
          'SELECT count(*)::int AS all, count(*) FILTER (WHERE id <= 100)::int AS old, count(*) FILTER (WHERE id > 5000)::int AS seeded FROM people',
        )
      )[0];
    expect(await ids()).toEqual({ all: 950, old: 0, seeded: 50 });
    // One row that the migration deleted, and one that it did not.
    await made.run('DELETE FROM people WHERE id IN (50, 500)');
    expect((await made.sync()).tables).toEqual([
      { table: 'public.people', upserted: 0, deleted: 1 },
    ]);
    expect(await ids()).toEqual({ all: 949, old: 0, seeded: 50 });
    // A number that the migration has given away already: there are two rows of it now, and only one can be in the shadow.
    await made.run(`INSERT INTO people VALUES (5001, 'mine', 1)`);
    await failure(made.sync(), 'SHADOW_ROW_REFUSED');
    await made.run('TRUNCATE people');
    await made.sync();
    expect(await ids()).toEqual({ all: 50, old: 0, seeded: 50 });
  });

  it('empties what was truncated, and mends what somebody did in the shadow', async () => {
    const made = await make({
      sql: `${people}; CREATE TABLE other (id text PRIMARY KEY); INSERT INTO other SELECT i FROM generate_series(1, 5000) i`,
    });
    await made.run('TRUNCATE people');
    await run(
      made.shadowUrl,
      `DELETE FROM other WHERE id LIKE '7%'; INSERT INTO other VALUES ('stray')`,
    );
    const { tables } = await made.sync();
    expect(tables).toEqual([
      { table: 'public.people', upserted: 0, deleted: 1000 },
      { table: 'public.other', upserted: 111, deleted: 1 },
    ]);
    const { target, shadow } = await made.both('SELECT id FROM other ORDER BY id');
    expect(shadow).toEqual(target);
  });

  it('finds few changes and deletions among many rows, with numbers and with texts as keys', async () => {
    const made = await make({
      sql: `CREATE TABLE big (id bigint, part int, v text, PRIMARY KEY (id, part)); INSERT INTO big SELECT i, i % 3, 'v' FROM generate_series(1, 200000) i;
        CREATE TABLE named (u uuid, n text, PRIMARY KEY (u, n)); INSERT INTO named SELECT md5(i::text)::uuid, 'n' || i FROM generate_series(1, 50000) i; ANALYZE`,
    });
    await made.run(`UPDATE big SET v = 'w' WHERE id % 200 = 7; DELETE FROM big WHERE id % 400 = 8 OR id BETWEEN 5000 AND 5009; INSERT INTO big VALUES (9000000000, 1, 'far');
      DELETE FROM named WHERE n IN ('n5', 'n77')`);
    expect((await made.sync()).tables).toEqual([
      { table: 'public.big', upserted: 1000, deleted: 510 },
      { table: 'public.named', upserted: 0, deleted: 2 },
    ]);
    const { target, shadow } = await made.both(
      `SELECT md5(string_agg(b::text, ',' ORDER BY id)) AS big, (SELECT count(*) FROM named) AS named FROM big b`,
    );
    expect(shadow).toEqual(target);
  });

  it('copies a table without a key anew when anything in it has changed', async () => {
    const made = await make({
      sql: `CREATE TABLE bag (a int, b text); INSERT INTO bag SELECT i % 3, 'x' FROM generate_series(1, 300) i;
        CREATE TABLE calm (a int); INSERT INTO calm VALUES (1), (1); CREATE TABLE none ()`,
      migration: 'ALTER TABLE bag ALTER a TYPE bigint; ALTER TABLE bag ADD c int DEFAULT 4',
    });
    expect((await made.sync()).rowsBroughtOver).toBe(0);
    await made.run(
      `UPDATE bag SET b = E'tab\\tnew\\nline\\\\' WHERE ctid = '(0,1)'; INSERT INTO none DEFAULT VALUES`,
    );
    const { tables } = await made.sync();
    expect(tables).toEqual([
      { table: 'public.bag', upserted: 300, deleted: 0 },
      { table: 'public.none', upserted: 1, deleted: 0 },
    ]);
    const { target, shadow } = await made.both(
      'SELECT a::bigint, b, 4 AS c FROM bag ORDER BY 1, 2',
      'SELECT a, b, c FROM bag ORDER BY 1, 2',
    );
    expect(shadow).toEqual(target);
    expect(await rowsOf(made.shadowUrl, 'SELECT count(*)::int AS n FROM none')).toEqual([{ n: 1 }]);
    await made.run('DELETE FROM bag WHERE a = 1');
    expect((await made.sync()).tables).toEqual([
      { table: 'public.bag', upserted: 200, deleted: 100 },
    ]);
  });

  it('names the row that the shadow refuses, and changes nothing', async () => {
    const made = await make({
      sql: people,
      migration: `ALTER TABLE people ADD CONSTRAINT grown CHECK (age < 2000); ALTER TABLE people ALTER name TYPE varchar(6)`,
    });
    await made.run(
      `UPDATE people SET name = 'ok' WHERE id < 300; UPDATE people SET age = 5000 WHERE id = 123`,
    );
    const checked = await failure(made.sync(), 'SHADOW_ROW_REFUSED');
    expect(checked.message).toContain('row (id)=(123) of public.people');
    expect(checked.details).toMatchObject({
      table: 'public.people',
      key: ['123'],
      constraint: 'grown',
    });
    await made.run(
      `UPDATE people SET age = 1 WHERE id = 123; UPDATE people SET name = 'too long a name' WHERE id = 77`,
    );
    const typed = await failure(made.sync(), 'SHADOW_ROW_REFUSED');
    expect(typed.details).toMatchObject({ table: 'public.people', key: ['77'], sqlState: '22001' });
    expect(
      await rowsOf(made.shadowUrl, `SELECT count(*)::int AS n FROM people WHERE name = 'ok'`),
    ).toEqual([{ n: 0 }]);
    await made.run(`UPDATE people SET name = 'short' WHERE id = 77`);
    expect((await made.sync()).tables).toEqual([
      { table: 'public.people', upserted: 299, deleted: 0 },
    ]);
  });

  it('lets unique values change places, and take those of deleted rows', async () => {
    const made = await make({
      sql: `CREATE TABLE u (id int PRIMARY KEY, mail text UNIQUE); INSERT INTO u VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')`,
      migration: 'ALTER TABLE u ADD note text; UPDATE u SET note = mail',
    });
    await made.run(`UPDATE u SET mail = 'x' WHERE id = 1; UPDATE u SET mail = 'a' WHERE id = 2; UPDATE u SET mail = 'b' WHERE id = 1;
      DELETE FROM u WHERE id = 3; INSERT INTO u VALUES (5, 'c')`);
    expect((await made.sync()).rowsBroughtOver).toBe(4);
    expect(await rowsOf(made.shadowUrl, 'SELECT id, mail, note FROM u ORDER BY id')).toEqual([
      { id: 1, mail: 'b', note: 'a' },
      { id: 2, mail: 'a', note: 'b' },
      { id: 4, mail: 'd', note: 'd' },
      { id: 5, mail: 'c', note: null },
    ]);
  });
});
