import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BackUpToFilesOptions,
  backUpToFiles,
} from '../../../src/features/record-backup/back-up-to-files.js';
import {
  deleteSnapshot,
  drillSnapshot,
  exportSnapshot,
  importArchive,
  listSnapshots,
  type ProgressEvent,
  protectSnapshot,
  pruneSnapshots,
  pullSnapshot,
  pushSnapshot,
  renameSnapshot,
  restoreSnapshot,
  restoreSnapshotTables,
  showSnapshot,
  type Target,
  takeCheckpoint,
  unprotectSnapshot,
  verifyArchives,
} from '../../../src/index.js';
import {
  archiveFile,
  beside,
  checkpoint,
  keysOf,
  readManifest,
  restorePlainly,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { callCli } from '../../support/call-cli.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  withDatabase,
} from '../../support/servers.js';
import { failure, rowsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const store = storeFolder();

/** Keys of everything that an archive consists of. */
const anArchive = /\/(archives|manifests|runs)\//;

const shopSql = `
  CREATE TABLE customers (id int PRIMARY KEY, name text);
  INSERT INTO customers VALUES (1, 'a'), (2, 'b');
  CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, total numeric);
  INSERT INTO orders (customer, total) VALUES (1, 'NaN'), (2, 7.50), (1, 1e30);
`;

const named = (names: readonly string[]) => names.map((name) => ({ schema: 'public', name }));

function backUp(
  url: string,
  tables: readonly string[],
  options: Partial<BackUpToFilesOptions> = {},
) {
  // A server that is there already is faster than a private one.
  const order = { tables: named(tables), drillServer: server.adminUrl, ...options };
  return withStore(url, store, (target) => backUpToFiles(target, order));
}

describe(`an archive of some tables on ${server.name}`, () => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createTestDatabase(server, { name: 'care', sql: shopSql });
    await backUp(shop.url, ['orders'], { tag: 'part', drill: 'deep', description: 'kept' });
  });
  afterAll(() => shop.drop());

  const at = <T>(work: (target: Target) => Promise<T>, where = store) =>
    withStore(shop.url, where, work, { BELAY_DRILL_SERVER: server.adminUrl });

  it('says what it holds: in the timeline, on the command line, in the manifest', async () => {
    const { snapshots } = await at((target) => listSnapshots(target));
    const shown = await at((target) => showSnapshot(target, 'part'));
    expect(snapshots).toEqual([shown]);
    expect(shown).toMatchObject({
      ...{ tag: 'part', reason: 'before-migration', description: 'kept' },
      copies: [{ type: 'archive', dataOf: ['public.orders'], drill: { status: 'proven' } }],
      fingerprint: { tables: 1, rows: 3, rowCounts: { 'public.orders': 3 } },
    });
    expect(Object.keys(shown.fingerprint?.sequences ?? {})).toEqual(['public.orders_id_seq']);
    expect(await readManifest(store, 'part')).toMatchObject({
      partial: {
        dataOf: ['public.orders'],
        unchecked: [{ constraint: 'orders_customer_fkey', refersTo: 'public.customers' }],
      },
    });
    const env = { BELAY_URL: shop.url, BELAY_STORE: store };
    expect((await callCli(['list'], { env })).stdout).toContain('archive of 1 table ✔');
    const { stdout } = await callCli(['show', 'part'], { env });
    expect(stdout).toMatch(/partial +the rows of no other tables: public\.orders/);
    const refused = await callCli(['restore', 'part', '--yes'], { env });
    expect(refused).toMatchObject({ exitCode: 2 });
    expect(refused.stderr).toContain('holds the rows of public.orders only');
  });

  it('is drilled again from the store, verified, renamed and protected like any other', async () => {
    expect(await at((target) => drillSnapshot(target, { reference: 'part', deep: true }))).toEqual(
      expect.objectContaining({ ok: true, restore_drill: 'proven', differences: [] }),
    );
    expect(await at((target) => verifyArchives(target))).toMatchObject({ ok: true, checked: 1 });
    await at((target) => renameSnapshot(target, { reference: 'part', tag: 'renamed' }));
    expect(await readManifest(store, 'renamed')).toMatchObject({
      partial: { dataOf: ['public.orders'] },
    });
    await at((target) => protectSnapshot(target, { reference: 'renamed' }));
    const remove = (target: Target) =>
      deleteSnapshot(target, { reference: 'renamed', confirm: () => true });
    await failure(at(remove), 'PROTECTED');
    await at((target) => unprotectSnapshot(target, { reference: 'renamed' }));
    await at((target) => renameSnapshot(target, { reference: 'renamed', tag: 'part' }));
    expect(await at((target) => verifyArchives(target))).toMatchObject({ ok: true, broken: [] });
  });

  it('stays one in other stores', async () => {
    const other = beside(store, 'other');
    await at((target) => pushSnapshot(target, { reference: 'part', to: other }));
    const third = beside(store, 'third');
    await at((target) => pullSnapshot(target, { reference: 'part', from: other }), third);
    const { copies } = await at((target) => showSnapshot(target, 'part'), third);
    expect(copies).toMatchObject([{ dataOf: ['public.orders'] }]);
    const restore = (target: Target) => restoreSnapshot(target, { reference: 'part' });
    await failure(at(restore, third), 'PARTIAL_ARCHIVE');
    await run(shop.url, 'DELETE FROM orders');
    const tables = ['public.orders'];
    await at((target) => restoreSnapshotTables(target, { reference: 'part', tables }), third);
    expect(await rowsOf(shop.url, 'SELECT total::text FROM orders ORDER BY id')).toEqual(
      ['NaN', '7.50', '1000000000000000000000000000000'].map((total) => ({ total })),
    );
  });

  it('becomes a file for pg_restore, and that the file is not everything is said', async () => {
    await backUp(shop.url, ['customers'], { tag: 'to-file', drill: false });
    const file = beside(store, 'file');
    const said: string[] = [];
    const reporter = (event: ProgressEvent) => {
      if (event.type === 'warning') said.push(event.message);
    };
    await at((target) => exportSnapshot(target, { reference: 'to-file', file, reporter }));
    expect(said).toEqual([expect.stringContaining('the rows of public.customers only')]);
    const plain = await restorePlainly(server, tools.pgRestore.path, file);
    const count =
      'SELECT (SELECT count(*)::int FROM customers) c, (SELECT count(*)::int FROM orders) o';
    expect(await rowsOf(plain.url, count)).toEqual([{ c: 2, o: 0 }]);
    await plain.drop();
    said.length = 0;
    await at((target) => importArchive(target, { file, tag: 'from-file', reporter }));
    expect(said).toEqual([expect.stringMatching(/holds no rows of .*public\.orders/)]);
  });

  it('brings tables back whose schema and types went with them, in a new database', async () => {
    const own = await createTestDatabase(server, {
      name: 'gone',
      sql: `CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('calm', 'keen');
        CREATE DOMAIN app.word AS text CHECK (VALUE <> '');
        CREATE FUNCTION app.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
        CREATE TABLE public.other (id int PRIMARY KEY); INSERT INTO other VALUES (1);
        CREATE TABLE app.users (id serial PRIMARY KEY, feels app.mood, name app.word, other int REFERENCES public.other,
          double int GENERATED ALWAYS AS (app.twice(1)) STORED);
        INSERT INTO app.users (feels, name, other) VALUES ('keen', 'a', 1)`,
    });
    const to = `${own.name}_back`;
    await withStore(own.url, store, async (target) => {
      const tables = [{ schema: 'app', name: 'users' }];
      const { tag } = await backUpToFiles(target, { tables, drillServer: server.adminUrl });
      await run(own.url, 'DROP SCHEMA app CASCADE');
      const order = { reference: tag, tables: ['app.users'] };
      await failure(restoreSnapshotTables(target, order), 'TABLE_NOT_FOUND');
      const result = await restoreSnapshotTables(target, { ...order, to });
      expect(result.tables).toMatchObject([
        { rows: 1, leftOut: [{ constraint: 'users_other_fkey' }] },
      ]);
    });
    expect(await rowsOf(withDatabase(own.url, to), 'SELECT * FROM app.users')).toEqual([
      { id: 1, feels: 'keen', name: 'a', other: 1, double: 2 },
    ]);
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
    await own.drop();
  });

  it('pushes no archive of the whole database out when it is pruned', async () => {
    const own = await createTestDatabase(server, { name: 'pruned', sql: shopSql });
    await checkpoint(own.url, store, { tag: 'whole', drillServer: server.adminUrl });
    await backUp(own.url, ['orders'], { tag: 'first', drill: false });
    await backUp(own.url, ['orders'], { tag: 'second' });
    await withStore(own.url, store, async (target) => {
      const { removed, kept } = await pruneSnapshots(target, { keepLast: 1, confirm: () => true });
      expect(removed.map(({ tag }) => tag)).toEqual(['first']);
      expect(kept.map(({ tag }) => tag).sort()).toEqual(['second', 'whole']);
      const { removed: rest } = await pruneSnapshots(target, { keepLast: 0, confirm: () => true });
      expect(rest.map(({ tag }) => tag)).toEqual(['second']);
      const { snapshots } = await listSnapshots(target);
      expect(snapshots.map(({ tag }) => tag)).toEqual(['whole']);
    });
    await own.drop();
  });
});

