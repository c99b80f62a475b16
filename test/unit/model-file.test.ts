import { describe, expect, it } from 'vitest';
import { formatDefinition } from '../../src/domain/definition.js';
import { parseModelFile } from '../../src/domain/model-file.js';
import { withoutRelations } from '../../src/domain/own-relations.js';
import { ownerStatements, withOwnersOf } from '../../src/domain/owners.js';
import {
  describeModel,
  type SchemaModel,
  type SchemaObject,
} from '../../src/domain/schema-model.js';

const object = (
  kind: string,
  name: string,
  attributes: Record<string, string> = {},
): SchemaObject => ({
  ...{ kind, name, definition: formatDefinition(attributes) },
});
const model = (...objects: SchemaObject[]): SchemaModel => ({ format: 1, objects });
const some = model(object('table', 'public.t', { owner: 'amy' }));

describe('a model in a file', () => {
  it('is read as it was written', () => {
    const text = JSON.stringify(describeModel(some, 180004));
    expect(parseModelFile(text, 'a.json')).toEqual(some);
  });

  it.each([
    ['no JSON', 'SELECT 1', 'BAD_SCHEMA_FILE'],
    ['another document', '{"a": 1}', 'BAD_SCHEMA_FILE'],
    ['objects that are none', '{"format": 1, "objects": [1]}', 'BAD_SCHEMA_FILE'],
    ['a later format', '{"format": 2, "objects": []}', 'NEWER_FORMAT'],
    ['a changed one', JSON.stringify({ ...describeModel(some), objects: [] }), 'HISTORY_DAMAGED'],
  ])('%s is refused', (_name, text, code) => {
    expect(() => parseModelFile(text, 'a.json')).toThrow(expect.objectContaining({ code }));
  });
});

describe("a tool's own relations", () => {
  it('go with all that belongs to them, and nothing else', () => {
    const whole = model(
      object('column', 'public.t.id', { on: 'public.t' }),
      object('column', 'public.tool.id', { on: 'public.tool' }),
      object('index', 'public.tool_pkey', { on: 'public.tool' }),
      object('sequence', 'public.tool_id_seq', { 'owned by': 'public.tool.id' }),
      object('table', 'public.tool'),
      object('table', 'public.toolbox'),
    );
    expect(withoutRelations(whole, ['public.tool']).objects.map(({ name }) => name)).toEqual([
      'public.t.id',
      'public.toolbox',
    ]);
    expect(withoutRelations(whole, [])).toBe(whole);
  });
});

describe('owners of what a file makes', () => {
  it('are those of the same objects elsewhere', () => {
    const file = model(
      object('table', 'public.t', { owner: 'me' }),
      object('view', 'public.v', { owner: 'me' }),
    );
    expect(withOwnersOf(file, some).objects.map(({ definition }) => definition)).toEqual([
      'owner: amy',
      'owner: me',
    ]);
  });

  it('are given by ALTER, by the keyword of the kind; a sequence of a column follows its table', () => {
    const actual = model(
      object('enum', 'public.e', { owner: 'me' }),
      object('materialized view', 'public.m', { owner: 'me' }),
      object('sequence', 'public.s', { owner: 'me', 'owned by': 'public.t.id' }),
      object('table', 'public.t', { owner: 'amy' }),
    );
    const wanted = model(
      ...actual.objects.map((one) => ({ ...one, definition: one.definition.replace('me', 'amy') })),
    );
    expect(ownerStatements(actual, wanted)).toEqual([
      'ALTER TYPE public.e OWNER TO amy',
      'ALTER MATERIALIZED VIEW public.m OWNER TO amy',
    ]);
  });
});
