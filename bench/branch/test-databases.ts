import type pg from 'pg';
import {
  setupTestDatabases,
  type TestDatabase,
  type TestDatabases,
  testDatabases,
} from '../../src/testing/index.js';
import type { Bar } from '../bars.js';
import { type BenchServer, runSql, urlOf, withClient } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, time } from '../tables.js';
import { migrate, testMigrations } from './test-migrations.js';

/** Milliseconds of each way to a database that a file of tests can use, until its first query is answered. */
export interface TestDatabasesResult {
  /** e.g. "PostgreSQL 15.18". */
  readonly name: string;
  readonly migrations: number;
  readonly templateBytes: number;
  /** A new database, and the migrations in it. */
  readonly migrated: readonly number[];
  /** CREATE DATABASE … TEMPLATE of a migrated one, as done by hand. */
  readonly copied: readonly number[];
  readonly pool: readonly number[];
  /** Without one that is prepared. */
  readonly emptyPool: readonly number[];
  readonly reset: readonly number[];
  /** TRUNCATE of all tables, as the other way to begin anew. */
  readonly truncated: readonly number[];
}

type Way = Exclude<keyof TestDatabasesResult, 'name' | 'migrations' | 'templateBytes'>;

const barFactor = 20;
/** The same number of databases as of the files that are timed: filling goes on meanwhile. */
const poolSize = 4;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const ask = (url: string) =>
  withClient(url, (client) => client.query('SELECT count(*) FROM things_1'));

async function timeMigrated(server: BenchServer): Promise<number> {
  const ms = await timed(async () => {
    await runSql(server, 'CREATE DATABASE by_migrations');
    const url = urlOf(server, 'by_migrations');
    await withClient(url, migrate);
    await ask(url);
  });
  await runSql(server, 'DROP DATABASE by_migrations');
  return ms;
}

async function timeCopied(server: BenchServer): Promise<number> {
  const ms = await timed(async () => {
    await runSql(server, 'CREATE DATABASE by_hand TEMPLATE migrated');
    await ask(urlOf(server, 'by_hand'));
  });
  await runSql(server, 'DROP DATABASE by_hand');
  return ms;
}

/** Takes a database as a file of tests does. */
async function timeTake(
  databases: TestDatabases,
): Promise<{ readonly ms: number; readonly db: TestDatabase }> {
  let db: TestDatabase | undefined;
  const ms = await timed(async () => {
    db = await databases.take();
    await ask(db.url);
  });
  return { ms, db: db as TestDatabase };
}

async function timeReset(db: TestDatabase): Promise<number> {
  return timed(async () => {
    await db.reset();
    await ask(db.url);
  });
}

const truncateAll = `DO $$ BEGIN EXECUTE (
  SELECT 'TRUNCATE ' || string_agg(format('%I', relname), ', ') || ' RESTART IDENTITY'
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace); END $$`;

async function prepareTemplates(server: BenchServer): Promise<number> {
  await runSql(server, 'CREATE DATABASE migrated');
  return withClient(urlOf(server, 'migrated'), async (client: pg.Client) => {
    await migrate(client);
    const { rows } = await client.query<{ size: string }>(
      'SELECT pg_database_size(current_database()) AS size',
    );
    return Number(rows[0]?.size);
  });
}

/** Each way in turn, so that what else the machine does falls on all of them. */
export async function measureTestDatabases(
  server: BenchServer,
  { options, signal, say }: SuiteContext,
): Promise<TestDatabasesResult> {
  const templateBytes = await prepareTemplates(server);
  const source = {
    ...{ url: server.adminUrl, env: { PATH: process.env.PATH }, project: 'bench' },
    migrations: {
      key: '1',
      run: async (url: string) => withClient(url, migrate),
    },
  };
  const teardown = await setupTestDatabases({ ...source, pool: poolSize });
  const fromPool = testDatabases({ ...source, pool: poolSize });
  const times: Record<Way, number[]> = {
    ...{ migrated: [], copied: [], pool: [], emptyPool: [], reset: [], truncated: [] },
  };
  try {
    await (await fromPool.take()).release();
    for (let run = 0; run < Math.max(options.runs, 5); run += 1) {
      signal.throwIfAborted();
      times.migrated.push(await timeMigrated(server));
      times.copied.push(await timeCopied(server));
      await fromPool.prepare();
      const { ms, db } = await timeTake(fromPool);
      times.pool.push(ms);
      await fromPool.prepare();
      times.reset.push(await timeReset(db));
      times.truncated.push(await timed(() => withClient(db.url, (c) => c.query(truncateAll))));
      await db.release();
      say(`  50 migrations ${time(times.migrated.at(-1) ?? 0)}, from the pool ${time(ms)}`);
    }
  } finally {
    await fromPool.close();
    await teardown();
  }
  times.emptyPool.push(...(await measureEmptyPool(source, Math.max(options.runs, 5))));
  await runSql(server, 'DROP DATABASE migrated');
  const name = `PostgreSQL ${server.installation.version}`;
  return { name, migrations: testMigrations.length, templateBytes, ...times };
}

async function measureEmptyPool(
  source: Parameters<typeof testDatabases>[0],
  runs: number,
): Promise<number[]> {
  const databases = testDatabases({ ...source, pool: 0 });
  const times: number[] = [];
  try {
    await (await databases.take()).release();
    for (let run = 0; run < runs; run += 1) {
      const { ms, db } = await timeTake(databases);
      times.push(ms);
      await db.release();
    }
  } finally {
    await databases.close();
  }
  return times;
}

/** What Belay promises about test databases. */
export function testDatabaseBars({ name, migrated, pool }: TestDatabasesResult): Bar[] {
  const ratio = median(migrated) / median(pool);
  return [
    {
      bar: `test database from the pool at least ${barFactor} times faster than 50 migrations`,
      where: name,
      measured: `${ratio.toFixed(1)} times`,
      met: ratio >= barFactor,
    },
  ];
}

/** Everything about one server, as lines. */
export function renderTestDatabases(result: TestDatabasesResult): string[] {
  const base = median(result.migrated);
  const row = (what: string, values: readonly number[]) => [
    ...[what, time(median(values)), time(Math.min(...values)), time(Math.max(...values))],
    `${(base / median(values)).toFixed(1)} times faster`,
  ];
  const rows = [
    ['until the first query is answered', 'median', 'least', 'most', ''],
    row('a new database and 50 migrations', result.migrated),
    row('CREATE DATABASE … TEMPLATE by hand', result.copied),
    row('take() from the pool', result.pool),
    row('take() with an empty pool', result.emptyPool),
    row('reset()', result.reset),
    row('TRUNCATE of all tables', result.truncated),
  ];
  const size = `${result.migrations} migrations, ${Math.round(result.templateBytes / 1e6)} MB`;
  return [
    '',
    `== test databases, ${size}: ${result.name} ==`,
    ...align(rows).map((line) => `  ${line}`),
  ];
}
