import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attributes, formatDefinition } from '../../src/domain/definition.js';
import {
  compareSchemas,
  type SchemaModel,
  type SchemaObject,
  schemaChecksum,
} from '../../src/domain/schema-model.js';

const object = (kind: string, name: string, attributes: Attributes = {}): SchemaObject => ({
  kind,
  name,
  definition: formatDefinition(attributes),
});
const model = (...objects: SchemaObject[]): SchemaModel => ({ format: 1, objects });

const table = object('table', 'public.t', { owner: 'amy' });
const id = object('column', 'public.t.id', { on: 'public.t', type: 'int' });
const serial = object('sequence', 'public.t_id_seq', { 'owned by': 'public.t.id' });
const key = object('constraint', 'public.t.t_pkey', { on: 'public.t', definition: 'PRIMARY KEY' });
const index = object('index', 'public.t_pkey', { on: 'public.t', 'owned by': 'public.t.t_pkey' });
const policy = object('policy', 'public.t.own', { on: 'public.t' });

const anyObject = fc.record({
  kind: fc.constantFrom('table', 'column', 'view'),
  name: fc.string(),
  definition: fc.string(),
});

describe('checksum of a schema', () => {
  it('is SHA-256 in hexadecimal, and stays what it was', () => {
    expect(schemaChecksum(model())).toBe(
      'a4d63daf4c736e67bd579bb20319fbed9688aca586285c362699f5fb91a6d27a',
    );
    expect(schemaChecksum(model(table, id))).toBe(
      '6ad7777ba5b92051d84d4817ba031a66d47874731e6480d4ca125e5b2d87bc4a',
    );
  });

  it('does not depend on the order of the objects', () => {
    fc.assert(
      fc.property(fc.array(anyObject), (objects) => {
        expect(schemaChecksum(model(...[...objects].reverse()))).toBe(
          schemaChecksum(model(...objects)),
        );
      }),
    );
  });

  it('depends on kind, name and definition, and on where one ends and the next begins', () => {
    const checksums = [
      model(table),
      model({ ...table, kind: 'view' }),
      model({ ...table, name: 'public.u' }),
      model({ ...table, definition: 'owner: bob' }),
      model({ kind: 'tablepublic', name: '.t', definition: table.definition }),
      model(table, table),
      model(),
    ].map(schemaChecksum);
    expect(new Set(checksums).size).toBe(checksums.length);
  });
});

describe('comparison of schemas', () => {
  it('finds nothing between equal ones, in whatever order', () => {
    expect(compareSchemas(model(table, id, key), model(key, id, table))).toEqual([]);
  });

  it('names what was added, removed and changed, sorted by kind of object and name', () => {
    const bigint = object('column', 'public.t.id', { on: 'public.t', type: 'bigint' });
    const view = object('view', 'public.a', { owner: 'amy' });
    const other = object('view', 'public.b', { owner: 'amy' });
    expect(compareSchemas(model(table, id, other), model(table, bigint, view))).toEqual([
      { kind: 'changed', object: 'column', name: 'public.t.id', detail: 'type: int → bigint' },
      { kind: 'added', object: 'view', name: 'public.a', detail: 'owner: amy' },
      { kind: 'removed', object: 'view', name: 'public.b', detail: 'owner: amy' },
    ]);
  });

  it('tells a table that came or went with its parts as one change', () => {
    const whole = model(table, id, serial, key, index, policy, {
      ...policy,
      name: 'public.t.own2',
    });
    const detail = 'owner: amy; with 1 column, 1 constraint, 1 index, 2 policies, 1 sequence';
    expect(compareSchemas(model(), whole)).toEqual([
      { kind: 'added', object: 'table', name: 'public.t', detail },
    ]);
    expect(compareSchemas(whole, model())).toEqual([
      { kind: 'removed', object: 'table', name: 'public.t', detail },
    ]);
  });

  it('tells parts of a table that stays one by one, each with its own parts', () => {
    expect(compareSchemas(model(table), model(table, id, serial, key, index))).toEqual([
      {
        kind: 'added',
        object: 'column',
        name: 'public.t.id',
        detail: 'type: int; with 1 sequence',
      },
      {
        kind: 'added',
        object: 'constraint',
        name: 'public.t.t_pkey',
        detail: 'definition: PRIMARY KEY; with 1 index',
      },
    ]);
  });

  it('tells an object that became another kind as removed and added', () => {
    const view = object('view', 'public.t', { owner: 'amy' });
    const changes = compareSchemas(model(table), model(view));
    expect(changes.map(({ kind, object: what }) => `${kind} ${what}`)).toEqual([
      'removed table',
      'added view',
    ]);
  });

  it('says no order of columns where columns only came', () => {
    const before = object('table', 'public.t', { 'column order': ['a'] });
    const after = object('table', 'public.t', { 'column order': ['a', 'b'] });
    const b = object('column', 'public.t.b', { on: 'public.t', type: 'int' });
    expect(compareSchemas(model(before), model(after, b)).map(({ name }) => name)).toEqual([
      'public.t.b',
    ]);
  });

  it('finds nothing exactly where checksums are equal', () => {
    const definition = fc.constantFrom('type: a', 'type: b', 'type: c\ndefault: 1');
    const objects = fc.uniqueArray(
      fc.record({
        kind: fc.constantFrom('table', 'view'),
        name: fc.constantFrom('x', 'y'),
        definition,
      }),
      { selector: ({ kind, name }) => `${kind} ${name}` },
    );
    fc.assert(
      fc.property(objects, objects, (a, b) => {
        const equal = schemaChecksum(model(...a)) === schemaChecksum(model(...b));
        expect(compareSchemas(model(...a), model(...b)).length === 0).toBe(equal);
      }),
    );
  });
});
