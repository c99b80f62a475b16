import type { Measure, MeasuredTable, Measurement } from '../../../domain/impact/measure.js';
import { estimateRows } from './estimate.js';
import { type Keys, keySql, sampleRows } from './keys.js';
import { asNumber, type CountedRow, type Reading, Refusal, source } from './reading.js';

/** An aggregate over a table's own rows. */
export interface Counter {
  /** "*" or an expression whose values other than NULL are counted. */
  readonly of: string;
  /** Only of rows for which this is true; null: of all. */
  readonly where: string | null;
}

/** What a measure needs of the one scan of its table. */
export interface Part {
  readonly table: MeasuredTable;
  /** Expressions of the user's are in it, so that it matters where names are looked up. */
  readonly needsPath: boolean;
  readonly counters: readonly Counter[];
  /** What the numbers mean, in the order of the counters. */
  read(numbers: readonly number[]): Pick<Measurement, 'count' | 'changed'>;
  /** Where the counters took too long: what the planner thinks; null: not known. */
  readonly isEstimable: boolean;
  /** Rows to show: for which the condition holds, where there are any of them. */
  readonly show: { readonly condition: string; readonly text: (key: string) => string } | null;
}

export type ScanMeasure = Extract<
  Measure,
  { what: 'rows' | 'values' | 'overwrites' | 'violations' }
>;

export function isScanMeasure(measure: Measure): measure is ScanMeasure {
  return ['rows', 'values', 'overwrites', 'violations'].includes(measure.what);
}

const only = ([count]: readonly number[]) => ({ count: count ?? 0, changed: null });

export function partOf(measure: ScanMeasure): Part {
  const { table } = measure;
  const common = { table, read: only, isEstimable: true, show: null };
  switch (measure.what) {
    case 'rows': {
      const { where } = measure;
      return { ...common, needsPath: where !== null, counters: [{ of: '*', where }] };
    }
    case 'values': {
      const { where, column } = measure;
      return { ...common, needsPath: where !== null, counters: [{ of: column, where }] };
    }
    case 'overwrites':
      return { ...common, ...overwrites(measure) };
    case 'violations': {
      const { breaks } = measure;
      const counters = [{ of: '*', where: breaks }];
      const show = { condition: breaks, text: (key: string) => key };
      // What the planner guesses says nothing of whether there is one at all.
      return { ...common, needsPath: true, counters, isEstimable: false, show };
    }
  }
}

function overwrites({ where, columns }: Extract<Measure, { what: 'overwrites' }>) {
  const all: Counter = { of: '*', where };
  const read = ([count = 0, changed = 0]: readonly number[]) => ({ count, changed });
  const [column, ...others] = columns;
  if (column === undefined) return { needsPath: where !== null, counters: [all], read };
  const isSet = columns.map((name) => `${name} IS NOT NULL`).join(' OR ');
  const set: Counter =
    others.length === 0
      ? { of: column, where }
      : { of: '*', where: where === null ? isSet : `(${where}) AND (${isSet})` };
  return { needsPath: where !== null, counters: [all, set], read };
}

/** Parts of one table that are counted in one scan. */
interface Scan {
  readonly table: MeasuredTable;
  readonly searchPath: string | null;
  readonly parts: readonly Part[];
}

