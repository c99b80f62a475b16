import { describe, expect, it } from 'vitest';
import { redirectEnvironment } from '../../src/features/rehearsal/redirect-environment.js';
import { type ConnectionSettings, resolveConnection } from '../../src/postgres/settings.js';
import { makeTempFolder } from '../support/temp-folder.js';

const copyName = 'belay copy/1?x=%';
const encoded = 'belay%20copy%2F1%3Fx%3D%25';
const settingsOf = (url: string): Promise<ConnectionSettings> =>
  resolveConnection({ url, env: { HOME: '/nonexistent' } });

interface Call {
  readonly env?: NodeJS.ProcessEnv;
  readonly files?: Readonly<Record<string, string>>;
  readonly target?: string;
  /** URL of the copy's server; default: the target's. */
  readonly copy?: string;
  readonly copyDatabase?: string;
  readonly urlVariables?: string[];
}

const targetUrl = 'postgres://app:s3cret@localhost:5433/shop';

async function redirect({ env = {}, files = {}, ...call }: Call) {
  const cwd = makeTempFolder({ '.git/': '', ...files });
  const target = await settingsOf(call.target ?? targetUrl);
  const copy = call.copy ? await settingsOf(call.copy) : target;
  return redirectEnvironment({
    target: { settings: target, database: target.database },
    copy: { settings: copy, database: call.copyDatabase ?? copyName },
    cwd,
    env: { HOME: cwd, ...env },
    urlVariables: call.urlVariables,
  });
}

/** The value of one variable that had this value. */
async function redirected(value: string, call: Call = {}): Promise<string | undefined> {
  const { env } = await redirect({ ...call, env: { ...call.env, SOME: value } });
  return env.SOME;
}

