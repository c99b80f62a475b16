import { describe, expect, test } from 'vitest';
import type { Rename } from '../../../src/domain/history.js';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import {
  type PlannedSql,
  planSchemaSql,
  type SchemaStatement,
} from '../../../src/postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../../src/postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import { renameStatements } from '../../../src/postgres/schema/rename-statements.js';
import type { Session } from '../../../src/postgres/session.js';
import { withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { testServers } from '../../support/servers.js';

const doing = 'preparing a test';

/** What comes of a plan where nobody tried it before: in transactions, as it says. */
async function runPlanned(session: Session, { statements }: PlannedSql): Promise<void> {
  await session.execute('BEGIN; SET LOCAL check_function_bodies = off', doing);
  for (const { sql, breaksBefore } of statements) {
    if (breaksBefore) await session.execute('COMMIT; BEGIN', doing);
    await session.execute(sql, doing);
  }
  await session.execute('COMMIT', doing);
}

const table = 'CREATE TABLE public.t (a int, b int, c text)';
const view =
  'CREATE VIEW public.v AS SELECT x, y FROM public.viewed; CREATE VIEW public.w AS SELECT y FROM public.v';

/** Each is a schema before and after it, of objects that the others do not have. */
const cases: Readonly<Record<string, readonly [string, string]>> = {
  labels: [
    `CREATE TYPE public.mood AS ENUM ('bad', 'good'); CREATE TABLE public.moods (m public.mood);`,
    `CREATE TYPE public.mood AS ENUM ('bad', 'so so', 'good'); CREATE TABLE public.moods (m public.mood DEFAULT 'so so');`,
  ],
  'what the planner does not know': [
    `${table}; CREATE STATISTICS public.old ON a, b FROM public.t;`,
    `${table}; CREATE STATISTICS public.s (dependencies) ON a, b FROM public.t;
     CREATE FUNCTION public.f(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1)';
     CREATE FUNCTION public.eq(text, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
     CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = int, FUNCTION = public.eq);
     CREATE TEXT SEARCH CONFIGURATION public.words (COPY = pg_catalog.simple);
     ALTER TABLE public.t ALTER a SET STATISTICS 77, ALTER c SET STORAGE EXTERNAL, ALTER b SET (n_distinct = 5);`,
  ],
  'views in the way': [
    `CREATE TABLE public.viewed (x int, y int); ${view}; COMMENT ON VIEW public.w IS 'x';`,
    `CREATE TABLE public.viewed (x int, y bigint); ${view}; COMMENT ON VIEW public.w IS 'x';`,
  ],
  'tables that keep their rows': [
    `CREATE TABLE public.p (a int) PARTITION BY LIST (a); CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1);
     CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES IN (2); CREATE TABLE public.p3 (a int);
     CREATE TABLE public.i (a int); CREATE TABLE public.j (a int, b int); CREATE TABLE public.k (t text);`,
    `CREATE TABLE public.p (a int) PARTITION BY LIST (a); CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1, 9);
     CREATE TABLE public.p2 (a int); CREATE TABLE public.p3 PARTITION OF public.p FOR VALUES IN (3);
     CREATE TABLE public.i (a int); CREATE TABLE public.j (b int) INHERITS (public.i); CREATE TABLE public.k (t text COLLATE "C");`,
  ],
  losses: [
    'CREATE TABLE public.less (a int, b int); CREATE TABLE public.gone (a int);',
    'CREATE TABLE public.less (a int);',
  ],
};

const virtual = [
  'CREATE TABLE public.computed (a int);',
  'CREATE TABLE public.computed (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);',
] as const;

describe.each(testServers())('a plan that is proven on $name', (server) => {
  const inThree = <T>(work: (a: Session, b: Session, c: Session) => Promise<T>): Promise<T> =>
    withDatabaseOf(server, (a) =>
      withDatabaseOf(server, (b) => withDatabaseOf(server, (c) => work(a, b, c))),
    );

  /** Finds the way on a copy, and then goes it elsewhere. */
  const lead = (before: string, after: string, renames: readonly Rename[] = []) =>
    inThree(async (scratch, destination, real) => {
      for (const session of [scratch, real]) await session.execute(before, doing);
      await destination.execute(after, doing);
      const wanted = await readSchemaModel(destination);
      const renaming = renameStatements(renames);
      for (const { sql } of renaming) await scratch.execute(sql, doing);
      const plan = await planSchemaSql(scratch, destination);
      const proven = await proveSchemaSql(scratch, plan, wanted);
      const statements = [...renaming, ...proven.statements];
      await runPlanned(real, { statements });
      const isThere = versionChecksum(await readSchemaModel(real)) === versionChecksum(wanted);
      expect(isThere).toBe(proven.unresolved.length === 0);
      return { statements, unresolved: proven.unresolved };
    });

  const saying = (statements: readonly SchemaStatement[], pattern: RegExp): string[] =>
    statements.map(({ sql }) => sql.replaceAll('"', '')).filter((sql) => pattern.test(sql));

  test('leads where it should, and loses only what has to go', async () => {
    const pairs = Object.values(cases).concat(server.major >= 18 ? [virtual] : []);
    const { statements, unresolved } = await lead(
      pairs.map(([before]) => before).join('\n'),
      pairs.map(([, after]) => after).join('\n'),
    );
    expect(unresolved).toEqual([]);
    // A label can be used once it is committed.
    expect(statements.filter(({ breaksBefore }) => breaksBefore)).toHaveLength(1);
    const destructive = statements.filter((one) => one.destructive);
    expect(saying(destructive, /./).sort()).toEqual([
      'ALTER TABLE public.less DROP COLUMN b',
      'DROP TABLE public.gone',
    ]);
    expect(saying(statements, /DROP (?:TABLE|COLUMN)/)).toHaveLength(2);
    expect(saying(statements, / STORED/)).toEqual([]);
  });

  test('renames instead of dropping and adding', async () => {
    const { statements, unresolved } = await lead(
      'CREATE TABLE public.t (a int, b int); CREATE VIEW public.v AS SELECT 1 AS one; CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS $$SELECT 1$$',
      'CREATE TABLE public.u (a int, c int); CREATE VIEW public."W" AS SELECT 1 AS one; CREATE FUNCTION public.g(int) RETURNS int LANGUAGE sql AS $$SELECT 1$$',
      [
        { object: 'table', from: 'public.t', to: 'public.u' },
        { object: 'column', from: 'public.t.b', to: 'public.t.c' },
        { object: 'view', from: 'public.v', to: 'public."W"' },
        { object: 'function', from: 'public.f(integer)', to: 'public.g(integer)' },
      ],
    );
    expect(unresolved).toEqual([]);
    expect(statements.map(({ sql }) => sql)).toEqual([
      'ALTER TABLE public.t RENAME COLUMN b TO c',
      'ALTER TABLE public.t RENAME TO u',
      'ALTER VIEW public.v RENAME TO "W"',
      'ALTER ROUTINE public.f(integer) RENAME TO g',
    ]);
  });

  test('leaves the history that is kept in a database alone', async () => {
    const history = `CREATE SCHEMA belay; COMMENT ON SCHEMA belay IS '{"belay":1,"kind":"history"}';
      CREATE TABLE belay.entries (id int);`;
    await withDatabaseOf(server, (empty) =>
      withDatabaseOf(server, async (full) => {
        await full.execute(history, doing);
        expect(await planSchemaSql(empty, full)).toEqual({ statements: [] });
        expect(await planSchemaSql(full, empty)).toEqual({ statements: [] });
      }),
    );
  });

  test('says what it cannot do, or what it costs', async () => {
    const { unresolved, statements } = await lead(
      'CREATE TABLE public.t (a int);',
      'CREATE TABLE public.t (a int) PARTITION BY LIST (a);',
    );
    const lost = statements.filter(({ sql }) => sql.includes('DROP TABLE'));
    expect(lost.every(({ destructive }) => destructive)).toBe(true);
    expect(lost.length + unresolved.length).toBeGreaterThan(0);
  });
});
