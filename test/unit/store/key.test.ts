import { expect, it } from 'vitest';
import { compareKeys, isKey } from '../../../src/store/key.js';

it.each([
  'shop/7301/archives/k3v9x2m7qa4t.dump',
  // A database's name may end like what a folder keeps beside an object.
  'shop.lock/7301/manifests/v1.json',
  `shop/x.part-${'a'.repeat(16)}/v1.json`,
  `${'~ff'.repeat(63)}/1/manifests/v1.json`,
  '..x/y..',
  'ledger/000000000001.json',
])('takes %s for a key', (key) => {
  expect(isKey(key)).toBe(true);
});

it.each(['', '/', 'a/', '/a', 'a//b', '..', 'a/../b', 'a/.', 'a\\b', 'a\tb', 'a\u007f', '\udc00'])(
  'takes %j for no key',
  (key) => {
    expect(isKey(key)).toBe(false);
  },
);

it('limits a key to what every store can hold', () => {
  expect(isKey('x'.repeat(200))).toBe(true);
  expect(isKey('é'.repeat(101))).toBe(false);
  expect(isKey(Array(9).fill('x'.repeat(100)).join('/'))).toBe(false);
});

it('sorts as S3 does, and not as JavaScript', () => {
  const keys = ['😀', '\u{ff5e}', 'b', 'a/b', 'a.b', 'a'];
  expect(keys.sort(compareKeys)).toEqual(['a', 'a.b', 'a/b', 'b', '\u{ff5e}', '😀']);
});
