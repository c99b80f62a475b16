import { describe, expect, it } from 'vitest';
import type { AssessedChange } from '../../src/domain/change-safety.js';
import { foldRenames } from '../../src/domain/rehearsal-renames.js';

const change = (kind: AssessedChange['kind'], object: string, name: string): AssessedChange => ({
  kind,
  object,
  name,
  detail: '',
  safety: 'SAFE',
  reason: '',
  measure: null,
});

const column = (name: string, renamedTo: string | null) => ({
  ...{ column: name, renamedTo, change: 'kept' as const },
  ...{ valuesLost: 0, valuesChanged: 0, valuesSet: 0 },
});
const table = { table: 'public.users', renamedTo: null, change: 'kept' as const, columns: [] };

describe('what went and came as one', () => {
  it('is one change of a column', () => {
    const changes = [
      change('removed', 'column', 'public.users.age'),
      change('added', 'column', 'public.users.years'),
      change('added', 'column', 'public.users.tier'),
    ];
    const folded = foldRenames(changes, [{ ...table, columns: [column('age', 'years')] }]);
    expect(folded).toMatchObject([
      { kind: 'changed', name: 'public.users.age', detail: 'renamed to public.users.years' },
      { kind: 'added', name: 'public.users.tier' },
    ]);
  });

  it('is one change of a table', () => {
    const changes = [
      change('removed', 'table', 'public.users'),
      change('added', 'table', 'public.people'),
    ];
    const folded = foldRenames(changes, [{ ...table, renamedTo: 'public.people' }]);
    expect(folded).toMatchObject([{ kind: 'changed', detail: 'renamed to public.people' }]);
  });

  it('stays two where the table was dropped and another of the name made', () => {
    const changes = [
      change('removed', 'table', 'public.users'),
      change('added', 'table', 'public.people'),
    ];
    const dropped = { ...table, renamedTo: 'public.people', change: 'dropped' as const };
    expect(foldRenames(changes, [dropped])).toEqual(changes);
  });

  it('stays what it is where one half is missing', () => {
    const changes = [change('removed', 'column', 'public.users.age')];
    expect(foldRenames(changes, [{ ...table, columns: [column('age', 'years')] }])).toEqual(
      changes,
    );
  });
});
