import { describe, expect, it } from 'vitest';
import { renameStatements } from '../../src/domain/rename-statements.js';

describe('SQL that renames', () => {
  it.each([
    ['table', 'public.a', 'public.b', 'ALTER TABLE public.a RENAME TO b'],
    ['column', 'public.t.a', 'public.t."B"', 'ALTER TABLE public.t RENAME COLUMN a TO "B"'],
    ['constraint', 'public.t.k', 'public.t.l', 'ALTER TABLE public.t RENAME CONSTRAINT k TO l'],
    ['enum', 'public.mood', 'public.feeling', 'ALTER TYPE public.mood RENAME TO feeling'],
    ['trigger', 'public.t.a', 'public.t.b', 'ALTER TRIGGER a ON public.t RENAME TO b'],
    [
      'function',
      'public.f(integer, text)',
      'public.g(integer, text)',
      'ALTER ROUTINE public.f(integer, text) RENAME TO g',
    ],
    ['materialized view', '"A b".m', '"A b".n', 'ALTER MATERIALIZED VIEW "A b".m RENAME TO n'],
    ['schema', 'app', 'application', 'ALTER SCHEMA app RENAME TO application'],
    [
      'function',
      'public.f(public.mood)',
      'app.f(public.mood)',
      'ALTER ROUTINE public.f(public.mood) SET SCHEMA app',
    ],
    ['table', 'public.a', 'app.a', 'ALTER TABLE public.a SET SCHEMA app'],
  ])('%s', (object, from, to, sql) => {
    expect(renameStatements([{ object, from, to }])).toEqual([sql]);
  });

  it('moves and renames in two steps', () => {
    expect(renameStatements([{ object: 'table', from: 'public.a', to: 'app.b' }])).toEqual([
      'ALTER TABLE public.a SET SCHEMA app',
      'ALTER TABLE app.a RENAME TO b',
    ]);
  });

  it('renames the columns of a table before the table', () => {
    const renames = [
      { object: 'table', from: 'public.a', to: 'public.b' },
      { object: 'column', from: 'public.a.x', to: 'public.b.y' },
    ];
    expect(renameStatements(renames)).toEqual([
      'ALTER TABLE public.a RENAME COLUMN x TO y',
      'ALTER TABLE public.a RENAME TO b',
    ]);
  });

  it('moves and renames a routine by its arguments', () => {
    const rename = { object: 'procedure', from: 'public.p(a.t)', to: 'app.q(a.t)' };
    expect(renameStatements([rename])).toEqual([
      'ALTER ROUTINE public.p(a.t) SET SCHEMA app',
      'ALTER ROUTINE app.p(a.t) RENAME TO q',
    ]);
  });
});
