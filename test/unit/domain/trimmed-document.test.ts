import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trimDocument } from '../../../src/domain/trimmed-document.js';

describe('trimDocument', () => {
  it('leaves what fits as it is', () => {
    const document = { a: [1, 2, 3] };
    expect(trimDocument(document, 1_000)).toEqual({ document, leftOut: [] });
  });

  it('cuts lists, tables of names and texts, and says which', () => {
    const document = {
      list: Array.from({ length: 1_000 }, (_, n) => n),
      table: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`t${n}`, n])),
      text: 'x'.repeat(30_000),
    };
    const { document: cut, leftOut } = trimDocument(document, 30_000);
    expect(leftOut).toEqual([
      ...['list: 500 of 1000', 'table: 500 of 1000', 'text (characters): 20000 of 30000'],
    ]);
    expect(Object.keys((cut as typeof document).table)).toHaveLength(500);
  });

  it('fits, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.integer({ min: 100, max: 2_000 }),
        (value, most) => {
          const { document, leftOut } = trimDocument(value, most);
          expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThanOrEqual(most);
          const isWhole = JSON.stringify(document) === JSON.stringify(value);
          expect(leftOut.length === 0).toBe(isWhole);
        },
      ),
    );
  });
});
