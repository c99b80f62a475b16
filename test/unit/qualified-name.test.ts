import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQualifiedName, parseQualifiedName } from '../../src/domain/qualified-name.js';

const part = fc.string({
  unit: fc.constantFrom('a', 'Z', '_', '.', '"', ' ', '\n', '\u007f', '$', 'ä', '\u{1F600}'),
});

describe('qualified name', () => {
  it.each([
    ['public', 'orders', 'public.orders'],
    ['public', 'Order Items', 'public.Order Items'],
    ['public', 'select', 'public.select'],
    ['größe', '-x=%$', 'größe.-x=%$'],
    ['a.b', 'c', '"a.b".c'],
    ['a', 'b.c', 'a."b.c"'],
    ['public', 'a"b', 'public."a""b"'],
    ['public', 'a\nb', 'public."a\nb"'],
    ['public', ' a', 'public." a"'],
  ])('of %j and %j is %j', (schema, name, text) => {
    expect(formatQualifiedName({ schema, name })).toBe(text);
    expect(parseQualifiedName(text)).toEqual({ schema, name });
  });

  it('reads back what it wrote, so no two tables have the same', () => {
    fc.assert(
      fc.property(part, part, (schema, name) => {
        expect(parseQualifiedName(formatQualifiedName({ schema, name }))).toEqual({ schema, name });
      }),
    );
  });

  it.each(['orders', 'a.b.c', '.a', 'a.', '"a.b', 'a."b"c', 'a"b.c', ''])('is not %j', (text) => {
    expect(parseQualifiedName(text)).toBeUndefined();
  });
});
