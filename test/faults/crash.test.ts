import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloneOf } from '../../src/domain/snapshot.js';
import { openTarget, restoreSnapshot, takeSnapshot, undoRestore } from '../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
  withDatabase,
  withSession,
} from '../support/servers.js';

describe.each(testServers())('after a crash of $name', (kind) => {
  let server: ThrowawayServer;
  let database: TestDatabase;

  beforeAll(async () => {
    // The commits here are the test's; what counts is what PostgreSQL keeps of what it has committed.
    const settings = { synchronous_commit: 'on' };
    server = await startThrowawayServer({ major: kind.major, settings });
    database = await createTestDatabase(server, {
      sql: `CREATE TABLE "it's" (id serial PRIMARY KEY);
            CREATE SEQUENCE "an ""odd"" one" INCREMENT BY -7;
            SELECT nextval('"an ""odd"" one"');
            CREATE UNLOGGED TABLE "the Cache" AS SELECT 1 AS id;
            CREATE TABLE counted AS SELECT 1 AS id`,
    });
    await insert(5);
  });

  afterAll(async () => {
    await server?.remove();
  });

  const insert = (rows: number) =>
    withSession(database.url, async (client) => {
      for (let row = 0; row < rows; row += 1)
        await client.query(`INSERT INTO "it's" DEFAULT VALUES`);
    });
  const maxId = () =>
    withSession(database.url, async (client) => {
      const { rows } = await client.query(`SELECT max(id)::int AS max FROM "it's"`);
      return rows[0].max;
    });
  const withTarget = async <T>(
    work: (target: Awaited<ReturnType<typeof openTarget>>) => Promise<T>,
  ) => {
    const target = await openTarget({ url: database.url, env: {} });
    try {
      return await work(target);
    } finally {
      await target.close();
    }
  };

  test('a restored database does not hand out a value twice', async () => {
    await withTarget(async (target) => {
      await takeSnapshot(target, { tag: 'five' });
      await restoreSnapshot(target, { reference: 'five' });
    });
    await insert(7);

    await server.kill9();
    await server.start();

    await insert(1);
    expect(await maxId()).toBeGreaterThanOrEqual(13);
  });

  test('a state that was counted before the crash is still what its record says', async () => {
    const before = await maxId();
    const previous = await withTarget(async (target) => {
      await insert(1);
      const result = await restoreSnapshot(target, { reference: 'five' });
      return result.previous;
    });

    await server.kill9();
    await server.start();

    const undone = await withTarget((target) => undoRestore(target));
    expect(undone.snapshot.id).toBe(previous?.id);
    expect(await maxId()).toBeGreaterThan(before);
  });

  test('a snapshot whose unlogged table is empty now can be restored, and it is said', async () => {
    const warnings: string[] = [];
    const { verified } = await withTarget((target) =>
      restoreSnapshot(target, {
        reference: 'five',
        reporter: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      }),
    );
    expect(verified).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('table public.the Cache is unlogged')]);
  });

  test('a snapshot that lacks rows of an ordinary table is still refused', async () => {
    const { snapshot } = await withTarget((target) => takeSnapshot(target, { tag: 'tampered' }));
    const name = cloneOf(snapshot)?.database ?? '';
    const admin = (sql: string) => withSession(server.adminUrl, (client) => client.query(sql));
    await admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await withSession(withDatabase(server.adminUrl, name), (client) =>
      client.query('TRUNCATE counted, "the Cache"'),
    );
    await admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    const restoring = withTarget((target) => restoreSnapshot(target, { reference: 'tampered' }));
    await expect(restoring).rejects.toMatchObject({ code: 'FINGERPRINT_MISMATCH' });
  });

  test('says which sequences the role may not make safe', async () => {
    const role = await createTestRole(server, 'CREATEDB');
    const owned = await createTestDatabase(server, {
      owner: role.name,
      sql: `CREATE SEQUENCE theirs; GRANT SELECT ON theirs TO ${role.name}`,
    });
    const warnings: string[] = [];
    const target = await openTarget({ url: role.urlFor(owned.url), env: {} });
    try {
      await takeSnapshot(target, { tag: 'x' });
      await restoreSnapshot(target, {
        reference: 'x',
        reporter: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      });
    } finally {
      await target.close();
    }
    const warning = 'the role may not set 1 sequence(s), e.g. public.theirs';
    // Once for the restored copy, once for the state that it replaced.
    expect(warnings).toEqual([expect.stringContaining(warning), expect.stringContaining(warning)]);
  });
});
