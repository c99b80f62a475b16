import { describe, expect, it } from 'vitest';
import { type Attributes, formatDefinition } from '../../src/domain/definition.js';
import type { SchemaModel, SchemaObject } from '../../src/domain/schema-model.js';
import { renameCandidates } from '../../src/domain/schema-renames.js';

const object = (kind: string, name: string, attributes: Attributes): SchemaObject => ({
  ...{ kind, name, definition: formatDefinition(attributes) },
});
const table = (name: string, columns: Record<string, string>): SchemaObject[] => [
  object('table', name, { owner: 'amy' }),
  ...Object.entries(columns).map(([column, type]) =>
    object('column', `${name}.${column}`, { on: name, type }),
  ),
];
const model = (...objects: SchemaObject[][]): SchemaModel => ({
  format: 1,
  objects: objects.flat(),
});

const users = { id: 'integer', name: 'text', email: 'text' };

describe('what may have been renamed', () => {
  it('a table with the same columns, and not its columns again', () => {
    const found = renameCandidates(
      model(table('public.users', users)),
      model(table('public.people', { ...users, age: 'integer' })),
    );
    expect(found).toEqual([
      { object: 'table', from: 'public.users', to: 'public.people', likeness: 0.75 },
    ]);
  });

  it('a column of the same type in the same table', () => {
    const found = renameCandidates(
      model(table('public.users', users)),
      model(table('public.users', { id: 'integer', name: 'text', mail: 'text' })),
    );
    expect(found).toMatchObject([
      { object: 'column', from: 'public.users.email', to: 'public.users.mail' },
    ]);
  });

  it('not what is of another type, in another schema, or made of other columns', () => {
    const before = model(table('public.users', users));
    for (const after of [
      model(table('public.users', { id: 'integer', name: 'text', mail: 'integer' })),
      model(table('app.users', users)),
      model(table('public.orders', { id: 'integer', total: 'numeric', at: 'date' })),
    ]) {
      expect(renameCandidates(before, after)).toEqual([]);
    }
  });

  it('each object once, the likeliest pair first', () => {
    const column = (name: string, more: Attributes) =>
      object('column', `public.t.${name}`, { on: 'public.t', type: 'text', ...more });
    const before = model(table('public.t', {}), [column('a', { default: "'x'" }), column('b', {})]);
    const after = model(table('public.t', {}), [column('c', {}), column('d', { default: "'x'" })]);
    const found = renameCandidates(before, after);
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      ['public.t.a', 'public.t.d'],
      ['public.t.b', 'public.t.c'],
    ]);
  });

  it('nothing between equal schemas, or where something only went', () => {
    const whole = model(table('public.users', users));
    expect(renameCandidates(whole, whole)).toEqual([]);
    expect(renameCandidates(whole, model())).toEqual([]);
  });
});