describe(`what cannot be archived as tables, on ${server.name}`, () => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createTestDatabase(server, {
      name: 'cannot',
      sql: `${shopSql}
        CREATE VIEW seen AS SELECT * FROM orders;
        CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS
          'SELECT EXISTS (SELECT FROM public.customers WHERE id = $1)';
        CREATE TABLE orders_checked (customer int CHECK (known(customer)));
        INSERT INTO orders_checked VALUES (1);`,
    });
  });
  afterAll(() => shop.drop());

  it.each([
    ['TABLE_NOT_FOUND', 'nothing', 'no table public.nothing'],
    ['USAGE', 'seen', 'is a view'],
    ['USAGE', 'orders_id_seq', 'is a sequence'],
  ] as const)('%s for %s', async (code, table, message) => {
    const before = await keysOf(store, anArchive);
    const error = await failure(backUp(shop.url, ['orders', table]), code);
    expect(error.message).toContain(message);
    expect(await keysOf(store, anArchive)).toEqual(before);
  });

  it('no table at all', async () => {
    await failure(backUp(shop.url, []), 'USAGE');
  });

  it('a table whose CHECK looks into another one is not proven, and that is said', async () => {
    const error = await failure(
      backUp(shop.url, ['orders_checked'], { tag: 'checked' }),
      'NOT_PROVEN',
    );
    expect(error.message).toContain('did not pass its drill');
    expect(error.exitCode).toBe(7);
    // The tag stays free, and the archive is kept for a look.
    const { snapshots } = await withStore(shop.url, store, (target) => listSnapshots(target));
    const failed = snapshots.filter(({ tag }) => /^checked-failed-/.test(tag));
    expect(failed).toMatchObject([{ copies: [{ dataOf: ['public.orders_checked'] }] }]);
    const both = await backUp(shop.url, ['orders_checked', 'customers'], { tag: 'checked' });
    expect(both).toMatchObject({ restore_drill: 'proven', rows: 3 });
  });

  it('a drill on a server where foreign keys cannot be passed over says so', async () => {
    const role = await createTestRole(server, 'CREATEDB');
    const drillServer = role.urlFor(server.adminUrl);
    const error = await failure(backUp(shop.url, ['orders'], { drillServer }), 'NOT_PROVEN');
    expect(error.message).toContain('session_replication_role');
    const { restore_drill } = await backUp(shop.url, ['customers'], { drillServer });
    expect(restore_drill).toBe('proven');
    await role.drop();
  });
});

