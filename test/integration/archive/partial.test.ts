import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTableOfContents } from '../../../src/domain/table-of-contents.js';
import {
  type BackUpToFilesOptions,
  backUpToFiles,
} from '../../../src/features/record-backup/back-up-to-files.js';
import {
  compareSchemaSides,
  diffSnapshots,
  type RestoreSnapshotTablesOptions,
  restoreSnapshot,
  restoreSnapshotTables,
  switchSnapshot,
  type Target,
  takeCheckpoint,
} from '../../../src/index.js';
import {
  archiveFile,
  readManifest,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run } from '../../support/targets.js';
import { schemaOf } from '../table/tables.js';

const { server } = await findDumpableServer();

/** Names that a program which takes patterns could take for others, and others that the patterns match. */
const oddNames = ['a*b', 'a.b', 'Ä', 'Users', 'users', 'us"er', 'a?b', '$x', '[a]', 'user|s', '-x'];
const lookalikes = [
  'axb',
  'axxb',
  'a',
  'ab',
  'USERS',
  'use',
  'users2',
  'ä',
  'u',
  's',
  'order items',
];

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

const fixture = `
  CREATE EXTENSION citext;
  CREATE SCHEMA "a.b";
  CREATE SCHEMA "A*";
  CREATE TYPE mood AS ENUM ('calm', 'keen');
  CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
  CREATE TYPE place AS (town text, house int);
  CREATE FUNCTION half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
  CREATE SEQUENCE shared START 100;
  CREATE TABLE users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email citext UNIQUE, feels mood, done percent,
    at place, ticket bigint DEFAULT nextval('shared'), half int GENERATED ALWAYS AS (half(ticket::int)) STORED);
  INSERT INTO users (email, feels, done, at)
    SELECT 'U' || n, 'keen', n % 100, ROW ('x', n)::place FROM generate_series(1, 50) n;
  CREATE TABLE sessions (
    id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, note text,
    CONSTRAINT "odd key" FOREIGN KEY (user_id) REFERENCES users DEFERRABLE);
  COMMENT ON CONSTRAINT "odd key" ON sessions IS 'kept';
  INSERT INTO sessions (user_id, note) SELECT n, 'note ' || n FROM generate_series(1, 20) n;
  CREATE MATERIALIZED VIEW ratio AS SELECT 10 / count(*) AS r FROM users;
  CREATE TABLE events (id serial, day date NOT NULL, by_user int REFERENCES users DEFAULT 1,
    PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  COMMENT ON TABLE events IS 'by day';
  CREATE INDEX ON events (by_user);
  CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')
    PARTITION BY HASH (id);
  CREATE TABLE events_b0 PARTITION OF events_b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE events_b1 PARTITION OF events_b FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  INSERT INTO events (id, day) SELECT n, date '2026-01-01' + n FROM generate_series(0, 40) n;
  CREATE TABLE base (id int, kind text);
  CREATE TABLE special (extra int) INHERITS (base);
  INSERT INTO base VALUES (1, 'x');
  INSERT INTO special VALUES (2, 'y', 3);
  SELECT setval('events_id_seq', 40);
`;

