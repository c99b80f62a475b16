import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareSchemas,
  describeModel,
  isPartial,
  type SchemaModel,
  schemaChecksum,
  versionChecksum,
} from '../../../src/domain/schema-model.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import { richSchema } from '../../support/rich-schema.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';

/** The schema of a new database, and how many statements it took to read it. */
async function readNew(
  server: { readonly adminUrl: string },
  sql: string,
  change = '',
): Promise<{ before: SchemaModel; after: SchemaModel; statements: number }> {
  const database = await createTestDatabase(server, { sql });
  const session = await openSession(database.url);
  try {
    const before = await readSchemaModel(session);
    await session.execute(`SET search_path = public; ${change}`, 'changing the schema');
    let statements = 0;
    const query = session.query.bind(session);
    session.query = (...args) => {
      statements += 1;
      return query(...args);
    };
    return { before, after: await readSchemaModel(session), statements };
  } finally {
    await session.close();
    await database.drop();
  }
}

const tables = (count: number) => `
  DO $$ BEGIN FOR i IN 1..${count} LOOP
    EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text, b text DEFAULT ''x'')', i);
  END LOOP; END $$`;

/** May run in any order. */
const independent = [
  'CREATE TABLE a (id int PRIMARY KEY, n int CHECK (n > 0), UNIQUE (n))',
  'CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now())',
  'CREATE TABLE c (k text) PARTITION BY LIST (k)',
  `CREATE TYPE mood AS ENUM ('sad', 'happy')`,
  'CREATE TYPE pair AS (a int, b text)',
  'CREATE DOMAIN code AS int CHECK (VALUE > 0)',
  'CREATE SEQUENCE s INCREMENT 3',
  'CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN a + 1',
  'CREATE FUNCTION f(a text) RETURNS text LANGUAGE sql RETURN a',
  'CREATE SCHEMA other CREATE TABLE t (id int)',
  'CREATE EXTENSION hstore',
  'CREATE EXTENSION citext',
  'CREATE VIEW v AS SELECT 1 AS one',
  'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor',
  `COMMENT ON SCHEMA public IS 'all'`,
  'GRANT USAGE ON SCHEMA public TO pg_monitor',
  'GRANT CREATE ON SCHEMA public TO pg_signal_backend',
];
/** Needs the others; each in any order again. */
const dependent = [
  'CREATE INDEX a_n ON a (n)',
  `CREATE TABLE c_x PARTITION OF c FOR VALUES IN ('x')`,
  `CREATE TABLE c_y PARTITION OF c FOR VALUES IN ('y')`,
  'ALTER TABLE b ADD CONSTRAINT first PRIMARY KEY (id)',
  'CREATE POLICY p ON a USING (true)',
  'CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING',
  'GRANT SELECT ON a TO pg_monitor',
  'GRANT INSERT ON a TO pg_signal_backend',
  `COMMENT ON TABLE a IS 'first'`,
  'CREATE STATISTICS st ON id, n FROM a',
  'CREATE PUBLICATION pub FOR TABLE a, other.t',
  'CREATE CAST (mood AS int) WITH INOUT',
];
// These grants go to what is made after them only: always first.
const [byDefault = ''] = independent.filter((sql) => sql.startsWith('ALTER DEFAULT'));
const free = independent.filter((sql) => sql !== byDefault);

const orders = fc.record({
  earlier: fc.shuffledSubarray(free, { minLength: free.length }),
  later: fc.shuffledSubarray(dependent, { minLength: dependent.length }),
  // Takes OIDs away, so that the same objects have others.
  passing: fc.integer({ min: 0, max: 9 }),
});
const numRuns = Number(process.env.BELAY_TEST_ORDERS ?? 4);

