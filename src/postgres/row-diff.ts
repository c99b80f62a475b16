import { formatQualifiedName, parseQualifiedName } from '../domain/qualified-name.js';
import {
  type DifferingKey,
  mergeRows,
  type RowSample,
  type RowValues,
  type TableRowDiff,
} from '../domain/row-diff.js';
import { BelayError } from '../errors.js';
import { cancelQueries } from './cancel.js';
import { sqlStateOf } from './pg-error.js';
import type { Session } from './session.js';
import {
  type ColumnShape,
  type RowScope,
  readBuckets,
  readHashedRows,
  readRowsByHash,
  readRowsByKey,
  readTableShapes,
  type TableShape,
} from './sql/rows.js';
import { countTables } from './sql/tables.js';

export interface CompareRowsOptions {
  /** Only these, as "schema.table"; undefined: all. */
  readonly tables?: readonly string[] | undefined;
  /** Rows shown of each table and kind; default 10. */
  readonly sampleLimit?: number | undefined;
  /** Side A is read in a transaction that is open already; nobody else changes what it reads. */
  readonly isInTransaction?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Sides {
  readonly a: Session;
  readonly b: Session;
  readonly sampleLimit: number;
  readonly isInTransaction: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds the rows that turn database A into B, table by table, and gives the tables that differ. Rows are identified by
 * their primary key and compared, column by name, as PostgreSQL prints them. Each side hashes its rows in
 * buckets, and only buckets that differ are read row by row: equal tables cost one scan.
 *
 * Each table is read in a transaction of its own, so that a database in use is not held up for longer.
 *
 * @throws BelayError USAGE for a table that neither side has, PERMISSION_DENIED
 */
export async function compareRows(
  openA: () => Promise<Session>,
  openB: () => Promise<Session>,
  options: CompareRowsOptions = {},
): Promise<TableRowDiff[]> {
  const { signal, sampleLimit = 10, isInTransaction = false } = options;
  const sides = { a: await openA(), b: await openB(), sampleLimit, isInTransaction, signal };
  const cancel = () => {
    cancelQueries(openA, [sides.a]).catch(() => {});
    cancelQueries(openB, [sides.b]).catch(() => {});
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const result: TableRowDiff[] = [];
    for (const [name, left, right] of await pairTables(sides, options.tables)) {
      signal?.throwIfAborted();
      const diff = await compareTable(sides, name, left, right);
      if (diff) result.push(diff);
    }
    return result;
  } catch (error) {
    // The cancelled query's own error would only say that somebody cancelled it.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

type Pair = readonly [name: string, a: TableShape | undefined, b: TableShape | undefined];

async function pairTables({ a, b }: Sides, wanted: readonly string[] | undefined): Promise<Pair[]> {
  const [left, right] = await Promise.all([shapesByName(a), shapesByName(b)]);
  const all = [...new Set([...left.keys(), ...right.keys()])];
  const names = wanted ? wanted.map(canonicalName) : all;
  const missing = names.find((name) => !all.includes(name));
  if (missing !== undefined) {
    throw new BelayError('USAGE', `neither side has a table ${missing}`, {
      hint: 'Name it as schema.table, e.g. public.orders.',
    });
  }
  return [...new Set(names)].sort().map((name) => [name, left.get(name), right.get(name)]);
}

function canonicalName(text: string): string {
  const name = parseQualifiedName(text);
  return name ? formatQualifiedName(name) : text;
}

async function shapesByName(session: Session): Promise<Map<string, TableShape>> {
  const shapes = await readTableShapes(session);
  return new Map(shapes.map((shape) => [formatQualifiedName(shape), shape]));
}

async function compareTable(
  sides: Sides,
  name: string,
  left: TableShape | undefined,
  right: TableShape | undefined,
): Promise<TableRowDiff | undefined> {
  const none = { table: name, key: null, added: 0, removed: 0, changed: 0, samples: [] };
  try {
    if (!left || !right) return await oneSided(sides, none, left, right);
    const { scope, skipped } = sharedScope(left, right);
    const found = await inTransactions(sides, () => compareShared(sides, scope));
    if (!found && skipped === undefined) return undefined;
    const key = scope.key?.map((column) => column.name) ?? null;
    return { ...none, key, ...found, ...(skipped === undefined ? {} : { skipped }) };
  } catch (error) {
    // A table that an ALTER holds is said to be left out, rather than failing the comparison of all others.
    if (sqlStateOf(error) !== '55P03') throw error;
    return { ...none, skipped: 'not compared: another session holds a lock on the table' };
  }
}

type Unkeyed = Omit<TableRowDiff, 'skipped'>;

async function oneSided(
  { a, b }: Sides,
  none: Unkeyed,
  left: TableShape | undefined,
  right: TableShape | undefined,
): Promise<TableRowDiff | undefined> {
  const shape = left ?? right;
  const [rows = 0] = shape ? await countTables(left ? a : b, [shape]) : [];
  if (rows === 0) return undefined;
  return left
    ? { ...none, removed: rows, skipped: 'the table is only in A' }
    : { ...none, added: rows, skipped: 'the table is only in B' };
}

/**
 * The planner takes every bucket for a row, and would sort the whole table on disk to put 1,024 sums together; and
 * would not do it in parallel.
 */
const plannerSql = `
  SET LOCAL jit = off; SET LOCAL enable_sort = off;
  SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0`;
const beginSql = `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ${plannerSql}`;

/** One moment of the table for all that is read of it. */
async function inTransactions<T>(
  { a, b, isInTransaction }: Sides,
  work: () => Promise<T>,
): Promise<T> {
  const doing = 'beginning to compare';
  const onB = () =>
    b.transaction(async () => {
      await b.execute(beginSql, doing);
      return work();
    });
  if (isInTransaction) {
    await a.execute(plannerSql, doing);
    return onB();
  }
  return a.transaction(async () => {
    await a.execute(beginSql, doing);
    return onB();
  });
}

interface Scope {
  readonly scope: RowScope;
  readonly skipped: string | undefined;
}

/** Columns by name that both have; the key where both have the same one. */
function sharedScope(left: TableShape, right: TableShape): Scope {
  const inLeft = new Map(left.columns.map((column) => [column.name, column]));
  const inRight = new Map(right.columns.map((column) => [column.name, column]));
  const columns = left.columns.map(({ name }) => name).filter((name) => inRight.has(name));
  const onlyLeft = left.columns.filter(({ name }) => !inRight.has(name));
  const onlyRight = right.columns.filter(({ name }) => !inLeft.has(name));
  const sameKey = left.key !== null && left.key.join('\0') === right.key?.join('\0');
  // Of another type on the other side: to be compared as text, which is what no type says.
  const keyColumns = (left.key ?? []).map((name) => {
    const type = inLeft.get(name)?.type ?? '';
    return { name, type: type === inRight.get(name)?.type ? type : '' };
  });
  const notes = [
    ...describeMissing('A', onlyLeft),
    ...describeMissing('B', onlyRight),
    ...(!sameKey && (left.key || right.key) ? ['the primary keys differ'] : []),
  ];
  return {
    scope: { table: left, columns, key: sameKey ? keyColumns : null },
    skipped: notes.length > 0 ? notes.join('; ') : undefined,
  };
}

function describeMissing(side: 'A' | 'B', columns: readonly ColumnShape[]): string[] {
  if (columns.length === 0) return [];
  const noun = columns.length === 1 ? 'column' : 'columns';
  return [`${noun} ${columns.map(({ name }) => name).join(', ')} only in ${side}`];
}

type Found = Pick<TableRowDiff, 'added' | 'removed' | 'changed' | 'samples'>;

async function compareShared(sides: Sides, scope: RowScope): Promise<Found | undefined> {
  const [left, right] = await Promise.all([
    readBuckets(sides.a, scope),
    readBuckets(sides.b, scope),
  ]);
  const buckets = [...new Set([...left.keys(), ...right.keys()])]
    .filter((bucket) => left.get(bucket) !== right.get(bucket))
    .sort((x, y) => x - y);
  if (buckets.length === 0) return undefined;
  const tally = new Tally(scope.key !== null, sides.sampleLimit);
  const rows = mergeRows(
    readHashedRows(sides.a, scope, buckets, sides.signal),
    readHashedRows(sides.b, scope, buckets, sides.signal),
  );
  for await (const row of rows) tally.add(row);
  const { added, removed, changed } = tally;
  return { added, removed, changed, samples: await readSamples(sides, scope, tally.samples) };
}

interface Picked {
  readonly kind: RowSample['kind'];
  readonly key: readonly string[];
}

/** Counts what differs, and picks the first of each kind. */
class Tally {
  added = 0;
  removed = 0;
  changed = 0;
  readonly samples: Picked[] = [];
  readonly #keyed: boolean;
  readonly #sampleLimit: number;

  constructor(keyed: boolean, sampleLimit: number) {
    this.#keyed = keyed;
    this.#sampleLimit = sampleLimit;
  }

  add({ key, before, after }: DifferingKey): void {
    if (this.#keyed && before !== undefined && after !== undefined) {
      this.#count('changed', 1, key);
      return;
    }
    // Without a key the values say how often the row is there.
    const more = this.#keyed ? 1 : Math.abs(Number(after ?? 0) - Number(before ?? 0));
    const isAdded = this.#keyed ? before === undefined : Number(after ?? 0) > Number(before ?? 0);
    this.#count(isAdded ? 'added' : 'removed', more, key);
  }

  #count(kind: RowSample['kind'], rows: number, key: readonly string[]): void {
    const room = this.#sampleLimit - this[kind];
    this[kind] += rows;
    for (let i = 0; i < Math.min(rows, room); i += 1) this.samples.push({ kind, key });
  }
}

async function readSamples(
  { a, b }: Sides,
  scope: RowScope,
  picked: readonly Picked[],
): Promise<RowSample[]> {
  const before = await readRows(a, scope, picked, 'added');
  const after = await readRows(b, scope, picked, 'removed');
  return picked.map(({ kind, key }, index) => {
    const [left, right] = [before.get(index), after.get(index)];
    return {
      kind,
      key: Object.fromEntries((scope.key ?? []).map(({ name }, i) => [name, key[i] ?? null])),
      ...(left ? { before: left } : {}),
      ...(right ? { after: right } : {}),
    };
  });
}

/** The rows of one side by their place among the samples, without the kind that this side lacks. */
async function readRows(
  session: Session,
  scope: RowScope,
  picked: readonly Picked[],
  lacking: RowSample['kind'],
): Promise<Map<number, RowValues>> {
  const wanted = picked.flatMap(({ kind, key }, index) =>
    kind === lacking ? [] : [{ key, index }],
  );
  const result = new Map<number, RowValues>();
  if (wanted.length === 0) return result;
  const { key } = scope;
  const keys = wanted.map((one) => one.key);
  const found = key
    ? await readRowsByKey(session, { ...scope, key }, keys)
    : await readRowsByHash(session, scope, [...new Set(keys.flat())]);
  for (const [position, one] of wanted.entries()) {
    const row = found.get(key ? String(position + 1) : (one.key[0] ?? ''));
    if (row) result.set(one.index, row);
  }
  return result;
}
