import type { Measure, MeasuredTable, Measurement } from '../../domain/impact/measure.js';
import type { Session } from '../session.js';
import {
  type CountingQuery,
  duplicatesQuery,
  exclusionQuery,
  orphansQuery,
} from './measure/constraints.js';
import { type Conversion, conversionPart, prepareConversion } from './measure/conversion.js';
import { tryConversion, unknown } from './measure/conversion-loop.js';
import { estimateCounted } from './measure/estimate.js';
import { type Keys, keySql, readKeys, textsOf } from './measure/keys.js';
import { asNumber, type MeasureImpactsOptions, Reading, Refusal } from './measure/reading.js';
import { isScanMeasure, type Part, partOf, scanTables } from './measure/scan.js';

export type { MeasureImpactsOptions } from './measure/reading.js';

/**
 * Counts in the session's database what statements would do to the rows that are there now: one scan for each table, in one
 * read-only snapshot, with nothing but ACCESS SHARE locks that end with each scan. What takes too long is estimated and says
 * so; what the role may not read, or what fails by itself, is unknown and says why. In a transaction of the caller's
 * it counts in that, with what it has changed.
 *
 * @returns a measurement for each measure, in their order
 * @throws BelayError SERVER_GONE; INTERRUPTED where the signal is aborted between two counts, CANCELED_BY_SERVER within one
 */
export async function measureImpacts(
  session: Session,
  measures: readonly Measure[],
  options: MeasureImpactsOptions,
): Promise<Measurement[]> {
  if (measures.length === 0) return [];
  const reading = new Reading(session, options);
  return reading.inside(async () => {
    const keys = await readKeys(
      reading,
      measures.flatMap(tablesOf).map(({ oid }) => oid),
    );
    const found = new Map<Measure, Measurement>();
    await measureScans(reading, measures, keys, found);
    for (const measure of measures) {
      if (!found.has(measure)) found.set(measure, await measureAlone(reading, measure, keys));
    }
    await distrustRewritten(reading, found);
    return measures.map((measure) => found.get(measure) ?? unknown('it was not counted'));
  });
}

function tablesOf(measure: Measure): readonly MeasuredTable[] {
  if (measure.what === 'query') return measure.tables;
  return measure.what === 'orphans' ? [measure.table, measure.references.table] : [measure.table];
}

/** A part of a scan, with what it is counted for. */
interface Planned {
  readonly measure: Measure;
  readonly conversion: Conversion | undefined;
}

/** A conversion that only trying tells of. */
interface ToTry {
  readonly measure: Measure;
  readonly conversion: Conversion;
}

/** All that needs no other row than its own. */
async function measureScans(
  reading: Reading,
  measures: readonly Measure[],
  keys: Keys,
  found: Map<Measure, Measurement>,
): Promise<void> {
  const { parts, toTry } = await planScans(reading, measures, found);
  const results = await scanTables(reading, [...parts.keys()], keys);
  for (const [part, { measure, conversion }] of parts) {
    const measured = results.measured.get(part);
    const refusal = results.refused.get(part);
    if (measured) {
      found.set(measure, { ...measured, why: measured.why ?? conversion?.remark ?? null });
    } else if (conversion && refusal?.isOfData) {
      toTry.push({ measure, conversion });
    } else {
      found.set(measure, unknown(refusal?.why ?? 'it was not counted'));
    }
  }
  for (const { measure, conversion } of toTry) {
    const key = keySql(keys, conversion.measure.table);
    found.set(measure, await tryConversion(reading, conversion, key));
  }
}

