import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attributes, formatDefinition, parseDefinition } from '../../src/domain/definition.js';

/** Texts with what could be mistaken for the format's own marks. */
const text = fc
  .array(fc.oneof(fc.string(), fc.constantFrom('\n', '  ', '- ', '|', ': ', 'a:', '\r')))
  .map((parts) => parts.join(''));
const key = fc.stringMatching(/^[a-z][a-z ]{0,11}$/);
const attributes = fc.dictionary(
  key,
  fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 })),
  { noNullPrototype: true },
);

describe('definition', () => {
  it('reads back exactly what it wrote, in the same order', () => {
    fc.assert(
      fc.property(attributes, (written) => {
        const read = parseDefinition(formatDefinition(written));
        expect(JSON.stringify(read)).toBe(JSON.stringify(written));
      }),
    );
  });

  it('writes different attributes differently', () => {
    fc.assert(
      fc.property(attributes, attributes, (a, b) => {
        const equal = JSON.stringify(a) === JSON.stringify(b);
        expect(formatDefinition(a) === formatDefinition(b)).toBe(equal);
      }),
    );
  });

  it.each<[string, Attributes, string]>([
    ['a text in one line', { type: 'integer' }, 'type: integer'],
    ['an empty text', { default: '' }, 'default: '],
    ['a text in several lines', { comment: 'a\n\nb' }, 'comment: |\n  a\n  \n  b'],
    ['a list', { labels: ['b', 'a'] }, 'labels:\n  - b\n  - a'],
    ['a list with a text in several lines', { l: ['a\nb', '- c'] }, 'l:\n  - a\n    b\n  - - c'],
    ['several attributes', { on: 't', type: 'x' }, 'on: t\ntype: x'],
    ['an empty list as none', { grants: [], on: 't' }, 'on: t'],
    ['nothing', {}, ''],
  ])('writes %s', (_, written, expected) => {
    expect(formatDefinition(written)).toBe(expected);
  });

  it('ignores lines that are no attribute', () => {
    expect(parseDefinition('no attribute\ntype: x\n')).toEqual({ type: 'x' });
  });
});
