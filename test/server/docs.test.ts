import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { block, toArguments } from '../support/documented.js';
import {
  cleanEnvironment,
  createTestDatabase,
  runBelay,
  type TestDatabase,
  testServers,
} from '../support/servers.js';
import { shopSql } from '../support/targets.js';
import { makeCatalogHome } from './catalog/catalog-home.js';
import { type ServeProcess, startServe } from './three-servers/serve-process.js';

/** The readme's lines, with a catalog of the server's own, as they are typed on a machine where nothing was set up. */
let home: Awaited<ReturnType<typeof makeCatalogHome>>;
let database: TestDatabase;
let server: ServeProcess | undefined;

beforeAll(async () => {
  const [postgres] = testServers().filter(({ major }) => major === 15);
  if (!postgres) throw new Error('no PostgreSQL 15, whose pg_dump makes the archives');
  home = await makeCatalogHome();
  database = await createTestDatabase(postgres, { name: 'shop', sql: shopSql });
}, 120_000);

afterAll(async () => {
  await server?.kill();
  await home?.remove();
  await database?.drop();
}, 120_000);

test('a token, a server, and a checkpoint by curl', { timeout: 300_000 }, async () => {
  const lines = (await block('README.md', 'server')).split('\n');
  const [create = '', serve = '', curl = '', answer = ''] = lines;
  const env = {
    ...cleanEnvironment(),
    ...{ BELAY_HOME: home.home, DATABASE_URL: database.url, BELAY_STORE: `${home.home}/store` },
  };

  const made = await runBelay([...toArguments(create), '--json'], { env });
  expect(made.json).toMatchObject({ scope: 'checkpoint', token: expect.stringMatching(/^bly_/) });

  expect(toArguments(serve)).toEqual(['serve']);
  server = await startServe([], env);
  const line = curl
    .replace('http://127.0.0.1:8432', server.url)
    .replace('"shop"', JSON.stringify(database.name));
  const { stdout } = await promisify(execFile)('sh', ['-c', line], {
    env: { ...env, TOKEN: made.json.token },
  });
  const said = JSON.parse(answer.replace(/^# /, '').replace(/, …}.*/, '}'));
  const { size, ...same } = said;
  expect(JSON.parse(stdout)).toMatchObject(same);
  expect(JSON.parse(stdout).size).toMatch(/^[\d.]+ [kMG]?B$/);
  expect(size).toMatch(/^[\d.]+ MB$/);
});
