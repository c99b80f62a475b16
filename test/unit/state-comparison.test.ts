import { describe, expect, it } from 'vitest';
import type { RehearsedTable } from '../../src/domain/rehearsal.js';
import {
  describeColumns,
  isTableChanged,
  type KeptPair,
  matchRows,
  pairColumns,
  pairTables,
  type StateColumn,
  type StateKey,
  type StateTable,
} from '../../src/domain/state-comparison.js';

const column = (number: number, name: string, type = 'integer'): StateColumn => ({
  ...{ number, name, type, typeId: type.length, typeModifier: -1, typeKind: 'b' },
  ...{ generated: '', expression: null, hasMissingValue: false },
});

const table = (
  oid: number,
  name: string,
  columns: readonly StateColumn[] = [],
  keys: readonly StateKey[] = [],
): StateTable => ({ oid, schema: 'public', name, fileNode: oid, isHeap: true, columns, keys });

const primary = (...columns: number[]): StateKey => ({ isPrimary: true, columns });
const unique = (...columns: number[]): StateKey => ({ isPrimary: false, columns });

describe('tables before and after', () => {
  it('are the same by OID, whatever they are called; a new one takes the place of a gone one of its name', () => {
    const before = [table(1, 'a'), table(2, 'b'), table(3, 'c'), table(4, 'd')];
    const after = [table(1, 'b'), table(9, 'c'), table(8, 'new'), table(4, 'd')];
    const pairs = pairTables(before, after);
    expect(pairs.map(({ change, before: l, after: r }) => [change, l?.name, r?.name])).toEqual([
      ['kept', 'a', 'b'],
      // Not remade: the table that has its name now was there before.
      ['dropped', 'b', undefined],
      ['remade', 'c', 'c'],
      ['kept', 'd', 'd'],
      ['created', undefined, 'new'],
    ]);
  });
});

describe('columns before and after', () => {
  const left = table(1, 't', [column(1, 'id'), column(2, 'a'), column(3, 'b')]);

  it('are the same by number, so that a rename is one and dropping and adding the same name is none', () => {
    const after = table(1, 't', [column(1, 'id'), column(2, 'z'), column(4, 'b')]);
    const { shared, dropped, added } = pairColumns({ change: 'kept', before: left, after });
    expect(shared.map((pair) => [pair.before.name, pair.after.name])).toEqual([
      ['id', 'id'],
      ['a', 'z'],
    ]);
    expect(dropped.map(({ name }) => name)).toEqual(['b']);
    expect(added.map(({ number }) => number)).toEqual([4]);
  });

  it('are the same by name in a table that was made again', () => {
    const after = table(2, 't', [column(1, 'b'), column(2, 'id')]);
    const { shared, dropped } = pairColumns({ change: 'remade', before: left, after });
    expect(shared.map((pair) => [pair.before.number, pair.after.number])).toEqual([
      [1, 2],
      [3, 1],
    ]);
    expect(dropped.map(({ name }) => name)).toEqual(['a']);
  });

  it('are described where there is something to say', () => {
    const after = table(1, 't', [column(1, 'id'), column(2, 'a', 'text'), column(4, 'c')]);
    const columns = pairColumns({ change: 'kept', before: left, after });
    const counts = { shared: [{ lost: 0, changed: 0, set: 0 }], dropped: [3], added: [2] };
    expect(
      describeColumns(columns, counts).map((one) => [
        one.column,
        one.change,
        one.valuesLost,
        one.valuesSet,
      ]),
    ).toEqual([
      ['a', 'retyped', 0, 0],
      ['b', 'dropped', 3, 0],
      ['c', 'added', 0, 2],
    ]);
  });
});

describe('the rows of a table', () => {
  const columns = [column(1, 'id'), column(2, 'a'), column(3, 'b')];
  const match = (before: readonly StateKey[], after: readonly StateKey[], without?: number) => {
    const pair: KeptPair = {
      change: 'kept',
      before: table(1, 't', columns, before),
      after: table(
        1,
        't',
        columns.filter(({ number }) => number !== without),
        after,
      ),
    };
    const { identity, columns: found, isUnique } = matchRows(pair, pairColumns(pair).shared);
    return [identity, found.map((one) => one.before.number), isUnique];
  };

  it('are told by the key of before, a primary one first', () => {
    expect(match([primary(1), unique(2)], [primary(1)])).toEqual(['primary key', [1], true]);
    expect(match([unique(2, 3)], [primary(1)])).toEqual(['unique key', [2, 3], false]);
  });

  it('are told by a key of before also where after is not kept from having it twice', () => {
    expect(match([primary(1)], [])).toEqual(['primary key', [1], false]);
    expect(match([primary(1, 2)], [unique(2)])).toEqual(['primary key', [1, 2], true]);
  });

  it('are told by another key where a column of the first is gone', () => {
    expect(match([primary(1), unique(2)], [unique(2)], 1)).toEqual(['unique key', [2], true]);
    expect(match([primary(1)], [primary(3)], 1)).toEqual(['primary key', [3], false]);
  });

  it('are told by all their values where there is no key', () => {
    expect(match([primary(1)], [unique(2)], 1)).toEqual(['whole row', [2, 3], false]);
    expect(match([], [])).toEqual(['whole row', [1, 2, 3], false]);
  });
});

describe('a compared table', () => {
  const same: RehearsedTable = {
    ...{
      table: 'public.t',
      renamedTo: null,
      change: 'kept' as const,
      identity: 'primary key' as const,
    },
    ...{ rowsBefore: 3, rowsAfter: 3, rowsInserted: 0, rowsDeleted: 0, rowsUpdated: 0 },
    ...{ valuesLost: 0, valuesChanged: 0, columns: [], samples: [] },
  };

  it('is changed where its rows, its columns or itself are others', () => {
    expect(isTableChanged(same)).toBe(false);
    expect(isTableChanged({ ...same, rowsUpdated: 1 })).toBe(true);
    expect(isTableChanged({ ...same, renamedTo: 'public.u' })).toBe(true);
    expect(isTableChanged({ ...same, change: 'remade' })).toBe(true);
  });
});