describe(`rights and encodings on ${server.name}`, () => {
  it('the rows of the tables must be readable, those of others need not', async () => {
    const owner = await createTestRole(server);
    const database = await createTestDatabase(server, {
      owner: owner.name,
      sql: `SET ROLE ${owner.name}; CREATE SCHEMA own; CREATE TABLE own.mine (a int); INSERT INTO own.mine VALUES (1);
        CREATE TABLE own.hidden (a int); INSERT INTO own.hidden VALUES (1);
        ALTER TABLE own.hidden ENABLE ROW LEVEL SECURITY; ALTER TABLE own.hidden FORCE ROW LEVEL SECURITY`,
    });
    const attempt = (name: string) =>
      withStore(owner.urlFor(database.url), store, (target) =>
        backUpToFiles(target, {
          ...{ tables: [{ schema: 'own', name }], drillServer: server.adminUrl },
        }),
      );
    expect(await attempt('mine')).toMatchObject({ restore_drill: 'proven', rows: 1 });
    const error = await failure(attempt('hidden'), 'PERMISSION_DENIED');
    expect(error.message).toContain('row level security');
    await database.drop();
    await owner.drop();
  });

  it.each([
    ['LATIN1', 'é'],
    ['SQL_ASCII', 'é'],
    ['EUC_JP', '名'],
  ])('names beyond ASCII in a database in %s', async (encoding, name) => {
    const database = `belay_enc_${encoding.toLowerCase()}_${process.pid}`;
    await run(
      server.adminUrl,
      `CREATE DATABASE ${database} TEMPLATE template0 ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    const url = withDatabase(server.adminUrl, database);
    try {
      await run(
        url,
        `CREATE TABLE "${name}" (id int PRIMARY KEY, t text); INSERT INTO "${name}" VALUES (1, '${name}');
         CREATE TABLE "${name}2" (id int REFERENCES "${name}", CONSTRAINT "${name}" CHECK (id > 0)); INSERT INTO "${name}2" VALUES (1);
         ALTER TABLE "${name}2" RENAME CONSTRAINT "${name}2_id_fkey" TO "${name} key"`,
      );
      const made = await backUp(url, [`${name}2`]);
      expect(made).toMatchObject({ restore_drill: 'proven', rows: 1 });
      const bytes = await readFile(archiveFile(made.snapshot));
      expect(bytes.length).toBe(made.sizeBytes);
    } finally {
      await run(server.adminUrl, `DROP DATABASE ${database}`);
    }
  });

  it('a checkpoint of everything restores partitions of partitions with their indexes', async () => {
    const database = await createTestDatabase(server, {
      sql: `CREATE TABLE e (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE INDEX ON e (day); CREATE INDEX ON e (id);
        ${[1, 2, 3, 4]
          .map(
            (
              n,
            ) => `CREATE TABLE e${n} PARTITION OF e FOR VALUES FROM ('2026-0${n}-01') TO ('2026-0${n + 1}-01') PARTITION BY HASH (id);
              CREATE TABLE e${n}_0 PARTITION OF e${n} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
              CREATE TABLE e${n}_1 PARTITION OF e${n} FOR VALUES WITH (MODULUS 2, REMAINDER 1);`,
          )
          .join('\n')}
        CREATE TABLE of_e (id int, day date, FOREIGN KEY (id, day) REFERENCES e);
        INSERT INTO e SELECT n, date '2026-01-01' + n FROM generate_series(0, 99) n;
        INSERT INTO of_e SELECT * FROM e`,
    });
    const made = await withStore(database.url, store, (target) =>
      takeCheckpoint(target, { drillServer: server.adminUrl }),
    );
    expect(made).toMatchObject({ ok: true, restore_drill: 'proven', differences: [] });
    await database.drop();
  });
});