function groupBy<T, K>(list: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

/** One scan for each table: only names that are looked up differently would make it two. */
function scansOf(parts: readonly Part[]): Scan[] {
  const byTable = groupBy(parts, ({ table }) => `${table.only} ${table.sql}`);
  return [...byTable.values()].flatMap((ofTable) => {
    const { table } = ofTable[0] as Part;
    const plain = ofTable.filter(({ needsPath }) => !needsPath);
    const byPath = groupBy(
      ofTable.filter(({ needsPath }) => needsPath),
      (part) => part.table.searchPath,
    );
    if (byPath.size === 0) return [{ table, searchPath: null, parts: plain }];
    return [...byPath].map(([searchPath, own], index) => ({
      ...{ table, searchPath },
      parts: index === 0 ? [...plain, ...own] : own,
    }));
  });
}

/** As many are looked at for each row at once: a file of single UPDATEs has thousands of them. */
const mostConditions = 20;

const isAboutAll = ({ counters }: Part): boolean => counters.some(({ where }) => where === null);

/**
 * Where there are many conditions, those are counted apart from what is about all rows, some at a time: an index may find their
 * rows, and a query has no room for thousands of aggregates.
 */
function divided(scan: Scan): Scan[] {
  const conditional = scan.parts.filter((part) => !isAboutAll(part));
  const conditions = new Set(conditional.flatMap(({ counters }) => counters.map(counterSql)));
  if (conditions.size <= mostConditions) return [scan];
  const all = scan.parts.filter(isAboutAll);
  const chunks = [all];
  // Two counters, or three, are the most that a part has.
  const size = Math.floor(mostConditions / 2);
  for (let at = 0; at < conditional.length; at += size)
    chunks.push(conditional.slice(at, at + size));
  return chunks.filter((parts) => parts.length > 0).map((parts) => ({ ...scan, parts }));
}

interface ScanQuery {
  readonly sql: string;
  /** Column of the result for each counter, by {@link counterSql}. */
  readonly columns: ReadonlyMap<string, string>;
  readonly readsAll: boolean;
}

const counterSql = ({ of, where }: Counter): string =>
  where === null ? `count(${of})` : `count(${of}) FILTER (WHERE ${where})`;

/**
 * A table that TRUNCATE or ALTER TABLE has written anew since the snapshot was taken looks empty in it: its rows are all younger.
 * The snapshot knows the former file, the function the present one.
 */
function isRewritten({ oid }: MeasuredTable): string {
  return `(SELECT c.relfilenode <> 0 AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)
             FROM pg_catalog.pg_class c WHERE c.oid = ${oid}) AS is_rewritten`;
}

/**
 * Equal aggregates are computed once. Where all of them are about some rows only, the table is read by these conditions, so that
 * an index can spare the scan.
 */
function scanQuery({ table, parts }: Scan): ScanQuery {
  const counters = parts.flatMap((part) => part.counters);
  const conditions = new Set(counters.map(({ where }) => where));
  const readsAll = conditions.has(null) || conditions.size > mostConditions;
  const aggregates = new Set(counters.map(counterSql));
  if (readsAll) aggregates.add('count(*)');
  const [condition] = conditions;
  const isOne = !readsAll && conditions.size === 1;
  const list = [...aggregates].map((sql, index) => [sql, `c${index}`] as const);
  // With one condition for all of them no aggregate has to look at it again.
  const bare = new Map(counters.map((one) => [counterSql(one), `count(${one.of})`]));
  const selected = list.map(([sql, name]) => `${isOne ? bare.get(sql) : sql} AS ${name}`);
  const some = [...conditions].map((one) => `(${one})`).join(' OR ');
  const where = readsAll ? '' : ` WHERE ${isOne ? condition : some}`;
  if (table.only) selected.push(isRewritten(table));
  return {
    sql: `SELECT ${selected.join(', ')} FROM ${source(table)}${where}`,
    columns: new Map(list),
    readsAll,
  };
}

export interface ScanResults {
  readonly measured: Map<Part, Measurement>;
  /** Parts that the database refused, by themselves, with the reason. */
  readonly refused: Map<Part, Refusal>;
}

/** Counts the parts, one scan for each table. */
export async function scanTables(
  reading: Reading,
  parts: readonly Part[],
  keys: Keys,
): Promise<ScanResults> {
  const results: ScanResults = { measured: new Map(), refused: new Map() };
  for (const scan of scansOf(parts)) {
    const name = `count in ${scan.table.sql}`;
    reading.reporter({ type: 'step', name });
    const startedAt = performance.now();
    for (const part of divided(scan)) await runScan(reading, part, results);
    for (const part of scan.parts) await show(reading, part, keys, results);
    reading.reporter({ type: 'step-done', name, durationMs: performance.now() - startedAt });
  }
  return results;
}

async function runScan(reading: Reading, scan: Scan, results: ScanResults): Promise<void> {
  const { table, searchPath, parts } = scan;
  const query = scanQuery(scan);
  const row = await reading.attempt(query.sql, { searchPath, table });
  if (!(row instanceof Refusal) && row.is_rewritten === true) {
    const refusal = new Refusal('55006', 'it was written anew meanwhile: plan again');
    for (const part of parts) results.refused.set(part, refusal);
    return;
  }
  if (!(row instanceof Refusal)) {
    for (const part of parts) results.measured.set(part, readPart(part, query, row));
    return;
  }
  const smaller = splitScan(scan, row);
  for (const one of smaller) await runScan(reading, one, results);
  if (smaller.length === 0) {
    for (const part of parts) await settle(reading, part, row, results);
  }
}

/**
 * Finds the culprit: each by itself, but after a timeout what is costly apart from plain counts. Nothing: there is no smaller
 * scan that could do better.
 */
function splitScan(scan: Scan, refusal: Refusal): Scan[] {
  const { parts } = scan;
  if (parts.length === 1) return [];
  const alone = () => parts.map((part) => ({ ...scan, parts: [part] }));
  if (!refusal.isTimeout) return alone();
  const isPlain = ({ counters }: Part) => counters.every(({ where }) => where === null);
  const plain = parts.filter(isPlain);
  const costly = parts.filter((part) => !isPlain(part));
  if (costly.length === 0) return [];
  if (plain.length === 0) return alone();
  return [plain, costly].map((some) => ({ ...scan, parts: some }));
}

async function settle(
  reading: Reading,
  part: Part,
  refusal: Refusal,
  { measured, refused }: ScanResults,
): Promise<void> {
  if (!refusal.isTimeout || !part.isEstimable) {
    refused.set(part, refusal);
    return;
  }
  const numbers: number[] = [];
  for (const { of, where } of part.counters) {
    const isSet = of === '*' ? null : `${of} IS NOT NULL`;
    const condition = [where, isSet].filter((one) => one !== null).map((one) => `(${one})`);
    const rows = await estimateRows(reading, part.table, condition.join(' AND ') || null);
    if (rows === null) {
      refused.set(part, refusal);
      return;
    }
    numbers.push(rows);
  }
  measured.set(part, {
    ...{ ...part.read(numbers), total: null, measured: 'estimate' },
    ...{ why: `${refusal.why}: estimated by the server’s statistics`, samples: [] },
  });
}

function readPart(part: Part, { columns, readsAll }: ScanQuery, row: CountedRow): Measurement {
  const numbers = part.counters.map((one) => asNumber(row[columns.get(counterSql(one)) ?? '']));
  const total = readsAll ? asNumber(row[columns.get('count(*)') ?? '']) : null;
  return { ...part.read(numbers), total, measured: 'exact', why: null, samples: [] };
}

async function show(
  reading: Reading,
  part: Part,
  keys: Keys,
  { measured }: ScanResults,
): Promise<void> {
  const { table, show: shown } = part;
  const found = measured.get(part);
  if (!shown || !found || ((found.count ?? 0) === 0 && !found.changed)) return;
  const text = shown.text(keySql(keys, table));
  const samples = await sampleRows(reading, { table, condition: shown.condition, text });
  measured.set(part, { ...found, samples });
}
