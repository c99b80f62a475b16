import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { libpqEnvironment } from '../../src/postgres/libpq-environment.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import type { DumpTools } from '../../src/process/client-tools.js';
import { type StreamedProgram, streamProgram } from '../../src/process/stream-program.js';
import { makeCertificates, type TestCertificates } from '../support/certificates.js';
import { findDumpableServer } from '../support/dump-tools.js';
import { failure } from '../support/failure.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type ThrowawayServer,
  withSession,
} from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { makeServerFolder } from '../support/throwaway-server.js';

describe('the environment of pg_dump', () => {
  let server: ThrowawayServer;
  let files: TestCertificates;
  let tools: DumpTools;

  beforeAll(async () => {
    const dumpable = await findDumpableServer();
    tools = dumpable.tools;
    files = await makeCertificates(await makeServerFolder());
    server = await startThrowawayServer({
      major: dumpable.server.major,
      settings: {
        ssl: 'on',
        ssl_cert_file: files.serverCertFile,
        ssl_key_file: files.serverKeyFile,
      },
    });
  });
  afterAll(() => server?.remove());

  const url = (query = '', host = 'localhost', user = 'postgres', password = server.password) =>
    `postgres://${user}:${encodeURIComponent(password)}@${host}:${server.port}/postgres?${query}`;

  async function dump(
    connection: string,
    env: NodeJS.ProcessEnv = {},
    database?: string,
  ): Promise<StreamedProgram> {
    const settings = await resolveConnection({ url: connection, env: { HOME: '/nonexistent' } });
    return streamProgram(tools.pgDump.path, ['--schema-only', '--no-password'], {
      env: libpqEnvironment(settings, {
        database,
        applicationName: 'belay test',
        env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
      }),
      errorCode: 'DUMP_FAILED',
    });
  }
  const dumped = async (...order: Parameters<typeof dump>) => text((await dump(...order)).stdout);

  it.each([
    'a=b',
    'dbname=postgres host=nowhere',
    '--host=nowhere',
    '-d',
    `it's "quoted" \\`,
    'two\nlines',
    'postgres://nowhere/x',
    ' ',
  ])('takes it to the database named %j, and pg_restore too', async (name) => {
    const exactName = `${name}${Math.random()}`;
    const sql = 'CREATE TABLE only_here (a int)';
    const database = await createTestDatabase(server, { exactName, sql });
    try {
      expect(await dumped(url(), {}, exactName)).toContain('CREATE TABLE public.only_here');
      const settings = await resolveConnection({ url: url(), env: {} });
      const env = libpqEnvironment(settings, {
        database: exactName,
        applicationName: 'belay test',
      });
      const child = streamProgram(tools.pgRestore.path, ['--dbname=', '--no-password'], {
        env,
        stdin: 'pipe',
        errorCode: 'RESTORE_FAILED',
      });
      // No archive, but it connects before it reads one.
      child.stdin?.end('no archive');
      const { failure: why } = await child.ended;
      expect(why?.message).toContain('input file');
      expect(why?.message).not.toContain('connection');
    } finally {
      await database.drop();
    }
  });

  it.each([`p'w"d`, 'a b=c', 'ü\\:@/', '-x'])('carries the password %j', async (password) => {
    await withSession(server.adminUrl, (client) =>
      client.query(
        `DROP ROLE IF EXISTS "o'dd role";
         CREATE ROLE "o'dd role" LOGIN SUPERUSER PASSWORD ${client.escapeLiteral(password)}`,
      ),
    );
    const connection = url('', 'localhost', encodeURIComponent(`o'dd role`), password);
    expect(await dumped(connection)).toContain('PostgreSQL database dump complete');
    await failure(dumped(url('', 'localhost', `o'dd role`, 'wrong')), 'DUMP_FAILED');
  });

  it('does not let variables of the caller change anything', async () => {
    const folder = makeTempFolder();
    const env = {
      PGHOST: 'nowhere.invalid',
      PGHOSTADDR: '192.0.2.1',
      PGPORT: '1',
      PGDATABASE: 'none',
      PGUSER: 'nobody',
      PGPASSWORD: 'wrong',
      PGSSLMODE: 'verify-full',
      PGSERVICE: 'none',
      PGOPTIONS: '-c search_path=nowhere -c nonsense=1',
      PGCLIENTENCODING: 'LATIN1',
      PGTARGETSESSIONATTRS: 'standby',
      PGREQUIRESSL: '1',
    };
    expect(await dumped(url(), { ...env, HOME: folder })).toContain('dump complete');
  });

  it('does not find passwords and certificates in the home folder that Belay does not use', async () => {
    const home = makeTempFolder({ '.pgpass': `*:*:*:*:${server.password}\n` });
    mkdirSync(join(home, '.postgresql'));
    copyFileSync(files.otherRootCertFile, join(home, '.postgresql', 'root.crt'));
    copyFileSync(files.clientCertFile, join(home, '.postgresql', 'postgresql.crt'));
    const withoutPassword = `postgres://postgres@localhost:${server.port}/postgres`;
    chmodSync(join(home, '.pgpass'), 0o600);
    const error = await failure(dumped(withoutPassword, { HOME: home }), 'DUMP_FAILED');
    expect(error.message).toContain('no password supplied');
    // The certificate has no key beside it, which libpq takes for an error.
    expect(await dumped(url('sslmode=no-verify'), { HOME: home })).toContain('dump complete');
    expect(await dumped(url('sslmode=prefer'), { HOME: home })).toContain('dump complete');
  });

  it.each([
    ['sslmode=verify-full', 'localhost', 'root', true],
    ['sslmode=verify-full', '127.0.0.1', 'root', false],
    ['sslmode=verify-ca', '127.0.0.1', 'root', true],
    ['sslmode=verify-ca', 'localhost', 'other', false],
    ['sslmode=require', '127.0.0.1', 'root', true],
    ['sslmode=require', 'localhost', 'other', false],
    ['sslmode=verify-full', 'localhost', 'system', false],
    ['sslmode=disable', 'localhost', 'other', true],
  ])('verifies as Belay does: %s to %s with the authority "%s"', async (mode, host, root, good) => {
    const file = root === 'root' ? files.rootCertFile : files.otherRootCertFile;
    const connection = url(`${mode}&sslrootcert=${root === 'system' ? root : file}`, host);
    if (good) expect(await dumped(connection)).toContain('dump complete');
    else expect((await failure(dumped(connection), 'DUMP_FAILED')).message).toMatch(/certificate/);
  });
});
