import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, type HashedRow, mergeRows } from '../../src/domain/row-diff.js';

/** From one to four bytes of UTF-8, and around the surrogates. */
const character = fc.constantFrom(
  ' ',
  'Z',
  'a',
  'ä',
  '\uD7FF',
  '\uE000',
  '\uFFFD',
  '\u{1F600}',
  '\u{10FFFF}',
);

/** In batches of two, so that a batch ends on either side at any place. */
async function* inOrder(rows: ReadonlyMap<string, string>): AsyncGenerator<HashedRow[]> {
  const keys = [...rows.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const all = keys.map((key) => ({ key: [key], value: rows.get(key) ?? '' }));
  for (let at = 0; at < all.length; at += 2) yield all.slice(at, at + 2);
}

describe('order of keys', () => {
  it('is that of the UTF-8 bytes', () => {
    const wellFormed = fc.string({ unit: character });
    fc.assert(
      fc.property(wellFormed, wellFormed, (a, b) => {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareBytes(a, b))).toBe(expected);
      }),
    );
    expect(compareBytes('\uFFFD', '\u{1F600}')).toBeLessThan(0);
  });
});

describe('merge of two sides', () => {
  it('gives every key that differs once, and no other', async () => {
    const side = fc
      .array(fc.tuple(fc.string({ unit: character, maxLength: 3 }), fc.constantFrom('x', 'y')))
      .map((entries) => new Map(entries));
    await fc.assert(
      fc.asyncProperty(side, side, async (a, b) => {
        const found = new Map<string, string>();
        for await (const { key, before, after } of mergeRows(inOrder(a), inOrder(b))) {
          expect(found.has(key[0] ?? '')).toBe(false);
          found.set(key[0] ?? '', `${before} ${after}`);
        }
        const expected = [...new Set([...a.keys(), ...b.keys()])]
          .filter((key) => a.get(key) !== b.get(key))
          .map((key) => [key, `${a.get(key)} ${b.get(key)}`] as const);
        expect(found).toEqual(new Map(expected));
      }),
    );
  });

  it('compares the parts of a key one by one', async () => {
    async function* rows(...keys: string[][]): AsyncGenerator<HashedRow[]> {
      yield keys.map((key) => ({ key, value: 'x' }));
    }
    const found: string[] = [];
    const a = rows(['a', 'z'], ['ab', 'b']);
    for await (const { key, after } of mergeRows(a, rows(['a', 'z'], ['ab', 'a'], ['ab', 'b']))) {
      found.push(`${key.join(' ')} ${after}`);
    }
    expect(found).toEqual(['ab a x']);
  });
});
