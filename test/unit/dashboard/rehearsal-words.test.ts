import { describe, expect, it } from 'vitest';
import {
  columnWords,
  heldWords,
  lockEffect,
  modeWords,
  rehearsalVerdict,
  rowWords,
  sourceWords,
  tableWords,
} from '../../../dashboard/src/parts/rehearsal-words.js';
import type { RehearsedLock, RehearsedTable } from '../../../src/domain/rehearsal.js';
import { sampleRehearsal } from '../../support/sample-rehearsal.js';

const sound = {
  ...sampleRehearsal,
  ...{ ok: true, exitCode: 0, timedOut: false, recordsLost: 0, valuesChanged: 0, exceeded: [] },
  untouched: { status: 'proven' as const, evidence: [] },
};
const lock: RehearsedLock = {
  ...{ object: 'public.items', kind: 'table', mode: 'AccessExclusiveLock', heldMs: 120 },
  ...{ heldAtMostMs: 180, waitedMs: 0, statement: null },
};
const table: RehearsedTable = {
  ...{ table: 'public.items', renamedTo: null, change: 'kept', identity: 'primary key' },
  ...{ rowsBefore: 3, rowsAfter: 2, rowsInserted: 1, rowsDeleted: 2, rowsUpdated: 0 },
  ...{ valuesLost: 0, valuesChanged: 0, columns: [], samples: [] },
};

describe('a rehearsal in words', () => {
  it.each([
    ['ok', 'It works, and nothing is lost', {}],
    ['ok', 'It works; nothing is lost, 2 values changed', { valuesChanged: 2 }],
    ['warn', 'It works, and 1 record would be lost', { recordsLost: 1 }],
    ['danger', 'The migration fails', { ok: false, exitCode: 1 }],
    ['danger', 'It did not end in time', { ok: false, timedOut: true, exitCode: 137 }],
    [
      'danger',
      'The real database was touched while it ran',
      { ok: false, untouched: { status: 'touched', evidence: [] } },
    ],
  ] as const)('%s: %s', (look, title, changed) => {
    expect(rehearsalVerdict({ ...sound, ...changed })).toEqual({ look, title });
  });

  it('says what became of tables, columns and rows', () => {
    expect(tableWords(table)).toBe('2 rows deleted, 1 row inserted');
    expect(tableWords({ ...table, change: 'created' })).toBe('new, with 2 rows');
    expect(tableWords({ ...table, rowsInserted: 0, rowsDeleted: 0 })).toBe('its columns changed');
    const column = { column: 'n', renamedTo: 'm', change: 'retyped' as const };
    expect(columnWords({ ...column, valuesLost: 1, valuesChanged: 0, valuesSet: 2 })).toBe(
      'another type, renamed to m, 1 value lost, 2 values set',
    );
    const values = [{ column: 'name', before: 'rope', after: null }];
    expect(rowWords({ key: { id: '1' }, change: 'updated', values })).toBe(
      "updated id '1': name 'rope' → NULL",
    );
  });

  it('says how long others were kept out, and from what', () => {
    expect(heldWords(lock)).toBe('120 ms to 180 ms');
    expect(heldWords({ ...lock, heldMs: 0, heldAtMostMs: 4.2 })).toBe('less than 5 ms');
    expect(heldWords({ ...lock, heldAtMostMs: 120 })).toBe('120 ms');
    expect(modeWords(lock.mode)).toBe('ACCESS EXCLUSIVE');
    expect(lockEffect(lock)).toBe('no reading, no writing');
    expect(lockEffect({ ...lock, mode: 'ShareLock' })).toBe('no writing');
  });

  it('says where the copy came from', () => {
    const source = { kind: 'checkpoint', tag: 'a', createdAt: '', why: 'no room', durationMs: 20 };
    expect(sourceWords({ source: { ...source, kind: 'checkpoint' } })).toBe(
      'a copy of the checkpoint “a”, made in 20 ms: no room',
    );
  });
});
