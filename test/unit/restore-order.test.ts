import { describe, expect, it } from 'vitest';
import { shareOut } from '../../src/domain/restore-order.js';
import type { ContentsEntry } from '../../src/domain/table-of-contents.js';

function entry(dumpId: number, kind: string, needs: readonly number[] = []): ContentsEntry {
  return {
    ...{ dumpId, kind, needs, schema: 'public', tag: `t${dumpId}`, section: 'post-data' },
    ...{ owner: '', tablespace: '', definition: '', copyStatement: '' },
  };
}

const ids = (entries: readonly ContentsEntry[]) => entries.map(({ dumpId }) => dumpId);

describe('what several processes restore', () => {
  it('leaves indexes of partitions, and what needs them attached, to one of them', () => {
    const entries = [
      entry(1, 'INDEX'),
      entry(2, 'INDEX'),
      entry(3, 'FK CONSTRAINT', [4]),
      entry(4, 'INDEX ATTACH', [1, 2]),
      entry(5, 'COMMENT', [3]),
      entry(6, 'FK CONSTRAINT', [1]),
      entry(7, 'TRIGGER'),
    ];
    const { parallel, serial } = shareOut(entries);
    expect(ids(parallel)).toEqual([1, 2, 6, 7]);
    expect(ids(serial)).toEqual([3, 4, 5]);
  });

  it('is everything where nothing is attached', () => {
    const entries = [entry(1, 'INDEX'), entry(2, 'CONSTRAINT', [1])];
    expect(shareOut(entries)).toEqual({ parallel: entries, serial: [] });
  });
});
