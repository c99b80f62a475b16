import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot, takeSnapshot, undoRestore } from '../../src/index.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../support/servers.js';
import { rowsOf, run, withTarget } from '../support/targets.js';

const tablesSql = `
  CREATE TABLE three AS SELECT generate_series(1, 3) AS n;
  CREATE TABLE five AS SELECT generate_series(1, 5) AS n;
  CREATE SCHEMA east; CREATE TABLE east.t AS SELECT 1 AS n;
  CREATE SCHEMA west; CREATE TABLE west.t AS SELECT generate_series(1, 2) AS n;
`;

/** What may happen to a database between a restore and the next one. */
const changes: readonly (readonly [string, string])[] = [
  ['nothing', 'SELECT 1'],
  ['rows that come', 'INSERT INTO three SELECT generate_series(1, 10)'],
  ['rows that go', 'DELETE FROM five WHERE n > 2'],
  ['rows of another table', 'INSERT INTO three TABLE five'],
  ['an insert that is rolled back', 'BEGIN; INSERT INTO three VALUES (4); ROLLBACK'],
  ['a TRUNCATE', 'TRUNCATE five'],
  ['a TRUNCATE that is rolled back', 'BEGIN; TRUNCATE five; ROLLBACK'],
  [
    'tables that swap names',
    'ALTER TABLE three RENAME TO x; ALTER TABLE five RENAME TO three; ALTER TABLE x RENAME TO five',
  ],
  [
    'schemas that swap names',
    'ALTER SCHEMA east RENAME TO x; ALTER SCHEMA west RENAME TO east; ALTER SCHEMA x RENAME TO west',
  ],
  [
    'a table that moves to another schema',
    'DROP TABLE west.t; ALTER TABLE three RENAME TO t; ALTER TABLE t SET SCHEMA west',
  ],
  ['a table made anew', 'DROP TABLE five; CREATE TABLE five AS SELECT 1 AS n'],
  [
    'a rewrite',
    'DELETE FROM three WHERE n = 1; ALTER TABLE three ALTER COLUMN n TYPE bigint; VACUUM FULL five',
  ],
  ['statistics that are reset', 'INSERT INTO three VALUES (4), (5); SELECT pg_stat_reset()'],
  [
    'statistics of one table that are reset',
    `DELETE FROM three; SELECT pg_stat_reset_single_table_counters('three'::regclass)`,
  ],
];

async function countsOf(url: string): Promise<Record<string, number>> {
  const rows = await rowsOf(
    url,
    `SELECT schemaname || '.' || tablename AS name,
            (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text::int AS n
       FROM pg_tables WHERE schemaname IN ('public', 'east', 'west')`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

const restore = (url: string) =>
  withTarget(url, (target) => restoreSnapshot(target, { reference: 'base' }));

describe.each(testServers())('counting only what may have changed, on $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'evidence', sql: tablesSql });
    await withTarget(database.url, (target) => takeSnapshot(target, { tag: 'base' }));
    await restore(database.url);
  });
  afterAll(() => database.drop());

  it.each(changes)('counts what a restore replaces after %s', async (_what, sql) => {
    // One statement after another: VACUUM refuses to be sent together with others.
    for (const statement of sql.startsWith('BEGIN') ? [sql] : sql.split(/; ?/)) {
      await run(database.url, statement);
    }
    const expected = await countsOf(database.url);
    const { previous } = await restore(database.url);
    expect(previous?.fingerprint?.rowCounts).toEqual(expected);
  });

  it('proves by the statistics that nobody wrote to what undo brings back', async () => {
    await restore(database.url);
    const undone = await withTarget(database.url, (target) => undoRestore(target));
    expect(undone.verifiedBy).toBe(server.major === 14 ? 'count' : 'unwritten');
  });
});

describe.each(testServers())('after a crash of $name', ({ major }) => {
  let server: ThrowawayServer;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startThrowawayServer({ major });
    database = await createTestDatabase(server, { name: 'crash', sql: tablesSql });
  });
  afterAll(() => server?.remove());

  it('counts everything, because the statistics are lost', async () => {
    await withTarget(database.url, (target) => takeSnapshot(target, { tag: 'base' }));
    await restore(database.url);
    await run(database.url, 'INSERT INTO three SELECT generate_series(1, 10); TRUNCATE west.t');
    const expected = await countsOf(database.url);
    await server.kill9();
    await server.start();
    const { previous } = await restore(database.url);
    expect(previous?.fingerprint?.rowCounts).toEqual(expected);
    await server.kill9();
    await server.start();
    const undone = await withTarget(database.url, (target) => undoRestore(target));
    expect(undone.verifiedBy).toBe('count');
    expect(await countsOf(database.url)).toEqual(expected);
  });
});
