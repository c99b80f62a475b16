import { describe, expect, it } from 'vitest';
import { type Attributes, formatDefinition } from '../../src/domain/definition.js';
import { describeChange, describeObject } from '../../src/domain/schema-change-detail.js';

const change = (before: Attributes, after: Attributes): string =>
  describeChange(formatDefinition(before), formatDefinition(after));

describe('detail of a change', () => {
  it.each<[string, Attributes, Attributes, string]>([
    ['nothing', { type: 'int' }, { type: 'int' }, ''],
    ['a value', { type: 'int' }, { type: 'bigint' }, 'type: int → bigint'],
    ['a value that came', {}, { default: '0' }, 'default: none → 0'],
    ['a value that went', { default: '0' }, {}, 'default: 0 → none'],
    ['an empty text', { default: '' }, {}, 'default:  → none'],
    ['a yes that came', {}, { 'not null': 'yes' }, 'not null: no → yes'],
    ['a yes that went', { 'not null': 'yes' }, {}, 'not null: yes → no'],
    [
      'several attributes, a line each',
      { type: 'int', default: '1' },
      { type: 'text', default: '2' },
      'type: int → text\ndefault: 1 → 2',
    ],
    [
      'only the lines of a longer text that differ',
      { definition: 'BEGIN\n  a;\n  b;\nEND' },
      { definition: 'BEGIN\n  a;\n  c;\n  d;\nEND' },
      'definition:\n-   b;\n+   c;\n+   d;',
    ],
    ['a text that got a second line', { comment: 'a' }, { comment: 'a\nb' }, 'comment:\n+ b'],
    [
      'what left a list and what came',
      { grants: ['bob: SELECT', 'eve: SELECT'] },
      { grants: ['amy: INSERT', 'eve: SELECT'] },
      'grants:\n- bob: SELECT\n+ amy: INSERT',
    ],
    ['a list that came', {}, { grants: ['bob: SELECT'] }, 'grants:\n+ bob: SELECT'],
    [
      'another order of a list',
      { labels: ['a', 'b', 'c'] },
      { labels: ['a', 'c', 'b'] },
      'labels:\n- b\n- c\n+ c\n+ b',
    ],
    [
      'another order of columns',
      { 'column order': ['a', 'b', 'c'] },
      { 'column order': ['b', 'a', 'new'] },
      'column order: a, b → b, a',
    ],
    [
      'no order where columns only came and went',
      { 'column order': ['a', 'gone', 'b'] },
      { 'column order': ['a', 'b', 'new'] },
      '',
    ],
  ])('tells %s', (_, before, after, expected) => {
    expect(change(before, after)).toBe(expected);
  });
});

describe('detail of an object', () => {
  it('is its attributes and its parts in one line, without the table it is on', () => {
    const definition = formatDefinition({
      on: 'public.t',
      type: 'int',
      labels: ['a', 'b\nc'],
      comment: 'one\ntwo\nthree',
    });
    expect(describeObject(definition, ['with 2 columns'])).toBe(
      'type: int; labels: a, b c; comment: one … (3 lines); with 2 columns',
    );
  });

  it('is empty where there is nothing to say', () => {
    expect(describeObject('on: public.t', [])).toBe('');
  });
});
