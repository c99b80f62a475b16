import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deleteSnapshot,
  restoreSnapshot,
  takeCheckpoint,
  takeSnapshot,
} from '../../../src/index.js';
import {
  archiveFile,
  checkpoint,
  keysOf,
  readManifest,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  withDatabase,
} from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run } from '../../support/targets.js';

const { server } = await findDumpableServer();
const store = storeFolder();

describe(`what a role may not read, on ${server.name}`, () => {
  let database: TestDatabase;
  let owner: TestRole;
  let other: TestRole;
  beforeAll(async () => {
    owner = await createTestRole(server, 'CREATEDB');
    other = await createTestRole(server);
    database = await createTestDatabase(server, {
      owner: owner.name,
      sql: `SET ROLE ${owner.name}; CREATE SCHEMA own; CREATE TABLE own.mine (id serial PRIMARY KEY, a text);
        INSERT INTO own.mine (a) VALUES ('x'), ('y'); CREATE TABLE own.shared (owner text); INSERT INTO own.shared VALUES ('me'), ('you');
        CREATE MATERIALIZED VIEW own.m AS SELECT a FROM own.mine; SELECT lo_from_bytea(0, 'object')`,
    });
  });
  afterAll(async () => {
    await database.drop();
    await owner.drop();
    await other.drop();
  });

  const url = () => owner.urlFor(database.url);
  const attempt = () =>
    withStore(url(), store, (target) => takeCheckpoint(target, { tag: 'refused' }));

  async function refused(...names: string[]) {
    const error = await failure(attempt(), 'PERMISSION_DENIED');
    for (const name of names) expect(error.message).toContain(name);
    expect(error.hint).toBeTruthy();
    expect(error.exitCode).toBe(6);
    expect(await keysOf(store, /refused|archives\/|runs\//)).toEqual(before);
  }
  let before: string[] = [];

  it('an owner without other rights makes a proven checkpoint, and restores it', async () => {
    const { rows } = await checkpoint(url(), store, { tag: 'owned' });
    expect(rows).toBe(4);
    before = await keysOf(store, /refused|archives\/|runs\//);
    const expected = await stateOf(database.url);
    await run(url(), `DELETE FROM own.mine; DROP TABLE own.shared`);
    const result = await withStore(url(), store, (target) =>
      restoreSnapshot(target, { reference: 'owned' }),
    );
    expect(result).toMatchObject({ verified: true, database: database.name });
    expect(await stateOf(database.url)).toEqual(expected);
  });

  it('a table of another role is named, and nothing is sealed', async () => {
    await run(
      database.url,
      'CREATE TABLE own.secret (a int); CREATE TABLE own.readable (a int); GRANT SELECT ON own.readable TO PUBLIC',
    );
    await refused('own.secret');
    await run(database.url, 'DROP TABLE own.secret');
  });

  it('a sequence of another role is named', async () => {
    await run(database.url, 'CREATE SEQUENCE own.hidden');
    await refused('own.hidden');
    await run(database.url, 'DROP SEQUENCE own.hidden');
  });

  it('a table of which only some columns may be read fails, and is named', async () => {
    await run(
      database.url,
      `CREATE TABLE own.part (a int, b int); GRANT SELECT (a) ON own.part TO ${owner.name}`,
    );
    await refused('own.part').finally(() => run(database.url, 'DROP TABLE own.part'));
  });

  it('row level security that hides rows is named, whether forced on the owner or on another’s table', async () => {
    await run(
      database.url,
      `ALTER TABLE own.shared ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON own.shared USING (owner = 'me')`,
    );
    // The owner sees all rows of a table of its own.
    const { rows } = await checkpoint(url(), store, { tag: 'with-policy' });
    expect(rows).toBe(4);
    before = await keysOf(store, /refused|archives\/|runs\//);
    await run(database.url, 'ALTER TABLE own.shared FORCE ROW LEVEL SECURITY');
    await refused('row level security', 'own.shared');
    await run(
      database.url,
      `ALTER TABLE own.shared NO FORCE ROW LEVEL SECURITY; ALTER TABLE own.shared OWNER TO postgres; GRANT SELECT ON own.shared TO PUBLIC`,
    );
    await refused('row level security', 'own.shared');
    // Who may see everything archives everything.
    const whole = await checkpoint(database.url, store, { tag: 'superuser' });
    expect(whole.snapshot.fingerprint?.rowCounts['own.shared']).toBe(2);
    await run(database.url, `ALTER TABLE own.shared OWNER TO ${owner.name}`);
  });

  it('a large object of another role fails loudly, and nothing is sealed', async () => {
    before = await keysOf(store, /refused|archives\/|runs\//);
    await run(database.url, `SELECT lo_from_bytea(881, 'not yours')`);
    const result = await attempt().catch((error) => error);
    expect({ ok: result.ok, exitCode: result.exitCode }).toEqual({ ok: undefined, exitCode: 6 });
    expect(result.message).toMatch(/large object|881/);
    expect(await keysOf(store, /refused|archives\/|runs\//)).toEqual(before);
    await run(database.url, 'SELECT lo_unlink(881)');
  });
});

describe(`objects of several roles, on ${server.name}`, () => {
  const [a, b, group] = ['a', 'b', 'group'].map(
    (name) => `${name}_${randomBytes(4).toString('hex')}`,
  );
  let database: TestDatabase;
  beforeAll(async () => {
    await run(
      server.adminUrl,
      `CREATE ROLE ${a}; CREATE ROLE ${b} LOGIN; CREATE ROLE ${group}; GRANT ${group} TO ${a}`,
    );
    database = await createTestDatabase(server, {
      sql: `CREATE SCHEMA s AUTHORIZATION ${a}; CREATE TABLE s.t (x int); ALTER TABLE s.t OWNER TO ${b}; INSERT INTO s.t VALUES (1);
        CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION s.f OWNER TO ${group};
        CREATE TYPE s.mood AS ENUM ('ok'); ALTER TYPE s.mood OWNER TO ${a};
        GRANT SELECT ON s.t TO ${group} WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES FOR ROLE ${a} IN SCHEMA s GRANT ALL ON TABLES TO ${b};
        CREATE POLICY p ON s.t TO ${a} USING (true)`,
    });
  });
  afterAll(async () => {
    await database.drop();
    await run(server.adminUrl, `DROP ROLE IF EXISTS ${a}, ${b}, ${group}`);
  });

  const owners = `SELECT relname AS name, relowner::regrole::text AS owner, relacl::text AS grants FROM pg_class WHERE relname = 't'
    UNION ALL SELECT proname, proowner::regrole::text, proacl::text FROM pg_proc WHERE proname = 'f'
    UNION ALL SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname = 's' ORDER BY 1`;

  it('are proven on a private server, which gets these roles', async () => {
    const { snapshot } = await checkpoint(database.url, store, { tag: 'roles' });
    expect(archiveFile(snapshot)).toContain(store);
    const { requires } = await readManifest(store, 'roles');
    expect(requires.roles).toEqual(
      expect.arrayContaining([
        { name: a, isSuperuser: false, canLogin: false, memberOf: [group] },
        { name: b, isSuperuser: false, canLogin: true, memberOf: [] },
      ]),
    );
  });

  it('come back with their owners and grants', async () => {
    const to = `${database.name}_roles`;
    await withStore(database.url, store, (target) =>
      restoreSnapshot(target, { reference: 'roles', to }),
    );
    const restored = withDatabase(database.url, to);
    expect(await rowsOf(restored, owners)).toEqual(await rowsOf(database.url, owners));
    expect(await stateOf(restored)).toEqual(await stateOf(database.url));
    await run(server.adminUrl, `DROP DATABASE ${to}`);
  });

  it('a role that is gone is named; with --no-owner it comes back without', async () => {
    await withStore(database.url, store, (target) => takeSnapshot(target, { tag: 'unrelated' }));
    const before = await databasesOf(server, database.name);
    await run(
      database.url,
      `DROP POLICY p ON s.t; REASSIGN OWNED BY ${b} TO ${a}; DROP OWNED BY ${b}`,
    );
    // The clone has them too.
    await withStore(database.url, store, async (target) => {
      await deleteSnapshot(target, { reference: 'unrelated', confirm: () => true });
    });
    await run(server.adminUrl, `DROP ROLE ${b}`);
    const restore = (noOwner: boolean) =>
      withStore(database.url, store, (target) =>
        restoreSnapshot(target, { reference: 'roles', noOwner }),
      );
    const error = await failure(restore(false), 'ROLE_MISSING');
    expect(error.message).toContain(b);
    expect(error.message).not.toContain(a);
    expect(error.hint).toContain('--no-owner');
    expect(error.details).toEqual({ missing: [b] });
    expect(await databasesOf(server, database.name)).toEqual(
      before.filter((name) => name === database.name),
    );
    expect(await restore(true)).toMatchObject({ verified: true });
    expect(await rowsOf(database.url, owners)).toEqual([
      { name: 'f', owner: 'postgres', grants: null },
      { name: 's', owner: 'postgres', grants: null },
      { name: 't', owner: 'postgres', grants: null },
    ]);
    expect(await rowsOf(database.url, 'SELECT x FROM s.t')).toEqual([{ x: 1 }]);
  });
});
