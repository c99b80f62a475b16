import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  branchDatabaseName,
  branchSchemaName,
  validateBranchName,
} from '../../src/domain/branch-name.js';

const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });

describe('the name of a branch', () => {
  it.each([
    'invoices',
    'feature/Invoices',
    'a'.repeat(200),
    'Ünïcode-ß-日本語',
    'with "quotes" and \'more\'',
    'a=b',
    'a b',
    '😀',
    'x'.repeat(250),
  ])('may be %j', (name) => {
    expect(validateBranchName(name)).toBe(name);
  });

  it.each([
    ['', 'empty'],
    ['live', 'target itself'],
    ['-x', 'begins with'],
    ['--yes', 'begins with'],
    ['a\nb', 'control character'],
    ['a\0b', 'control character'],
    ['\u007f', 'control character'],
    [' live ', 'space'],
    ['x ', 'space'],
    ['x'.repeat(251), '251 bytes'],
    ['é'.repeat(126), '252 bytes'],
  ])('may not be %j', (name, why) => {
    expect(() => validateBranchName(name)).toThrow(why);
    expect(() => validateBranchName(name)).toThrow(expect.objectContaining({ code: 'BAD_NAME' }));
  });
});

describe('the name of a branch’s database', () => {
  it('is readable', () => {
    expect(branchDatabaseName('shop', 'invoices')).toBe('shop_invoices');
    expect(branchDatabaseName('shop', 'feature/Invoices')).toMatch(
      /^shop_feature_invoices_[0-9a-f]{6}$/,
    );
    expect(branchSchemaName('app', 'invoices')).toBe('app_invoices');
  });

  it.each([
    ['Invoices', 'invoices'],
    ['INVOICES', 'Invoices'],
    ['a/b', 'a_b'],
    ['a/b', 'a-b'],
    ['é', 'e\u0301'],
    ['é', 'e'],
    ['ß', 'ss'],
    ['日本', '本日'],
    ['a__b', 'a_b'],
    ['_a', 'a'],
    [`${'x'.repeat(200)}1`, `${'x'.repeat(200)}2`],
    [`${'x'.repeat(40)}`, `${'x'.repeat(41)}`],
  ])('of %j is not that of %j', (a, b) => {
    for (const root of ['shop', 'r'.repeat(63), 'ü'.repeat(31)]) {
      expect(branchDatabaseName(root, a)).not.toBe(branchDatabaseName(root, b));
    }
  });

  it('fits, is the same each time, keeps what PostgreSQL and shells take for plain, and never meets another', () => {
    fc.assert(
      fc.property(anyName, anyName, anyName, (root, a, b) => {
        const name = branchDatabaseName(root, a);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(branchDatabaseName(root, a)).toBe(name);
        expect(name).not.toBe(root);
        expect(branchDatabaseName('shop', a)).toMatch(/^shop_[a-z0-9_]+$/);
        if (a !== b) expect(branchDatabaseName(root, b)).not.toBe(name);
      }),
      { numRuns: 500 },
    );
  });
});
