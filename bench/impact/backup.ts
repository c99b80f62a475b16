import { recordKeeper } from '../../src/features/record-backup/keep.js';
import { runScript } from '../../src/postgres/run-script.js';
import type { Session } from '../../src/postgres/session.js';
import { openSession } from '../../test/support/open-session.js';
import { peopleSql } from './people.js';

/** Seconds of each way to keep the values of one column, the median of its runs. */
export interface RecordBackupResult {
  readonly rows: number;
  readonly columns: number;
  readonly runs: number;
  /** The migration with its backup: lock, copy, registry, DROP COLUMN. */
  readonly backup: number;
  /** `CREATE TABLE AS SELECT pk, col`, what a careful person would type. */
  readonly createTableAs: number;
  /** One row with a JSONB value for each record, as tools of this kind keep it. */
  readonly jsonbRows: number;
}

export interface RecordBackupBars {
  /** At most 1.5. */
  readonly toCreateTableAs: number;
  /** At least 4. */
  readonly fasterThanJsonb: number;
}

export interface RecordBackupOptions {
  /** Default 5 million. */
  readonly rows?: number | undefined;
  /** Default 3. */
  readonly runs?: number | undefined;
  readonly say?: ((line: string) => void) | undefined;
}

const createSql = (rows: number) => `${peopleSql(rows)};
  DROP TABLE IF EXISTS public.change_log;
  CREATE TABLE public.change_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, migration_version text, table_name text,
    column_name text, row_id text, snapshot jsonb, created_at timestamptz)`;

const undone = new Error('measured');

/** Everything is taken back, so that each run finds the same table. */
async function timed(session: Session, work: () => Promise<unknown>): Promise<number> {
  let seconds = 0;
  const all = session.transaction(async () => {
    const startedAt = performance.now();
    await work();
    seconds = (performance.now() - startedAt) / 1000;
    throw undone;
  });
  await all.catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  return seconds;
}

async function timeBackup(session: Session): Promise<number> {
  const address = await session.queryOne<{ table: number; column: number }>(
    `SELECT attrelid::int8::float8 AS table, attnum AS column FROM pg_attribute
      WHERE attrelid = 'public.people'::regclass AND attname = 'email'`,
  );
  const losses = [[{ what: 'column', ...address } as const]];
  const sql = 'ALTER TABLE public.people DROP email';
  const script = { file: 'up.sql', line: 1, sql, inTransaction: true };
  const { hooks } = await recordKeeper({ session, version: '1', losses });
  let seconds = 0;
  const startedAt = performance.now();
  const run = runScript(session, script, {
    hooks,
    beforeCommit: async () => {
      seconds = (performance.now() - startedAt) / 1000;
      throw undone;
    },
  });
  await run.catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  return seconds;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

/**
 * Measures how long it takes to keep a column that is dropped, side by side with what else one could do.
 * @param url of a database that this may fill
 */
export async function measureRecordBackup(
  url: string,
  { rows = 5_000_000, runs = 3, say = () => {} }: RecordBackupOptions = {},
): Promise<RecordBackupResult> {
  const session = await openSession(url);
  try {
    say(`record backup: building ${rows} rows`);
    await session.execute(createSql(rows), 'building');
    await session.execute('VACUUM ANALYZE public.people', 'building');
    await session.execute('CHECKPOINT', 'building');
    const ways = {
      createTableAs: () =>
        timed(session, () =>
          session.execute(
            'CREATE TABLE public.kept AS SELECT id, email FROM public.people',
            'measuring',
          ),
        ),
      backup: () => timeBackup(session),
      jsonbRows: () =>
        timed(session, () =>
          session.execute(
            `INSERT INTO public.change_log (migration_version, table_name, column_name, row_id, snapshot, created_at)
             SELECT '1', 'people', 'email', id::text, jsonb_build_object('email', email), now() FROM public.people`,
            'measuring',
          ),
        ),
    };
    const seconds = { createTableAs: [], backup: [], jsonbRows: [] } as Record<
      keyof typeof ways,
      number[]
    >;
    for (let run = 1; run <= runs; run += 1) {
      for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
        seconds[way].push(await ways[way]());
        say(`record backup: ${way}, run ${run}: ${seconds[way].at(-1)?.toFixed(2)} s`);
      }
    }
    return {
      ...{ rows, columns: 10, runs, backup: median(seconds.backup) },
      ...{ createTableAs: median(seconds.createTableAs), jsonbRows: median(seconds.jsonbRows) },
    };
  } finally {
    await session.close();
  }
}

export function recordBackupBars(result: RecordBackupResult): RecordBackupBars {
  return {
    toCreateTableAs: result.backup / result.createTableAs,
    fasterThanJsonb: result.jsonbRows / result.backup,
  };
}
