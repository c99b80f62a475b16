import { describe, expect, test } from 'vitest';
import { type Attributes, formatDefinition } from '../../src/domain/definition.js';
import { createStatements } from '../../src/domain/schema-ddl/create-statements.js';
import {
  argumentsOf,
  literal,
  namePartsOf,
  splitOutsideQuotes,
  withoutArguments,
} from '../../src/domain/schema-ddl/ddl-names.js';
import { cascadeStatements, leadStatements } from '../../src/domain/schema-ddl/lead-statements.js';
import { usualNotNullName } from '../../src/domain/schema-ddl/not-null-names.js';
import type { SchemaModel } from '../../src/domain/schema-model.js';

type Sample = readonly [kind: string, name: string, attributes: Attributes];

const model = (...objects: readonly Sample[]): SchemaModel => ({
  format: 1,
  objects: objects.map(([kind, name, attributes]) => ({
    ...{ kind, name },
    definition: formatDefinition(attributes),
  })),
});

const sqlOf = (statements: readonly { readonly sql: string }[]) =>
  statements.map(({ sql }) => sql.replaceAll(/\s+/g, ' '));

const lead = (from: SchemaModel, to: SchemaModel) => sqlOf(leadStatements(from, to, 'me'));

const table: Sample = ['table', 'app.t', { owner: 'me', 'column order': ['id', '"b c"'] }];
const id: Sample = ['column', 'app.t.id', { on: 'app.t', type: 'bigint', 'not null': 'yes' }];
const other: Sample = [
  'column',
  'app.t."b c"',
  { on: 'app.t', type: 'text', default: `'x'::text` },
];

describe('names', () => {
  test('are taken apart outside of quotes only', () => {
    expect(namePartsOf('app."a.b".c')).toEqual(['app', '"a.b"', 'c']);
    expect(withoutArguments('app."f(x)"(integer, text)')).toBe('app."f(x)"');
    expect(argumentsOf('app."f(x)"(integer, text)')).toBe('(integer, text)');
    expect(splitOutsideQuotes('"a: b": SELECT', ': ')).toEqual(['"a: b"', 'SELECT']);
  });

  test('constants hold quotes and backslashes', () => {
    expect(literal("it's")).toBe("'it''s'");
    expect(literal('a\\b').trim()).toBe("E'a\\\\b'");
  });

  test('of NOT NULL constraints are cut as PostgreSQL cuts them', () => {
    expect(usualNotNullName('app.t', 'id')).toBe('t_id_not_null');
    const long = usualNotNullName(`app.${'t'.repeat(60)}`, 'column_of_some_length');
    expect(long).toBe(`${'t'.repeat(32)}_column_of_some_length_not_null`);
    expect(long).toHaveLength(63);
  });
});

describe('statements that make a schema', () => {
  test('come in an order that works', () => {
    const { statements, unsupported } = createStatements(
      model(
        ['schema', 'app', { owner: 'me', grants: ['bob: USAGE'] }],
        table,
        id,
        other,
        ['constraint', 'app.t.t_pkey', { on: 'app.t', definition: 'PRIMARY KEY (id)' }],
        ['index', 'app.t_pkey', { on: 'app.t', 'owned by': 'app.t.t_pkey' }],
        ['view', 'app.v', { owner: 'me', definition: 'SELECT 1 AS one;', comment: "bob's" }],
      ),
    );
    expect(unsupported).toEqual([]);
    expect(sqlOf(statements)).toEqual([
      'CREATE SCHEMA app',
      `CREATE TABLE app.t ( id bigint NOT NULL, "b c" text DEFAULT 'x'::text )`,
      'ALTER TABLE app.t ADD CONSTRAINT t_pkey PRIMARY KEY (id)',
      'CREATE VIEW app.v AS SELECT 1 AS one',
      'ALTER SCHEMA app OWNER TO me',
      'ALTER TABLE app.t OWNER TO me',
      'ALTER VIEW app.v OWNER TO me',
      'GRANT USAGE ON SCHEMA app TO bob',
      "COMMENT ON VIEW app.v IS 'bob''s'",
    ]);
  });

  test('leave out what every database has', () => {
    const { statements } = createStatements(
      model(['schema', 'public', { owner: 'pg_database_owner', comment: 'x' }]),
    );
    expect(sqlOf(statements).filter((sql) => sql.startsWith('CREATE'))).toEqual([]);
  });

  test('name what has secrets', () => {
    const { unsupported } = createStatements(
      model(['foreign server', 's', { owner: 'me', wrapper: 'w', options: ['api_key'] }]),
    );
    expect(unsupported).toEqual([{ kind: 'foreign server', name: 's' }]);
  });
});

describe('statements that lead from one schema to another', () => {
  test('change no more than what differs', () => {
    const from = model(table, id, other);
    expect(lead(from, from)).toEqual([]);
    const wider: Sample = ['column', 'app.t.id', { on: 'app.t', type: 'numeric' }];
    expect(lead(from, model(table, wider, other))).toEqual([
      'ALTER TABLE app.t ALTER COLUMN id TYPE numeric USING id::numeric',
      'ALTER TABLE app.t ALTER COLUMN id DROP NOT NULL',
    ]);
  });

  test('add and drop columns, and never make a table anew', () => {
    expect(lead(model(table, id), model(table, id, other))).toEqual([
      `ALTER TABLE app.t ADD COLUMN "b c" text DEFAULT 'x'::text`,
    ]);
    expect(lead(model(table, id, other), model(table, id))).toEqual([
      'ALTER TABLE app.t DROP COLUMN "b c"',
    ]);
    const parted: Sample = ['table', 'app.t', { owner: 'me', 'partition by': 'LIST (id)' }];
    expect(lead(model(table, id), model(parted, id))).toEqual([]);
    const change = { kind: 'changed', object: 'table', name: 'app.t', detail: '' } as const;
    expect(cascadeStatements(model(table, id), model(parted, id), [change])).toEqual([]);
  });

  test('add labels where they belong, and take none away', () => {
    const labels = (...list: string[]) => model(['enum', 'app.e', { owner: 'me', labels: list }]);
    expect(lead(labels(`'b'`), labels(`'a'`, `'b'`, `'c'`))).toEqual([
      `ALTER TYPE app.e ADD VALUE 'a' BEFORE 'b'`,
      `ALTER TYPE app.e ADD VALUE 'c' AFTER 'b'`,
    ]);
    expect(lead(labels(`'a'`, `'b'`), labels(`'a'`))).toEqual([]);
  });

  test('revoke before they grant, by whom it was granted', () => {
    const granted = (...grants: string[]) => model(['schema', 'app', { owner: 'me', grants }]);
    expect(lead(granted('bob: USAGE'), granted('bob: CREATE', 'eve: USAGE by bob'))).toEqual([
      'REVOKE USAGE ON SCHEMA app FROM bob CASCADE',
      'GRANT CREATE ON SCHEMA app TO bob',
      'SET ROLE bob; GRANT USAGE ON SCHEMA app TO eve; RESET ROLE',
    ]);
  });

  test('rename a NOT NULL constraint, as a column has one only', () => {
    const named: Sample = ['constraint', 'app.t.must', { on: 'app.t', definition: 'NOT NULL id' }];
    expect(lead(model(table, id), model(table, id, named))).toEqual([
      'ALTER TABLE app.t RENAME CONSTRAINT t_id_not_null TO must',
    ]);
    expect(lead(model(table, id, named), model(table, id))).toEqual([
      'ALTER TABLE app.t RENAME CONSTRAINT must TO t_id_not_null',
    ]);
  });
});
