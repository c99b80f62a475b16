import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BelayError } from '../../../src/errors.js';
import { resolveConnection } from '../../../src/postgres/settings.js';
import { makeTempFolder } from '../../support/temp-folder.js';

/** Only what the test says: no HOME of the developer, no PG* variables. */
function resolve(url: string | undefined, env: NodeJS.ProcessEnv = {}, cwd?: string) {
  return resolveConnection({ url, env: { HOME: '/nonexistent', ...env }, cwd });
}

async function failureOf(work: Promise<unknown>): Promise<BelayError> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(BelayError);
  return error;
}

describe('the forms of a URL', () => {
  it.each([
    ['postgres://app@db/shop', 'db', 5432, 'app', 'shop'],
    [
      'postgresql://app:pw@db.example.com:6543/shop?sslmode=disable',
      'db.example.com',
      6543,
      'app',
      'shop',
    ],
    ['postgresql+psycopg2://app@db/shop', 'db', 5432, 'app', 'shop'],
    ['jdbc:postgresql://db/shop?user=app', 'db', 5432, 'app', 'shop'],
    ['postgres://app@[::1]:6543/shop', '::1', 6543, 'app', 'shop'],
    ['postgres://app@db', 'db', 5432, 'app', 'app'],
    ['postgres://app@db/', 'db', 5432, 'app', 'app'],
    ['  postgres://app@db/shop\n', 'db', 5432, 'app', 'shop'],
    ['postgres://us%40er@db/sh%2Fop', 'db', 5432, 'us@er', 'sh/op'],
    ['postgres://db/shop?user=app&port=7000', 'db', 7000, 'app', 'shop'],
    ['POSTGRES://app@db/shop', 'db', 5432, 'app', 'shop'],
  ])('%s', async (url, host, port, user, database) => {
    const settings = await resolve(url);
    expect(settings.hosts).toEqual([{ host, port }]);
    expect(settings).toMatchObject({ user, database });
  });

  it('decodes a password, and takes a raw @ in it', async () => {
    expect((await resolve('postgres://app:p%40%3A%2Fw@db/shop')).password).toBe('p@:/w');
    expect((await resolve('postgres://app:p@w@db/shop')).password).toBe('p@w');
    expect((await resolve('postgres://app:@db/shop')).password).toBeUndefined();
  });

  it('ignores parameters of other programs', async () => {
    const settings = await resolve('postgres://app@db/shop?schema=public&pgbouncer=true&pool=5');
    expect(settings).toMatchObject({ database: 'shop', user: 'app' });
  });

  it('takes several hosts with their ports', async () => {
    const settings = await resolve('postgres://app@a:1,b,[::1]:3/shop');
    expect(settings.hosts).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 5432 },
      { host: '::1', port: 3 },
    ]);
  });

  it('gives several hosts the one port of a parameter', async () => {
    const settings = await resolve('host=a,b port=6000 user=app');
    expect(settings.hosts.map(({ port }) => port)).toEqual([6000, 6000]);
  });

  it.each([
    'postgres:///shop?host=/run/pg&port=6000&user=app',
    'postgres://app@%2Frun%2Fpg:6000/shop',
    'postgres://app@localhost:6000/shop?host=/run/pg',
    'host=/run/pg port=6000 user=app dbname=shop',
  ])('a unix socket: %s', async (url) => {
    const settings = await resolve(url);
    expect(settings).toMatchObject({ hosts: [{ host: '/run/pg', port: 6000 }], database: 'shop' });
  });

  it('connects to hostaddr and keeps the name', async () => {
    const settings = await resolve('postgres://app@db.example.com/shop?hostaddr=10.0.0.1');
    expect(settings.hosts).toEqual([{ host: 'db.example.com', port: 5432, address: '10.0.0.1' }]);
  });
});

