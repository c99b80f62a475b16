import { describe, expect, it } from 'vitest';
import { exceededThresholds } from '../../src/domain/rehearsal-thresholds.js';

const facts = {
  ...{ recordsLost: 1234, valuesChanged: 5, exclusiveLockMs: 1500.4, durationMs: 2000 },
  walBytes: 3_400_000,
  probes: [
    { verdict: 'broken' as const },
    { verdict: 'changed' as const },
    { verdict: 'slower' as const },
  ],
};

describe('thresholds of a rehearsal', () => {
  it('names what was passed, with numbers', () => {
    const limits = {
      ...{ maxRecordsLost: 0, maxValuesChanged: 4, maxExclusiveLockMs: 1000 },
      ...{ maxDurationMs: 1999, maxWalBytes: 1_000_000, maxProbesBroken: 1 },
    };
    const found = exceededThresholds(facts, limits);
    expect(found.map(({ message }) => message)).toEqual([
      '1,234 records lost, at most 0 allowed',
      '5 values changed, at most 4 allowed',
      'a table was locked for everybody for 1,500.4 ms, at most 1,000 ms allowed',
      'the migration took 2,000 ms, at most 1,999 ms allowed',
      '3.4 MB of WAL written, at most 1 MB allowed',
      '2 probes broken or changed, at most 1 allowed',
    ]);
    expect(found[0]).toMatchObject({ threshold: 'maxRecordsLost', limit: 0, actual: 1234 });
  });

  it('lets be what is as large as its limit', () => {
    const limits = {
      ...{ maxRecordsLost: 1234, maxValuesChanged: 5, maxExclusiveLockMs: 1500.4 },
      ...{ maxDurationMs: 2000, maxWalBytes: 3_400_000, maxProbesBroken: 2 },
    };
    expect(exceededThresholds(facts, limits)).toEqual([]);
  });

  it('allows no broken probe unless somebody does, and has no other limit of its own', () => {
    expect(exceededThresholds(facts, {}).map(({ threshold }) => threshold)).toEqual([
      'maxProbesBroken',
    ]);
    expect(exceededThresholds({ ...facts, probes: [{ verdict: 'failing' }] }, {})).toEqual([]);
  });

  it('has no limit for WAL where it is not known', () => {
    const unknown = { ...facts, walBytes: null, probes: [] };
    expect(exceededThresholds(unknown, { maxWalBytes: 1 })).toEqual([]);
  });

  it('counts one as one', () => {
    const one = { ...facts, recordsLost: 1, probes: [] };
    expect(exceededThresholds(one, { maxRecordsLost: 0 })[0]?.message).toBe(
      '1 record lost, at most 0 allowed',
    );
  });
});
