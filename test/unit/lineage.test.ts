import { describe, expect, it } from 'vitest';
import { basedOn, withRestore } from '../../src/domain/lineage.js';
import { sampleRecord } from '../support/sample-records.js';

const at = (hour: number) => `2026-11-20T${String(hour).padStart(2, '0')}:00:00.000Z`;

describe('basedOn', () => {
  it('is nothing where no snapshot has to do with the database', () => {
    expect(basedOn(1, [])).toBeNull();
    expect(
      basedOn(1, [
        sampleRecord({ sourceOid: 2, restoredAs: [{ oid: 3, at: at(1), evidence: null }] }),
      ]),
    ).toBe(null);
  });

  it('is the newest that was taken from it', () => {
    const old = sampleRecord({ sourceOid: 1, snapshot: { id: 'old', createdAt: at(1) } });
    const young = sampleRecord({ sourceOid: 1, snapshot: { id: 'young', createdAt: at(2) } });
    expect(basedOn(1, [old, young])?.record).toBe(young);
    expect(basedOn(1, [young, old])?.record).toBe(young);
  });

  it('is the one that it was restored from, since then', () => {
    const record = sampleRecord({
      sourceOid: 1,
      snapshot: { createdAt: at(1) },
      restoredAs: [
        { oid: 2, at: at(3), evidence: null },
        { oid: 5, at: at(4), evidence: null },
      ],
    });
    expect(basedOn(2, [record])).toEqual({ record, since: at(3) });
    expect(basedOn(5, [record])).toEqual({ record, since: at(4) });
  });

  it('follows what came last: a restore, or a snapshot taken since', () => {
    const base = sampleRecord({
      sourceOid: 1,
      restoredAs: [{ oid: 2, at: at(3), evidence: null }],
    });
    const taken = sampleRecord({ sourceOid: 2, snapshot: { id: 'wip', createdAt: at(4) } });
    expect(basedOn(2, [taken, base])?.record).toBe(taken);
    const before = sampleRecord({ sourceOid: 2, snapshot: { id: 'wip', createdAt: at(2) } });
    expect(basedOn(2, [base, before])?.record).toBe(base);
  });
});

describe('withRestore', () => {
  it('notes a restore, and forgets those whose database is gone', () => {
    const record = sampleRecord({
      restoredAs: [
        { oid: 2, at: at(1), evidence: null },
        { oid: 3, at: at(2), evidence: null },
      ],
    });
    const noted = withRestore(record, { oid: 4, at: at(3), evidence: null }, new Set([1, 3]));
    expect(noted).toEqual({
      ...record,
      restoredAs: [
        { oid: 3, at: at(2), evidence: null },
        { oid: 4, at: at(3), evidence: null },
      ],
    });
  });
});
