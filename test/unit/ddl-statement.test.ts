import { describe, expect, it } from 'vitest';
import {
  findStatement,
  type SeenStatement,
  withoutConstants,
} from '../../src/domain/ddl-statement.js';
import type { SchemaChange } from '../../src/domain/schema-model.js';

describe('a statement that is shown', () => {
  it.each([
    [
      "CREATE USER MAPPING FOR me SERVER s OPTIONS (password 'secret')",
      "CREATE USER MAPPING FOR me SERVER s OPTIONS (password '…')",
    ],
    ["COMMENT ON TABLE t IS 'it''s secret'", "COMMENT ON TABLE t IS '…'"],
    [String.raw`SELECT E'a\'secret', 1`, "SELECT '…', 1"],
    ['DO $x$ secret $$ secret $x$ LANGUAGE sql', "DO '…' LANGUAGE sql"],
    ['ALTER TABLE "it\'s" /* secret */ ADD a int -- secret', 'ALTER TABLE "it\'s" ADD a int'],
    ["ALTER ROLE x PASSWORD 'cut off secr", "ALTER ROLE x PASSWORD '…'"],
    ['DO $$ cut off secr', "DO '…'"],
    ['CREATE TABLE t (\n  a int\n)', 'CREATE TABLE t ( a int )'],
  ])('has no constant in it: %s', (sql, shown) => {
    expect(withoutConstants(sql)).toBe(shown);
  });

  it('is cut where it is long', () => {
    expect(withoutConstants(`SELECT ${'a, '.repeat(500)}`)).toHaveLength(301);
  });
});

const since = '2026-11-20T12:00:00.000Z';
const change = (kind: SchemaChange['kind'], object: string, name: string): SchemaChange => ({
  ...{ kind, object, name, detail: '' },
});
const statement = (sql: string, at: string | null = null): SeenStatement => ({
  ...{ sql, at, by: 'amy' },
});

describe('the statement that may have made a change', () => {
  it.each([
    ['added', 'table', 'public.t', 'create table T (id int)'],
    ['added', 'column', 'public.t.c', 'ALTER TABLE t ADD c int'],
    ['removed', 'column', 'public.t.c', 'ALTER TABLE public.t DROP COLUMN c'],
    ['changed', 'view', 'public.v', 'CREATE OR REPLACE VIEW v AS SELECT 1'],
    ['changed', 'function', 'app.f(integer, text)', 'ALTER FUNCTION app.f OWNER TO x'],
    ['removed', 'table', 'public."Odd.Name"', 'DROP TABLE "Odd.Name"'],
    ['added', 'constraint', 'public.t.t_n_check', 'ALTER TABLE t ADD CHECK (n > 0)'],
  ] as const)('is found: %s %s %s', (kind, object, name, sql) => {
    const definition = object === 'constraint' ? 'on: public.t' : '';
    const found = findStatement(change(kind, object, name), definition, {
      ...{ since, statements: [statement('DROP TABLE other'), statement(sql)] },
    });
    expect(found?.sql).toBe(sql);
  });

  it.each([
    ['of another object', 'CREATE TABLE t2 (id int)'],
    ['that does something else', 'DROP TABLE t'],
    ['with the name in a constant', `CREATE TABLE u AS SELECT 't'`],
    ['with a name that ends alike', 'CREATE TABLE my_t (id int)'],
  ])('is not one %s', (_, sql) => {
    const statements = [statement(sql)];
    expect(findStatement(change('added', 'table', 'public.t'), '', { statements, since })).toBe(
      undefined,
    );
  });

  it('is the newest, and none from before', () => {
    const statements = [
      statement('ALTER TABLE t RENAME TO u'),
      statement('ALTER TABLE t SET LOGGED', '2026-11-20T12:01:00.000Z'),
      statement('ALTER TABLE t SET UNLOGGED', '2026-11-20T12:02:00.000Z'),
    ];
    const changed = change('changed', 'table', 'public.t');
    const find = (from: string) => findStatement(changed, '', { statements, since: from })?.sql;
    expect(find(since)).toBe('ALTER TABLE t SET UNLOGGED');
    // One that the server has no time for may still be it.
    expect(find('2026-11-20T13:00:00.000Z')).toBe('ALTER TABLE t RENAME TO u');
  });
});
