import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partSizeBytes, partsInFlight } from '../../../src/store/s3-part-size.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const maxParts = 10_000;

/** What fits into the parts that S3 allows, and how much of it is in memory at once. */
function capacity(expectedBytes: number | undefined, parts = maxParts): number {
  let bytes = 0;
  for (let part = 1; part <= parts; part += 1) bytes += partSizeBytes(part, expectedBytes);
  return bytes;
}

it('has parts of 8 MiB for all that is small or not known', () => {
  for (const expected of [undefined, 0, 1, gibibyte, 70 * gibibyte]) {
    expect(partSizeBytes(1, expected)).toBe(8 * mebibyte);
  }
});

it('reaches terabytes where the size is not known', () => {
  expect(capacity(undefined)).toBeGreaterThan(3000 * gibibyte);
});

it('has even parts that are enough for whatever is expected, and more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5000 * gibibyte }), (expected) => {
      const size = partSizeBytes(1, expected);
      const needed = Math.max(1, Math.ceil(expected / size));
      expect(needed).toBeLessThanOrEqual(maxParts);
      expect(partSizeBytes(needed, expected)).toBe(size);
      expect(size % mebibyte).toBe(0);
      expect(partSizeBytes(maxParts, expected)).toBeGreaterThanOrEqual(size);
    }),
  );
});

it('still stores what turns out five times as large as expected', () => {
  expect(capacity(100 * gibibyte)).toBeGreaterThan(500 * gibibyte);
});

it.each([1, 50, 250, 500])('holds less than 200 MB in memory for %d GiB', (size) => {
  const part = partSizeBytes(1, size * gibibyte);
  expect(part * (partsInFlight(part) + 1)).toBeLessThan(200_000_000);
});
