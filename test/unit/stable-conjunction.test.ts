import { describe, expect, it } from 'vitest';
import { flattenConjunctions } from '../../src/domain/stable-conjunction.js';

describe('flattening of AND and OR', () => {
  it.each([
    [
      'a first part that is joined in the same way',
      'CHECK ((((a >= 1) AND (a <= 2)) AND (b > 3)))',
      'CHECK (((a >= 1) AND (a <= 2) AND (b > 3)))',
    ],
    [
      'several levels',
      '((((a) OR (b)) OR (c)) OR (EXISTS ( SELECT\n   FROM t)))',
      '((a) OR (b) OR (c) OR (EXISTS ( SELECT\n   FROM t)))',
    ],
    [
      'one in another',
      '((((a) AND (b)) AND (c)) OR (((d) OR (e)) OR (f)))',
      '(((a) AND (b) AND (c)) OR ((d) OR (e) OR (f)))',
    ],
  ])('takes the brackets of %s away', (_, printed, stable) => {
    expect(flattenConjunctions(printed)).toBe(stable);
    expect(flattenConjunctions(stable)).toBe(stable);
  });

  it.each([
    ['a part that is not the first', '((a) AND ((b) AND (c)) AND ((d) AND (e)))'],
    ['another operator', '(((a) AND (b)) OR (c))'],
    ['what is only compared', '(((a) = (b)) AND (c))'],
    ['what is in quotes', `((a = '((x) AND (y)) AND ') OR ("((a) OR (b)) OR " = '('))`],
    ['a part that is negated', '((NOT ((a) AND (b))) AND (c))'],
    ['a part with more in front of it', '((f((a) AND (b))) AND (c))'],
    ['brackets that never end', '(((a) AND (b)'],
    ['brackets that never began', '(a)) AND ((b)) AND (c)'],
  ])('leaves %s alone', (_, sql) => {
    expect(flattenConjunctions(sql)).toBe(sql);
  });
});