describe('an address in the environment', () => {
  it.each([
    [
      'postgres://app:s3cret@localhost:5433/shop',
      `postgres://app:s3cret@localhost:5433/${encoded}`,
    ],
    [
      'postgresql://web:x%40y@127.0.0.1:5433/shop',
      `postgresql://web:x%40y@127.0.0.1:5433/${encoded}`,
    ],
    [
      'postgresql://u:p@localhost:5433/shop?schema=app&pgbouncer=true&connection_limit=1',
      `postgresql://u:p@localhost:5433/${encoded}?schema=app&pgbouncer=true&connection_limit=1`,
    ],
    ['postgres://u:p@w@localhost:5433/shop', `postgres://u:p@w@localhost:5433/${encoded}`],
    ['postgres://u:p@[::1]:5433/shop', `postgres://u:p@[::1]:5433/${encoded}`],
    [
      'postgresql+asyncpg://u:p@localhost:5433/shop',
      `postgresql+asyncpg://u:p@localhost:5433/${encoded}`,
    ],
    [
      'postgres://u:p@/shop?host=/var/run/postgresql&port=5433',
      `postgres://u:p@/${encoded}?host=/var/run/postgresql&port=5433`,
    ],
    ['postgres://u:p@localhost:5433/?dbname=shop', `postgres://u:p@localhost:5433/${encoded}`],
    ['postgres://u:p@localhost:5433/sh%6Fp', `postgres://u:p@localhost:5433/${encoded}`],
    [
      'jdbc:postgresql://localhost:5433/shop?user=u&password=p',
      `jdbc:postgresql://localhost:5433/${encoded}?user=u&password=p`,
    ],
    [
      'r2dbc:pool:postgresql://localhost:5433/shop',
      `r2dbc:pool:postgresql://localhost:5433/${encoded}`,
    ],
    ['ecto://u:p@localhost:5433/shop', `ecto://u:p@localhost:5433/${encoded}`],
    [
      'host=localhost port=5433 dbname=shop user=u password=p',
      `host=localhost port=5433 user=u password=p dbname='${copyName}'`,
    ],
    ["dbname='shop' host='localhost' port=5433", `host='localhost' port=5433 dbname='${copyName}'`],
    [
      'Host=localhost;Port=5433;Database=shop;Username=u;Password=p',
      `Host=localhost;Port=5433;Database="${copyName}";Username=u;Password=p`,
    ],
    [
      'pgsql:host=localhost;port=5433;dbname=shop',
      `pgsql:host=localhost;port=5433;dbname="${copyName}"`,
    ],
    [
      '{"db":{"url":"postgres://u:p@localhost:5433/shop"},"n":1}',
      `{"db":{"url":"postgres://u:p@localhost:5433/${encoded}"},"n":1}`,
    ],
    [
      '--url postgres://u:p@localhost:5433/shop --verbose',
      `--url postgres://u:p@localhost:5433/${encoded} --verbose`,
    ],
  ])('%s leads to the copy in its own form', async (value, expected) => {
    expect(await redirected(value)).toBe(expected);
  });

  it.each([
    ['another database', 'postgres://app:s3cret@localhost:5433/other'],
    ['another port', 'postgres://app:s3cret@localhost:5432/shop'],
    ['another server', 'postgres://app:s3cret@203.0.113.7:5433/shop'],
    ['another system', 'mysql://app:s3cret@localhost:5433/shop'],
    ['no address', 'shop'],
    ['a page', 'https://localhost:5433/shop'],
    ['a broken URL', 'postgres://app:%zz@localhost:5433/shop'],
    ['a port that is none', 'postgres://localhost:port/shop'],
  ])('of %s stays as it is', async (_, value) => {
    expect(await redirected(value)).toBe(value);
  });

  it('means the target by any name of this machine, and by a doubtful match', async () => {
    expect(await redirected('postgres://u:p@127.0.0.1:5433,203.0.113.7:5433/shop')).toBe(
      `postgres://u:p@127.0.0.1:5433,203.0.113.7:5433/${encoded}`,
    );
    const { env } = await redirect({
      target: 'postgres://app@127.0.0.1:5433,203.0.113.7:5433/shop',
      env: { SOME: 'postgres://app:p@203.0.113.7:5433/shop' },
    });
    expect(env.SOME).toBe(`postgres://app:p@203.0.113.7:5433/${encoded}`);
  });

  it('takes along the password that it would have found elsewhere', async () => {
    const env = { PGPASSWORD: 'from/env' };
    expect(await redirected('postgres://app@localhost:5433/shop', { env })).toBe(
      `postgres://app:from%2Fenv@localhost:5433/${encoded}`,
    );
  });

  it.each(['shop', 'a b', 'ü/ö', "it's", 'a%2Fb', '100%', '-d', 'x=y', 'a"b', 'new\nline', 'a;b'])(
    'can name any database: %j',
    async (name) => {
      const at = 'localhost:5433';
      const written = `postgres://u:p@${at}/${encodeURIComponent(name)}`;
      const call = { target: written, copyDatabase: `${name} copy` };
      for (const value of [
        written,
        `jdbc:postgresql://${at}/${encodeURIComponent(name)}`,
        `host=localhost port=5433 dbname='${name.replace(/['\\]/g, '\\$&')}'`,
      ]) {
        const result = await redirected(value, call);
        expect((await settingsOf(result ?? '')).database).toBe(`${name} copy`);
      }
    },
  );
});

