import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  setupTestDatabases,
  type TestDatabasesOptions,
  testDatabases,
} from '../../../src/testing/index.js';
import { startThrowawayServer, testServers, withSession } from '../../support/servers.js';
import { failure, itemsOf, rowsOf, run } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';
import { makeTestProject, writeProjectFile } from '../../support/test-project.js';

const remote = 'postgres://app:hunter2@db.example.com/shop';

describe('the server of test databases', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = makeTestProject();
  });
  const take = (options: Partial<TestDatabasesOptions>, env: NodeJS.ProcessEnv = {}) =>
    testDatabases({ cwd, migrations: 'db', env: { PATH: process.env.PATH, ...env }, ...options })
      .take()
      .then((db) => db[Symbol.asyncDispose]());

  it('is never a remote one, unless somebody says that it is for this', async () => {
    const orders = [
      { options: { url: remote }, env: {} },
      { options: {}, env: { DATABASE_URL: remote } },
    ];
    for (const { options, env } of orders) {
      const error = await failure(take(options, env), 'PRODUCTION_GUARD');
      expect(error.hint).toContain('BELAY_TEST_URL');
      expect(JSON.stringify([error.message, error.hint])).not.toContain('hunter2');
    }
    // Let through, they find nobody there.
    const nowhere = 'postgres://app@belay.invalid/shop';
    await failure(take({}, { BELAY_TEST_URL: nowhere }), 'SERVER_UNREACHABLE');
    await failure(take({ url: nowhere, allowServer: 'belay.invalid' }), 'SERVER_UNREACHABLE');
    await failure(take({ url: nowhere, allowServer: 'other.invalid' }), 'PRODUCTION_GUARD');
  });

  it('is refused where the configuration marks it as production, whoever names it', async () => {
    const config = { targets: { prod: { url: remote, environment: 'production' } } };
    writeProjectFile(cwd, 'belay.config.json', JSON.stringify(config));
    await failure(take({}, { BELAY_TEST_URL: remote }), 'PRODUCTION_GUARD');
    await failure(take({ url: remote, allowServer: 'db.example.com' }), 'PRODUCTION_GUARD');
  });

  it('is one of Belay’s own where there is none, and gone with the run', async () => {
    const env = { PATH: process.env.PATH, BELAY_HOME: testHome() };
    const options = { cwd, env, migrations: 'db', seed: 'seed.sql', pool: 1 };
    const teardown = await setupTestDatabases(options);
    const own = process.env.BELAY_TEST_OWN_SERVER;
    expect(own).toMatch(/^postgresql:\/\/postgres:/);
    const databases = testDatabases({ ...options, env: { ...env, BELAY_TEST_OWN_SERVER: own } });
    const db = await databases.take();
    expect(new URL(db.url).port).toBe(new URL(own ?? '').port);
    expect(await itemsOf(db.url)).toEqual(['rope', 'harness']);
    expect(await rowsOf(db.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
    await databases.close();
    await teardown();
    expect(process.env.BELAY_TEST_OWN_SERVER).toBeUndefined();
    await expect(rowsOf(db.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe.each(testServers())('a server without connections to spare, $name', ({ major }) => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(() => stop?.());

  it('is waited for with a bound, and then named as what it is', async () => {
    const settings = {
      ...{ max_connections: '12', superuser_reserved_connections: '0' },
      ...{ max_wal_senders: '0', wal_level: 'replica' },
    };
    const server = await startThrowawayServer({ major, settings });
    stop = () => server.remove();
    const cwd = makeTestProject();
    const project = `full ${randomBytes(4).toString('hex')}`;
    const databases = testDatabases({
      url: server.adminUrl,
      cwd,
      project,
      migrations: 'db',
      env: {},
    });
    const fill = async (left: number, work: () => Promise<void>): Promise<void> =>
      left === 0 ? work() : withSession(server.adminUrl, async () => fill(left - 1, work));
    await fill(12, async () => {
      const error = await failure(databases.take(), 'TOO_MANY_CONNECTIONS');
      expect(error.hint).toContain('fewer workers');
    });
    // When there is room again, the same object goes on.
    const db = await databases.take();
    await run(db.url, 'SELECT * FROM items');
    await databases.close();
  });
});