async function planScans(
  reading: Reading,
  measures: readonly Measure[],
  found: Map<Measure, Measurement>,
): Promise<{ parts: Map<Part, Planned>; toTry: ToTry[] }> {
  const parts = new Map<Part, Planned>();
  const toTry: ToTry[] = [];
  for (const measure of measures) {
    if (isScanMeasure(measure)) parts.set(partOf(measure), { measure, conversion: undefined });
    if (measure.what !== 'conversion') continue;
    const conversion = await prepareConversion(reading, measure);
    if ('refused' in conversion) found.set(measure, refused(conversion.refused));
    else if ('unknown' in conversion) found.set(measure, unknown(conversion.unknown));
    else if (conversion.onlyByAssignment) toTry.push({ measure, conversion });
    else parts.set(conversionPart(conversion), { measure, conversion });
  }
  return { parts, toTry };
}

/** Queries of their own, too, find a table empty that was written anew since the snapshot was taken. */
async function distrustRewritten(
  reading: Reading,
  found: Map<Measure, Measurement>,
): Promise<void> {
  const alone = [...found.keys()].filter((measure) => !isScanMeasure(measure));
  const oids = new Set(alone.flatMap(tablesOf).map(({ oid }) => oid));
  if (oids.size === 0) return;
  const rows = await reading.session.query<{ oid: number }>(
    `SELECT oid FROM pg_catalog.pg_class
      WHERE oid = ANY ($1::oid[]) AND relfilenode <> 0
        AND relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(oid)`,
    [[...oids]],
    'looking for tables that were written anew',
  );
  const rewritten = new Set(rows.map(({ oid }) => oid));
  for (const measure of alone) {
    if (!tablesOf(measure).some(({ oid }) => rewritten.has(oid))) continue;
    found.set(measure, unknown('it was written anew meanwhile: plan again'));
  }
}

const refused = (why: string): Measurement => ({ ...unknown(why), refused: why });

/** What has to look at other rows, or is a query already. */
async function measureAlone(reading: Reading, measure: Measure, keys: Keys): Promise<Measurement> {
  switch (measure.what) {
    case 'duplicates': {
      const query = duplicatesQuery(measure, keys, reading.options.samples);
      return countFailures(reading, measure.table, query);
    }
    case 'orphans':
      return countFailures(reading, measure.table, orphansQuery(measure, keys));
    case 'exclusion':
      return countFailures(reading, measure.table, exclusionQuery(measure, keys));
    case 'query':
      return countByQuery(reading, measure);
    default:
      return unknown('it was not counted');
  }
}

async function countFailures(
  reading: Reading,
  table: MeasuredTable,
  { sql, samplesSql }: CountingQuery,
): Promise<Measurement> {
  const { searchPath } = table;
  const row = await reading.attempt(sql, { searchPath, table });
  if (row instanceof Refusal) return unknown(row.why);
  const count = asNumber(row.rows);
  const samples = Array.isArray(row.samples) ? [...(row.samples as string[])] : [];
  const wanted = reading.options.samples - samples.length;
  if (count > 0 && wanted > 0 && samplesSql) {
    const options = { searchPath, table, timeoutMs: samplingTimeoutMs };
    const rows = await reading.attemptRows(samplesSql(wanted), options);
    if (!(rows instanceof Refusal)) samples.push(...textsOf(rows));
  }
  return { count, changed: null, total: null, measured: 'exact', why: null, samples };
}

/** To show rows is worth no second scan of a large table. */
const samplingTimeoutMs = 2_000;

async function countByQuery(
  reading: Reading,
  { sql, searchPath, tables }: Extract<Measure, { what: 'query' }>,
): Promise<Measurement> {
  const [table] = tables;
  const row = await reading.attempt(sql, { searchPath, table });
  if (!(row instanceof Refusal)) {
    const changed = row.values === undefined ? null : asNumber(row.values);
    const count = asNumber(row.rows);
    return { count, changed, total: null, measured: 'exact', why: null, samples: [] };
  }
  if (!row.isTimeout) return unknown(row.why);
  const count = await estimateCounted(reading, sql, searchPath);
  if (count === null) return unknown(row.why);
  const why = `${row.why}: estimated by the server’s statistics`;
  return { ...unknown(why), count, measured: 'estimate' };
}
