import { rehearseMigration } from '../../src/features/rehearsal/rehearse.js';
import { openTarget } from '../../src/features/target/open-target.js';
import { openSession } from '../../test/support/open-session.js';
import { peopleSql } from '../impact/people.js';

/** Seconds, medians of the runs. */
export interface RehearsalResult {
  readonly rows: number;
  readonly runs: number;
  /** All of a rehearsal. */
  readonly total: number;
  /** Making the copies, of which the faster or slower is the disk's doing. */
  readonly copies: number;
  /** The migration itself. */
  readonly migration: number;
  /** Comparing before and after. */
  readonly measuring: number;
  /** `SELECT count(c1), …, count(c10)` of the touched table. */
  readonly scan: number;
}

export interface RehearsalOptions {
  readonly rows: number;
  readonly runs: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** As migrations are: a column goes, some rows are written, and most of a large table stays as it is. */
const migration = `
  ALTER TABLE public.people DROP COLUMN note;
  ALTER TABLE public.people ADD COLUMN tier int NOT NULL DEFAULT 0;
  UPDATE public.people SET tier = 1 WHERE id % 1000 = 0;
  DELETE FROM public.people WHERE id % 5000 = 1;`;

const columns = 'id name email phone age city balance created active note'.split(' ');
const scanSql = `SELECT ${columns.map((name) => `count(${name})`).join(', ')} FROM public.people`;

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

/** Measures what a rehearsal costs, side by side with one scan of the table that the migration touches. */
export async function measureRehearsal(
  url: string,
  { rows, runs, folder, say }: RehearsalOptions,
): Promise<RehearsalResult> {
  const session = await openSession(url);
  say(`rehearsal: building ${rows} rows`);
  await session.execute(peopleSql(rows), 'building');
  await session.execute('VACUUM ANALYZE public.people', 'building');
  await session.close();
  const found: Record<'total' | 'copies' | 'migration' | 'measuring' | 'scan', number[]> = {
    ...{ total: [], copies: [], migration: [], measuring: [], scan: [] },
  };
  for (let run = 1; run <= runs; run += 1) {
    const scanning = await openSession(url);
    await scanning.execute(scanSql, 'warming');
    const scanAt = performance.now();
    await scanning.execute(scanSql, 'measuring');
    found.scan.push((performance.now() - scanAt) / 1000);
    await scanning.close();
    const target = await openTarget({ url, store: folder });
    const startedAt = performance.now();
    const result = await rehearseMigration(target, { inputs: { stdin: migration } });
    found.total.push((performance.now() - startedAt) / 1000);
    await target.close();
    if (!result.ok) throw new Error(`the rehearsal failed: ${JSON.stringify(result.errors)}`);
    found.copies.push(result.source.durationMs / 1000);
    found.migration.push(result.durationMs / 1000);
    found.measuring.push(result.measuringMs / 1000);
    say(`rehearsal: run ${run}: ${found.total.at(-1)?.toFixed(2)} s`);
  }
  return {
    ...{ rows, runs, total: median(found.total), copies: median(found.copies) },
    ...{ migration: median(found.migration), measuring: median(found.measuring) },
    scan: median(found.scan),
  };
}
