import { describe, expect, it } from 'vitest';
import { compareFingerprints, type Fingerprint } from '../../src/domain/fingerprint.js';

const fingerprint: Fingerprint = {
  schemaChecksum: 'abc',
  tables: 2,
  rows: 30,
  rowCounts: { 'public.a': 10, 'public.b': 20 },
  sequences: { 'public.s': { lastValue: '9007199254740993', isCalled: true } },
};

describe('comparison of fingerprints', () => {
  it('finds nothing between equal ones, whatever the order of the names', () => {
    const same = { ...fingerprint, rowCounts: { 'public.b': 20, 'public.a': 10 } };
    expect(compareFingerprints(fingerprint, same)).toEqual([]);
  });

  it('names the schema, tables and sequences that differ', () => {
    const actual: Fingerprint = {
      schemaChecksum: 'def',
      tables: 2,
      rows: 30,
      rowCounts: { 'public.a': 11, 'public.c': 0 },
      sequences: {
        'public.s': { lastValue: '9007199254740992', isCalled: true },
        'public.t': { lastValue: '1', isCalled: false },
      },
    };
    expect(compareFingerprints(fingerprint, actual)).toEqual([
      { what: 'schema', name: 'schema', expected: 'abc', actual: 'def' },
      { what: 'rows', name: 'public.a', expected: '10', actual: '11' },
      { what: 'rows', name: 'public.b', expected: '20', actual: 'none' },
      { what: 'rows', name: 'public.c', expected: 'none', actual: '0' },
      {
        what: 'sequence',
        name: 'public.s',
        expected: '9007199254740993',
        actual: '9007199254740992',
      },
      { what: 'sequence', name: 'public.t', expected: 'none', actual: '1 (not used yet)' },
    ]);
  });

  it('tells a sequence at its first value from one that gave it out', () => {
    const at = (isCalled: boolean): Fingerprint => ({
      ...fingerprint,
      sequences: { 'public.s': { lastValue: '1', isCalled } },
    });
    expect(compareFingerprints(at(true), at(false))).toEqual([
      { what: 'sequence', name: 'public.s', expected: '1', actual: '1 (not used yet)' },
    ]);
  });
});
