import { describe, expect, it } from 'vitest';
import { recordKeeper } from '../../../src/features/record-backup/keep.js';
import { runScript, type ScriptHooks } from '../../../src/postgres/run-script.js';
import { testServers } from '../../support/servers.js';
import { useScene } from './scene.js';

describe.each(testServers())('records kept of values on $name', (server) => {
  const scene = useScene(server, 'kept_values');

  it('keeps the values of a dropped column by primary key', async () => {
    await scene.run(`CREATE TABLE users (id int PRIMARY KEY, name text, email varchar(40));
      INSERT INTO users VALUES (1, 'a', 'a@x'), (2, 'b', NULL), (3, 'c', 'c@x')`);
    const kept = await scene.migrate(
      'SELECT 1; ALTER TABLE users DROP email',
      [[], ['column users.email']],
      {
        version: '0001',
      },
    );
    expect(kept).toEqual([
      {
        ...{ backup: expect.any(Number), statement: 2, table: 'public.users', column: 'email' },
        ...{ kind: 'column', rows: 2, values: 2 },
      },
    ]);
    const [backup] = await scene.backups('0001');
    expect(backup).toMatchObject({
      ...{ migrationVersion: '0001', statement: 2, tableSchema: 'public', tableName: 'users' },
      ...{ columnName: 'email', kind: 'column', identity: 'primary-key', rows: 2, values: 2 },
      ...{ dataTable: `backup_${kept[0]?.backup}`, restoredAt: null },
      columns: [
        { name: 'id', number: 1, type: 'integer', form: 'native', isKey: true, after: null },
        { name: 'email', number: 3, type: 'character varying(40)', form: 'native', isKey: false },
      ],
    });
    expect(await scene.data(backup)).toEqual([
      { id: '1', email: 'a@x' },
      { id: '3', email: 'c@x' },
    ]);
    expect(
      await scene.rows(`SELECT migration_version, table_name, column_name, row_id, snapshot_type, "rows" FROM belay.record_backups
                         WHERE migration_version = '0001'`),
    ).toEqual([
      {
        ...{ migration_version: '0001', table_name: 'users', column_name: 'email', row_id: 'id' },
        ...{ snapshot_type: 'column', rows: '2' },
      },
    ]);
    expect(
      await scene.rows(`SELECT row_id, record, after FROM belay.backed_up_records WHERE migration_version = '0001'
                         ORDER BY row_id->>'id'`),
    ).toEqual([
      { row_id: { id: 1 }, record: { email: 'a@x' }, after: null },
      { row_id: { id: 3 }, record: { email: 'c@x' }, after: null },
    ]);
  });

  it('keeps NULLs too where a column that comes again would fill itself', async () => {
    await scene.run(`CREATE TABLE filled (id int PRIMARY KEY, a int DEFAULT 7, b int);
      INSERT INTO filled VALUES (1, NULL, NULL), (2, 3, NULL)`);
    const kept = await scene.migrate('ALTER TABLE filled DROP a, DROP b', [
      ['column filled.a', 'column filled.b'],
    ]);
    expect(kept).toMatchObject([
      { column: 'a', rows: 2, values: 1 },
      { column: 'b', rows: 0, values: 0 },
    ]);
  });

  it('finds rows by a unique key without NULLs, but not by one that may have them, is partial or checked later', async () => {
    await scene.run(`
      CREATE TABLE by_key (a int NOT NULL UNIQUE, b int UNIQUE, v text);
      CREATE TABLE no_key (a int NOT NULL, b int UNIQUE, c int NOT NULL UNIQUE DEFERRABLE, d int NOT NULL, v text,
        g int GENERATED ALWAYS AS (d + 1) STORED);
      CREATE UNIQUE INDEX ON no_key (a) WHERE a > 1; CREATE UNIQUE INDEX ON no_key ((d + 1));
      INSERT INTO by_key VALUES (1, 1, 'x'); INSERT INTO no_key VALUES (1, 1, 1, 1, 'y'), (1, NULL, 2, 2, 'y')`);
    await scene.migrate(
      'ALTER TABLE by_key DROP v; ALTER TABLE no_key DROP v',
      [['column by_key.v'], ['column no_key.v']],
      { version: 'keys' },
    );
    const [one, other] = await scene.backups('keys');
    expect([one?.identity, other?.identity]).toEqual(['unique-key', 'whole-row']);
    expect(await scene.data(one)).toEqual([{ a: '1', v: 'x' }]);
    expect(await scene.data(other)).toEqual([
      { a: '1', b: '1', c: '1', d: '1', v: 'y' },
      { a: '1', b: null, c: '2', d: '2', v: 'y' },
    ]);
    expect(
      await scene.rows(`SELECT row_id FROM belay.record_backups WHERE id = ${other?.id}`),
    ).toEqual([{ row_id: null }]);
  });

  it('does not find rows by what the statement takes away, too', async () => {
    await scene.run(`CREATE TABLE keyless (id int PRIMARY KEY, code text NOT NULL UNIQUE, v text, w text);
      INSERT INTO keyless VALUES (1, 'a', 'x', 'w')`);
    await scene.migrate(
      'ALTER TABLE keyless DROP id, DROP v',
      [['column keyless.id', 'column keyless.v']],
      { version: 'keyless' },
    );
    const backups = await scene.backups('keyless');
    expect(backups.map(({ columns }) => columns.map(({ name }) => name))).toEqual([
      ['code', 'id'],
      ['code', 'v'],
    ]);
  });

  it('keeps values before and after a change of type', async () => {
    await scene.run(`CREATE TABLE prices (id int PRIMARY KEY, price numeric(10,2), note text);
      INSERT INTO prices VALUES (1, 1.25, 'a'), (2, NULL, 'b'), (3, 'NaN', 'c'), (4, 7, 'd'); `);
    await scene.migrate(
      `ALTER TABLE prices ALTER price TYPE int USING coalesce(nullif(price, 'NaN'), 9)`,
      [['conversion prices.price']],
      { version: 'conversion' },
    );
    const [backup] = await scene.backups('conversion');
    expect(backup).toMatchObject({ kind: 'conversion', rows: 3, values: 3, columnName: 'price' });
    expect(await scene.data(backup)).toEqual([
      { id: '1', price: '1.25', 'price after': '1' },
      { id: '3', price: 'NaN', 'price after': '9' },
      { id: '4', price: '7.00', 'price after': '7' },
    ]);
    expect(
      await scene.rows(
        `SELECT row_id, record, after FROM belay.backed_up_records WHERE migration_version = 'conversion' LIMIT 1`,
      ),
    ).toEqual([{ row_id: { id: 1 }, record: { price: 1.25 }, after: { price: 1 } }]);
  });

  it('pairs the values of a conversion by order where no key stays as it is', async () => {
    await scene.run(`CREATE TABLE pairs (a int, b numeric, filler text);
      INSERT INTO pairs SELECT n % 3, n + 0.25, repeat('x', 200) FROM generate_series(1, 3000) n;
      CREATE TABLE by_id (id numeric PRIMARY KEY, v int); INSERT INTO by_id VALUES (1.4, 1), (2.6, 2)`);
    await scene.migrate(
      `ALTER TABLE pairs ALTER b TYPE int; ALTER TABLE by_id ALTER id TYPE int`,
      [['conversion pairs.b'], ['conversion by_id.id']],
      { version: 'order' },
    );
    const [pairs, byId] = await scene.backups('order');
    expect(pairs).toMatchObject({ identity: 'whole-row', rows: 3000 });
    const data = await scene.data(pairs);
    expect(data).toHaveLength(3000);
    expect(data.filter((row) => Number(row.b) - 0.25 !== Number(row['b after']))).toEqual([]);
    expect(byId).toMatchObject({ identity: 'primary-key' });
    expect(await scene.data(byId)).toEqual([
      { id: '1.4', 'id after': '1' },
      { id: '2.6', 'id after': '3' },
    ]);
  });

  it('pairs two columns of one statement that are both part of the key', async () => {
    await scene.run(`CREATE TABLE two (a numeric, b numeric, v text, PRIMARY KEY (a, b));
      INSERT INTO two VALUES (1.4, 2.4, 'x'), (1.6, 2.4, 'y')`);
    await scene.migrate(
      `ALTER TABLE two ALTER a TYPE int, ALTER b TYPE int`,
      [['conversion two.a', 'conversion two.b']],
      { version: 'two' },
    );
    const backups = await scene.backups('two');
    expect(backups).toHaveLength(2);
    for (const backup of backups) {
      expect(await scene.data(backup)).toEqual([
        { a: '1.4', 'a after': '1', b: '2.4', 'b after': '2' },
        { a: '1.6', 'a after': '2', b: '2.4', 'b after': '2' },
      ]);
    }
  });

  it('keeps a column of a partitioned table once, and one of inheritance table by table', async () => {
    await scene.run(`
      CREATE TABLE days (d int, v text, PRIMARY KEY (d)) PARTITION BY RANGE (d);
      CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (10);
      CREATE TABLE days_2 (v text, d int NOT NULL); ALTER TABLE days ATTACH PARTITION days_2 FOR VALUES FROM (10) TO (20);
      INSERT INTO days VALUES (1, 'a'), (11, 'b'), (12, NULL);
      CREATE TABLE base (id int PRIMARY KEY, v text); CREATE TABLE child (own int UNIQUE NOT NULL) INHERITS (base);
      CREATE TABLE keeper (v text) INHERITS (base);
      INSERT INTO base VALUES (1, 'base'); INSERT INTO child VALUES (1, 'child', 5); INSERT INTO keeper VALUES (1, 'stays')`);
    await scene.migrate(
      'ALTER TABLE days DROP v; ALTER TABLE base DROP v',
      [['column days.v', 'column days_1.v', 'column days_2.v'], ['column base.v']],
      { version: 'children' },
    );
    const backups = await scene.backups('children');
    expect(backups.map(({ tableName, rows, identity }) => [tableName, rows, identity])).toEqual([
      ['days', 2, 'primary-key'],
      ['base', 1, 'primary-key'],
      ['child', 1, 'unique-key'],
    ]);
    expect(await scene.data(backups[2])).toEqual([{ own: '5', v: 'child' }]);
    expect(await scene.rows('SELECT v FROM keeper')).toEqual([{ v: 'stays' }]);
  });

  it('keeps nothing of what is not there any more, or stays after all', async () => {
    await scene.run(
      'CREATE TABLE maybe (id int PRIMARY KEY, v text); INSERT INTO maybe VALUES (1, $$x$$)',
    );
    const column = ['column maybe.v'];
    const kept = await scene.migrate(
      'SELECT 1; ALTER TABLE maybe DROP v; DROP TABLE maybe; SELECT 2',
      [column, column, ['table maybe'], ['table maybe']],
      { version: 'maybe' },
    );
    expect(kept.map(({ statement, kind }) => [statement, kind])).toEqual([
      [2, 'column'],
      [3, 'table'],
    ]);
    const tables = await scene.rows(
      `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'belay'::regnamespace AND relname ~ '^backup_'`,
    );
    expect(tables[0]?.n).toBe((await scene.backups()).length);
  });

  it('knows a table that the script has renamed and moved, and names it as it is then', async () => {
    await scene.run(
      'CREATE SCHEMA "Odd""one"; CREATE TABLE plain (id int PRIMARY KEY, v text); INSERT INTO plain VALUES (1, $$x$$)',
    );
    await scene.migrate(
      `ALTER TABLE plain RENAME TO "Pl.ain"; ALTER TABLE "Pl.ain" RENAME v TO "V'""v"; ALTER TABLE "Pl.ain" SET SCHEMA "Odd""one";
       SET search_path = "Odd""one"; ALTER TABLE "Pl.ain" DROP "V'""v"`,
      [[], [], [], [], ['column plain.v']],
      { version: 'renamed' },
    );
    const [backup] = await scene.backups('renamed');
    expect(backup).toMatchObject({
      tableSchema: 'Odd"one',
      tableName: 'Pl.ain',
      columnName: `V'"v`,
      rows: 1,
    });
    const [shown] = await scene.rows(
      `SELECT record FROM belay.backed_up_records WHERE migration_version = 'renamed'`,
    );
    expect(shown).toEqual({ record: { 'V\'"v': 'x' } });
  });

  it('lets nobody write between the copy and the statement, and everybody read', async () => {
    await scene.run(
      `CREATE TABLE busy (id int PRIMARY KEY, v text); INSERT INTO busy VALUES (1, 'x')`,
    );
    const losses = [await scene.losses(['column busy.v'])];
    const keeper = await recordKeeper({ session: scene.session, version: 'busy', losses });
    const { hooks } = keeper;
    const seen: unknown[] = [];
    const before: ScriptHooks['before'] = async (statement, index) => {
      await hooks.before?.(statement, index);
      const write = scene.run(`SET lock_timeout = '50ms'; INSERT INTO busy VALUES (2, 'late')`);
      seen.push(await write.catch(({ code }: { code: string }) => code));
      seen.push(
        await scene.rows(`SET lock_timeout = '50ms'; SELECT v FROM busy`).then(() => 'read'),
      );
    };
    const script = { file: 'up.sql', line: 1, sql: 'ALTER TABLE busy DROP v', inTransaction: true };
    await runScript(scene.session, script, { hooks: { ...hooks, before } });
    expect(seen).toEqual(['55P03', 'read']);
    expect(keeper.kept()).toMatchObject([{ rows: 1 }]);
  });
});
