import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLsn } from '../../../src/domain/wal-position.js';
import { parseBackupLabel, walSegments } from '../../../src/domain/wal-segments.js';

const label = `START WAL LOCATION: 16/B374D848 (file 0000000A00000016000000B3)
CHECKPOINT LOCATION: 16/B374D880
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-11-22 01:02:45 UTC
LABEL: belay
START TIMELINE: 10
`;

describe('parseBackupLabel', () => {
  it('reads where a backup begins', () => {
    expect(parseBackupLabel(label)).toEqual({ lsn: '16/B374D848', timeline: 10 });
  });

  it('says so where a text is none', () => {
    expect(parseBackupLabel('')).toBeUndefined();
    expect(parseBackupLabel('LABEL: START WAL LOCATION: 0/1 (file 00')).toBeUndefined();
  });
});

describe('walSegments', () => {
  const segmentBytes = 16 * 1024 ** 2;

  it('names the files from the first byte to the last', () => {
    const range = { timeline: 1, segmentBytes };
    expect(walSegments({ ...range, from: '0/2000028', to: '0/2000100' })).toEqual([
      '000000010000000000000002',
    ]);
    // What ends where a file ends does not need the next one.
    expect(walSegments({ ...range, from: '0/2000028', to: '0/3000000' })).toEqual([
      '000000010000000000000002',
    ]);
    expect(walSegments({ ...range, from: '0/FE000028', to: '1/1000028' })).toEqual([
      '0000000100000000000000FE',
      '0000000100000000000000FF',
      '000000010000000100000000',
      '000000010000000100000001',
    ]);
  });

  it('agrees with the file that a label names', () => {
    const [first] = walSegments({
      from: '16/B374D848',
      to: '16/B4000000',
      timeline: 10,
      segmentBytes,
    });
    expect(label).toContain(`(file ${first})`);
  });

  it('covers every byte once, in order, whatever the size of the files', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n << 20n, max: 1n << 45n }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1, 16, 64, 1024),
        (from, megabytes, segmentMb) => {
          const bytes = segmentMb * 1024 ** 2;
          const to = from + BigInt(megabytes) * (1n << 20n);
          const names = walSegments({
            ...{ from: formatLsn(from), to: formatLsn(to), timeline: 3, segmentBytes: bytes },
          });
          const size = BigInt(bytes);
          expect(names).toHaveLength(Number((to - 1n) / size - from / size) + 1);
          expect([...names].sort()).toEqual(names);
          expect(new Set(names).size).toBe(names.length);
        },
      ),
    );
  });
});
