import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BelayError } from '../../src/errors.js';
import { Session } from '../../src/postgres/session.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import { anyFreePort } from '../../src/process/free-port.js';
import { createTestDatabase, testServers, withSession } from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';

const home = { HOME: '/nonexistent' };

/** Connects as a command would, asks one question, and closes. */
async function ask<Row extends object>(url: string, sql: string, env: NodeJS.ProcessEnv = home) {
  const session = await open(url, env);
  try {
    const [row] = await session.query<Row>(sql);
    return row as Row;
  } finally {
    await session.close();
  }
}

async function open(url: string, env: NodeJS.ProcessEnv = home): Promise<Session> {
  return Session.open(await resolveConnection({ url, env }), { applicationName: 'belay test' });
}

async function failureOf(url: string, env?: NodeJS.ProcessEnv): Promise<BelayError> {
  const error = await open(url, env).then(
    (session) => session.close(),
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(BelayError);
  return error;
}

/** A listener that is no PostgreSQL. */
async function fakeServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(testServers())('connecting to $name', (server) => {
  const { port, password, socketDir } = server;
  const current = 'SELECT current_database() AS database, current_user AS "user"';

  it.each([
    ['a URL', `postgres://postgres:${password}@127.0.0.1:${port}/postgres`],
    ['a name', `postgres://postgres:${password}@localhost:${port}/postgres`],
    ['a unix socket', `postgres://postgres:${password}@/postgres?host=${socketDir}&port=${port}`],
    [
      'a socket, which never has TLS',
      `host=${socketDir} port=${port} user=postgres password=${password} sslmode=require`,
    ],
    [
      'an address for a name',
      `postgres://postgres:${password}@db.invalid:${port}/postgres?hostaddr=127.0.0.1`,
    ],
  ])('by %s', async (_what, url) => {
    expect(await ask(url, current)).toEqual({ database: 'postgres', user: 'postgres' });
  });

  it('by PG* variables', async () => {
    const env = {
      PGHOST: '127.0.0.1',
      PGPORT: `${port}`,
      PGUSER: 'postgres',
      PGPASSWORD: password,
    };
    expect(await ask('postgres://', current, env)).toMatchObject({ user: 'postgres' });
  });

  it('with the password of a passfile', async () => {
    const file = join(makeTempFolder(), 'pass');
    writeFileSync(file, `127.0.0.1:${port}:*:postgres:${password}\n`);
    chmodSync(file, 0o600);
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    expect(await ask(url, current, { PGPASSFILE: file })).toMatchObject({ user: 'postgres' });
    chmodSync(file, 0o644);
    expect(await failureOf(url, { PGPASSFILE: file })).toMatchObject({
      code: 'AUTHENTICATION_FAILED',
    });
  });

  it('uses nothing of the process that the settings do not have', async () => {
    vi.stubEnv('PGPASSWORD', password);
    vi.stubEnv('PGOPTIONS', '-c no.such=x -c statement_timeout=nonsense');
    vi.stubEnv('PGSSLMODE', 'verify-full');
    const bare = `postgres://postgres@127.0.0.1:${port}/postgres`;
    expect(await failureOf(bare)).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    expect(await ask(server.adminUrl, current)).toMatchObject({ user: 'postgres' });
  });

  it('passes options on', async () => {
    const options = encodeURIComponent('-c my.setting=one\\ two');
    const row = await ask(
      `${server.adminUrl}?options=${options}`,
      `SELECT current_setting('my.setting') AS value`,
    );
    expect(row).toEqual({ value: 'one two' });
  });

  it.each(['a=b', 'we"ird', '-x', 'host=evil', 'two\nlines', '$x `y`', `é€${'x'.repeat(58)}`])(
    'to a database named %j',
    async (exactName) => {
      const database = await createTestDatabase(server, { exactName });
      try {
        expect(await ask(database.url, current)).toMatchObject({ database: exactName });
      } finally {
        await database.drop();
      }
    },
  );

  it.each([
    [
      'a wrong password',
      `postgres://postgres:s3cret@127.0.0.1:${port}/postgres`,
      'AUTHENTICATION_FAILED',
      6,
    ],
    ['no password', `postgres://postgres@127.0.0.1:${port}/postgres`, 'AUTHENTICATION_FAILED', 6],
    [
      'an unknown user',
      `postgres://nobody-x:s3cret@127.0.0.1:${port}/postgres`,
      'AUTHENTICATION_FAILED',
      6,
    ],
    [
      'an unknown database',
      `postgres://postgres:${password}@127.0.0.1:${port}/nowhere`,
      'TARGET_NOT_FOUND',
      4,
    ],
    [
      'a socket that is not there',
      `postgres://postgres:s3cret@/x?host=/nonexistent&port=${port}`,
      'SERVER_UNREACHABLE',
      6,
    ],
    [
      'a name that nobody has',
      `postgres://postgres:s3cret@nowhere.invalid:${port}/x`,
      'SERVER_UNREACHABLE',
      6,
    ],
    [
      'TLS, which it does not have',
      `postgres://postgres:s3cret@127.0.0.1:${port}/x?sslmode=require`,
      'SERVER_UNREACHABLE',
      6,
    ],
  ])('refuses %s', async (_what, url, code, exitCode) => {
    const error = await failureOf(url);
    expect(error).toMatchObject({ code, exitCode, hint: expect.any(String) });
    const everything = [
      error.message,
      error.hint,
      error.stack,
      JSON.stringify(error.details),
    ].join();
    expect(everything).not.toContain('s3cret');
    expect(everything).not.toContain(password);
  });

  describe('of several hosts', () => {
    it('takes the first that accepts', async () => {
      const closed = await anyFreePort();
      const url = `postgres://postgres:${password}@127.0.0.1:${closed},127.0.0.1:${port}/postgres`;
      expect(await ask(url, current)).toMatchObject({ user: 'postgres' });
    });

    it('names each where none does', async () => {
      const [first, second] = [await anyFreePort(), await anyFreePort()];
      const error = await failureOf(`postgres://u:s3cret@127.0.0.1:${first},localhost:${second}/x`);
      expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', exitCode: 6 });
      expect(error.message).toContain(`127.0.0.1:${first}: `);
      expect(error.message).toContain(`localhost:${second}: `);
      expect(error.message).toContain('ECONNREFUSED');
    });

    it('goes no further where one refuses the password', async () => {
      const closed = await anyFreePort();
      const url = `postgres://postgres:wrong@127.0.0.1:${port},127.0.0.1:${closed}/postgres`;
      expect(await failureOf(url)).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    });

    it('passes over those of the wrong kind', async () => {
      const url = `${server.adminUrl}?target_session_attrs=`;
      expect(await ask(`${url}primary`, current)).toMatchObject({ user: 'postgres' });
      expect(await ask(`${url}read-write`, current)).toMatchObject({ user: 'postgres' });
      expect(await failureOf(`${url}standby`)).toMatchObject({ code: 'READ_ONLY_SERVER' });
      const twice = `postgres://postgres:${password}@127.0.0.1:${port},localhost:${port}/postgres`;
      const error = await failureOf(`${twice}?target_session_attrs=read-only`);
      expect(error.message).toContain('is not read-only');
    });
  });

  it('gives an error, and no crash, where the server ends an idle connection', async () => {
    const session = await open(server.adminUrl);
    await withSession(server.adminUrl, (client) =>
      client.query('SELECT pg_terminate_backend($1, 5000)', [session.pid]),
    );
    await expect(session.query('SELECT 1')).rejects.toMatchObject({
      code: 'SERVER_GONE',
      exitCode: 6,
    });
    await session.close();
  });
});

describe('what is no PostgreSQL server', () => {
  it('is a port where nothing listens', async () => {
    const closed = await anyFreePort();
    const error = await failureOf(`postgres://app:s3cret@127.0.0.1:${closed}/shop`);
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', kind: 'environment', exitCode: 6 });
    expect(error.message).toContain(`${closed}`);
    expect(error.hint).toContain('belay local start');
  });

  it('is one that never answers: the timeout of the URL holds', async () => {
    const silent = await fakeServer(() => {});
    try {
      const error = await failureOf(`postgres://a@127.0.0.1:${silent.port}/x?connect_timeout=1`);
      expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE' });
      expect(error.message).toContain('no answer within 1 s');
    } finally {
      silent.close();
    }
  });

  it.each([
    ['one that hangs up', (socket: Socket) => socket.destroy()],
    [
      'one that speaks something else',
      (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ],
  ])('is %s', async (_what, onConnection) => {
    const fake = await fakeServer(onConnection);
    try {
      for (const mode of ['disable', 'prefer', 'require']) {
        const url = `postgres://a:s3cret@127.0.0.1:${fake.port}/x?connect_timeout=5&sslmode=${mode}`;
        expect(await failureOf(url)).toMatchObject({ kind: 'environment', exitCode: 6 });
      }
    } finally {
      fake.close();
    }
  });
});