describe('the environment of a command', () => {
  it('leads to the copy in DATABASE_URL, BELAY_URL and the variables of libpq', async () => {
    const { env, variables } = await redirect({
      env: { PATH: '/bin', PGSERVICE: 'live', PGHOSTADDR: '203.0.113.7', PGOPTIONS: '-c x.y=1' },
    });
    const url = `postgresql://app:s3cret@localhost:5433/${encoded}`;
    expect(env).toMatchObject({
      ...{ DATABASE_URL: url, BELAY_URL: url, PGHOST: 'localhost', PGPORT: '5433' },
      ...{ PGDATABASE: copyName, PGUSER: 'app', PGPASSWORD: 's3cret' },
      ...{ PATH: '/bin', PGOPTIONS: '-c x.y=1' },
    });
    expect(Object.keys(env)).not.toContain('PGSERVICE');
    expect(Object.keys(env)).not.toContain('PGHOSTADDR');
    expect(variables).toEqual([
      ...['BELAY_URL', 'DATABASE_URL', 'PGDATABASE', 'PGHOST', 'PGPASSWORD', 'PGPORT', 'PGUSER'],
    ]);
  });

  it('keeps the role that the variables had', async () => {
    const { env } = await redirect({
      env: {
        DATABASE_URL: 'postgres://migrator:m@localhost:5433/shop?schema=app',
        ...{
          PGHOST: '127.0.0.1',
          PGPORT: '5433',
          PGDATABASE: 'shop',
          PGUSER: 'web',
          PGPASSWORD: 'w',
        },
      },
    });
    expect(env).toMatchObject({
      DATABASE_URL: `postgres://migrator:m@localhost:5433/${encoded}?schema=app`,
      ...{ PGUSER: 'web', PGPASSWORD: 'w', PGDATABASE: copyName },
    });
  });

  it('has every key of .env files that means the target, whatever its name', async () => {
    const { env, variables } = await redirect({
      files: {
        '.env': [
          'DIRECT_URL="postgresql://app:x@localhost:5433/shop?sslmode=disable"',
          'SPRING_DATASOURCE_URL=jdbc:postgresql://localhost:5433/shop',
          'DB_PASSWORD=pw',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: dotenv-expand's own way to refer
          'COMPOSED=postgres://app:${DB_PASSWORD}@localhost:5433/shop',
          'CACHE_URL=redis://localhost:6379',
          'OTHER_URL=postgres://localhost:5433/other',
        ].join('\n'),
        '.env.production': 'READ_URL=postgres://r:r@localhost:5433/shop',
        '.env.example': 'EXAMPLE_URL=postgres://r:r@localhost:5433/shop',
      },
    });
    expect(env).toMatchObject({
      DIRECT_URL: `postgresql://app:x@localhost:5433/${encoded}?sslmode=disable`,
      SPRING_DATASOURCE_URL: `jdbc:postgresql://localhost:5433/${encoded}`,
      COMPOSED: `postgres://app:pw@localhost:5433/${encoded}`,
      READ_URL: `postgres://r:r@localhost:5433/${encoded}`,
    });
    for (const name of ['CACHE_URL', 'OTHER_URL', 'EXAMPLE_URL', 'DB_PASSWORD']) {
      expect(env[name]).toBeUndefined();
    }
    expect(variables).toContain('READ_URL');
  });

  it('finds .env files above, up to the repository, and lets what is set win over them', async () => {
    const folder = makeTempFolder({
      '.git/': '',
      '.env': 'UP_URL=postgres://localhost:5433/shop\nSET_URL=postgres://localhost:5433/shop',
      'packages/db/': '',
    });
    const settings = await settingsOf(targetUrl);
    const { env } = await redirectEnvironment({
      target: { settings, database: 'shop' },
      copy: { settings, database: 'copy' },
      cwd: `${folder}/packages/db`,
      env: { HOME: '/nonexistent', SET_URL: 'postgres://localhost:5433/other' },
    });
    expect(env.UP_URL).toBe('postgres://localhost:5433/copy');
    expect(env.SET_URL).toBe('postgres://localhost:5433/other');
  });

  it.each([
    [{ DB_HOST: 'localhost', DB_PORT: '5433', DB_NAME: 'shop' }, ['DB_NAME']],
    [{ DB_HOST: '127.0.0.1', DB_DATABASE: 'shop' }, ['DB_DATABASE']],
    [{ POSTGRES_DB: 'shop', POSTGRES_HOST: 'localhost' }, ['POSTGRES_DB']],
    [{ RDS_DB_NAME: 'shop', RDS_HOSTNAME: 'localhost', RDS_PORT: '5433' }, ['RDS_DB_NAME']],
    [{ TYPEORM_DATABASE: 'shop', TYPEORM_HOST: 'localhost' }, ['TYPEORM_DATABASE']],
    [{ APP_DB__NAME: 'shop', APP_DB__HOST: 'localhost' }, ['APP_DB__NAME']],
    [{ DB_NAME: 'shop' }, ['DB_NAME']],
    [{ DB_HOST: '203.0.113.7', DB_NAME: 'shop' }, []],
    [{ DB_HOST: 'localhost', DB_PORT: '3306', DB_NAME: 'shop' }, []],
    [{ MYSQL_DATABASE: 'shop', MYSQL_HOST: 'localhost' }, []],
    [{ APP_NAME: 'shop', NAME: 'shop', USER: 'shop' }, []],
    [{ DB_NAME: 'other', DB_HOST: 'localhost' }, []],
  ])('of %j has the database set in %j', async (parts, expected) => {
    for (const call of [
      { env: parts },
      {
        files: {
          '.env': Object.entries(parts)
            .map((pair) => pair.join('='))
            .join('\n'),
        },
      },
    ]) {
      const { env } = await redirect(call);
      const changed = Object.keys(parts).filter((name) => env[name] === copyName);
      expect(changed).toEqual(expected);
    }
  });

  it('takes the parts from a file and the environment together', async () => {
    const { env } = await redirect({
      files: { '.env': 'DB_NAME=shop\nDB_HOST=203.0.113.7' },
      env: { DB_HOST: 'localhost' },
    });
    expect(env.DB_NAME).toBe(copyName);
  });

  it('gives the variables that the user names the URL, in the form that they had', async () => {
    const { env, variables } = await redirect({
      env: { JAVA: 'jdbc:postgresql://elsewhere:1/x?user=a&ssl=true', EMPTY: '' },
      urlVariables: ['JAVA', 'EMPTY', 'NEW_ONE'],
      copyDatabase: 'copy',
    });
    expect(env.JAVA).toBe('jdbc:postgresql://localhost:5433/copy?user=app&password=s3cret');
    expect(env.EMPTY).toBe('postgresql://app:s3cret@localhost:5433/copy');
    expect(env.NEW_ONE).toBe('postgresql://app:s3cret@localhost:5433/copy');
    expect(variables).toEqual(expect.arrayContaining(['EMPTY', 'JAVA', 'NEW_ONE']));
  });
});