describe('key=value strings', () => {
  it("reads quotes and backslashes as libpq's", async () => {
    const settings = await resolve(
      String.raw`host = db dbname='my \'db\'' user=a\ b password='' options='-c x=y'`,
    );
    expect(settings).toMatchObject({ database: "my 'db'", user: 'a b', options: '-c x=y' });
    expect(settings.password).toBeUndefined();
  });

  it.each(["host=db dbname='open", 'host=db dbname', 'host=db =x'])('refuses %s', async (url) => {
    expect(await failureOf(resolve(url))).toMatchObject({ code: 'BAD_URL', exitCode: 2 });
  });
});

const longName = `${'é'.repeat(31)}x`;

describe('odd database names', () => {
  it.each([
    ['a=b', 'a%3Db'],
    ['we"ird', 'we%22ird'],
    ["it's", "it's"],
    ['-x', '-x'],
    ['--help', '--help'],
    ['host=evil', 'host%3Devil'],
    ['postgres://evil/db', 'postgres%3A%2F%2Fevil%2Fdb'],
    ['two\nlines', 'two%0Alines'],
    ['$(x) `y` ;', '%24(x)%20%60y%60%20%3B'],
    [longName, encodeURIComponent(longName)],
  ])('%j', async (name, encoded) => {
    expect(Buffer.byteLength(longName)).toBe(63);
    const settings = await resolve(`postgres://app@db/${encoded}`);
    expect(settings).toMatchObject({ database: name, hosts: [{ host: 'db', port: 5432 }] });
    expect(
      await resolveConnection({ url: 'postgres://app@db', env: {}, database: name }),
    ).toMatchObject({ database: name, hosts: [{ host: 'db' }] });
  });
});

describe('what is wrong with a URL', () => {
  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['mysql://app:s3cret@db/shop', 'mysql://'],
    ['file:s3cret.db', 'postgres://'],
    ['s3cret', 'postgres://'],
    ['postgres://app:s3cret%@db/shop', '%'],
    ['postgres://app:s3cret%zz@db/shop', '%'],
    ['postgres://app:s3cret@db:port/shop', 'port'],
    ['postgres://app:s3cret@db:0/shop', 'port'],
    ['postgres://app:s3cret@db:65536/shop', 'port'],
    ['postgres://app:s3/cret@db/shop', 'port'],
    ['postgres://app:s3cret@[::1/shop', 'host'],
    ['postgres://app:s3cret@db/sh\0op', 'NUL'],
    ['postgres://app:s3cret@db/sh%00op', 'NUL'],
    ['postgres://app:s3cret@db/shop?sslmode=s3cret', 'sslmode'],
    ['postgres://app:s3cret@db/shop?connect_timeout=s3cret', 'connect_timeout'],
    ['postgres://app:s3cret@db/shop?target_session_attrs=s3cret', 'target_session_attrs'],
    ['postgres://app:s3cret@a,b/shop?port=1,2,3', 'ports'],
    ['postgres://app:s3cret@a,b/shop?hostaddr=10.0.0.1', 'addresses'],
    ['postgres://app:s3cret@db/shop?sslmode=verify-ca', 'root certificate'],
    ['postgres://app:s3cret@db/shop?sslrootcert=system&sslmode=require', 'verify-full'],
  ])('%j', async (url, says) => {
    const error = await failureOf(resolve(url));
    expect(error).toMatchObject({ code: 'BAD_URL', kind: 'user', exitCode: 2 });
    expect(error.message).toContain(says);
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain('cret');
  });
});

