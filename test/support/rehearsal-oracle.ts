import type { RehearsedSequence, RowIdentity } from '../../src/domain/rehearsal.js';
import {
  type ColumnPair,
  countRows,
  type Expected,
  hasTypeChanged,
  type Pairing,
  pairColumns,
} from './rehearsal-counts.js';
import type { DatabaseState, TableState } from './rehearsal-state.js';

export interface ExpectedColumn {
  readonly column: string;
  readonly renamedTo: string | null;
  readonly change: 'kept' | 'added' | 'dropped' | 'retyped';
  readonly valuesLost: Expected;
  readonly valuesChanged: Expected;
  readonly valuesSet: Expected;
}

export interface ExpectedTable {
  readonly table: string;
  readonly renamedTo: string | null;
  readonly change: 'kept' | 'created' | 'dropped' | 'remade';
  /** Null: both are right. */
  readonly identity: RowIdentity | null;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly rowsInserted: number;
  readonly rowsDeleted: number;
  readonly rowsUpdated: Expected;
  readonly columns: readonly ExpectedColumn[];
}

function changeOf(pair: ColumnPair): ExpectedColumn['change'] {
  if (pair.before === null) return 'added';
  if (pair.after === null) return 'dropped';
  return hasTypeChanged(pair) ? 'retyped' : 'kept';
}

const isNothing = (expected: Expected) =>
  typeof expected === 'number' ? expected === 0 : expected[1] === 0;

function comparePair(pairing: Pairing): ExpectedTable {
  const { count, ...rows } = countRows(pairing);
  const columns = pairing.columns.map((pair): ExpectedColumn => {
    const names = [pair.before?.column.name ?? null, pair.after?.column.name ?? null] as const;
    const [column = '', renamed = null] =
      names[0] === null ? [names[1] ?? ''] : [names[0], names[1]];
    return {
      ...{ column, renamedTo: renamed === column ? null : renamed, change: changeOf(pair) },
      valuesLost: count(pair, 'lost'),
      valuesChanged: count(pair, 'changed'),
      valuesSet: count(pair, 'set'),
    };
  });
  const { before, after, isRemade } = pairing;
  return {
    table: before.name,
    renamedTo: before.name === after.name ? null : after.name,
    change: isRemade ? 'remade' : 'kept',
    ...{ rowsBefore: before.rows.length, rowsAfter: after.rows.length, ...rows },
    columns: columns.filter(
      (one) =>
        one.change !== 'kept' ||
        one.renamedTo !== null ||
        ![one.valuesLost, one.valuesChanged, one.valuesSet].every(isNothing),
    ),
  };
}

function oneSided(table: TableState, change: 'created' | 'dropped'): ExpectedTable {
  const rows = table.rows.length;
  const isNew = change === 'created';
  return {
    ...{ table: table.name, renamedTo: null, change, identity: null, columns: [] },
    ...{ rowsBefore: isNew ? 0 : rows, rowsAfter: isNew ? rows : 0, rowsUpdated: 0 },
    ...{ rowsInserted: isNew ? rows : 0, rowsDeleted: isNew ? 0 : rows },
  };
}

/** Asks PostgreSQL what `text` of a type is as another; undefined: it cannot be. */
export type CastBack = (text: string, from: string, to: string) => Promise<string | undefined>;

async function compareTables(
  before: TableState,
  after: TableState,
  castBack: CastBack,
): Promise<ExpectedTable> {
  const isRemade = before.oid !== after.oid;
  const columns = pairColumns(before, after, isRemade);
  const casts = new Map<ColumnPair, Map<string, string | undefined>>();
  for (const pair of columns.filter(hasTypeChanged)) {
    const texts = new Map<string, string | undefined>();
    casts.set(pair, texts);
    for (const row of after.rows) {
      const text = row[pair.after?.place ?? -1] ?? null;
      if (text === null || texts.has(text)) continue;
      const types = [pair.after?.column.type ?? '', pair.before?.column.type ?? ''] as const;
      texts.set(text, await castBack(text, ...types));
    }
  }
  const look = (text: string, pair: ColumnPair) => casts.get(pair)?.get(text);
  return comparePair({ before, after, isRemade, columns, castBack: look });
}

/** A table of which there is nothing to say is not in a rehearsal. */
const hasChanged = (table: ExpectedTable) =>
  table.change !== 'kept' ||
  table.renamedTo !== null ||
  table.columns.length > 0 ||
  table.rowsInserted + table.rowsDeleted > 0 ||
  !isNothing(table.rowsUpdated);

/** Tables with the values of enums as they were called before. */
function withFormerLabels(before: DatabaseState, after: DatabaseState): TableState[] {
  const former = new Map(before.labels.map(({ oid, label }) => [oid, label]));
  const names = new Map(
    after.labels.map(({ oid, type, label }) => [`${type} ${label}`, former.get(oid) ?? label]),
  );
  return after.tables.map((table) => {
    const formerly = (value: string | null, place: number) =>
      value === null ? null : (names.get(`${table.columns[place]?.type} ${value}`) ?? value);
    return { ...table, rows: table.rows.map((row) => row.map(formerly)) };
  });
}

/** What a comparison has to find, by a full outer join in memory. */
export async function expectedTables(
  before: DatabaseState,
  after: DatabaseState,
  castBack: CastBack,
): Promise<ExpectedTable[]> {
  const rest = new Map(withFormerLabels(before, after).map((table) => [table.oid, table]));
  const known = new Set(before.tables.map(({ oid }) => oid));
  const found: ExpectedTable[] = [];
  // A table that is still there cannot be the new one of another that is gone.
  for (const table of before.tables) {
    const same = rest.get(table.oid);
    const next =
      same ?? [...rest.values()].find(({ oid, name }) => name === table.name && !known.has(oid));
    if (next) rest.delete(next.oid);
    found.push(next ? await compareTables(table, next, castBack) : oneSided(table, 'dropped'));
  }
  const created = [...rest.values()].map((table) => oneSided(table, 'created'));
  return [...found, ...created].filter(hasChanged);
}

/** Sequences that have another last value, are new, or gone, by name. */
export function expectedSequences(
  before: DatabaseState,
  after: DatabaseState,
): RehearsedSequence[] {
  const all = new Set([...before.sequences.keys(), ...after.sequences.keys()]);
  return [...all].flatMap((oid) => {
    const [then, now] = [before.sequences.get(oid), after.sequences.get(oid)];
    if (then?.value === now?.value) return [];
    const sequence = then?.name ?? now?.name ?? '';
    return [{ sequence, before: then?.value ?? null, after: now?.value ?? null }];
  });
}
