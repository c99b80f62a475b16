import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BelayError } from '../../src/errors.js';
import { Session } from '../../src/postgres/session.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import { makeCertificates, type TestCertificates } from '../support/certificates.js';
import {
  startThrowawayServer,
  type ThrowawayServer,
  testServers,
  withSession,
} from '../support/servers.js';
import { makeServerFolder } from '../support/throwaway-server.js';

describe.each(testServers())('TLS to $name', ({ major }) => {
  let server: ThrowawayServer;
  let files: TestCertificates;

  beforeAll(async () => {
    // Beside the server, which has to reach its key; removed with it.
    files = await makeCertificates(await makeServerFolder());
    server = await startThrowawayServer({
      major,
      settings: {
        ssl: 'on',
        ssl_cert_file: files.serverCertFile,
        ssl_key_file: files.serverKeyFile,
        ssl_ca_file: files.rootCertFile,
      },
    });
    for (const name of ['tls_only', 'plain_only', 'by_cert']) {
      await withSession(server.adminUrl, (client) => client.query(`CREATE DATABASE ${name}`));
    }
    await prependRules([
      'hostssl   by_cert    all all cert',
      'hostnossl by_cert    all all reject',
      'hostnossl plain_only all all scram-sha-256',
      'hostssl   plain_only all all reject',
      'hostssl   tls_only   all all scram-sha-256',
      'hostnossl tls_only   all all reject',
    ]);
  });
  afterAll(() => server?.remove());

  async function prependRules(rules: string[]): Promise<void> {
    const file = join(server.dataDir, 'pg_hba.conf');
    writeFileSync(file, `${rules.join('\n')}\n${readFileSync(file, 'utf8')}`);
    await withSession(server.adminUrl, (client) => client.query('SELECT pg_reload_conf()'));
    // The reload is asynchronous: what the next session gets, the test has to know.
    await vi.waitFor(
      async () => {
        const refused = await outcome('plain_only', 'localhost', 'sslmode=require');
        expect(refused).toBe('AUTHENTICATION_FAILED');
      },
      { timeout: 10_000 },
    );
  }

  /** "tls" or "plain" of a session, or the code of the error. */
  async function outcome(database: string, host: string, query: string): Promise<string> {
    const result = await open(database, host, query);
    if (result instanceof BelayError) return result.code;
    try {
      const [row] = await result.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return row?.ssl ? 'tls' : 'plain';
    } finally {
      await result.close();
    }
  }

  async function open(
    database: string,
    host: string,
    query: string,
  ): Promise<Session | BelayError> {
    const url = `postgres://postgres:${server.password}@${host}:${server.port}/${database}?${query}`;
    try {
      const settings = await resolveConnection({ url, env: { HOME: '/nonexistent' } });
      return await Session.open(settings, { applicationName: 'belay test' });
    } catch (error) {
      expect(error).toBeInstanceOf(BelayError);
      return error as BelayError;
    }
  }

  const root = () => `&sslrootcert=${files.rootCertFile}`;
  const otherRoot = () => `&sslrootcert=${files.otherRootCertFile}`;

  it.each([
    ['disable', 'plain'],
    ['allow', 'plain'],
    ['prefer', 'tls'],
    ['require', 'tls'],
  ])('sslmode=%s is %s where the server has both', async (mode, expected) => {
    expect(await outcome('postgres', 'localhost', `sslmode=${mode}`)).toBe(expected);
  });

  it.each([
    ['tls_only', 'disable', 'AUTHENTICATION_FAILED'],
    ['tls_only', 'allow', 'tls'],
    ['tls_only', 'prefer', 'tls'],
    ['plain_only', 'allow', 'plain'],
    ['plain_only', 'prefer', 'plain'],
    ['plain_only', 'require', 'AUTHENTICATION_FAILED'],
  ])('where the server wants %s, sslmode=%s gives %s', async (database, mode, expected) => {
    expect(await outcome(database, 'localhost', `sslmode=${mode}`)).toBe(expected);
  });

  it('verify-full wants the right authority and the right name', async () => {
    const mode = 'sslmode=verify-full';
    expect(await outcome('postgres', 'localhost', mode + root())).toBe('tls');
    expect(await outcome('postgres', '127.0.0.1', mode + root())).toBe('AUTHENTICATION_FAILED');
    expect(await outcome('postgres', 'localhost', mode + otherRoot())).toBe(
      'AUTHENTICATION_FAILED',
    );
    // The public authorities have not signed it.
    expect(await outcome('postgres', 'localhost', mode)).toBe('AUTHENTICATION_FAILED');
  });

  it('verify-full goes by the name where an address is given beside it', async () => {
    const mode = `sslmode=verify-full&hostaddr=127.0.0.1${root()}`;
    expect(await outcome('postgres', 'localhost', mode)).toBe('tls');
    expect(await outcome('postgres', 'db.invalid', mode)).toBe('AUTHENTICATION_FAILED');
  });

  it('verify-ca wants the right authority, whatever the name', async () => {
    const mode = 'sslmode=verify-ca';
    expect(await outcome('postgres', '127.0.0.1', mode + root())).toBe('tls');
    expect(await outcome('postgres', '127.0.0.1', mode + otherRoot())).toBe(
      'AUTHENTICATION_FAILED',
    );
  });

  it('require with an authority means verify-ca, and prefer checks nothing', async () => {
    expect(await outcome('postgres', '127.0.0.1', `sslmode=require${root()}`)).toBe('tls');
    expect(await outcome('postgres', 'localhost', `sslmode=require${otherRoot()}`)).toBe(
      'AUTHENTICATION_FAILED',
    );
    expect(await outcome('postgres', 'localhost', `sslmode=prefer${otherRoot()}`)).toBe('tls');
  });

  it('a certificate that is not trusted says so, with what to do and no secret', async () => {
    const error = await open('postgres', 'localhost', `sslmode=verify-full${otherRoot()}`);
    expect(error).toMatchObject({ exitCode: 6, hint: expect.stringContaining('sslrootcert') });
    const { message, hint, details } = error as BelayError;
    expect(message).toContain(`localhost:${server.port}`);
    expect(JSON.stringify([message, hint, details])).not.toContain(server.password);
  });

  it('a certificate file that cannot be read is named', async () => {
    const error = await open('postgres', 'localhost', 'sslmode=verify-ca&sslrootcert=/no/such.crt');
    expect(error).toMatchObject({
      code: 'FILE_ERROR',
      message: expect.stringContaining('/no/such.crt'),
    });
  });

  it('a client certificate logs in, and a server that wants one refuses without', async () => {
    const certificate = `&sslcert=${files.clientCertFile}&sslkey=${files.clientKeyFile}`;
    expect(await outcome('by_cert', 'localhost', `sslmode=require${certificate}`)).toBe('tls');
    expect(await outcome('by_cert', 'localhost', 'sslmode=require')).toBe('AUTHENTICATION_FAILED');
  });

  it('a unix socket needs none', async () => {
    const query = `sslmode=verify-full${root()}&host=${server.socketDir}`;
    expect(await outcome('postgres', 'localhost', query)).toBe('plain');
  });
});
