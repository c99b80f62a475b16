import { describe, expect, it } from 'vitest';
import { automaticTag, validateTag } from '../../src/domain/tag.js';

describe('validateTag', () => {
  it.each([
    'a',
    'baseline',
    'feature/invoices-2',
    'v1.2.3',
    '_x',
    '1',
    'A.b_c-d/e',
    'latest-2',
    'x'.repeat(128),
  ])('accepts %j', (tag) => {
    expect(validateTag(tag)).toBe(tag);
  });

  it.each([
    ['', 'is empty'],
    ['-a', 'starts with "-"'],
    ['.a', 'starts with "."'],
    ['/a', 'starts with "/"'],
    ['a..b', 'contains ".."'],
    ['a b', 'not allowed'],
    ['a\n', 'not allowed'],
    ['ä', 'not allowed'],
    ['~1', 'not allowed'],
    ['@2026', 'not allowed'],
    ['a"b', 'not allowed'],
    ["a'b", 'not allowed'],
    ['a\0', 'not allowed'],
    ['x'.repeat(129), 'has 129 characters'],
    ['latest', 'Belay uses itself'],
    ['live', 'Belay uses itself'],
  ])('refuses %j', (tag, why) => {
    expect(() => validateTag(tag)).toThrow(
      expect.objectContaining({
        code: 'BAD_TAG',
        exitCode: 2,
        message: expect.stringContaining(why),
      }),
    );
  });
});

describe('automaticTag', () => {
  const at = new Date('2026-11-21T06:51:43.210Z');

  it('names the reason and the second', () => {
    expect(automaticTag('before-restore', at, new Set())).toBe('before-restore-20261121-065143');
  });

  it('counts on where the tag is taken', () => {
    const taken = new Set(['before-restore-20261121-065143', 'before-restore-20261121-065143-2']);
    expect(automaticTag('before-restore', at, taken)).toBe('before-restore-20261121-065143-3');
  });

  it('is a valid tag', () => {
    const tag = automaticTag('before-restore', at, new Set());
    expect(validateTag(tag)).toBe(tag);
  });
});
