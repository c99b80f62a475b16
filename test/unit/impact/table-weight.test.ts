import { describe, expect, it } from 'vitest';
import type { LiveRelation } from '../../../src/domain/impact/live-catalog.js';
import {
  describeHazard,
  describeWeight,
  lockHazard,
  weighTables,
} from '../../../src/domain/impact/table-weight.js';

function relation(facts: Partial<LiveRelation>): LiveRelation {
  return {
    ...{ oid: 1, name: 't', schema: 'public', kind: 'r', persistence: 'p', owner: 'o' },
    ...{ estimatedRows: 0, sizeBytes: 0, writes: 0, reads: 0, mayRead: true, hidesRows: false },
    ...{ rowSecurity: false, parents: [], isPartition: false, definition: null },
    ...facts,
  };
}

const megabyte = 1024 * 1024;
const large = relation({ estimatedRows: 5_000_000, sizeBytes: 612 * megabyte, writes: 144_000 });

describe('the hazard of a lock', () => {
  it('is none on an empty table that nobody uses, and on a new one', () => {
    const empty = weighTables([relation({ estimatedRows: -1, sizeBytes: 8192 })], 3600);
    expect(lockHazard('ACCESS EXCLUSIVE', 'rewrite', empty)).toBe('none');
    expect(lockHazard('ACCESS EXCLUSIVE', 'rewrite', null)).toBe('none');
  });

  it('is brief where only catalogs change, or where the table is small', () => {
    const small = weighTables([relation({ estimatedRows: 100, sizeBytes: 65_536 })], null);
    expect(lockHazard('ACCESS EXCLUSIVE', 'rewrite', small)).toBe('brief');
    expect(lockHazard('ACCESS EXCLUSIVE', 'nothing', weighTables([large], null))).toBe('brief');
  });

  it('is brief on an empty table that is written to and emptied again and again', () => {
    const queue = weighTables([relation({ sizeBytes: 8192, writes: 1_000_000 })], null);
    expect(lockHazard('ACCESS EXCLUSIVE', 'nothing', queue)).toBe('brief');
  });

  it('is long where rows of a large table are read or written meanwhile', () => {
    for (const work of ['scan', 'rewrite', 'index'] as const) {
      expect(lockHazard('SHARE', work, weighTables([large], null))).toBe('long');
    }
  });

  it('is none where nobody has to wait', () => {
    for (const lock of ['SHARE UPDATE EXCLUSIVE', 'ACCESS SHARE', null] as const) {
      expect(lockHazard(lock, 'scan', weighTables([large], null))).toBe('none');
    }
  });
});

describe('the weight of a table', () => {
  it('names rows, size and traffic', () => {
    expect(describeWeight(weighTables([large], 3600))).toBe(
      'about 5,000,000 rows (612 MB, about 40 writes a second)',
    );
    expect(describeWeight(weighTables([large], 14_400_000))).toBe(
      'about 5,000,000 rows (612 MB, less than one write a minute)',
    );
  });

  it('claims nothing that the statistics do not say', () => {
    const unknown = relation({
      estimatedRows: -1,
      sizeBytes: 20 * megabyte,
      writes: null,
      reads: null,
    });
    expect(describeWeight(weighTables([unknown], 3600))).toBe('all rows (20 MB)');
    expect(weighTables([large], null).writesPerSecond).toBeNull();
  });

  it('is that of its partitions', () => {
    const parent = relation({ kind: 'p', estimatedRows: 300, sizeBytes: 0 });
    const partition = relation({ estimatedRows: 150, sizeBytes: 8192, writes: 10 });
    const weight = weighTables([parent, partition, partition], 10);
    expect(weight).toMatchObject({ rows: 300, sizeBytes: 16_384, writesPerSecond: 2 });
  });

  it('is told with what others wait for', () => {
    const weight = weighTables([large], null);
    const told = (lock: 'SHARE' | 'ACCESS EXCLUSIVE', hazard: 'none' | 'brief' | 'long') =>
      describeHazard(hazard, { lock, work: 'index', weight });
    expect(told('SHARE', 'long')).toBe(
      'blocks writes of about 5,000,000 rows (612 MB) while the index is built',
    );
    expect(told('ACCESS EXCLUSIVE', 'brief')).toMatch(/^blocks reads and writes for a moment/);
    expect(told('SHARE', 'none')).toBe('');
  });
});
