import { describe, expect, it } from 'vitest';
import { orderBackups, Places } from '../../src/domain/data-placement.js';
import type { ColumnShape, TableShape } from '../../src/domain/data-rollback.js';
import type { KeptColumn, RecordBackup } from '../../src/domain/record-backup.js';

const column = (number: number, name: string): ColumnShape => ({
  ...{ number, name, sql: name, type: 'text', collation: null },
  ...{ notNull: false, hasDefault: false, isGenerated: false },
});

const table = (oid: number, name: string, ...names: string[]): TableShape => ({
  ...{ oid, schema: 'public', name, sql: `public.${name}`, isPartitioned: false },
  ...{ hasChildren: false, constraints: [] },
  columns: names.map((one, index) => column(index + 1, one)),
});

const kept = (number: number, name: string, isKey = false): KeptColumn => ({
  ...{ number, name, type: 'text', before: `v${number}`, after: null, form: 'native', isKey },
});

const backup = (facts: Partial<RecordBackup>): RecordBackup => ({
  ...{ id: 1, migrationVersion: '2', statement: 1, tableSchema: 'public', tableName: 'users' },
  ...{ tableOid: 50, columnName: 'email', kind: 'column', identity: 'primary-key' },
  ...{
    columns: [kept(1, 'id', true), kept(2, 'email')],
    dataTable: 'backup_1',
    rows: 1,
    values: 1,
  },
  ...{ sequences: {}, createdAt: '2026-01-01T00:00:00Z', restoredAt: null },
  ...facts,
});

describe('where the records of a backup belong', () => {
  it('follows a table and its key through renames, by what they are for the catalogs', () => {
    const places = new Places([table(50, 'people', 'number')]);
    const before = table(7, 'people', 'number');
    const after = { ...table(7, 'users', 'id'), columns: [column(1, 'id'), column(3, 'email')] };
    const { placements } = places.step({ before: [before], after: [after] }, [backup({})]);
    expect(placements).toMatchObject([
      {
        table: { name: 'users' },
        before: { name: 'people' },
        keys: [{ column: { name: 'id' } }],
        values: [{ column: { name: 'email' } }],
      },
    ]);
  });

  it('knows a table that is made again by its name, and what a step before makes of it', () => {
    const places = new Places([]);
    const made = table(9, 'users', 'id');
    const dropped = backup({ kind: 'table', columnName: null, columns: [kept(1, 'id', true)] });
    expect(places.step({ before: [], after: [made] }, [dropped]).placements).toMatchObject([
      { before: null, values: [{ column: { name: 'id' } }] },
    ]);
    const later = { ...made, name: 'members', columns: [column(1, 'id'), column(2, 'email')] };
    const { placements } = places.step({ before: [made], after: [later] }, [backup({})]);
    expect(placements).toMatchObject([{ table: { name: 'members' } }]);
  });

  it('says why records have no place', () => {
    const live = table(50, 'users', 'id');
    const why = (one: RecordBackup, after: TableShape[]) =>
      new Places([live])
        .step({ before: [{ ...live, oid: 7 }], after }, [one])
        .skipped.map((skipped) => skipped.why);
    expect(why(backup({}), [])).toEqual(['there is no such table after the rollback']);
    expect(why(backup({ dataTable: null }), [])).toEqual(['its records were pruned']);
    expect(why(backup({}), [table(7, 'users', 'id')])).toEqual([
      'what it keeps is not there after the rollback',
    ]);
    expect(why(backup({}), [{ ...table(7, 'users'), columns: [column(2, 'email')] }])).toEqual([
      'the column "id" that finds its rows is not there any more',
    ]);
  });

  it('puts back last what was lost first', () => {
    const list = [
      backup({ id: 1, statement: 1 }),
      backup({ id: 2, statement: 2 }),
      backup({ id: 3, statement: 2 }),
      backup({ id: 4, migrationVersion: '3' }),
      backup({ id: 5, migrationVersion: '1' }),
    ];
    expect(orderBackups(list, ['3', '2']).map(({ id }) => id)).toEqual([4, 3, 2, 1]);
  });
});