describe('PG* variables', () => {
  const env = {
    PGHOST: 'envhost',
    PGPORT: '7000',
    PGUSER: 'envuser',
    PGPASSWORD: 'envpw',
    PGDATABASE: 'envdb',
    PGSSLMODE: 'disable',
    PGCONNECT_TIMEOUT: '3',
    PGOPTIONS: '-c a=b',
    PGTARGETSESSIONATTRS: 'primary',
  };

  it('stand in for everything that the URL leaves out', async () => {
    expect(await resolve(undefined, env)).toEqual({
      hosts: [{ host: 'envhost', port: 7000 }],
      user: 'envuser',
      password: 'envpw',
      database: 'envdb',
      ssl: { mode: 'disable' },
      connectTimeoutMs: 3000,
      options: '-c a=b',
      targetSessionAttributes: 'primary',
    });
    expect(await resolve('postgres:///shop', env)).toMatchObject({
      hosts: [{ host: 'envhost', port: 7000 }],
      database: 'shop',
    });
  });

  it('give way to the URL', async () => {
    const url = 'postgres://app:pw@db:5433/shop?sslmode=require&connect_timeout=9';
    expect(await resolve(url, env)).toMatchObject({
      hosts: [{ host: 'db', port: 5433 }],
      user: 'app',
      password: 'pw',
      database: 'shop',
      ssl: { mode: 'require' },
      connectTimeoutMs: 9000,
    });
  });

  it('count as not set where they are empty', async () => {
    const settings = await resolve('postgres://app@db/shop', { PGPORT: '', PGSSLMODE: '' });
    expect(settings).toMatchObject({ hosts: [{ port: 5432 }], ssl: { mode: 'prefer' } });
  });
});

describe('the defaults', () => {
  it('are a local server, the database of the user name and a timeout', async () => {
    const settings = await resolve(undefined, { PGUSER: 'app' });
    expect(settings).toMatchObject({ user: 'app', database: 'app', connectTimeoutMs: 10_000 });
    expect(settings.hosts).toHaveLength(1);
    expect(settings.hosts[0]?.host).toMatch(/^\/|^localhost$/);
    expect(settings.hosts[0]?.port).toBe(5432);
  });

  it('a timeout of 0 or less means none', async () => {
    expect((await resolve('postgres://db?connect_timeout=0')).connectTimeoutMs).toBe(0);
    expect((await resolve('postgres://db?connect_timeout=-1')).connectTimeoutMs).toBe(0);
  });
});

describe('service files', () => {
  const services = [
    '# comment',
    '[other]',
    'host=wrong',
    '[shop]',
    'host=servicehost',
    'port=7777',
    'dbname=first',
    'dbname=second',
    'password=servicepw',
    '[shop]',
    'host=never',
  ].join('\n');

  it('come between the URL and the environment', async () => {
    const folder = makeTempFolder({ 'services.conf': services });
    const env = {
      PGSERVICEFILE: join(folder, 'services.conf'),
      PGHOST: 'envhost',
      PGUSER: 'envuser',
    };
    expect(await resolve('service=shop port=1', env)).toMatchObject({
      hosts: [{ host: 'servicehost', port: 1 }],
      user: 'envuser',
      password: 'servicepw',
      database: 'first',
    });
    expect(await resolve('postgres:///mine?service=shop', env)).toMatchObject({ database: 'mine' });
    expect(await resolve(undefined, { ...env, PGSERVICE: 'shop' })).toMatchObject({
      hosts: [{ host: 'servicehost', port: 7777 }],
    });
  });

  it('are looked for in the home folder and in PGSYSCONFDIR', async () => {
    const folder = makeTempFolder({
      '.pg_service.conf': '[mine]\nhost=a\n',
      'etc/pg_service.conf': services,
    });
    const env = { HOME: folder, PGSYSCONFDIR: join(folder, 'etc') };
    expect((await resolve('service=mine', env)).hosts[0]?.host).toBe('a');
    expect((await resolve('service=shop', env)).hosts[0]?.host).toBe('servicehost');
  });

  it('name what is missing', async () => {
    const error = await failureOf(resolve('service=nowhere', { PGSYSCONFDIR: '/nonexistent' }));
    expect(error).toMatchObject({ code: 'BAD_URL', message: expect.stringContaining('"nowhere"') });
  });
});

