import { Places } from '../../src/domain/data-placement.js';
import { recordKeeper } from '../../src/features/record-backup/keep.js';
import { verdictsFor } from '../../src/postgres/records/restore-assess.js';
import { readTableShapes } from '../../src/postgres/records/restore-shapes.js';
import { prepareRestore, restoreStep } from '../../src/postgres/records/restore-step.js';
import { runScript } from '../../src/postgres/run-script.js';
import type { Session } from '../../src/postgres/session.js';
import { readRecordBackups } from '../../src/postgres/sql/record-backups.js';
import { openSession } from '../../test/support/open-session.js';
import { peopleSql } from './people.js';

/** Seconds of each way to put the values of one column back, the median of its runs. */
export interface DataRollbackResult {
  readonly rows: number;
  readonly columns: number;
  readonly runs: number;
  /** With what was deleted and changed since found, and every value proven. */
  readonly rollback: number;
  /** `UPDATE … SET c = b.c FROM backup b WHERE t.id = b.id`, what a careful person would type. */
  readonly update: number;
}

export interface DataRollbackBars {
  /** At most 2. */
  readonly toUpdate: number;
}

export interface DataRollbackOptions {
  /** Default 5 million. */
  readonly rows?: number | undefined;
  /** Default 3. */
  readonly runs?: number | undefined;
  readonly say?: ((line: string) => void) | undefined;
}

const doing = 'measuring';
const addColumn = 'ALTER TABLE public.people ADD email text';
const undone = new Error('measured');

/** Everything is taken back and cleaned, so that each run finds the same table. */
async function timed(session: Session, work: () => Promise<unknown>): Promise<number> {
  let seconds = 0;
  const all = session.transaction(async () => {
    await session.execute(addColumn, doing);
    const startedAt = performance.now();
    await work();
    seconds = (performance.now() - startedAt) / 1000;
    throw undone;
  });
  await all.catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  await session.execute('VACUUM public.people', doing);
  await session.execute('CHECKPOINT', doing);
  return seconds;
}

/** Drops the column, keeping its values. */
async function keepColumn(session: Session): Promise<void> {
  const address = await session.queryOne<{ table: number; column: number }>(
    `SELECT attrelid::int8::float8 AS table, attnum AS column FROM pg_attribute
      WHERE attrelid = 'public.people'::regclass AND attname = 'email'`,
  );
  const losses = [[{ what: 'column', ...address } as const]];
  const sql = 'ALTER TABLE public.people DROP email';
  const { hooks } = await recordKeeper({ session, version: '1', losses });
  await runScript(session, { file: 'up.sql', line: 1, sql, inTransaction: true }, { hooks });
}

/** In the step's transaction, after its ADD COLUMN. */
async function restoreData(session: Session): Promise<void> {
  const tables = await readTableShapes(session);
  const before = tables.map((table) => ({
    ...table,
    columns: table.columns.filter(({ name }) => table.name !== 'people' || name !== 'email'),
  }));
  const shapes = { before, after: tables };
  const backups = await readRecordBackups(session, { versions: ['1'] });
  const { placements } = new Places(before).step(shapes, backups.slice(-1));
  const order = { shapes, placements, verdicts: verdictsFor('current') };
  const settled = await prepareRestore(session, order);
  await restoreStep(session, { ...order, settled });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Measures both ways in turn on one server. @param url an empty database */
export async function measureDataRollback(
  url: string,
  { rows = 5_000_000, runs = 3, say = () => {} }: DataRollbackOptions = {},
): Promise<DataRollbackResult> {
  const session = await openSession(url);
  try {
    say(`data rollback: filling a table of ${rows.toLocaleString('en-US')} rows`);
    await session.execute(peopleSql(rows), doing);
    await keepColumn(session);
    await session.execute('VACUUM ANALYZE', doing);
    const [backup] = (await readRecordBackups(session, { versions: ['1'] })).slice(-1);
    const plain = `UPDATE public.people t SET email = b.v1 FROM belay.${backup?.dataTable} b WHERE t.id = b.k1`;
    const times = { rollback: [] as number[], update: [] as number[] };
    for (let run = 0; run < runs; run += 1) {
      times.update.push(await timed(session, () => session.execute(plain, doing)));
      times.rollback.push(await timed(session, () => restoreData(session)));
      say(
        `data rollback: ${times.rollback.at(-1)?.toFixed(1)} s, UPDATE ${times.update.at(-1)?.toFixed(1)} s`,
      );
    }
    return {
      ...{ rows, columns: 10, runs },
      ...{ rollback: median(times.rollback), update: median(times.update) },
    };
  } finally {
    await session.close();
  }
}

export function dataRollbackBars({ rollback, update }: DataRollbackResult): DataRollbackBars {
  return { toUpdate: rollback / update };
}
