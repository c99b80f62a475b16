import { describe, expect, test } from 'vitest';
import { parseOptions, parseSize, UsageError } from '../../../bench/options.js';

const now = new Date('2026-11-20T14:30:05.123Z');
const parse = (...args: string[]) => parseOptions(args, '/project', now);

describe('a size', () => {
  test.each([
    ['1GB', 1e9],
    ['100MB', 1e8],
    ['1.5 gb', 1.5e9],
    ['90000KB', 9e7],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', '1', 'GB', '-1GB', '0GB', '1TB', '1e3MB'])('not "%s"', (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });
});

describe('the command line', () => {
  test('says by default: 1 GB, everything, warm, three runs', () => {
    expect(parse()).toEqual({
      part: 'snapshots',
      sizeBytes: 1e9,
      rows: 5_000_000,
      only: undefined,
      caches: 'warm',
      runs: 3,
      outFile: '/project/bench-results/2026-11-20T14-30-05.json',
    });
  });

  test('takes rows for what is measured on one table', () => {
    expect(parse('impact', '--rows', '20000')).toMatchObject({ part: 'impact', rows: 20_000 });
    expect(() => parse('impact', '--rows', 'many')).toThrow(UsageError);
  });

  test('takes every option', () => {
    const args = '--size 3GB --only reflink --caches cold --runs 5 --out /else/x.json'.split(' ');
    expect(parse(...args)).toEqual({
      part: 'snapshots',
      sizeBytes: 3e9,
      rows: 5_000_000,
      only: 'reflink',
      caches: 'cold',
      runs: 5,
      outFile: '/else/x.json',
    });
  });

  test('names the part to measure', () => {
    expect(parse('checkpoints', '--size', '100MB')).toMatchObject({
      part: 'checkpoints',
      sizeBytes: 1e8,
    });
  });

  test('a relative file is relative to where the user is', () => {
    expect(parse('--out', 'x.json').outFile).toBe('/project/x.json');
  });

  test.each([
    ['--only', 'ext4'],
    ['--caches', 'tepid'],
    ['--runs', '0'],
    ['--runs', '1.5'],
    ['--size', '10MB'],
    ['--speed', '9'],
    ['3GB', ''],
    ['twigs'],
    ['snapshots', 'checkpoints'],
    ['checkpoints', '--only', 'plain'],
  ])('refuses %s %s', (...args) => {
    expect(() => parse(...args)).toThrow(UsageError);
  });
});
