import { analyseImpact, measureAnalysis } from '../../src/features/plan/analyse-impact.js';
import type { Session } from '../../src/postgres/session.js';
import { openSession } from '../../test/support/open-session.js';

/** Seconds of planning, and of reading the same columns by hand; the median of the runs. */
export interface PlanResult {
  readonly rows: number;
  readonly columns: number;
  readonly runs: number;
  /** `SELECT count(c1), …, count(c10)`. */
  readonly select: number;
  /** Ten statements that take rows and values away: catalogs, analysis and counting. */
  readonly plan: number;
  /** Ten of which four convert every value, to see what fails and what changes. */
  readonly planWithConversions: number;
}

export interface PlanBars {
  /** At most 1.3. */
  readonly toSelect: number;
}

export interface PlanOptions {
  /** Default 5 million. */
  readonly rows?: number | undefined;
  /** Default 3. */
  readonly runs?: number | undefined;
  readonly say?: ((line: string) => void) | undefined;
}

const createSql = (rows: number) => `
  DROP TABLE IF EXISTS public.readings;
  CREATE TABLE public.readings (id int PRIMARY KEY, name text, size int, weight bigint, price numeric(10,2),
    taken_at timestamptz, code varchar(20), value double precision, is_good boolean, day date);
  INSERT INTO public.readings
  SELECT n, CASE WHEN n % 3 > 0 THEN 'name ' || n END, n, CASE WHEN n % 2 = 0 THEN n END, n / 100.0,
         '2020-01-01'::timestamptz + n * interval '1 second', 'v' || n, n / 8.0, n % 2 = 0, '2020-01-01'::date + n % 1000
    FROM generate_series(1, ${rows}) n`;

const columns = 'id, name, size, weight, price, taken_at, code, value, is_good, day'.split(', ');

const selectSql = `SELECT ${columns.map((name) => `count(${name})`).join(', ')} FROM public.readings`;

const destructive = `
  UPDATE public.readings SET day = NULL WHERE is_good;
  UPDATE public.readings SET price = 0;
  DELETE FROM public.readings WHERE id % 10 = 0;
  ALTER TABLE public.readings DROP COLUMN name;
  ALTER TABLE public.readings DROP COLUMN size;
  ALTER TABLE public.readings DROP COLUMN weight;
  ALTER TABLE public.readings DROP COLUMN taken_at;
  ALTER TABLE public.readings DROP COLUMN code;
  TRUNCATE public.readings;
  DROP TABLE public.readings`;

const converting = `
  UPDATE public.readings SET day = NULL WHERE is_good;
  DELETE FROM public.readings WHERE id % 10 = 0;
  ALTER TABLE public.readings DROP COLUMN name;
  ALTER TABLE public.readings DROP COLUMN size;
  ALTER TABLE public.readings ALTER COLUMN weight TYPE int;
  ALTER TABLE public.readings ALTER COLUMN code TYPE varchar(10);
  ALTER TABLE public.readings ALTER COLUMN value TYPE real;
  ALTER TABLE public.readings ALTER COLUMN price TYPE int;
  TRUNCATE public.readings;
  DROP TABLE public.readings`;

async function plan(session: Session, sql: string): Promise<void> {
  const script = { file: 'up.sql', line: 1, sql, inTransaction: true };
  const { totals } = await measureAnalysis(session, await analyseImpact(session, [script]));
  // An estimate takes no time; that would be no comparison.
  if (totals.unknown > 0) throw new Error('the plan did not count all');
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

/**
 * Measures how long a plan takes, side by side with one SELECT that reads the same values.
 * @param url of a database that this may fill
 */
export async function measurePlan(
  url: string,
  { rows = 5_000_000, runs = 3, say = () => {} }: PlanOptions = {},
): Promise<PlanResult> {
  const session = await openSession(url);
  try {
    say(`plan: building ${rows} rows`);
    await session.execute(createSql(rows), 'building');
    await session.execute('VACUUM ANALYZE public.readings', 'building');
    await session.execute('CHECKPOINT', 'building');
    const ways = {
      select: () => session.execute(selectSql, 'measuring'),
      plan: () => plan(session, destructive),
      planWithConversions: () => plan(session, converting),
    };
    const seconds: Record<keyof typeof ways, number[]> = {
      ...{ select: [], plan: [], planWithConversions: [] },
    };
    // The first SELECT brings the table into the caches, for all of them; the first analysis loads PostgreSQL's parser.
    await ways.select();
    await analyseImpact(session, [
      { file: 'up.sql', line: 1, sql: destructive, inTransaction: true },
    ]);
    for (let run = 1; run <= runs; run += 1) {
      for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
        const startedAt = performance.now();
        await ways[way]();
        seconds[way].push((performance.now() - startedAt) / 1000);
        say(`plan: ${way}, run ${run}: ${seconds[way].at(-1)?.toFixed(2)} s`);
      }
    }
    return {
      ...{ rows, columns: columns.length, runs, select: median(seconds.select) },
      ...{ plan: median(seconds.plan), planWithConversions: median(seconds.planWithConversions) },
    };
  } finally {
    await session.close();
  }
}

export function planBars({ plan: planned, select }: PlanResult): PlanBars {
  return { toSelect: planned / select };
}
