import { execFile } from 'node:child_process';
import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { shopSql } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const workspace = join(repository, 'test/api-client');
const tsc = join(workspace, 'node_modules/typescript/bin/tsc');

let database: TestDatabase;
let server: TestBelayServer;

beforeAll(async () => {
  const [postgres] = testServers();
  if (!postgres) throw new Error('there is no PostgreSQL');
  database = await createTestDatabase(postgres, { name: 'client', sql: shopSql });
  server = await startTestServer({ databases: { shop: database.url } });
});

afterAll(async () => {
  await server?.close();
  await database?.drop();
});

/** The workspace as a project of somebody's, with the types generated from the server's own document. */
async function makeProject(): Promise<string> {
  const folder = makeTempFolder({ 'package.json': '{ "type": "module", "private": true }' });
  for (const file of ['make-checkpoint.ts', 'tsconfig.json']) {
    copyFileSync(join(workspace, file), join(folder, file));
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  const answer = await server.fetch('/api/openapi.json');
  expect(answer.status).toBe(200);
  writeFileSync(join(folder, 'openapi.json'), await answer.text());
  const generate = join(workspace, 'generate.mjs');
  await run(process.execPath, [generate, 'openapi.json', 'api.ts'], { cwd: folder });
  return folder;
}

async function compile(folder: string): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [tsc, '-p', '.'], { cwd: folder });
    return stdout;
  } catch (error) {
    // The compiler tells its findings on stdout.
    return (error as { readonly stdout: string }).stdout;
  }
}

test('a client generated from the document makes a checkpoint and reads the timeline', async () => {
  const folder = await makeProject();
  expect(await compile(folder)).toBe('');
  const order = { name: 'client', scopes: ['read', 'checkpoint'], databases: ['shop'] };
  const created = await server.fetch('/api/tokens', { method: 'POST', body: order });
  const { token } = (await created.json()) as { readonly token: string };
  const args = ['make-checkpoint.js', server.url, 'shop', 'by-generated-client'];
  const env = { PATH: process.env.PATH, BELAY_TOKEN: token };
  const { stdout } = await run(process.execPath, args, { cwd: folder, env });
  expect(JSON.parse(stdout)).toEqual({
    drill: 'proven',
    size: expect.stringMatching(/^\d+(\.\d+)? [kMG]?B$/),
    tags: ['by-generated-client'],
    code: 'TAG_EXISTS',
  });
}, 180_000);
