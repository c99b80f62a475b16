import { describe, expect, it } from 'vitest';
import {
  chooseCopyStrategy,
  type EarlierCopy,
  estimateCopy,
  methodInEffect,
} from '../../src/domain/copy-strategy.js';

const mb = 1024 * 1024;
const walLog = { strategy: 'WAL_LOG', askForClone: false } as const;
const fileCopy = { strategy: 'FILE_COPY', askForClone: false } as const;
const asked = { strategy: 'FILE_COPY', askForClone: true } as const;

describe('chooseCopyStrategy', () => {
  it.each([
    ['14 offers no choice', 140010, 1000 * mb, false, { strategy: null, askForClone: false }],
    ['small', 150018, 63 * mb, false, walLog],
    ['large', 150018, 64 * mb, false, fileCopy],
    ['small, reflinks on offer', 180001, 8 * mb, true, walLog],
    ['large, reflinks on offer', 180001, 64 * mb, true, asked],
    ['large, no reflinks', 180001, 64 * mb, false, fileCopy],
    ['size not known', 180001, Number.MAX_SAFE_INTEGER, true, asked],
  ])('%s', (_what, serverVersion, sizeBytes, offersClone, expected) => {
    expect(chooseCopyStrategy({ serverVersion, sizeBytes, offersClone })).toEqual(expected);
  });
});

describe('methodInEffect', () => {
  const gb = 1024 * mb;
  const measured = (sizeBytes: number, durationMs: number, spaceUsedBytes?: number) => ({
    sizeBytes,
    durationMs,
    spaceUsedBytes,
  });

  it('is what was asked for where that leaves no doubt', () => {
    expect(methodInEffect(walLog, measured(gb, 1, 0))).toBe('wal_log');
    expect(methodInEffect(fileCopy, measured(gb, 1, 0))).toBe('file_copy');
  });

  it('is a reflink only where hardly any space was used', () => {
    expect(methodInEffect(asked, measured(gb, 1, 3 * mb))).toBe('reflink');
    expect(methodInEffect(asked, measured(gb, 1, gb))).toBe('file_copy');
    expect(methodInEffect(asked, measured(gb, 1, gb / 4))).toBe('file_copy');
    expect(methodInEffect(asked, measured(gb, 9000, -5 * mb))).toBe('reflink');
  });

  it('goes by the rate where the space is not visible, and never claims a reflink in doubt', () => {
    expect(methodInEffect(asked, measured(10 * gb, 400))).toBe('reflink');
    expect(methodInEffect(asked, measured(10 * gb, 4000))).toBe('file_copy');
    expect(methodInEffect(asked, measured(100 * mb, 1))).toBe('file_copy');
    expect(methodInEffect(asked, measured(0, 0))).toBe('file_copy');
  });
});

describe('estimateCopy', () => {
  const earlier = (method: EarlierCopy['method'], sizeBytes: number, copyMs: number) => ({
    ...{ method, sizeBytes, copyMs },
    createdAt: '2026-11-20T14:30:00.000Z',
  });

  it('is in proportion to the newest copy of the same way', () => {
    const copies = [earlier('wal_log', 10 * mb, 50), earlier('file_copy', 1000 * mb, 2000)];
    expect(estimateCopy(2000 * mb, fileCopy, copies)).toEqual({
      estimateMs: 4000,
      basis: 'as measured on 2026-11-20 14:30',
    });
    expect(estimateCopy(20 * mb, walLog, copies)?.estimateMs).toBe(100);
  });

  it('does not grow with the size for a reflink', () => {
    const copies = [earlier('reflink', 1000 * mb, 130)];
    expect(estimateCopy(4000 * mb, asked, copies)?.estimateMs).toBe(130);
    expect(estimateCopy(4000 * mb, fileCopy, copies)).toBeUndefined();
  });

  it('claims nothing without a fitting sample', () => {
    expect(estimateCopy(mb, fileCopy, [])).toBeUndefined();
    expect(estimateCopy(1000 * mb, fileCopy, [earlier('file_copy', 10 * mb, 5)])).toBeUndefined();
    expect(estimateCopy(10 * mb, fileCopy, [earlier('rename', 10 * mb, 0)])).toBeUndefined();
    expect(estimateCopy(10 * mb, fileCopy, [earlier('file_copy', 10 * mb, 0)])).toBeUndefined();
  });
});
