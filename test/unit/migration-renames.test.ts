import { describe, expect, it } from 'vitest';
import { findRenames } from '../../src/domain/migration-renames.js';

/** Objects as "kind name", known by their place in the list. */
const objects = (...all: string[]) =>
  all.map((text, index) => {
    const [, kind = '', name = ''] = /^(.+?) (\S.*)$/.exec(text) ?? [];
    return { kind, name, identity: String(index) };
  });

const renames = (before: string[], after: string[]) =>
  findRenames(objects(...before), objects(...after)).map(
    ({ object, from, to }) => `${object} ${from} → ${to}`,
  );

describe('findRenames', () => {
  it.each([
    ['nothing', ['table s.a'], ['table s.a'], []],
    ['a column', ['column s.a.x'], ['column s.a.y'], ['column s.a.x → s.a.y']],
    [
      'a table, without what only followed',
      ['table s.a', 'column s.a.x', 'constraint s.a.c', 'sequence s.a_x_seq'],
      ['table s.b', 'column s.b.x', 'constraint s.b.c', 'sequence s.a_x_seq'],
      ['table s.a → s.b'],
    ],
    [
      'a column of a renamed table',
      ['table s.a', 'column s.a.x'],
      ['table s.b', 'column s.b.y'],
      ['table s.a → s.b', 'column s.a.x → s.b.y'],
    ],
    [
      'a schema',
      ['schema s', 'table s.a', 'column s.a.x', 'index s.i', 'function s.f(s.a)'],
      ['schema t', 'table t.a', 'column t.a.x', 'index t.i', 'function t.f(t.a)'],
      ['schema s → t'],
    ],
    [
      'two that changed places',
      ['table s.a', 'table s.b'],
      ['table s.b', 'table s.a'],
      ['table s.a → s.b', 'table s.b → s.a'],
    ],
    ['another schema', ['table s.a', 'index s.i'], ['table t.a', 'index t.i'], ['table s.a → t.a']],
    [
      'a type in arguments',
      ['enum s.e', 'function s.f(s.e)'],
      ['enum s.g', 'function s.f(s.g)'],
      ['enum s.e → s.g'],
    ],
    [
      'names like others',
      ['table s.a', 'table s.ab'],
      ['table s.c', 'table s.ab'],
      ['table s.a → s.c'],
    ],
    ['what is no rename', ['trigger s.a.x'], ['trigger s.a.y'], []],
  ])('%s', (_, before, after, expected) => {
    expect(renames(before, after)).toEqual(expected);
  });

  it('takes what was dropped and made anew for two objects', () => {
    const before = [{ kind: 'table', name: 'a', identity: '1' }];
    expect(findRenames(before, [{ kind: 'table', name: 'b', identity: '2' }])).toEqual([]);
  });
});