describe('a copy on another server', () => {
  const copy = 'postgres://postgres:thr%3Aow@127.0.0.1:6001/postgres';
  const call = { target: 'postgres://app:s3cret@db.example.invalid:5432/shop', copy };

  it('has its own host, port, user and password everywhere', async () => {
    const { env } = await redirect({
      ...call,
      copyDatabase: 'copy',
      env: {
        MAIN_URL:
          'postgres://web:w@db.example.invalid/shop?sslmode=verify-full&sslrootcert=/x&schema=a',
        ...{ SPRING_DATASOURCE_URL: 'jdbc:postgresql://db.example.invalid:5432/shop' },
        ...{ SPRING_DATASOURCE_USERNAME: 'web', SPRING_DATASOURCE_PASSWORD: 'w' },
        DSN: 'host=db.example.invalid dbname=shop user=web password=w application_name=x',
        NET: 'Server=db.example.invalid;Database=shop;User Id=web;Password=w;Pooling=true',
        ...{ DB_HOST: 'db.example.invalid', DB_NAME: 'shop', DB_USER: 'web', DB_PASSWORD: 'w' },
        ...{
          PGHOST: 'db.example.invalid',
          PGDATABASE: 'shop',
          PGUSER: 'web',
          PGSSLMODE: 'require',
        },
      },
    });
    expect(env).toMatchObject({
      MAIN_URL: 'postgres://postgres:thr%3Aow@127.0.0.1:6001/copy?schema=a',
      SPRING_DATASOURCE_URL: 'jdbc:postgresql://127.0.0.1:6001/copy',
      ...{ SPRING_DATASOURCE_USERNAME: 'postgres', SPRING_DATASOURCE_PASSWORD: 'thr:ow' },
      DSN: "application_name=x host='127.0.0.1' port='6001' user='postgres' password='thr:ow' dbname='copy'",
      NET: 'Server=127.0.0.1;Database=copy;User Id=postgres;Password=thr:ow;Pooling=true;Port=6001',
      ...{ DB_HOST: '127.0.0.1', DB_PORT: '6001', DB_NAME: 'copy', DB_USER: 'postgres' },
      ...{ DB_PASSWORD: 'thr:ow', PGHOST: '127.0.0.1', PGPORT: '6001', PGUSER: 'postgres' },
      DATABASE_URL: 'postgresql://postgres:thr%3Aow@127.0.0.1:6001/copy',
    });
    expect(env.PGSSLMODE).toBeUndefined();
  });

  it('may be a unix socket', async () => {
    const socket = 'postgres://postgres:p@/postgres?host=/run/belay%20x&port=5432';
    const { env } = await redirect({
      ...call,
      ...{ copy: socket, copyDatabase: 'copy' },
      env: { MAIN_URL: 'postgres://web:w@db.example.invalid/shop' },
    });
    const url = 'postgres://postgres:p@localhost:5432/copy?host=/run/belay%20x';
    expect(env.MAIN_URL).toBe(url);
    expect(env.PGHOST).toBe('/run/belay x');
    expect(await settingsOf(url)).toMatchObject({ hosts: [{ host: '/run/belay x', port: 5432 }] });
  });
});
