import type { RowIdentity } from '../../src/domain/rehearsal.js';
import type { StateColumn, TableState } from './rehearsal-state.js';

/** A count where it is certain; from and to where rows without a key leave open which ones are gone. */
export type Expected = number | readonly [from: number, to: number];

type Row = readonly (string | null)[];

/** A column before and after; places are in the rows. */
export interface ColumnPair {
  readonly before: { readonly column: StateColumn; readonly place: number } | null;
  readonly after: { readonly column: StateColumn; readonly place: number } | null;
}

export interface Pairing {
  readonly before: TableState;
  readonly after: TableState;
  readonly isRemade: boolean;
  readonly columns: readonly ColumnPair[];
  /** A value after the migration, as its type before prints it. */
  readonly castBack: (text: string, pair: ColumnPair) => string | undefined;
}

/** What happened to one column of one row that is there before and after. */
type Fate = 'same' | 'lost' | 'changed' | 'set';

function placed(table: TableState) {
  return table.columns.map((column, place) => ({ column, place }));
}

/** Columns of a kept table by number, of a remade one by name. */
export function pairColumns(
  before: TableState,
  after: TableState,
  isRemade: boolean,
): ColumnPair[] {
  const identify = ({ column }: { column: StateColumn }) =>
    isRemade ? column.name : `${column.number}`;
  const rest = new Map(placed(after).map((one) => [identify(one), one]));
  const pairs: ColumnPair[] = placed(before).map((one) => {
    const partner = rest.get(identify(one)) ?? null;
    rest.delete(identify(one));
    return { before: one, after: partner };
  });
  return [...pairs, ...[...rest.values()].map((one) => ({ before: null, after: one }))];
}

export const hasTypeChanged = ({ before, after }: ColumnPair) =>
  before !== null && after !== null && before.column.type !== after.column.type;

/** The zeros at a number's end are none of its value, and other types do not keep them. */
const plainNumber = (text: string | null | undefined) =>
  text && /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text;

const isNumeric = ({ before }: ColumnPair) => before?.column.type.startsWith('1700:') === true;

function sameText(text: string | undefined, old: string, pair: ColumnPair): boolean {
  return text === old || (isNumeric(pair) && plainNumber(text) === plainNumber(old));
}

function fateOf(pairing: Pairing, pair: ColumnPair, before: Row, after: Row): Fate {
  const old = pair.before === null ? null : (before[pair.before.place] ?? null);
  const now = pair.after === null ? null : (after[pair.after.place] ?? null);
  if (old === now) return 'same';
  if (now === null) return 'lost';
  if (old === null) return 'set';
  return hasTypeChanged(pair) && sameText(pairing.castBack(now, pair), old, pair)
    ? 'same'
    : 'changed';
}

/** Columns that tell rows apart, with what they are called. */
interface Identity {
  readonly kind: RowIdentity;
  readonly pairs: readonly ColumnPair[];
}

function chooseIdentity({ before, after, columns }: Pairing): Identity {
  const byBefore = (key: readonly number[]) =>
    columns.filter(({ before }) => before && key.includes(before.column.number));
  const byAfter = (key: readonly number[]) =>
    columns.filter(({ after }) => after && key.includes(after.column.number));
  const isWhole = (pairs: readonly ColumnPair[]) =>
    pairs.length > 0 && pairs.every((pair) => pair.before && pair.after);
  const own = byBefore(before.primaryKey ?? []);
  if (isWhole(own)) return { kind: 'primary key', pairs: own };
  for (const key of before.uniqueKeys) {
    if (isWhole(byBefore(key))) return { kind: 'unique key', pairs: byBefore(key) };
  }
  const later = byAfter(after.primaryKey ?? []);
  if (isWhole(later)) return { kind: 'primary key', pairs: later };
  return { kind: 'whole row', pairs: columns.filter((pair) => pair.before && pair.after) };
}

/** Rows by the text of their identity. */
function group(rows: readonly Row[], textOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const text = textOf(row);
    groups.set(text, [...(groups.get(text) ?? []), row]);
  }
  return groups;
}