describe(`archives of some tables on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;

  beforeAll(async () => {
    shop = await createTestDatabase(server, { name: 'part', sql: fixture });
    const odd = [...oddNames, ...lookalikes].filter((name) => name !== 'users');
    await run(
      shop.url,
      odd
        .flatMap((name) => ['public', 'a.b'].map((schema) => `${quote(schema)}.${quote(name)}`))
        .concat('"A*".users', '"A*".x')
        .map(
          (table) =>
            `CREATE TABLE ${table} (id serial, t text); INSERT INTO ${table} (t) VALUES ('1'), ('2');`,
        )
        .join('\n'),
    );
  });
  afterAll(() => shop.drop());

  const backUp = (tables: readonly string[], options: Partial<BackUpToFilesOptions> = {}) =>
    withStore(shop.url, store, (target) =>
      backUpToFiles(target, {
        tables: tables.map((name) => ({ schema: 'public', name })),
        // A server that is there already: the private one is tried once.
        drillServer: server.adminUrl,
        ...options,
      }),
    );

  const restore = (
    reference: string,
    tables: readonly string[],
    options: Partial<RestoreSnapshotTablesOptions> = {},
  ) =>
    withStore(shop.url, store, (target) =>
      restoreSnapshotTables(target, { reference, tables, ...options }),
    );

  async function dataIn(snapshot: Parameters<typeof archiveFile>[0]): Promise<string[]> {
    const parsed = parseTableOfContents(await readFile(archiveFile(snapshot)));
    if (parsed.type !== 'contents') throw new Error('it cannot be read');
    return parsed.contents.entries
      .filter(({ section }) => section === 'data')
      .map(({ kind, schema, tag }) => `${kind} ${schema} ${tag}`)
      .sort();
  }

  it('hold the rows of those, whatever they are called, and no others', async () => {
    const made = await backUp(oddNames, { tag: 'odd' });
    expect(made).toMatchObject({ ok: true, tag: 'odd', restore_drill: 'proven' });
    const rows = (name: string) => (name === 'users' ? 50 : 2);
    expect(made.tables).toHaveLength(oddNames.length);
    for (const [index, name] of oddNames.entries()) {
      expect(made.tables[index]?.rows).toBe(rows(name));
    }
    const data = await dataIn(made.snapshot);
    expect(data.filter((line) => line.startsWith('TABLE DATA '))).toEqual(
      oddNames.map((name) => `TABLE DATA public ${name}`).sort(),
    );
  });

  it('bring a table back that was dropped, with foreign keys to rows that they do not hold', async () => {
    const made = await backUp(['sessions'], { tag: 'sessions', drillServer: undefined });
    expect(made).toMatchObject({ restore_drill: 'proven', rows: 20 });
    expect(made.tables).toEqual([{ table: 'public.sessions', rows: 20 }]);
    expect(made.unchecked.map(({ constraint }) => constraint).sort()).toEqual([
      'odd key',
      'sessions_user_id_fkey',
    ]);
    expect(made.unchecked[0]).toMatchObject({
      ...{ table: 'public.sessions', refersTo: 'public.users' },
    });
    expect(await dataIn(made.snapshot)).toEqual([
      'SEQUENCE SET public sessions_id_seq',
      'TABLE DATA public sessions',
    ]);
    const before = await rowsOf(shop.url, 'SELECT * FROM sessions ORDER BY id');
    await run(shop.url, 'DROP TABLE sessions');
    const { tables } = await restore('sessions', ['public.sessions']);
    expect(tables).toMatchObject([{ table: 'public.sessions', rows: 20, notValid: [] }]);
    expect(await rowsOf(shop.url, 'SELECT * FROM sessions ORDER BY id')).toEqual(before);
    await run(shop.url, `INSERT INTO sessions (user_id, note) VALUES (1, 'after')`);
    expect(await rowsOf(shop.url, 'SELECT max(id) AS id FROM sessions')).toEqual([{ id: 21 }]);
    const keys = await rowsOf(
      shop.url,
      `SELECT conname FROM pg_constraint
        WHERE conrelid = 'sessions'::regclass AND contype = 'f' AND convalidated ORDER BY 1`,
    );
    expect(keys).toEqual([{ conname: 'odd key' }, { conname: 'sessions_user_id_fkey' }]);
  });

  it('bring back types, domains, generated columns and the foreign keys of others', async () => {
    const made = await backUp(['users'], { tag: 'users', drill: 'deep' });
    expect(made).toMatchObject({ restore_drill: 'proven', rows: 50, unchecked: [] });
    expect(await readManifest(store, 'users')).toMatchObject({
      partial: { dataOf: ['public.users'], unchecked: [] },
      contentHashes: { 'public.users': expect.stringMatching(/^50[/]/) },
    });
    expect(await dataIn(made.snapshot)).toEqual([
      'SEQUENCE SET public shared',
      'SEQUENCE SET public users_id_seq',
      'TABLE DATA public users',
    ]);
    const before = await rowsOf(shop.url, 'SELECT u::text AS u FROM users u ORDER BY id');
    await run(shop.url, 'DROP TABLE users CASCADE');
    await restore('users', ['public.users']);
    expect(await rowsOf(shop.url, 'SELECT u::text AS u FROM users u ORDER BY id')).toEqual(before);
    await expect(
      run(shop.url, `INSERT INTO sessions (user_id) VALUES (999)`),
    ).rejects.toMatchObject({ code: '23503' });
  });

  it('hold all partitions of a partitioned table, and no children of a table that others inherit from', async () => {
    const made = await backUp(['events', 'base'], { tag: 'parts' });
    expect(made.tables).toEqual([
      { table: 'public.events', rows: 41 },
      { table: 'public.base', rows: 1 },
    ]);
    const parts = ['base', 'events_a', 'events_b0', 'events_b1'];
    expect(made.snapshot.fingerprint).toMatchObject({
      ...{ tables: 4, rows: 42 },
      rowCounts: { 'public.base': 1, 'public.events_a': 31 },
    });
    expect(await dataIn(made.snapshot)).toEqual([
      'SEQUENCE SET public events_id_seq',
      ...parts.map((name) => `TABLE DATA public ${name}`),
    ]);
    await run(shop.url, 'TRUNCATE events_a');
    await restore('parts', ['public.events_a'], { confirm: () => true });
    expect(await rowsOf(shop.url, 'SELECT count(*)::int AS n FROM events')).toEqual([{ n: 41 }]);
  });

  it('bring a whole partitioned table back, damaged or dropped', async () => {
    await backUp(['events'], { tag: 'partitioned' });
    const before = await stateOf(shop.url);
    const schema = await schemaOf(shop.url);
    await run(shop.url, 'DELETE FROM events WHERE id % 2 = 0');
    await restore('partitioned', ['public.events'], { confirm: () => true });
    expect((await stateOf(shop.url)).content).toMatchObject(before.content);
    await run(shop.url, 'DROP TABLE events CASCADE');
    const { tables } = await restore('partitioned', ['public.events']);
    expect(tables.map(({ table }) => table)).toEqual([
      'public.events_a',
      'public.events_b0',
      'public.events_b1',
    ]);
    const after = await stateOf(shop.url);
    expect(after.content).toMatchObject(before.content);
    expect(after.fingerprint.sequences['public.events_id_seq']).toEqual({
      ...{ lastValue: '40', isCalled: true },
    });
    expect(await schemaOf(shop.url)).toEqual(schema);
  });

  it('leave nothing of a partitioned table where its partitions cannot be put back', async () => {
    await backUp(['events'], { tag: 'unfit', drill: false });
    await run(shop.url, 'DROP TABLE events CASCADE; CREATE VIEW events_b0 AS SELECT 1 AS one');
    await failure(restore('unfit', ['public.events']), 'DEPENDENTS_IN_THE_WAY');
    const left = `SELECT relname FROM pg_class
      WHERE relname ~ '^events' AND relnamespace = 'public'::regnamespace`;
    expect(await rowsOf(shop.url, left)).toEqual([{ relname: 'events_b0' }]);
    await run(shop.url, 'DROP VIEW events_b0');
    await restore('unfit', ['public.events']);
  });

  it('follow foreign keys of and to partitioned tables', async () => {
    await run(
      shop.url,
      `CREATE TABLE places (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
       CREATE TABLE places_a PARTITION OF places FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
       CREATE TABLE visits (id int, day date, other int,
         FOREIGN KEY (id, day) REFERENCES places, CONSTRAINT of_event FOREIGN KEY (other, day) REFERENCES events)
         PARTITION BY RANGE (day);
       CREATE TABLE visits_a PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
       INSERT INTO places VALUES (1, '2026-01-02');
       INSERT INTO visits VALUES (1, '2026-01-02', 1);`,
    );
    const { unchecked, restore_drill } = await backUp(['visits', 'places']);
    expect(restore_drill).toBe('proven');
    expect(unchecked).toEqual([
      { table: 'public.visits', constraint: 'of_event', refersTo: 'public.events' },
    ]);
  });

  describe('are never taken for the whole database', () => {
    const countUsers = () => rowsOf(shop.url, 'SELECT count(*)::int AS n FROM users');
    const refused = async (work: (target: Target) => Promise<unknown>) => {
      const error = await failure(withStore(shop.url, store, work), 'PARTIAL_ARCHIVE');
      expect(error.message).toContain('holds the rows of public.sessions only');
      return error;
    };
    const reference = 'sessions';

    it.each<[string, (target: Target) => Promise<unknown>]>([
      ['restored in place', (target) => restoreSnapshot(target, { reference })],
      ['restored to a new database', (target) => restoreSnapshot(target, { reference, to: 'new' })],
      ['switched to', (target) => switchSnapshot(target, { reference })],
      ['compared', (target) => diffSnapshots(target, { a: reference, b: 'live' })],
      ['compared with', (target) => diffSnapshots(target, { a: 'live', b: reference })],
      [
        'a schema to compare',
        (target) => compareSchemaSides(target, { a: `snapshot:${reference}`, b: 'live' }),
      ],
    ])('%s', async (_what, work) => {
      const rows = await countUsers();
      const databases = await databasesOf(server, shop.name);
      const { hint } = await refused(work);
      expect(hint).toContain(`belay restore ${reference} --table public.sessions`);
      expect(await countUsers()).toEqual(rows);
      expect(await databasesOf(server, shop.name)).toEqual(databases);
    });

    it('and the newest snapshot of the whole database is named instead', async () => {
      await withStore(shop.url, store, (target) =>
        takeCheckpoint(target, { tag: 'whole', drill: false }),
      );
      const error = await refused((target) => restoreSnapshot(target, { reference }));
      expect(error.hint).toContain('"whole"');
    });

    it('nor for tables whose rows they do not hold', async () => {
      const error = await failure(restore('sessions', ['public.users']), 'PARTIAL_ARCHIVE');
      expect(error.message).toContain('not of public.users');
    });
  });
});