describe.each(testServers())('reading a schema on $name', (server) => {
  it('takes as many statements for 2,000 tables as for 10, and tells what differs', async () => {
    const few = await readNew(server, tables(10));
    const many = await readNew(server, tables(2000), 'ALTER TABLE t1234 ADD c int; DROP TABLE t7');
    expect(many.statements).toBe(few.statements);
    expect(many.statements).toBeLessThan(5);
    const count = (wanted: string) =>
      many.before.objects.filter(({ kind }) => kind === wanted).length;
    expect([count('table'), count('column'), count('constraint')]).toEqual([2000, 6000, 2000]);
    const changes = compareSchemas(many.before, many.after);
    expect(changes.map(({ kind, object, name }) => `${kind} ${object} ${name}`)).toEqual([
      'added column public.t1234.c',
      'removed table public.t7',
    ]);
    expect(compareSchemas(many.before, structuredClone(many.before))).toEqual([]);
  });

  it('gives the same whatever the order in which the objects were made, and their OIDs', async () => {
    const build = async (earlier: readonly string[], later: readonly string[], passing: number) => {
      const oids = Array.from(
        { length: passing },
        (_, i) => `CREATE TABLE p${i} (); DROP TABLE p${i}`,
      );
      return readNew(server, [...oids, byDefault, ...earlier, ...later].join(';\n'));
    };
    const { before: expected } = await build(free, dependent, 0);
    await fc.assert(
      fc.asyncProperty(orders, async ({ earlier, later, passing }) => {
        const { before: found } = await build(earlier, later, passing);
        expect(compareSchemas(expected, found)).toEqual([]);
        expect(found).toEqual(expected);
      }),
      { numRuns },
    );
  });

  describe('of many kinds', () => {
    let database: TestDatabase;
    let session: Session;
    let base: SchemaModel;

    beforeAll(async () => {
      database = await createTestDatabase(server, { sql: richSchema });
      session = await openSession(database.url);
      base = await readSchemaModel(session);
    });
    afterAll(async () => {
      await session?.close();
      await database?.drop();
    });

    const modelAfter = async (sql: string): Promise<SchemaModel> => {
      await session.execute(`BEGIN; ${sql}`, 'changing the schema');
      try {
        return await readSchemaModel(session);
      } finally {
        await session.execute('ROLLBACK', 'taking it back');
      }
    };

    it('knows all of them', () => {
      expect(isPartial(base)).toBe(false);
      expect(base).not.toHaveProperty('unmodelled');
      const described = describeModel(base, session.serverVersion);
      expect(described).toEqual({
        format: 1,
        checksum: versionChecksum(base),
        serverVersion: session.serverVersion,
        partial: false,
        unmodelled: [],
        objects: base.objects,
      });
    });

    it.each([
      [
        `CREATE SUBSCRIPTION feed CONNECTION 'password=s3cret' PUBLICATION p WITH (connect = false, slot_name = NONE)`,
        'subscription feed',
      ],
      [
        `CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
        'function pg_catalog.mine()',
      ],
      ['CREATE VIEW information_schema.mine AS SELECT 1 AS a', 'view information_schema.mine'],
      [
        'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO pg_monitor',
        'grants on function pg_catalog.pg_read_file(pg_catalog.text)',
      ],
      [
        'REVOKE EXECUTE ON FUNCTION public.hstore(text, text) FROM PUBLIC',
        'grants on function public.hstore(pg_catalog.text,pg_catalog.text)',
      ],
      ['REVOKE USAGE ON LANGUAGE sql FROM PUBLIC', 'grants on language sql'],
      [
        'ALTER FUNCTION app.touch() DEPENDS ON EXTENSION hstore',
        'dependency of function app.touch() on extension hstore',
      ],
    ])('says that it does not know what comes of %s', async (sql, unmodelled) => {
      const model = await modelAfter(sql);
      expect(model.unmodelled).toEqual([unmodelled]);
      expect(isPartial(model)).toBe(true);
      expect(schemaChecksum(model)).toBe(schemaChecksum(base));
      expect(describeModel(model)).toMatchObject({ partial: true, unmodelled: [unmodelled] });
      expect(JSON.stringify(model)).not.toContain('s3cret');
    });

    it('says the same to a role without any right', async () => {
      const role = await createTestRole(server);
      await session.execute('GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO pg_monitor', 'granting');
      const other = await openSession(role.urlFor(database.url));
      try {
        const model = await readSchemaModel(other);
        expect(model.unmodelled).toEqual([
          'grants on function pg_catalog.pg_ls_dir(pg_catalog.text)',
        ]);
        expect(model).toEqual(await readSchemaModel(session));
      } finally {
        await other.close();
        await session.execute('REVOKE EXECUTE ON FUNCTION pg_ls_dir(text) FROM pg_monitor', 'back');
        await role.drop();
      }
    });

    const settings = ['search_path', 'DateStyle', 'IntervalStyle', 'quote_all_identifiers', 'jit'];
    const current = async () => {
      const selected = settings.map((name) => `current_setting('${name}') AS "${name}"`);
      return session.queryOne<Record<string, string>>(`SELECT ${selected.join(', ')}`);
    };
    const others = `SET LOCAL search_path = app, public; SET LOCAL DateStyle = 'SQL, DMY';
      SET LOCAL IntervalStyle = sql_standard; SET LOCAL quote_all_identifiers = on`;

    it('prints the same under other settings, which stay as they were', async () => {
      const usual = await current();
      await session.execute(`BEGIN; ${others}`, 'setting');
      const set = await current();
      expect(set.search_path).toBe('app, public');
      expect(await readSchemaModel(session)).toEqual(base);
      expect(await current()).toEqual(set);
      await session.execute('COMMIT', 'committing');
      expect(await current()).toEqual(usual);
      await session.execute(others.replaceAll('SET LOCAL', 'SET'), 'setting');
      expect(await readSchemaModel(session)).toEqual(base);
      expect(await current()).toEqual(set);
      await session.execute(settings.map((name) => `RESET ${name}`).join('; '), 'setting back');
    });

    it('asks again in a transaction without losing what was done in it', async () => {
      const query = session.query.bind(session);
      let failures = 0;
      session.query = async <Row extends object>(sql: string, ...rest: [unknown[]?, string?]) => {
        if (!sql.includes('pg_get_viewdef') || failures > 0) return query<Row>(sql, ...rest);
        failures += 1;
        await query('SELECT 1 / 0').catch(() => {});
        throw Object.assign(new Error('cache lookup failed'), { code: 'XX000' });
      };
      try {
        const model = await modelAfter('CREATE TABLE app.fresh (id int)');
        const changes = compareSchemas(base, model).map(({ kind, name }) => `${kind} ${name}`);
        expect(changes).toEqual(['added app.fresh']);
        expect(failures).toBe(1);
      } finally {
        session.query = query;
      }
    });
  });
});
