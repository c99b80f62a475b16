import { describe, expect, test } from 'vitest';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import { buildSchema } from '../../../src/postgres/schema/build-schema.js';
import { planSchemaSql } from '../../../src/postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../../src/postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import { withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { testServers } from '../../support/servers.js';
import { isKnownLimit } from './known-limits.js';

/** Pairs of schemas that random ones have shown to be hard, as small as they get. */
const cases: readonly {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly since?: number;
}[] = [
  {
    what: 'a partitioned table where one with rules for its heirs was',
    before: `CREATE TABLE public.p (n int); CREATE TABLE public.p1 () INHERITS (public.p);
      CREATE RULE r AS ON INSERT TO public.p DO INSTEAD INSERT INTO public.p1 VALUES (NEW.n);
      CREATE VIEW public.v AS SELECT count(*) FROM public.p;`,
    after: `CREATE TABLE public.p (n bigint) PARTITION BY RANGE (n);
      CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (9); CREATE INDEX i ON public.p (n);
      CREATE VIEW public.v AS SELECT count(*) FROM public.p;`,
  },
  {
    what: 'types without a cast between them, under a view',
    before:
      'CREATE TABLE public.t (a int, b uuid); CREATE VIEW public.v AS SELECT a, b FROM public.t;',
    after:
      'CREATE TABLE public.t (a jsonb, b int); CREATE VIEW public.v AS SELECT a, b FROM public.t;',
  },
  {
    what: 'what roles are granted, now and by default',
    before: `CREATE TABLE public.t (a int); GRANT SELECT ON public.t TO pg_monitor;
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_signal_backend;`,
    after: `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;
      CREATE TABLE public.t (a int); CREATE TABLE public.u (a int); REVOKE SELECT ON public.t FROM pg_monitor;`,
  },
  {
    what: 'a key of a partitioned table that takes the place of a partition’s own',
    before: `CREATE TABLE public.p (n int) PARTITION BY LIST (n);
      CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1); ALTER TABLE public.p1 ADD CONSTRAINT own UNIQUE (n);`,
    after: `CREATE TABLE public.p (n int) PARTITION BY LIST (n);
      CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES IN (1); ALTER TABLE public.p ADD CONSTRAINT shared UNIQUE (n);`,
  },
  {
    what: 'checks of a domain that columns have within another type',
    before: '',
    after: `CREATE DOMAIN public.d AS int CHECK (VALUE > 0) CHECK (VALUE BETWEEN 1 AND 9 AND VALUE <> 5);
      CREATE TYPE public.c AS (x public.d); CREATE TABLE public.t (c public.c, many public.d[]);`,
  },
  {
    what: 'an identity column to which another sequence belongs',
    before: 'CREATE TABLE public.t (id int GENERATED ALWAYS AS IDENTITY);',
    after: `CREATE SEQUENCE public.a_first START 7; CREATE TABLE public.t (id int GENERATED ALWAYS AS IDENTITY);
      ALTER SEQUENCE public.a_first OWNED BY public.t.id;`,
  },
  {
    what: 'conditions that begin with BETWEEN',
    before: 'CREATE TABLE public.t (a int, b int);',
    after: `CREATE TABLE public.t (a int, b int, CHECK (a BETWEEN 1 AND 2 AND b > 3));
      CREATE POLICY p ON public.t USING (a BETWEEN 1 AND 2 AND b > 3);
      CREATE VIEW public.v AS SELECT a FROM public.t WHERE a BETWEEN 1 AND 2 AND b > 3;
      CREATE PUBLICATION pub FOR TABLE public.t WHERE (a BETWEEN 1 AND 2 AND b > 3);`,
  },
  {
    what: 'a function that is kept parsed, over a column of another type',
    before: `CREATE TABLE public.t (a uuid);
      CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(t.a) FROM public.t; END;`,
    after: `CREATE TABLE public.t (a int);
      CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(t.a) FROM public.t; END;`,
  },
  {
    what: 'a name for NOT NULL',
    before: 'CREATE TABLE public.t (a int NOT NULL, b int);',
    after:
      'CREATE TABLE public.t (a int CONSTRAINT filled NOT NULL, b int CONSTRAINT too NOT NULL);',
    since: 18,
  },
];

/** All cases as one schema, each in a place of its own: databases are what takes time. */
function together(major: number, side: 'before' | 'after'): string {
  const own = cases.map((one, index) => {
    const place = `${one.what.replaceAll(/[^a-z]+/gi, '_').slice(0, 30)}_${index}`;
    return one.since && major < one.since
      ? ''
      : `CREATE SCHEMA ${place}; ${one[side].replaceAll('public.', `${place}.`)}`;
  });
  return own.join('\n');
}

describe.each(testServers())('hard schemas on $name', (server) => {
  test('lead to one another and can be built', () =>
    withDatabaseOf(server, (first) =>
      withDatabaseOf(server, (second) =>
        withDatabaseOf(server, async (third) => {
          const doing = 'preparing a test';
          for (const session of [first, third]) {
            await session.execute(together(server.major, 'before'), doing);
          }
          await second.execute(together(server.major, 'after'), doing);
          const [older, newer] = [await readSchemaModel(first), await readSchemaModel(second)];
          const there = await proveSchemaSql(first, await planSchemaSql(first, second), newer);
          expect(there.unresolved).toEqual([]);
          expect(versionChecksum(await readSchemaModel(first))).toBe(versionChecksum(newer));
          const back = await proveSchemaSql(second, await planSchemaSql(second, third), older);
          expect(back.unresolved).toEqual([]);
          expect(versionChecksum(await readSchemaModel(second))).toBe(versionChecksum(older));
          await withDatabaseOf(server, async (built) => {
            expect((await buildSchema(built, newer)).differences).toEqual([]);
          });
        }),
      ),
    ));

  test('say what PostgreSQL cannot do to them, and do nothing to it', () =>
    withDatabaseOf(server, (first) =>
      withDatabaseOf(server, async (second) => {
        const doing = 'preparing a test';
        const table = 'CREATE TABLE public.t (c public.c)';
        await first.execute(`CREATE TYPE public.c AS (x int, y text); ${table}`, doing);
        await second.execute(`CREATE TYPE public.c AS (y text, x int); ${table}`, doing);
        const wanted = await readSchemaModel(second);
        const plan = await planSchemaSql(first, second);
        const { statements, unresolved } = await proveSchemaSql(first, plan, wanted);
        expect(unresolved.map(({ name }) => name)).toEqual(['public.c']);
        expect(unresolved.every(isKnownLimit)).toBe(true);
        expect(statements).toEqual([]);
      }),
    ));
});
