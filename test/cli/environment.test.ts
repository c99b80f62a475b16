import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { startFakeServer } from '../support/fake-server.js';
import {
  createTestRole,
  runBelay,
  type TestDatabase,
  type TestRole,
  testServers,
  withDatabase,
} from '../support/servers.js';
import { createShop, databasesOf, rowsOf } from '../support/targets.js';

const password = 's3cret-Passw0rd';

/** Every command that needs the server, in a form that is right but for the server. */
const commands: readonly string[][] = [
  ['snapshot', 'x'],
  ['list'],
  ['show', 'x'],
  ['status'],
  ['restore', 'x'],
  ['restore', 'x', '--to', 'y'],
  ['switch', 'x', '--save', 'y'],
  ['undo'],
  ['diff', 'x'],
  ['rename', 'x', 'y'],
  ['protect', 'x'],
  ['unprotect', 'x'],
  ['delete', 'x', '--yes'],
  ['prune', '--keep-last', '1', '--yes'],
  ['repair'],
];

describe('a server that cannot be used', () => {
  it.each(commands.map((args) => [args]))(
    '%j is exit 6 and keeps the password to itself',
    async (args) => {
      const env = { BELAY_URL: `postgres://app:${password}@127.0.0.1:1/shop` };
      const plain = await callCli(args, { env });
      expect(plain).toMatchObject({ exitCode: 6, stdout: '' });
      const json = await callCli([...args, '--json'], { env });
      expect(json).toMatchObject({ exitCode: 6, stderr: '' });
      expect(json.json.error).toMatchObject({ code: 'SERVER_UNREACHABLE', kind: 'environment' });
      for (const { stdout, stderr } of [plain, json]) {
        expect(stdout + stderr).not.toContain(password);
      }
    },
  );

  it('doctor says so as a finding', async () => {
    const url = `postgres://app:${password}@127.0.0.1:1/shop`;
    const result = await callCli(['doctor', '--json', '--url', url]);
    expect(result.exitCode).toBe(6);
    const server = result.json.checks.find(({ name }: { name: string }) => name === 'server');
    expect(server).toMatchObject({ status: 'fail' });
    expect(result.stdout + result.stderr).not.toContain(password);
  });

  it.each([
    `postgres://app:${password}@127.0.0.1:99999/shop`,
    `postgres://app:${password}@[::1/shop`,
    `host=127.0.0.1 port=x password=${password}`,
    `postgres://app:${password}@127.0.0.1/shop?sslmode=maybe`,
    `postgres://app@127.0.0.1/shop?password=${password}&nonsense=1`,
    `posgres://app:${password}@127.0.0.1/shop`,
  ])('%s: neither plain nor as JSON is the password in it', async (url) => {
    for (const args of [['list'], ['list', '--json'], ['doctor'], ['doctor', '--json']]) {
      const result = await callCli([...args, '--url', url]);
      expect(result.exitCode).toBeGreaterThan(0);
      expect(result.stdout + result.stderr).not.toContain(password);
    }
  });

  it('PostgreSQL 13 is too old: exit 6 before anything is done', async () => {
    const fake = await startFakeServer('13.23', 130023);
    try {
      const { exitCode, json } = await callCli(['snapshot', 'x', '--json', '--url', fake.url]);
      expect(exitCode).toBe(6);
      expect(json.error).toMatchObject({ code: 'SERVER_TOO_OLD', kind: 'environment' });
      expect(json.error.message).toContain('PostgreSQL 13');
    } finally {
      await fake.close();
    }
  });

  it('something else that listens there is exit 6', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const url = `postgres://app:${password}@127.0.0.1:${port}/shop`;
    const result = await callCli(['list', '--json', '--url', url]);
    server.close();
    expect(result.exitCode).toBe(6);
    expect(result.stdout + result.stderr).not.toContain(password);
  });
});

describe.each(testServers())('rights and passwords on $name', (server) => {
  let shop: TestDatabase;
  let weak: TestRole;
  beforeAll(async () => {
    shop = await createShop(server);
    weak = await createTestRole(server);
    expect((await callCli(['snapshot', 'baseline', '--url', shop.url])).exitCode).toBe(0);
  });
  afterAll(async () => {
    await shop.drop();
    await weak.drop();
  });

  it('a wrong password is exit 6, and is not printed', async () => {
    const url = new URL(shop.url);
    url.password = password;
    const result = await runBelay(['list', '--json', '--url', url.href]);
    expect(result).toMatchObject({ exitCode: 6, stderr: '' });
    expect(result.json.error).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    expect(result.stdout).not.toContain(password);
  });

  it('a password that is missing is exit 6', async () => {
    const url = new URL(shop.url);
    url.password = '';
    const { exitCode, json } = await callCli(['list', '--json', '--url', url.href]);
    expect(exitCode).toBe(6);
    expect(json.error.code).toBe('AUTHENTICATION_FAILED');
    expect(json.error.hint).toContain('PGPASSWORD');
  });

  it('a role without the rights is exit 6, and changes nothing', async () => {
    const before = await databasesOf(server, shop.name);
    const url = weak.urlFor(shop.url);
    for (const args of [
      ['snapshot', 'x'],
      ['restore', 'baseline'],
      ['restore', 'baseline', '--to', `${shop.name}_to`],
      ['switch', 'baseline', '--save', 'x'],
      ['delete', 'baseline', '--yes'],
      ['rename', 'baseline', 'x'],
      ['protect', 'baseline'],
    ]) {
      const result = await callCli([...args, '--json', '--url', url]);
      expect({ args, exitCode: result.exitCode }).toEqual({ args, exitCode: 6 });
      expect(result.json.error).toMatchObject({ code: 'PERMISSION_DENIED' });
      expect(result.stdout).not.toContain(weak.password);
    }
    expect(await databasesOf(server, shop.name)).toEqual(before);
    const [row] = await rowsOf(
      server.adminUrl,
      `SELECT count(*)::int AS open FROM pg_database WHERE starts_with(datname, $1) AND datallowconn`,
      [shop.name],
    );
    expect(row).toEqual({ open: 1 });
  });

  it('a database that is not there is exit 4', async () => {
    const url = withDatabase(shop.url, `${shop.name}_missing`);
    for (const args of [['snapshot', 'x'], ['switch', 'x'], ['undo'], ['diff', 'live', 'live']]) {
      const { exitCode, json } = await callCli([...args, '--json', '--url', url]);
      expect({ args, exitCode }).toEqual({ args, exitCode: 4 });
      expect(json.ok).toBe(false);
    }
    const listed = await callCli(['list', '--json', '--url', url]);
    expect(listed.json).toMatchObject({ snapshots: [], current: { exists: false } });
  });

  it('a maintenance database that is not there is exit 6', async () => {
    const args = ['list', '--json', '--url', shop.url, '--maintenance-db', 'nowhere'];
    const { exitCode, json } = await callCli(args);
    expect(exitCode).toBe(6);
    expect(json.error.code).toBe('NO_MAINTENANCE_DATABASE');
  });

  it('the maintenance database itself is worked on from another one', async () => {
    const url = withDatabase(shop.url, 'postgres');
    const { exitCode, json } = await callCli(['list', '--json', '--url', url]);
    expect({ exitCode, snapshots: json.snapshots }).toEqual({ exitCode: 0, snapshots: [] });
  });
});
