import type { Measure, MeasuredTable, Measurement } from '../../../src/domain/impact/measure.js';
import {
  type MeasureImpactsOptions,
  measureImpacts,
} from '../../../src/postgres/impact/measure-impacts.js';
import { openSession } from '../../support/open-session.js';
import { rowsOf } from '../../support/targets.js';

/** A table of schema public, as the world gives it. */
export async function tableOf(url: string, name: string): Promise<MeasuredTable> {
  const [row] = await rowsOf(
    url,
    'SELECT oid, relkind FROM pg_class WHERE relname = $1 AND relnamespace = $2::regnamespace',
    [name, 'public'],
  );
  const { oid, relkind } = row;
  return { oid, sql: `public."${name}"`, only: relkind !== 'p', searchPath: 'public' };
}

export async function measure(
  url: string,
  measures: readonly Measure[],
  options: Partial<MeasureImpactsOptions> = {},
): Promise<Measurement[]> {
  const session = await openSession(url);
  try {
    return await measureImpacts(session, measures, {
      ...{ timeoutMs: 20_000, samples: 3, estimates: new Map() },
      ...options,
    });
  } finally {
    await session.close();
  }
}

export async function measureOne(
  url: string,
  one: Measure,
  options: Partial<MeasureImpactsOptions> = {},
): Promise<Measurement> {
  const [measurement] = await measure(url, [one], options);
  if (!measurement) throw new Error('nothing was measured');
  return measurement;
}
