import { describe, expect, it } from 'vitest';
import type { Rename } from '../../src/domain/history.js';
import { beforeRenames } from '../../src/domain/measure-renames.js';

const table = (from: string, to: string): Rename => ({ object: 'table', from, to });
const column = (from: string, to: string): Rename => ({ object: 'column', from, to });
const values = (name: string, own: string) =>
  ({ what: 'values', table: name, column: own }) as const;

describe('what is counted in a database whose names are still the old ones', () => {
  it('a table under its name of before all steps', () => {
    const steps = [[table('public.a', 'public.b')], [table('public.b', 'public.c')]];
    expect(beforeRenames({ what: 'rows', table: 'public.c' }, steps)).toEqual({
      ...{ what: 'rows', table: 'public.a' },
    });
  });

  it('a column, its table, or both', () => {
    expect(beforeRenames(values('public.b', 'x'), [[table('public.a', 'public.b')]])).toEqual(
      values('public.a', 'x'),
    );
    const both = [[table('public.a', 'public.b'), column('public.a.x', 'public.b.y')]];
    expect(beforeRenames(values('public.b', 'y'), both)).toEqual(values('public.a', 'x'));
    expect(beforeRenames(values('public.b', 'z'), both)).toEqual(values('public.a', 'z'));
  });

  it('the columns of a type', () => {
    const measure = {
      what: 'labels',
      type: 'public.m',
      labels: [],
      columns: [{ table: 'public.b', column: 'x' }],
    } as const;
    expect(beforeRenames(measure, [[table('public.a', 'public.b')]])).toMatchObject({
      columns: [{ table: 'public.a', column: 'x' }],
    });
  });
});
