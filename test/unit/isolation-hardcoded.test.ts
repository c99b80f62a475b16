import { describe, expect, it } from 'vitest';
import {
  findHardcoded,
  type HardcodedAddress,
} from '../../src/features/rehearsal/find-hardcoded.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import { makeTempFolder } from '../support/temp-folder.js';

const url = 'postgres://app:s3cret@localhost:5433/shop';
const shown = 'postgres://app:***@localhost:5433/shop';

interface Call {
  readonly command?: readonly [string, ...string[]];
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

async function find({ command = ['migrate'], files = {}, env = {} }: Call) {
  const settings = await resolveConnection({ url, env: { HOME: '/nonexistent' } });
  const cwd = makeTempFolder({ '.git/': '', ...files });
  const copy = { PGHOST: 'localhost', PGPORT: '5433', PGDATABASE: 'copy', DATABASE_URL: 'set' };
  const target = { settings, database: 'shop' };
  return findHardcoded({ cwd, command, target, env: { HOME: cwd, ...copy, ...env } });
}

const places = (found: readonly HardcodedAddress[]) =>
  found.map(({ file, line }) => (line === null ? file : `${file}:${line}`));

describe('the arguments of a command', () => {
  it.each<[string[], string]>([
    [['psql', url, '-f', 'x.sql'], shown],
    [['migrate', `--url=${url}`], shown],
    [['sh', '-c', `psql '${url}' -f x.sql`], shown],
    [
      ['flyway', '-url=jdbc:postgresql://127.0.0.1:5433/shop', 'migrate'],
      'jdbc:postgresql://127.0.0.1:5433/shop',
    ],
    [
      ['psql', 'host=localhost port=5433 dbname=shop password=s3cret'],
      'host=localhost port=5433 dbname=shop password=***',
    ],
    [['psql', '-d', 'shop'], 'psql -d shop'],
    [['/usr/bin/psql', '-dshop', '-h', 'localhost', '-p', '5433'], 'psql -d shop'],
    [['psql', '--dbname=shop'], 'psql -d shop'],
    [['psql', '-v', 'ON_ERROR_STOP=1', 'shop'], 'psql shop'],
    [['dropdb', 'shop'], 'dropdb shop'],
    [['bash', '-c', 'cd db && psql -q shop < x.sql'], 'psql shop'],
    [['migrate', '--host', 'localhost', '--database', 'shop'], '--host localhost … shop'],
    [['env', 'PGDATABASE=shop', 'psql', '-f', 'x.sql'], 'PGDATABASE=shop'],
    [['env', 'DB_NAME=shop', 'migrate'], 'DB_NAME=shop'],
    [['env', `DATABASE_URL=${url}`, 'migrate'], shown],
  ])('%j lead to the target', async (command, what) => {
    const found = await find({ command: command as [string, ...string[]] });
    expect(found).toContainEqual({ file: null, line: null, what });
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  it.each<[string[]]>([
    [['psql', 'postgres://app@localhost:5433/other']],
    [['psql', 'postgres://app@203.0.113.7:5433/shop']],
    [['psql', '-d', 'other', '-U', 'shop']],
    [['psql', '-h', '203.0.113.7', '-d', 'shop']],
    [['psql', '-U', 'shop', '-f', 'x.sql']],
    [['migrate', '-d', 'shop']],
    [['npm', 'run', 'shop']],
    [['sh', '-c', 'psql "$DATABASE_URL" -f x.sql']],
    [['env', 'APP_NAME=shop', 'migrate']],
    [['env', 'DB_HOST=203.0.113.7', 'DB_NAME=shop', 'migrate']],
    [['echo', 'https://localhost:5433/shop']],
  ])('%j do not', async (command) => {
    expect(await find({ command: command as [string, ...string[]] })).toEqual([]);
  });
});

describe('the files of a project', () => {
  it.each<[string, string, number]>([
    ['knexfile.js', `module.exports = {\n  client: 'pg',\n  connection: '${url}',\n};`, 3],
    ['drizzle.config.ts', `export default { dbCredentials: { url: "${url}" } };`, 1],
    ['prisma/schema.prisma', `datasource db {\n  provider = "postgresql"\n  url = "${url}"\n}`, 3],
    [
      'alembic.ini',
      `[alembic]\nsqlalchemy.url = ${url.replace('postgres', 'postgresql+psycopg2')}`,
      2,
    ],
    ['flyway.conf', 'flyway.url=jdbc:postgresql://localhost:5433/shop', 1],
    ['flyway.toml', '[environments.default]\nurl = "jdbc:postgresql://localhost:5433/shop"', 2],
    ['liquibase.properties', 'changeLogFile=x\nurl: jdbc:postgresql://localhost:5433/shop', 2],
    ['atlas.hcl', `env "local" {\n  url = "${url}?sslmode=disable"\n}`, 2],
    ['sqitch.conf', '[target "live"]\n  uri = db:pg://app@localhost:5433/shop', 2],
    ['database.json', `{\n  "dev": "${url}"\n}`, 2],
    [
      'config/config.json',
      '{"dev":{"dialect":"postgres","host":"localhost","port":5433,"database":"shop"}}',
      1,
    ],
    [
      'config/database.yml',
      'production:\n  adapter: postgresql\n  database: shop\n  host: localhost\n  port: 5433',
      3,
    ],
    [
      'ormconfig.json',
      '{\n "type": "postgres",\n "host": "localhost",\n "port": 5433,\n "database": "shop"\n}',
      5,
    ],
    [
      'src/data-source.ts',
      `new DataSource({\n  type: 'postgres',\n  host: process.env.DB_HOST,\n  database: 'shop',\n})`,
      4,
    ],
    [
      'settings.py',
      `DATABASES = {'default': {\n  'ENGINE': 'django.db.backends.postgresql',\n  'NAME': 'shop',\n  'HOST': 'localhost',\n}}`,
      3,
    ],
    [
      'src/db.ts',
      `export const pool = new Pool({ connectionString: process.env.MY_URL ?? '${url}' });`,
      1,
    ],
    ['src/db.js', `const url =\n  process.env.MY_URL ||\n  '${url}';`, 3],
    ['db/config.rb', `connect(ENV.fetch("MY_URL") { "${url}" })`, 1],
    [
      'src/main/resources/application.yml',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Spring's own way to refer
      'url: ${MY_URL:jdbc:postgresql://localhost:5433/shop}',
      1,
    ],
    [
      'src/main/resources/application.properties',
      'spring.datasource.url=jdbc:postgresql://localhost:5433/shop',
      1,
    ],
    ['db.py', `psycopg2.connect("host=localhost port=5433 dbname=shop password=s3cret")`, 1],
  ])('%s with an address of the target is found', async (file, text, line) => {
    const found = await find({ files: { [file]: text } });
    expect(places(found)).toEqual([`${file}:${line}`]);
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  it.each<[string, string]>([
    ['knexfile.js', `module.exports = { client: 'pg', connection: process.env.DATABASE_URL };`],
    ['knexfile.ts', `connection: process.env.DATABASE_URL ?? '${url}',`],
    ['knexfile.cjs', `// connection: '${url}',\nmodule.exports = {}; // as ${url}`],
    ['prisma/schema.prisma', 'datasource db {\n  url = env("DATABASE_URL")\n}'],
    ['prisma.config.ts', `datasource: { url: env('DATABASE_URL') }`],
    ['alembic.ini', `# sqlalchemy.url = ${url}\nsqlalchemy.url = %(DATABASE_URL)s`],
    ['settings.py', `'NAME': os.environ.get('PGDATABASE', 'shop'),\n'HOST': 'localhost'`],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Spring's own way to refer
    ['application.yml', 'url: ${DATABASE_URL:jdbc:postgresql://localhost:5433/shop}'],
    [
      'config/database.yml',
      'test:\n  adapter: postgresql\n  database: shop_test\n  host: localhost',
    ],
    ['config/config.json', '{"dialect":"postgres","host":"203.0.113.7","database":"shop"}'],
    ['config/other.json', '{"dialect":"mysql","host":"localhost","database":"shop"}'],
    ['package.json', '{"name":"shop","scripts":{"seed":"psql shop"}}'],
    ['.env', `DATABASE_URL=${url}`],
    ['.env.production', `DATABASE_URL=${url}`],
    ['docker-compose.yml', `DATABASE_URL: ${url}`],
    ['README.md', `psql ${url}`],
    ['src/shop.test.ts', `connect('${url}')`],
    ['node_modules/x/knexfile.js', `connection: '${url}'`],
    ['src/deep/er/db.ts', `connect('${url}')`],
    ['src/title.ts', `export const title = 'shop'; const db = 'shop';`],
    ['config/big.json', `{"url":"${url}","x":"${'x'.repeat(300_000)}"}`],
  ])('%s without one is not: %s', async (file, text) => {
    expect(await find({ files: { [file]: text } })).toEqual([]);
  });

  it('count where the command names them', async () => {
    const files = {
      'tools/run.sh': `#!/bin/sh\npsql "${url}"`,
      'sql/x.sql': '\\connect shop\nSELECT 1',
    };
    expect(await find({ files })).toEqual([]);
    expect(places(await find({ files, command: ['sh', 'tools/run.sh'] }))).toEqual([
      'tools/run.sh:2',
    ]);
    for (const command of [
      ['psql', '-f', 'sql/x.sql'],
      ['psql', '--file=sql/x.sql'],
      ['psql', '-fsql/x.sql'],
    ]) {
      const found = await find({ files, command: command as [string, ...string[]] });
      expect(places(found)).toEqual(['sql/x.sql:1']);
    }
  });

  it('count where the command runs a script of package.json', async () => {
    const scripts = {
      migrate: 'npm run inner -- --x',
      inner: `psql ${url} -f x.sql`,
      other: `psql ${url}`,
    };
    const files = { 'package.json': JSON.stringify({ name: 'shop', scripts }, null, 1) };
    const found = await find({ files, command: ['npm', 'run', 'migrate'] });
    expect(found).toEqual([{ file: 'package.json', line: 5, what: shown }]);
    expect(await find({ files, command: ['npm', 'run', 'lint'] })).toEqual([]);
  });
});

describe('.env files', () => {
  const env = { '.env': `DATABASE_URL=${url}` };

  it.each<[string[]]>([
    [['npx', 'dotenv', '-o', '--', 'migrate']],
    [['npx', 'dotenv', '-e', '.env', '--override', '--', 'migrate']],
    [['dotenvx', 'run', '--overload', '--', 'migrate']],
    [['npx', 'env-cmd', '-f', '.env', 'migrate']],
    [['sh', '-c', '. ./.env && migrate']],
    [['bash', '-c', 'set -a; source .env; migrate']],
    [['bash', '-c', 'export $(cat .env | xargs) && migrate']],
    [['sh', 'run.sh']],
    [['node', 'run.js']],
  ])('that win over the environment are an address: %j', async (command) => {
    const scripts: Record<string, string> = {
      'run.sh': '#!/bin/sh\nset -a\n. ./.env\nmigrate\n',
      'run.js': "require('dotenv').config({ path: '.env', override: true });\n",
    };
    const script = scripts[command[1] ?? ''];
    const files: Record<string, string> = script ? { [command[1] ?? '']: script } : {};
    const call = { command: command as [string, ...string[]], files: { ...env, ...files } };
    expect(await find(call)).toHaveLength(1);
    const harmless = { '.env': 'DATABASE_URL=postgres://localhost:5433/other' };
    expect(await find({ ...call, files: { ...files, ...harmless } })).toEqual([]);
  });

  it.each<[string[]]>([
    [['npx', 'dotenv', '-e', '.env', '--', 'migrate']],
    [['node', '--env-file=.env', 'migrate.js']],
    [['npx', 'env-cmd', '--no-override', 'migrate']],
    [['sh', '-c', 'cat .envrc; migrate']],
  ])('that do not are none: %j', async (command) => {
    expect(await find({ command: command as [string, ...string[]], files: env })).toEqual([]);
  });

  it('with a service of libpq, which wins over every variable, are one', async () => {
    const files = {
      '.env': 'PGSERVICE=live',
      '.pg_service.conf': '[live]\nhost=localhost\nport=5433\ndbname=shop\n',
    };
    expect(await find({ files })).toEqual([{ file: '.env', line: null, what: 'PGSERVICE=live' }]);
    const command = ['env', 'PGSERVICE=live', 'psql'] as const;
    expect(places(await find({ files: { ...files, '.env': '' }, command: [...command] }))).toEqual([
      null,
    ]);
  });
});
