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

function fateOf(pairing: Pairing, pair: ColumnPair, before: Row, after: Row): Fate {
  const old = pair.before === null ? null : (before[pair.before.place] ?? null);
  const now = pair.after === null ? null : (after[pair.after.place] ?? null);
  if (old === now) return 'same';
  if (now === null) return 'lost';
  if (old === null) return 'set';
  return hasTypeChanged(pair) && pairing.castBack(now, pair) === old ? 'same' : 'changed';
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

function groupBoth(pairing: Pairing, { pairs }: Identity) {
  const before = group(pairing.before.rows, (row) =>
    JSON.stringify(pairs.map((pair) => row[pair.before?.place ?? -1])),
  );
  const after = group(pairing.after.rows, (row) =>
    JSON.stringify(
      pairs.map((pair) => {
        const text = row[pair.after?.place ?? -1] ?? null;
        if (text === null || !hasTypeChanged(pair)) return text;
        // A value that the type before cannot hold is none that was there before.
        return pairing.castBack(text, pair) ?? `no ${pair.before?.column.type}: ${text}`;
      }),
    ),
  );
  return { before, after };
}

type Groups = ReturnType<typeof groupBoth>;

const hasNull = (rows: readonly Row[], places: readonly (number | undefined)[]) =>
  rows.some((row) => places.some((place) => place !== undefined && row[place] === null));

/** Whether a key really tells all rows apart on both sides, also where its constraint is gone. */
function isUnique({ before, after }: Pairing, { pairs }: Identity, groups: Groups): boolean {
  const isOnce = (side: ReadonlyMap<string, Row[]>) =>
    [...side.values()].every(({ length }) => length === 1);
  const isFilled =
    !hasNull(
      before.rows,
      pairs.map((pair) => pair.before?.place),
    ) &&
    !hasNull(
      after.rows,
      pairs.map((pair) => pair.after?.place),
    );
  return isFilled && isOnce(groups.before) && isOnce(groups.after);
}

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

/** As a multiset: a row is the same as another with the same values in the columns that are there before and after. */
function countByWholeRow({ before, after }: Groups) {
  const size = (rows: readonly Row[] | undefined) => rows?.length ?? 0;
  const all = [...new Set([...before.keys(), ...after.keys()])];
  const sum = (count: (key: string) => number) => all.reduce((n, key) => n + count(key), 0);
  const more = (one: Groups['before'], other: Groups['before']) =>
    sum((key) => Math.max(0, size(one.get(key)) - size(other.get(key))));
  /** Of rows that are alike and not all kept, those with a value may be the ones that are gone, or the others. */
  const values = (place: number, rows: Groups['before'], others: Groups['before']): Expected => {
    const bound = (pick: (filled: number, kept: number, all: number) => number) =>
      sum((key) => {
        const group = rows.get(key) ?? [];
        const filled = group.filter((row) => row[place] !== null).length;
        return pick(filled, Math.min(group.length, size(others.get(key))), group.length);
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
  return {
    ...{ rowsInserted: more(after, before), rowsDeleted: more(before, after), rowsUpdated: 0 },
    count,
  };
}

/** Counts what became of the rows of a table, and of a column's values. */
export function countRows(pairing: Pairing) {
  const chosen = chooseIdentity(pairing);
  const groups = groupBoth(pairing, chosen);
  if (chosen.kind !== 'whole row' && isUnique(pairing, chosen, groups)) {
    return { identity: chosen.kind, ...countByKey(pairing, groups) };
  }
  const pairs = pairing.columns.filter((pair) => pair.before && pair.after);
  const whole: Identity = { kind: 'whole row', pairs };
  return { identity: whole.kind, ...countByWholeRow(groupBoth(pairing, whole)) };
}