describe('the passfile', () => {
  function passfile(lines: string[], mode = 0o600) {
    const file = join(makeTempFolder(), 'pass');
    writeFileSync(file, `${lines.join('\n')}\n`);
    chmodSync(file, mode);
    return { PGPASSFILE: file };
  }

  it('gives the password of the first line that fits', async () => {
    const env = passfile([
      '# db:5432:shop:app:commented',
      'other:*:*:*:wrong',
      'db:5433:*:*:wrong',
      'db:*:shop:app:right',
      '*:*:*:*:late',
    ]);
    expect((await resolve('postgres://app@db/shop', env)).password).toBe('right');
    expect((await resolve('postgres://app@db/else', env)).password).toBe('late');
    expect((await resolve('postgres://app:own@db/shop', env)).password).toBe('own');
    expect((await resolve('postgres://app@db/shop', { ...env, PGPASSWORD: 'env' })).password).toBe(
      'env',
    );
  });

  it('escapes colons and backslashes, and knows a star that is a name', async () => {
    const env = passfile([String.raw`db:*:\*:app:no`, String.raw`db:*:a\:b\\c:app:p\:w\\d`]);
    const url = `postgres://app@db/${encodeURIComponent('a:b\\c')}`;
    expect((await resolve(url, env)).password).toBe('p:w\\d');
    expect((await resolve('postgres://app@db/shop', env)).password).toBeUndefined();
    expect((await resolve('postgres://app@db/*', env)).password).toBe('no');
  });

  it('looks every host up', async () => {
    const env = passfile(['b:5432:shop:app:second']);
    expect((await resolve('postgres://app@a,b/shop', env)).password).toBe('second');
  });

  it('means a default socket by "localhost" and another socket by its folder', async () => {
    const env = passfile(['localhost:*:*:*:default', '/run/pg:*:*:*:other']);
    const socket = (host: string) => resolve(`postgres:///shop?user=app&host=${host}`, env);
    expect((await socket('/var/run/postgresql')).password).toBe('default');
    expect((await socket('/run/pg')).password).toBe('other');
  });

  it.skipIf(process.platform === 'win32')('does not count where others can read it', async () => {
    const env = passfile(['*:*:*:*:pw'], 0o644);
    expect((await resolve('postgres://app@db/shop', env)).password).toBeUndefined();
  });

  it('is also ~/.pgpass, or what the string names', async () => {
    const folder = makeTempFolder({ '.pgpass': '*:*:*:*:home\n', mine: '*:*:*:*:mine\n' });
    for (const name of ['.pgpass', 'mine']) chmodSync(join(folder, name), 0o600);
    expect((await resolve('postgres://app@db/shop', { HOME: folder })).password).toBe('home');
    const named = await resolve('postgres://app@db/shop?passfile=mine', { HOME: folder }, folder);
    expect(named.password).toBe('mine');
  });
});

describe('TLS parameters', () => {
  it('reads no-verify and ssl=true as require', async () => {
    expect((await resolve('postgres://db?sslmode=no-verify')).ssl).toEqual({ mode: 'require' });
    expect((await resolve('postgres://db?ssl=true')).ssl).toEqual({ mode: 'require' });
  });

  it('starts relative files at cwd, and takes those in ~/.postgresql', async () => {
    const folder = makeTempFolder({
      '.postgresql/root.crt': 'x',
      '.postgresql/postgresql.crt': 'x',
      '.postgresql/postgresql.key': 'x',
    });
    const personal = (name: string) => join(folder, '.postgresql', name);
    const url = 'postgres://db?sslmode=verify-full';
    expect((await resolve(url, { HOME: folder })).ssl).toEqual({
      mode: 'verify-full',
      rootCertFile: personal('root.crt'),
      certFile: personal('postgresql.crt'),
      keyFile: personal('postgresql.key'),
    });
    expect((await resolve(`${url}&sslrootcert=ca.pem`, {}, folder)).ssl).toEqual({
      mode: 'verify-full',
      rootCertFile: join(folder, 'ca.pem'),
    });
  });

  it('verifies against public authorities where no file is named', async () => {
    expect((await resolve('postgres://db?sslmode=verify-full')).ssl.rootCertFile).toBe('system');
    expect((await resolve('postgres://db?sslrootcert=system')).ssl.mode).toBe('verify-full');
  });
});
