import { describe, expect, it } from 'vitest';
import { assessChanges } from '../../src/domain/change-safety.js';
import { type Attributes, formatDefinition } from '../../src/domain/definition.js';
import { compareSchemas, type SchemaModel } from '../../src/domain/schema-model.js';

type Given = readonly [kind: string, name: string, attributes?: Attributes];

const model = (...objects: readonly Given[]): SchemaModel => ({
  format: 1,
  objects: objects.map(([kind, name, attributes = {}]) => ({
    ...{ kind, name, definition: formatDefinition(attributes) },
  })),
});

const table: Given = ['table', 'public.t', { owner: 'amy' }];
const column = (name: string, attributes: Attributes): Given => [
  'column',
  `public.t.${name}`,
  { on: 'public.t', ...attributes },
];
const constraint = (definition: string): Given => [
  'constraint',
  'public.t.k',
  { on: 'public.t', definition },
];

/** The safety of the one change between two lists of objects that both have the table `public.t`. */
function assess(before: readonly Given[], after: readonly Given[]) {
  const [a, b] = [model(table, ...before), model(table, ...after)];
  const changes = assessChanges(compareSchemas(a, b), a, b);
  expect(changes).toHaveLength(1);
  return changes[0];
}

const integer = column('a', { type: 'integer' });

describe('what a change does to rows', () => {
  it('a table goes with all its rows: UNSAFE', () => {
    const [a, b] = [model(table, integer), model()];
    expect(assessChanges(compareSchemas(a, b), a, b)).toMatchObject([
      { safety: 'UNSAFE', measure: { what: 'rows', table: 'public.t' } },
    ]);
  });

  it('a column goes with its values', () => {
    expect(assess([integer], [])).toMatchObject({
      safety: 'DATA_LOSS',
      measure: { what: 'values', table: 'public.t', column: 'a' },
    });
  });

  it('a computed column can be computed again', () => {
    expect(assess([column('a', { type: 'integer', generated: '1 STORED' })], [])?.safety).toBe(
      'SAFE',
    );
  });

  it.each([
    ['a plain one', { type: 'integer' }, 'SAFE'],
    ['one with a default', { type: 'integer', 'not null': 'yes', default: '0' }, 'SAFE'],
    [
      'one that every row must have, without a default',
      { type: 'integer', 'not null': 'yes' },
      'DATA_LOSS',
    ],
  ] as const)('a new column: %s', (_name, attributes, safety) => {
    expect(assess([], [column('a', attributes)])?.safety).toBe(safety);
  });

  it.each([
    ['integer', 'bigint', 'SAFE'],
    ['character varying(10)', 'text', 'SAFE'],
    ['character varying(10)', 'character varying(20)', 'SAFE'],
    ['character varying(20)', 'character varying(10)', 'DATA_LOSS'],
    ['bigint', 'integer', 'DATA_LOSS'],
    ['text', 'integer', 'DATA_LOSS'],
    ['numeric(10,2)', 'integer', 'DATA_LOSS'],
    ['timestamp without time zone', 'date', 'DATA_LOSS'],
  ] as const)('%s becomes %s: %s', (from, to, safety) => {
    expect(assess([column('a', { type: from })], [column('a', { type: to })])?.safety).toBe(safety);
  });

  it('a column becomes NOT NULL: rows without a value are counted', () => {
    const after = [column('a', { type: 'integer', 'not null': 'yes' })];
    expect(assess([integer], after)).toMatchObject({
      safety: 'DATA_LOSS',
      measure: { what: 'nulls', table: 'public.t', column: 'a' },
    });
    expect(assess(after, [integer])?.safety).toBe('SAFE');
  });

  it.each([
    ['CHECK ((a > 0))', 'DATA_LOSS'],
    ['UNIQUE (a)', 'DATA_LOSS'],
    ['FOREIGN KEY (a) REFERENCES public.u(id)', 'DATA_LOSS'],
    ['CHECK ((a > 0)) NOT VALID', 'SAFE'],
  ] as const)('a new constraint %s: %s', (definition, safety) => {
    expect(assess([], [constraint(definition)])?.safety).toBe(safety);
    expect(assess([constraint(definition)], [])?.safety).toBe('SAFE');
  });

  it('a unique index may be broken by rows, another one not', () => {
    const index = (definition: string): Given => [
      'index',
      'public.i',
      { on: 'public.t', definition },
    ];
    expect(assess([], [index('CREATE UNIQUE INDEX i ON public.t (a)')])?.safety).toBe('DATA_LOSS');
    expect(assess([], [index('CREATE INDEX i ON public.t (a)')])?.safety).toBe('SAFE');
  });

  it('a label that goes is looked for in every column of the type', () => {
    const mood = (...labels: string[]): Given => ['enum', 'public.mood', { labels }];
    const used = column('m', { type: 'public.mood' });
    const [a, b] = [model(table, used, mood(`'a'`, `'b'`)), model(table, used, mood(`'a'`))];
    expect(assessChanges(compareSchemas(a, b), a, b)).toMatchObject([
      {
        safety: 'DATA_LOSS',
        measure: { what: 'labels', labels: [`'b'`], columns: [{ table: 'public.t', column: 'm' }] },
      },
    ]);
    expect(assessChanges(compareSchemas(b, a), b, a)).toMatchObject([{ safety: 'SAFE' }]);
  });

  it('columns of views are no data', () => {
    const view: Given = ['view', 'public.v', {}];
    const shown: Given = ['column', 'public.v.a', { on: 'public.v', type: 'integer' }];
    const [a, b] = [model(view, shown), model(view)];
    expect(assessChanges(compareSchemas(a, b), a, b)).toMatchObject([{ safety: 'SAFE' }]);
  });
});
