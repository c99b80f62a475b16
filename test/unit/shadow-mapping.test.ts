import { describe, expect, it } from 'vitest';
import {
  newColumns,
  type PlacedTable,
  placeTables,
  retypedColumns,
} from '../../src/domain/shadow-mapping.js';

const table = (
  oid: number,
  name: string,
  columns: readonly (readonly [number, string, string?])[],
  more: Partial<PlacedTable> = {},
): PlacedTable => ({
  ...{ oid, schema: 'public', name, isPartitioned: false, isPartition: false, isLogged: true },
  ...{ file: oid, key: [1] },
  columns: columns.map(([number, column, type = 'integer']) => ({
    ...{ number, name: column, type, isGenerated: false, isIdentity: false, default: null },
  })),
  ...more,
});

const placed = (source: PlacedTable[], after: PlacedTable[], copied = source) => {
  const places = placeTables(source, copied, after, copied === source ? 'number' : 'name');
  return places.map((place) => ({
    ...{ to: place.after?.name ?? null, isRemade: place.isRemade },
    columns: place.columns.map((pair) => pair.after?.name ?? null),
    added: newColumns(place).map(({ name }) => name),
    retyped: retypedColumns(place).map((pair) => pair.after?.name),
    takenBy: place.takenBy?.name ?? null,
  }));
};

describe('where tables and columns have gone', () => {
  const items = table(5, 'items', [
    [1, 'id'],
    [2, 'name', 'text'],
    [4, 'price'],
  ]);

  it('follows renames by number', () => {
    const after = table(5, 'goods', [
      [1, 'id'],
      [2, 'title', 'text'],
      [4, 'price', 'bigint'],
      [5, 'note', 'text'],
    ]);
    expect(placed([items], [after])).toEqual([
      {
        ...{ to: 'goods', isRemade: false, takenBy: null },
        ...{ columns: ['id', 'title', 'price'], added: ['note'], retyped: ['price'] },
      },
    ]);
  });

  it('finds the copy by name, where its numbers are others', () => {
    const copy = table(50, 'items', [
      [1, 'id'],
      [2, 'name', 'text'],
      [3, 'price'],
    ]);
    const after = table(50, 'items', [
      [2, 'label', 'text'],
      [3, 'price'],
    ]);
    expect(placed([items], [after], [copy])).toMatchObject([
      { to: 'items', columns: [null, 'label', 'price'], added: [], retyped: [] },
    ]);
  });

  it('takes one that was made anew under the same name for the same', () => {
    const after = table(9, 'items', [
      [1, 'price'],
      [2, 'id', 'bigint'],
    ]);
    expect(placed([items], [after])).toMatchObject([
      { to: 'items', isRemade: true, columns: ['id', null, 'price'], retyped: ['id'] },
    ]);
    const column = table(5, 'items', [
      [1, 'id'],
      [2, 'name', 'text'],
      [5, 'price'],
    ]);
    // Dropped and added: what it holds now was computed.
    expect(placed([items], [column])).toMatchObject([{ added: [], retyped: ['price'] }]);
  });

  it('says when another table has the name now, and when none has', () => {
    const old = table(5, 'items_old', [[1, 'id']]);
    const fresh = table(9, 'items', [[1, 'id']], { isPartitioned: true });
    expect(placed([items], [old, fresh])).toMatchObject([{ to: 'items_old', takenBy: 'items' }]);
    expect(placed([items], [])).toMatchObject([{ to: null, columns: [null, null, null] }]);
  });

  it('a column that the shadow computes takes no values', () => {
    const { columns } = items;
    const after = {
      ...items,
      columns: columns.map((column) => ({ ...column, isGenerated: column.name === 'price' })),
    };
    expect(placed([items], [after])).toMatchObject([{ columns: ['id', 'name', null] }]);
  });

  it('what is partitioned holds no rows of its own', () => {
    expect(placed([{ ...items, isPartitioned: true }], [items])).toEqual([]);
  });
});
