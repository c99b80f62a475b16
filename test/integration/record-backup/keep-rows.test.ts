import { describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestRole, testServers } from '../../support/servers.js';
import { useScene } from './scene.js';

describe.each(testServers())('records kept of rows on $name', (server) => {
  const scene = useScene(server, 'kept_rows');

  const leftovers = () =>
    scene.rows(`SELECT tgname FROM pg_trigger WHERE tgname ~ 'belay'
                 UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'belay'::regnamespace AND proname ~ 'keep'`);

  it('keeps all rows of a dropped table, and the values of its sequences', async () => {
    await scene.run(`CREATE TABLE gone (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text,
        twice int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO gone (v) VALUES ('a'), (NULL), ('c'); DELETE FROM gone WHERE id = 3`);
    await scene.migrate('DROP TABLE gone', [['table gone']], { version: 'gone' });
    const [backup] = await scene.backups('gone');
    expect(backup).toMatchObject({
      ...{ kind: 'table', identity: 'primary-key', rows: 2, columnName: null },
      sequences: { 'public.gone_id_seq': '3', 'public.gone_n_seq': '3' },
    });
    expect(await scene.data(backup)).toEqual([
      { id: '1', n: '1', v: 'a' },
      { id: '2', n: '2', v: null },
    ]);
  });

  it('keeps the rows of a dropped partitioned table once', async () => {
    await scene.run(`CREATE TABLE parts (d int, v text) PARTITION BY LIST (d);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY LIST (v); CREATE TABLE parts_1_d PARTITION OF parts_1 DEFAULT;
      CREATE TABLE parts_d PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1, 'a'), (2, 'b'), (2, 'b')`);
    const losses = ['table parts', 'table parts_1', 'table parts_1_d', 'table parts_d'];
    const kept = await scene.migrate('DROP TABLE parts', [losses]);
    expect(kept).toMatchObject([{ table: 'public.parts', rows: 3, kind: 'table' }]);
  });

  it('keeps exactly the rows that a DELETE removes, whatever joins and foreign keys make of it', async () => {
    await scene.run(`
      CREATE TABLE owners (id int PRIMARY KEY);
      CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES owners ON DELETE CASCADE, parent int REFERENCES pets ON DELETE SET NULL);
      CREATE TABLE toys (pet int REFERENCES pets ON DELETE CASCADE, name text);
      CREATE TABLE visits (pet int DEFAULT 0 REFERENCES pets ON DELETE SET DEFAULT);
      INSERT INTO owners SELECT generate_series(1, 4);
      INSERT INTO pets VALUES (0, 4, NULL), (1, 1, NULL), (2, 1, 1), (3, 2, 1), (4, 3, 3);
      INSERT INTO toys VALUES (1, 'ball'), (1, 'ball'), (2, 'bone'), (4, 'rope'); INSERT INTO visits VALUES (1), (4)`);
    await scene.migrate(
      `DELETE FROM owners o USING (VALUES (1), (1), (99)) AS v (id) WHERE o.id = v.id`,
      [['DELETE owners', 'DELETE,UPDATE pets', 'DELETE toys', 'UPDATE visits']],
      { version: 'cascade' },
    );
    const backups = await scene.backups('cascade');
    expect(backups.map(({ tableName, kind, rows }) => `${kind} ${tableName}: ${rows}`)).toEqual([
      'delete owners: 1',
      expect.stringMatching(/^update pets: [12]$/),
      'delete pets: 2',
      'delete toys: 3',
      'update visits: 1',
    ]);
    const of = (name: string, kind: string) =>
      scene.data(backups.find((each) => each.tableName === name && each.kind === kind));
    expect((await of('pets', 'delete')).map(({ id }) => id)).toEqual(['1', '2']);
    expect(await of('pets', 'update')).toContainEqual({
      id: '3',
      parent: '1',
      'parent after': null,
    });
    expect(await of('toys', 'delete')).toEqual([
      { pet: '1', name: 'ball' },
      { pet: '1', name: 'ball' },
      { pet: '2', name: 'bone' },
    ]);
    expect(await of('visits', 'update')).toEqual([{ pet: '1', 'pet after': '0' }]);
    expect(await leftovers()).toEqual([]);
  });

  it('follows foreign keys from partitioned tables and to them, and several levels down', async () => {
    await scene.run(`
      CREATE TABLE shops (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE shops_1 PARTITION OF shops FOR VALUES FROM (0) TO (10); CREATE TABLE shops_2 PARTITION OF shops FOR VALUES FROM (10) TO (20);
      CREATE TABLE sales (id int PRIMARY KEY, shop int REFERENCES shops ON DELETE CASCADE ON UPDATE CASCADE) PARTITION BY LIST (id);
      CREATE TABLE sales_1 PARTITION OF sales FOR VALUES IN (1, 2); CREATE TABLE sales_d PARTITION OF sales DEFAULT;
      CREATE TABLE lines (sale int REFERENCES sales ON DELETE CASCADE, n int); CREATE TABLE more_lines () INHERITS (lines);
      INSERT INTO shops VALUES (1), (11), (12); INSERT INTO sales VALUES (1, 1), (2, 11), (3, 11), (4, 12);
      INSERT INTO lines VALUES (1, 1), (2, 1), (3, 1), (4, 1); INSERT INTO more_lines VALUES (1, 2)`);
    await scene.migrate(
      `DELETE FROM shops WHERE id IN (1, 11); UPDATE shops SET id = 13 WHERE id = 12`,
      [
        ['DELETE shops', 'DELETE sales', 'DELETE lines'],
        ['UPDATE shops', 'UPDATE sales'],
      ],
      { version: 'levels' },
    );
    const backups = await scene.backups('levels');
    expect(
      backups.map(({ statement, kind, tableName, rows }) => [statement, kind, tableName, rows]),
    ).toEqual([
      [1, 'delete', 'shops', 2],
      [1, 'delete', 'sales', 3],
      [1, 'delete', 'lines', 3],
      [2, 'update', 'shops', 1],
      [2, 'update', 'sales', 1],
    ]);
    expect(await scene.data(backups[4])).toEqual([{ id: '4', shop: '12', 'shop after': '13' }]);
  });

  it('keeps of an UPDATE the values that differ, also those that a trigger has changed', async () => {
    await scene.run(`CREATE TABLE wide (id int PRIMARY KEY, a text, b text, c json, d float8, changed int DEFAULT 0);
      INSERT INTO wide VALUES (1, 'x', 'same', '{"b":1,"a":2}', 0, 0), (2, 'y', 'same', '{}', 1, 0), (3, 'z', 'same', NULL, 2, 0);
      CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE UPDATE ON wide FOR EACH ROW WHEN (OLD.id < 3) EXECUTE FUNCTION count_changes()`);
    await scene.migrate(
      `UPDATE wide SET a = upper(a), d = CASE WHEN id = 1 THEN '-0' ELSE d END, c = '{"b":1,"a":2}' WHERE id < 4 AND id <> 2;
       UPDATE wide SET a = a WHERE id = 3`,
      [['UPDATE wide'], ['UPDATE wide']],
      { version: 'update' },
    );
    const backups = await scene.backups('update');
    expect(backups.map(({ statement, rows, values }) => [statement, rows, values])).toEqual([
      [1, 2, 4],
      [2, 0, 0],
    ]);
    expect(await scene.data(backups[0])).toEqual([
      {
        ...{ id: '1', a: 'x', 'a after': 'X', c: null, 'c after': null, d: '0', 'd after': '-0' },
        ...{ changed: '0', 'changed after': '1' },
      },
      {
        ...{
          id: '3',
          a: 'z',
          'a after': 'Z',
          c: null,
          'c after': '{"b":1,"a":2}',
          d: null,
          'd after': null,
        },
        ...{ changed: null, 'changed after': null },
      },
    ]);
    expect(
      await scene.rows(
        `SELECT record, after FROM belay.backed_up_records WHERE migration_version = 'update' AND row_id->>'id' = '3'`,
      ),
    ).toEqual([{ record: { a: 'z', c: null }, after: { a: 'Z', c: { b: 1, a: 2 } } }]);
  });

  it('pairs old and new rows where the key is updated, moves to another partition, or is none', async () => {
    await scene.run(`
      CREATE TABLE keyed (id int PRIMARY KEY, v int); INSERT INTO keyed SELECT n, n FROM generate_series(1, 500) n;
      CREATE TABLE moved (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
      CREATE TABLE moved_1 PARTITION OF moved FOR VALUES FROM (0) TO (100); CREATE TABLE moved_2 (v int, x int, id int NOT NULL);
      ALTER TABLE moved_2 DROP x; ALTER TABLE moved ATTACH PARTITION moved_2 FOR VALUES FROM (100) TO (1000);
      INSERT INTO moved SELECT n, n FROM generate_series(1, 50) n;
      CREATE TABLE keyless (a int, b int); INSERT INTO keyless VALUES (1, 1), (1, 1), (2, NULL)`);
    await scene.migrate(
      `UPDATE keyed SET id = id + 1000, v = -v; UPDATE moved SET id = id + 75, v = -v WHERE id BETWEEN 20 AND 30; UPDATE keyless SET a = a + 1`,
      [['UPDATE keyed'], ['UPDATE moved'], ['UPDATE keyless']],
      { version: 'pairs' },
    );
    const [keyed, moved, keyless] = await scene.backups('pairs');
    const data = await scene.data(keyed);
    expect(data).toHaveLength(500);
    const wrong = data.filter(
      (row) =>
        Number(row['id after']) !== Number(row.id) + 1000 ||
        Number(row['v after']) !== -Number(row.v) ||
        row.id !== row.v,
    );
    expect(wrong).toEqual([]);
    expect(moved?.rows).toBe(11);
    for (const row of await scene.data(moved)) {
      expect(Number(row['id after'])).toBe(Number(row.id) + 75);
      expect(row['v after']).toBe(`-${row.id}`);
    }
    expect(keyless).toMatchObject({ identity: 'whole-row', rows: 3 });
    expect(await scene.data(keyless)).toEqual([
      { a: '1', 'a after': '2', b: '1' },
      { a: '1', 'a after': '2', b: '1' },
      { a: '2', 'a after': '3', b: null },
    ]);
  });

  it('keeps of a row that one statement updates several times what it was first and last', async () => {
    // Where all is published, tables without a key refuse some statements.
    await scene.run(`CREATE PUBLICATION everything FOR ALL TABLES;
      CREATE TABLE twice (id int PRIMARY KEY, a int, b int[], c text);
      INSERT INTO twice SELECT n, n, CASE WHEN n = 2 THEN '{}'::int[] ELSE ARRAY[n] END, 'c' FROM generate_series(1, 100) n;
      CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE twice SET a = a + 1000, b = b || NEW.id, c = CASE WHEN id < 50 THEN 'c' ELSE c END WHERE id = NEW.id; RETURN NULL; END $$;
      CREATE TRIGGER again AFTER UPDATE ON twice FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION again();
      CREATE TABLE goals (id int PRIMARY KEY);
      CREATE TABLE links (id int PRIMARY KEY, one int REFERENCES goals ON DELETE SET NULL, two int REFERENCES goals ON DELETE SET NULL);
      INSERT INTO goals VALUES (1), (2), (3); INSERT INTO links VALUES (1, 1, 2), (2, 2, 3), (3, 3, 1);
      CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree ON UPDATE CASCADE); INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)`);
    await scene.migrate(
      `UPDATE twice SET a = -a, c = 'd' WHERE id <= 60; DELETE FROM goals WHERE id < 3; UPDATE tree SET id = id + 10`,
      [['UPDATE twice'], ['DELETE goals', 'UPDATE links'], ['UPDATE tree']],
      { version: 'twice' },
    );
    const backups = await scene.backups('twice');
    expect(backups.map(({ tableName, rows, values }) => [tableName, rows, values])).toEqual([
      ['twice', 60, 60 + 60 + 11],
      ['goals', 2, 0],
      ['links', 3, 4],
      ['tree', 3, 5],
    ]);
    expect(await scene.data(backups[3])).toEqual([
      { id: '1', 'id after': '11', parent: null, 'parent after': null },
      { id: '2', 'id after': '12', parent: '1', 'parent after': '11' },
      { id: '3', 'id after': '13', parent: '2', 'parent after': '12' },
    ]);
    await scene.run('DROP PUBLICATION everything');
    const data = await scene.data(backups[0]);
    expect(data.find(({ id }) => id === '2')).toEqual({
      ...{ id: '2', a: '2', 'a after': '998', b: '{}', 'b after': '{2}' },
      // Changed, and changed back.
      ...{ c: null, 'c after': null },
    });
    expect(data.find(({ id }) => id === '60')).toMatchObject({
      a: '60',
      'a after': '940',
      c: 'c',
      'c after': 'd',
    });
    expect(await scene.data(backups[2])).toEqual([
      { id: '1', one: '1', 'one after': null, two: '2', 'two after': null },
      { id: '2', one: '2', 'one after': null, two: null, 'two after': null },
      { id: '3', one: null, 'one after': null, two: '1', 'two after': null },
    ]);
  });

  it('keeps inheriting rows whole, each with its own table', async () => {
    await scene.run(`CREATE TABLE animals (id int PRIMARY KEY, name text); CREATE TABLE dogs (tail text) INHERITS (animals);
      INSERT INTO animals VALUES (1, 'any'), (2, 'other'); INSERT INTO dogs VALUES (1, 'rex', 'long'), (3, 'tim', 'short')`);
    await scene.migrate(
      `UPDATE animals SET name = 'x' WHERE id = 1; DELETE FROM ONLY animals WHERE id = 1; DELETE FROM animals`,
      [['UPDATE animals'], ['DELETE animals'], ['DELETE animals', 'DELETE dogs']],
      { version: 'dogs' },
    );
    const backups = await scene.backups('dogs');
    expect(backups.map(({ statement, tableName, rows }) => [statement, tableName, rows])).toEqual([
      ...[
        [1, 'animals', 1],
        [1, 'dogs', 1],
      ],
      [2, 'animals', 1],
      ...[
        [3, 'animals', 1],
        [3, 'dogs', 2],
      ],
    ]);
    expect(await scene.data(backups[4])).toEqual([
      { id: '1', name: 'x', tail: 'long' },
      { id: '3', name: 'tim', tail: 'short' },
    ]);
  });

  it('keeps what MERGE and ON CONFLICT overwrite', async () => {
    await scene.run(
      `CREATE TABLE stock (id int PRIMARY KEY, n int); INSERT INTO stock VALUES (1, 10), (2, 20), (3, 30)`,
    );
    await scene.migrate(
      `INSERT INTO stock VALUES (1, 11), (9, 90) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
       MERGE INTO stock s USING (VALUES (2, 0), (3, 31), (8, 80)) AS v (id, n) ON s.id = v.id
        WHEN MATCHED AND v.n = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET n = v.n WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.n)`,
      [['UPDATE stock'], ['UPDATE,DELETE stock']],
      { version: 'merge' },
    );
    const backups = await scene.backups('merge');
    expect(await Promise.all(backups.map((backup) => scene.data(backup)))).toEqual([
      [{ id: '1', n: '10', 'n after': '11' }],
      [{ id: '3', n: '30', 'n after': '31' }],
      [{ id: '2', n: '20' }],
    ]);
  });

  it('keeps what TRUNCATE takes, with the tables and partitions that go along', async () => {
    await scene.run(`CREATE TABLE heads (id serial PRIMARY KEY); CREATE TABLE tails (head int REFERENCES heads, v text);
      CREATE TABLE cut (d int, v text) PARTITION BY LIST (d); CREATE TABLE cut_1 PARTITION OF cut FOR VALUES IN (1); CREATE TABLE cut_2 PARTITION OF cut FOR VALUES IN (2);
      CREATE TABLE top (v int); CREATE TABLE below () INHERITS (top);
      INSERT INTO heads DEFAULT VALUES; INSERT INTO tails VALUES (1, 'a'), (1, 'b'); INSERT INTO cut VALUES (1, 'x'), (2, 'y');
      INSERT INTO top VALUES (1); INSERT INTO below VALUES (2), (3)`);
    await scene.migrate(
      `TRUNCATE heads RESTART IDENTITY CASCADE; TRUNCATE cut_1; TRUNCATE cut; TRUNCATE ONLY top; TRUNCATE top`,
      [
        ['TRUNCATE heads', 'TRUNCATE tails'],
        ['TRUNCATE cut_1'],
        ['TRUNCATE cut', 'TRUNCATE cut_1', 'TRUNCATE cut_2'],
        ['TRUNCATE top'],
        ['TRUNCATE top', 'TRUNCATE below'],
      ],
      { version: 'truncate' },
    );
    const backups = await scene.backups('truncate');
    expect(backups.map(({ statement, tableName, rows }) => [statement, tableName, rows])).toEqual([
      ...[
        [1, 'heads', 1],
        [1, 'tails', 2],
      ],
      ...[
        [2, 'cut_1', 1],
        [3, 'cut', 1],
        [4, 'top', 1],
        [5, 'below', 2],
      ],
    ]);
    expect(backups[0]?.sequences).toEqual({ 'public.heads_id_seq': '1' });
  });

  it('does so while deferred constraints wait, and where replication has silenced triggers', async () => {
    await scene.run(`CREATE TABLE heads2 (id int PRIMARY KEY); CREATE TABLE tails2 (head int REFERENCES heads2 DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO heads2 VALUES (1), (2); INSERT INTO tails2 VALUES (1)`);
    const kept = await scene.migrate(
      `DELETE FROM heads2 WHERE id = 1; UPDATE heads2 SET id = 1; SET LOCAL session_replication_role = replica; DELETE FROM tails2`,
      [['DELETE heads2'], ['UPDATE heads2'], [], ['DELETE tails2']],
    );
    expect(kept.map(({ kind, rows }) => [kind, rows])).toEqual([
      ['delete', 1],
      ['update', 1],
      ['delete', 1],
    ]);
    expect(await leftovers()).toEqual([]);
  });

  it('works in scripts without a transaction, and in those that have their own', async () => {
    await scene.run(
      'CREATE TABLE single (id int PRIMARY KEY, v text); INSERT INTO single SELECT n, n FROM generate_series(1, 9) n',
    );
    const rows = ['DELETE single'];
    const kept = await scene.migrate(
      `DELETE FROM single WHERE id = 1; BEGIN; DELETE FROM single WHERE id = 2; SAVEPOINT s; DELETE FROM single WHERE id = 3; ROLLBACK TO s; COMMIT;
       CREATE INDEX CONCURRENTLY ON single (v); ALTER TABLE single DROP v`,
      [rows, [], rows, [], rows, [], [], [], ['column single.v']],
      { inTransaction: false, version: 'single' },
    );
    expect(await scene.rows('SELECT count(*)::int AS n FROM single')).toEqual([{ n: 7 }]);
    expect(kept.map(({ statement }) => statement)).toEqual([1, 3, 9]);
    expect((await scene.backups('single')).map(({ statement }) => statement)).toEqual([1, 3, 9]);
    expect(await leftovers()).toEqual([]);
  });

  it('leaves nothing of a script that fails, or is tried again', async () => {
    await scene.run('CREATE TABLE tried (id int PRIMARY KEY); INSERT INTO tried VALUES (1)');
    const before = await scene.backups();
    await failure(
      scene.migrate('DELETE FROM tried; SELECT 1/0', [['DELETE tried'], []]),
      'MIGRATION_FAILED',
    );
    expect(await scene.backups()).toEqual(before);
    expect(await leftovers()).toEqual([]);
    const other = await openSession(scene.url);
    await other.execute('BEGIN; SELECT FROM public.tried', 'testing');
    // DROP TRIGGER waits for readers: at the end, and the whole is tried again.
    const kept = await scene.migrate('DELETE FROM tried', [['DELETE tried']], {
      lockTimeoutMs: 30,
      reporter: (event) => {
        if (event.type === 'note') void other.close();
      },
    });
    expect(kept).toMatchObject([{ rows: 1 }]);
    expect(await scene.backups()).toHaveLength(before.length + 1);
  });

  it('keeps rows that row-level security hides, for the owner that is under it', async () => {
    const role = await createTestRole(server);
    const session = await (async () => {
      await scene.run(`GRANT CREATE ON DATABASE ${new URL(scene.url).pathname.slice(1)} TO ${role.name};
        GRANT ALL ON SCHEMA public TO ${role.name}; GRANT ALL ON SCHEMA belay TO ${role.name}; GRANT ALL ON ALL TABLES IN SCHEMA belay TO ${role.name};
        GRANT ALL ON ALL SEQUENCES IN SCHEMA belay TO ${role.name};
        SET ROLE ${role.name}; CREATE TABLE secret (id int PRIMARY KEY, v text, w text); INSERT INTO secret VALUES (1, 'x', 'w'), (2, 'y', 'w');
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY; ALTER TABLE secret FORCE ROW LEVEL SECURITY; CREATE POLICY p ON secret USING (id = 1);`);
      return openSession(role.urlFor(scene.url));
    })();
    try {
      const kept = await scene.migrate(
        `ALTER TABLE secret DROP v; DELETE FROM secret; TRUNCATE secret; DROP TABLE secret`,
        [['column secret.v'], ['DELETE secret'], ['TRUNCATE secret'], ['table secret']],
        { session },
      );
      expect(kept.map(({ kind, rows }) => [kind, rows])).toEqual([
        ...[
          ['column', 2],
          ['delete', 1],
        ],
        ...[
          ['truncate', 1],
          ['table', 0],
        ],
      ]);
      expect(await leftovers()).toEqual([]);
    } finally {
      await session.close();
      await scene.run(`REASSIGN OWNED BY ${role.name} TO postgres; DROP OWNED BY ${role.name}`);
      await role.drop();
    }
  });
});
