import { describe, expect, it } from 'vitest';
import {
  countKinds,
  groupChanges,
  holderOf,
  linesOf,
} from '../../../dashboard/src/parts/schema-sides.js';
import { compareSchemas } from '../../../src/domain/schema-model.js';

const change = (
  kind: 'added' | 'removed' | 'changed',
  object: string,
  name: string,
  detail = '',
) => ({ kind, object, name, detail });

describe('a schema side by side', () => {
  it('puts what was on the left and what is on the right', () => {
    const lines = linesOf(
      change('changed', 'column', 'public.t.n', 'type: integer → bigint\nnot null: no → yes'),
    );
    expect(lines).toEqual([
      { label: 'type', before: 'integer', after: 'bigint' },
      { label: 'not null', before: 'no', after: 'yes' },
    ]);
  });

  it('pairs the lines of a longer text', () => {
    const detail = 'definition:\n- SELECT 1\n- FROM a\n+ SELECT 2\nowner: ada → bob';
    expect(linesOf(change('changed', 'view', 'public.v', detail))).toEqual([
      { label: 'definition', before: 'SELECT 1', after: 'SELECT 2' },
      { label: '', before: 'FROM a', after: null },
      { label: 'owner', before: 'ada', after: 'bob' },
    ]);
  });

  it('does not guess where an arrow is part of a value', () => {
    const detail = "default: 'a → b' → 'c'";
    expect(linesOf(change('changed', 'column', 'public.t.n', detail))).toEqual([
      { label: 'default', before: "'a → b' → 'c'", after: "'a → b' → 'c'" },
    ]);
  });

  it('leaves the other side of what came or went empty', () => {
    const [added] = linesOf(change('added', 'table', 'public.t', 'owner: ada; with 2 columns'));
    expect(added).toEqual({ label: '', before: null, after: 'owner: ada; with 2 columns' });
    const [removed] = linesOf(change('removed', 'table', 'public.t', 'owner: ada'));
    expect(removed).toEqual({ label: '', before: 'owner: ada', after: null });
  });

  it.each([
    ['column', 'public.t.n', '', 'public.t'],
    ['column', 'public."odd.name"."col.umn"', '', 'public."odd.name"'],
    ['constraint', 'public.t.t_pkey', '', 'public.t'],
    ['table', 'public.t', '', 'public.t'],
    ['function', 'public.f(integer)', '', 'public.f(integer)'],
    [
      'index',
      'public.by_n',
      'definition: CREATE INDEX by_n ON public.t USING btree (n)',
      'public.t',
    ],
    [
      'index',
      'public.by_n',
      'definition: CREATE INDEX by_n ON public."T t" USING gin (n)',
      'public."T t"',
    ],
    ['index', 'public.by_n', 'tablespace: none → fast', 'public.by_n'],
  ])('finds whose a %s %s is', (object, name, detail, holder) => {
    expect(holderOf(change('added', object, name, detail)).holder).toBe(holder);
  });

  it('groups by object, the object itself first', () => {
    const groups = groupChanges([
      change('changed', 'column', 'public.b.n', 'type: integer → bigint'),
      change('changed', 'table', 'public.b', 'owner: ada → bob'),
      change('added', 'view', 'public.a', 'owner: ada'),
    ]);
    expect(groups.map(({ title }) => title)).toEqual(['public.a', 'public.b']);
    expect(groups[1]?.changes.map(({ shortName }) => shortName)).toEqual(['public.b', 'n']);
  });

  it('understands what a comparison of two models says', () => {
    const model = (type: string, body: string) => ({
      format: 1 as const,
      objects: [
        { kind: 'column', name: 'public.t.n', definition: `on: public.t\ntype: ${type}` },
        { kind: 'function', name: 'public.f()', definition: `definition: |\n  ${body}\n  END` },
      ],
    });
    const changes = compareSchemas(model('integer', 'BEGIN a'), model('bigint', 'BEGIN b'));
    const [first, second] = groupChanges(changes);
    expect(first?.changes[0]?.lines).toEqual([
      { label: 'definition', before: 'BEGIN a', after: 'BEGIN b' },
    ]);
    expect(second?.changes[0]?.lines).toEqual([
      { label: 'type', before: 'integer', after: 'bigint' },
    ]);
  });

  it('counts for a heading', () => {
    expect(countKinds([])).toBe('no difference');
    expect(countKinds([{ kind: 'added' }, { kind: 'changed' }, { kind: 'added' }])).toBe(
      '2 added, 1 changed',
    );
  });
});