/** The rows of both sides by key; a key with a NULL is found nowhere else. */
function groupBoth(pairing: Pairing, { kind, pairs }: Identity) {
  const textOf = (values: (string | null)[], side: string) => {
    const isLost = kind !== 'whole row' && values.includes(null);
    return JSON.stringify(isLost ? [side, ...values] : values);
  };
  const exact = (text: string | null, pair: ColumnPair) =>
    hasTypeChanged(pair) && isNumeric(pair) ? (plainNumber(text) ?? null) : text;
  const before = group(pairing.before.rows, (row) => {
    const values = pairs.map((pair) => exact(row[pair.before?.place ?? -1] ?? null, pair));
    return textOf(values, 'before');
  });
  const after = group(pairing.after.rows, (row) => {
    const values = pairs.map((pair) => {
      const text = row[pair.after?.place ?? -1] ?? null;
      if (text === null || !hasTypeChanged(pair)) return text;
      // What the type before cannot hold is compared as it reads.
      return exact(pairing.castBack(text, pair) ?? text, pair);
    });
    return textOf(values, 'after');
  });
  return { before, after };
}

type Groups = ReturnType<typeof groupBoth>;

const isOnce = (side: ReadonlyMap<string, Row[]>) =>
  [...side.values()].every(({ length }) => length === 1);

/** By a key that really tells all rows apart on both sides. */
function countByKey(pairing: Pairing, { before, after }: Groups) {
  const kept = [...before].flatMap(([key, [old]]) => {
    const [now] = after.get(key) ?? [];
    return old && now ? [[old, now] as const] : [];
  });
  const count = (pair: ColumnPair, fate: Fate) =>
    kept.filter(([old, now]) => fateOf(pairing, pair, old, now) === fate).length;
  const shared = pairing.columns.filter((pair) => pair.before && pair.after);
  return {
    rowsInserted: after.size - kept.length,
    rowsDeleted: before.size - kept.length,
    rowsUpdated: kept.filter(([old, now]) =>
      shared.some((pair) => fateOf(pairing, pair, old, now) !== 'same'),
    ).length,
    count,
  };
}

const sizeOf = (rows: readonly Row[] | undefined) => rows?.length ?? 0;

const sumOver = ({ before, after }: Groups, count: (key: string) => number) =>
  [...new Set([...before.keys(), ...after.keys()])].reduce((sum, key) => sum + count(key), 0);

/** How many rows each key has more on one side than on the other. */
function surplus({ before, after }: Groups) {
  const more = (one: Groups['before'], other: Groups['before']) =>
    sumOver({ before, after }, (key) => Math.max(0, sizeOf(one.get(key)) - sizeOf(other.get(key))));
  return { rowsInserted: more(after, before), rowsDeleted: more(before, after) };
}

/** By a key that rows share by now: which of them is which, nobody can say. */
function countByDoubledKey(groups: Groups) {
  const { before, after } = groups;
  const kept = sumOver(groups, (key) => Math.min(sizeOf(before.get(key)), sizeOf(after.get(key))));
  const any: Expected = [0, kept];
  return {
    ...surplus(groups),
    rowsUpdated: any,
    count: (_: ColumnPair, __: Fate): Expected => any,
  };
}

/** As a multiset: a row is the same as another with the same values in the columns that are there before and after. */
function countByWholeRow(groups: Groups) {
  const { before, after } = groups;
  /** Of rows that are alike and not all kept, those with a value may be the ones that are gone, or the others. */
  const values = (place: number, rows: Groups['before'], others: Groups['before']): Expected => {
    const bound = (pick: (filled: number, kept: number, all: number) => number) =>
      sumOver(groups, (key) => {
        const group = rows.get(key) ?? [];
        const filled = group.filter((row) => row[place] !== null).length;
        return pick(filled, Math.min(group.length, sizeOf(others.get(key))), group.length);
      });
    return [
      bound((filled, kept, all) => Math.max(0, filled - (all - kept))),
      bound((filled, kept) => Math.min(filled, kept)),
    ];
  };
  const count = (pair: ColumnPair, fate: Fate): Expected => {
    if (fate === 'lost' && pair.before && !pair.after)
      return values(pair.before.place, before, after);
    if (fate === 'set' && pair.after && !pair.before)
      return values(pair.after.place, after, before);
    return 0;
  };
  return { ...surplus(groups), rowsUpdated: 0, count };
}

/** Counts what became of the rows of a table, and of a column's values. */
export function countRows(pairing: Pairing) {
  const { kind, pairs } = chooseIdentity(pairing);
  const groups = groupBoth(pairing, { kind, pairs });
  if (kind === 'whole row') return { identity: kind, ...countByWholeRow(groups) };
  const isUnique = isOnce(groups.before) && isOnce(groups.after);
  return {
    identity: kind,
    ...(isUnique ? countByKey(pairing, groups) : countByDoubledKey(groups)),
  };
}
