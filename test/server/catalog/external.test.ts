import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { catalogMigrations } from '../../../src/jobs/catalog/migrations/all.js';
import { openCatalog } from '../../../src/jobs/catalog/open-catalog.js';
import { failure } from '../../support/failure.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { until } from '../queue/scene.js';

const written = catalogMigrations.filter(({ sql }) => sql !== '').map(({ number }) => number);

describe.each(testServers())('a catalog on $name', (server) => {
  let database: TestDatabase;
  let opened: Catalog[] = [];
  beforeEach(async () => {
    database = await createTestDatabase(server, { name: 'catalog' });
  });
  afterEach(async () => {
    await Promise.all(opened.map((catalog) => catalog.close()));
    opened = [];
    await database.drop();
  });

  async function open(url = database.url): Promise<Catalog> {
    const catalog = await openCatalog({ url, home: tmpdir(), env: {} });
    opened.push(catalog);
    return catalog;
  }

  /** Ends all of Belay's connections to the database, as a restart or a firewall would. */
  const cutAll = () =>
    withSession(server.adminUrl, (client) =>
      client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
        database.name,
      ]),
    );

  it('is made once, by three servers that begin at once', async () => {
    const catalogs = await Promise.all([open(), open(), open()]);
    for (const catalog of catalogs) {
      const rows = await catalog.query<{ number: number }>(
        'SELECT number FROM belay_server.migrations ORDER BY number',
      );
      expect(rows.map(({ number }) => number)).toEqual(written);
    }
    const [first] = catalogs;
    expect(first).toMatchObject({ kind: 'external' });
    expect(first?.place).toBe(`127.0.0.1:${server.port}/${database.name}`);
    expect(first?.place).not.toContain(server.password);
  });

  it('refuses a catalog of a newer Belay, and one whose steps were others', async () => {
    const catalog = await open();
    await catalog.query(
      `INSERT INTO belay_server.migrations (number, name, checksum) VALUES (999, 'later', 'x')`,
    );
    expect((await failure(open(), 'CATALOG_NEWER')).message).toContain('999');
    await catalog.query('DELETE FROM belay_server.migrations WHERE number = 999');
    await catalog.query(`UPDATE belay_server.migrations SET checksum = 'x' WHERE number = 1`);
    await failure(open(), 'CATALOG_NEWER');
  });

  it('works for a role that may make nothing, in a schema that was made before', async () => {
    const role = await createTestRole(server);
    try {
      await failure(open(role.urlFor(database.url)), 'PERMISSION_DENIED');
      await withSession(database.url, (client) =>
        client.query(`CREATE SCHEMA belay_server AUTHORIZATION ${role.name}`),
      );
      const catalog = await open(role.urlFor(database.url));
      expect(await catalog.query('SELECT FROM belay_server.jobs')).toEqual([]);
    } finally {
      await Promise.all(opened.map((catalog) => catalog.close()));
      opened = [];
      await withSession(database.url, (client) => client.query(`DROP OWNED BY ${role.name}`));
      await role.drop();
    }
  });

  it('says what is wrong with the place', async () => {
    await failure(open(withDatabase(database.url, 'no_such_database')), 'TARGET_NOT_FOUND');
    const nobody = new URL(database.url);
    nobody.password = 'wrong-secret';
    const refused = await failure(open(nobody.href), 'AUTHENTICATION_FAILED');
    expect(JSON.stringify([refused.message, refused.hint, refused.details])).not.toContain('wrong');
    nobody.port = '1';
    await failure(open(nobody.href), 'CATALOG_UNAVAILABLE');
  });

  it('replaces connections that were lost while nobody used them', async () => {
    const catalog = await open();
    await Promise.all(Array.from({ length: 20 }, () => catalog.query('SELECT pg_sleep(0.01)')));
    for (let round = 0; round < 5; round += 1) {
      await cutAll();
      expect(await catalog.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    }
  });

  it('rolls a transaction back that fails, and goes on with the connection', async () => {
    const catalog = await open();
    const note = `INSERT INTO belay_server.workers (name, kind) VALUES ('w', 'server')`;
    const failing = catalog.transaction(async (connection) => {
      await connection.query(note);
      await connection.query('SELECT 1 / 0');
    });
    expect((await failure(failing, 'DATABASE_ERROR')).details.sqlState).toBe('22012');
    expect(await catalog.query('SELECT FROM belay_server.workers')).toEqual([]);
    await catalog.transaction((connection) => connection.query(note));
    expect(await catalog.query('SELECT FROM belay_server.workers')).toHaveLength(1);
  });

  it('tells one who listens, also after the connection was lost', async () => {
    const [catalog, other] = [await open(), await open()];
    const heard: string[] = [];
    let gaps = 0;
    const end = await catalog.listen(
      'belay_job',
      (payload) => heard.push(payload),
      () => {
        gaps += 1;
      },
    );
    const deaf: string[] = [];
    await catalog.listen(
      'belay_event',
      (payload) => deaf.push(payload),
      () => {},
    );
    await other.notify('belay_job', 'one');
    await until('it is heard', () => heard.includes('one'));
    await cutAll();
    await until('the gap is told', () => gaps === 1);
    await other.notify('belay_job', 'two');
    await until('it is heard', () => heard.includes('two'));
    await end();
    await other.notify('belay_job', 'three');
    await other.notify('belay_event', 'last');
    await until('the last is heard', () => deaf.includes('last'));
    expect(heard).toEqual(['one', 'two']);
  });

  it('ends its connections when it is closed', async () => {
    const catalog = await open();
    await catalog.listen(
      'belay_job',
      () => {},
      () => {},
    );
    await catalog.query('SELECT 1');
    await catalog.close();
    await failure(catalog.query('SELECT 1'), 'CATALOG_UNAVAILABLE');
    await until('they have ended', () =>
      withSession(server.adminUrl, async (client) => {
        const { rows } = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1', [
          database.name,
        ]);
        return rows.length === 0;
      }),
    );
  });
});

describe('a catalog whose server is restarted', () => {
  it('says that it is away, and works again by itself', async () => {
    const server = await startThrowawayServer({ major: 15 });
    try {
      const { url } = await createTestDatabase(server);
      const catalog = await openCatalog({ url, home: tmpdir(), env: {} });
      let gaps = 0;
      await catalog.listen(
        'belay_job',
        () => {},
        () => {
          gaps += 1;
        },
      );
      await server.kill9();
      const error = await failure(catalog.query('SELECT 1'), 'CATALOG_UNAVAILABLE');
      expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(
        server.password,
      );
      await server.start();
      expect(await catalog.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await until('it listens again', () => gaps > 0);
      await catalog.close();
    } finally {
      await server.remove();
    }
  });
});
