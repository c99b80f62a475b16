import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveTarget } from '../../src/config/resolve-target.js';
import { type InitProjectOptions, initProject } from '../../src/features/project/init.js';
import { makeTempFolder } from '../support/temp-folder.js';

const noServer = { HOME: '/nonexistent' };

/** Runs it in a project of these files; nothing listens where the URLs point. */
async function init(files: Record<string, string>, options: InitProjectOptions = {}) {
  const cwd = makeTempFolder({ '.git/': '', ...files });
  const notes: string[] = [];
  const result = await initProject({
    cwd,
    env: noServer,
    reporter: (event) => notes.push('message' in event ? event.message : event.type),
    ...options,
  });
  const text = readFileSync(result.config, 'utf8');
  return { cwd, result, text, config: JSON.parse(text), notes: notes.join('\n') };
}

describe('the database', () => {
  it('is referred to by its variable, and the password is not written', async () => {
    const env = 'DATABASE_URL=postgres://app:s3cret@localhost:5433/shop\n';
    const { cwd, result, text, config, notes } = await init({ '.env': env });
    expect(result).toEqual({
      config: join(cwd, 'belay.config.json'),
      target: {
        name: 'dev',
        database: 'shop',
        server: 'localhost:5433',
        source: 'DATABASE_URL in .env',
        environment: 'development',
      },
      migrationTool: null,
    });
    expect(config).toEqual({
      defaultTarget: 'dev',
      targets: { dev: { url: `\${DATABASE_URL}` } },
    });
    expect(text + notes).not.toContain('s3cret');
    const found = await resolveTarget({ target: 'dev', cwd, env: noServer });
    expect(found.settings).toMatchObject({ database: 'shop', password: 's3cret' });
  });

  it('is never marked as development where a variable may come to mean another', async () => {
    const { config } = await init({ '.env': 'DATABASE_URL=postgres://localhost/shop\n' });
    expect(config.targets.dev.environment).toBeUndefined();
    const asked = await init(
      { '.env': 'DATABASE_URL=postgres://db.example.com/shop\n' },
      { environment: 'development' },
    );
    expect(asked.config.targets.dev.environment).toBe('development');
  });

  it('of a URL that is given is written without its password, and a note says how to give it', async () => {
    const url = 'postgres://app:s3cret@db.example.com:6543/shop?sslmode=require';
    const { cwd, result, text, config, notes } = await init({}, { url });
    expect(config.targets).toEqual({
      main: { url: 'postgresql://app@db.example.com:6543/shop?sslmode=require' },
    });
    expect(text + notes).not.toContain('s3cret');
    expect(notes).toContain('PGPASSWORD');
    expect(notes).toContain('counts as production');
    expect(result.target).toMatchObject({ source: '--url', environment: null });
    const found = await resolveTarget({ cwd, env: { ...noServer, PGPASSWORD: 'later' } });
    expect(found.settings).toMatchObject({ password: 'later', database: 'shop' });
  });

  it.each([
    'postgres://app:s3cret@localhost/shop',
    'postgres://localhost/shop?user=app&password=s3cret',
    "host=/run/pg user=app password='s3cret' dbname=shop",
  ])('of a local URL is marked as development: %s', async (url) => {
    const { cwd, text, config, notes } = await init({}, { url });
    expect(config.targets.dev.environment).toBe('development');
    expect(text + notes).not.toContain('s3cret');
    expect(notes).toContain('PGPASSWORD');
    const { settings } = await resolveTarget({ cwd, env: noServer });
    expect(settings).toMatchObject({ user: 'app', database: 'shop' });
  });

  it('refers to PGPASSWORD of a .env file, which no other way would be read', async () => {
    const files = {
      '.env': 'PGHOST=db.example.com\nPGUSER=a@b\nPGPASSWORD=p@/w\nPGDATABASE=shop\n',
    };
    const { cwd, text, config, notes } = await init(files);
    expect(config.targets.main.url).toBe(
      `postgresql://a%40b:\${PGPASSWORD}@db.example.com:5432/shop`,
    );
    expect(text + notes).not.toContain('p@/w');
    const { settings } = await resolveTarget({ cwd, target: 'main', env: noServer });
    expect(settings).toMatchObject({ user: 'a@b', password: 'p@/w', database: 'shop' });
  });

  it('of PG* variables is written, and PGPASSWORD goes on to hold', async () => {
    const env = { ...noServer, PGHOST: '127.0.0.1', PGUSER: 'app', PGPASSWORD: 's3cret' };
    const { text, config, notes } = await init({}, { env });
    expect(config.targets.dev.url).toBe('postgresql://app@127.0.0.1:5432/app');
    expect(text + notes).not.toContain('s3cret');
    expect(notes).toBe('');
  });

  it.each([
    [
      "Prisma's own variable",
      {
        '.env': 'SHOP_URL=postgres://localhost/shop\n',
        'prisma/schema.prisma': 'datasource db {\n  url = env("SHOP_URL")\n}\n',
      },
      'SHOP_URL in .env',
      `\${SHOP_URL}`,
    ],
    [
      "a host's variable",
      { '.env.local': 'POSTGRES_URL=postgres://localhost/shop\n' },
      'POSTGRES_URL in .env.local',
      `\${POSTGRES_URL}`,
    ],
    [
      '.env.development, which no other command reads',
      { '.env.development': 'DATABASE_URL=postgres://app:s3cret@localhost/shop\n' },
      'DATABASE_URL in .env.development',
      'postgresql://app@localhost:5432/shop',
    ],
    [
      'alembic.ini',
      { 'alembic.ini': 'sqlalchemy.url = postgresql+psycopg2://app:s3%%63ret@localhost/shop\n' },
      'sqlalchemy.url in alembic.ini',
      'postgresql://app@localhost:5432/shop',
    ],
  ])('comes from %s', async (_what, files, source, url) => {
    const { result, config, text } = await init(files as Record<string, string>);
    expect(result.target).toMatchObject({ source, database: 'shop' });
    expect(config.targets.dev.url).toBe(url);
    expect(text).not.toContain('s3cret');
  });

  it('is the one that every command takes first', async () => {
    const files = {
      '.env': 'DATABASE_URL=postgres://localhost/file\nPOSTGRES_URL=postgres://localhost/no\n',
    };
    const env = { ...noServer, BELAY_URL: 'postgres://localhost/belay', PGDATABASE: 'no' };
    expect((await init(files, { env })).result.target.database).toBe('belay');
    expect((await init(files)).result.target.database).toBe('file');
  });

  it('has to be there', async () => {
    await expect(init({})).rejects.toMatchObject({ code: 'NO_TARGET', exitCode: 2 });
    await expect(init({ '.env': 'DB_URL=mysql://localhost/x\n' })).rejects.toMatchObject({
      code: 'NO_TARGET',
    });
    const asked = init({ '.env': 'DATABASE_URL=mysql://a:s3cret@localhost/x\n' });
    await expect(asked).rejects.toMatchObject({
      code: 'BAD_URL',
      message: expect.not.stringContaining('s3cret'),
    });
    await expect(init({}, { url: '' })).rejects.toMatchObject({ code: 'BAD_URL' });
  });
});

describe('the migration tool', () => {
  const url = 'postgres://localhost/shop';

  it('is written with its folder', async () => {
    const { result, config } = await init({ 'migrations/1.sql': 'SELECT 1' }, { url });
    expect(result.migrationTool).toEqual({ tool: 'sql', directory: 'migrations' });
    expect(config.migrations).toEqual({ tool: 'sql', directory: 'migrations' });
  });

  it('is written without one where there is none, and others are noted', async () => {
    const files = { 'manage.py': 'import django\n', 'drizzle.config.ts': '' };
    const { config, notes } = await init(files, { url });
    expect(config.migrations).toEqual({ tool: 'drizzle', directory: 'drizzle' });
    expect(notes).toContain('django');
    const only = await init({ 'manage.py': 'import django\n' }, { url });
    expect(only.config.migrations).toEqual({ tool: 'django' });
    expect(only.result.migrationTool).toEqual({ tool: 'django', directory: null });
  });
});

describe('a config that is there', () => {
  const files = { 'belay.config.json': '{"store":"mine"}' };
  const url = 'postgres://localhost/shop';

  it('is kept', async () => {
    const cwd = makeTempFolder(files);
    const asked = initProject({ cwd, env: noServer, url });
    await expect(asked).rejects.toMatchObject({ code: 'CONFIG_EXISTS', exitCode: 5 });
    expect(readFileSync(join(cwd, 'belay.config.json'), 'utf8')).toBe('{"store":"mine"}');
  });

  it('is replaced with force, even a broken one, and kept beside the new one', async () => {
    const { cwd, config } = await init({ 'belay.config.json': '{broken' }, { url, force: true });
    expect(config.defaultTarget).toBe('dev');
    expect(readFileSync(join(cwd, 'belay.config.json.old'), 'utf8')).toBe('{broken');
    expect(readdirSync(cwd).sort()).toEqual(['.git', 'belay.config.json', 'belay.config.json.old']);
  });

  it('in a folder above goes on to hold there, and a note says so', async () => {
    const root = makeTempFolder({ '.git/': '', 'app/': '', ...files });
    const { notes } = await init({}, { url, cwd: join(root, 'app') });
    expect(notes).toContain(join(root, 'belay.config.json'));
    expect(readFileSync(join(root, 'belay.config.json'), 'utf8')).toBe('{"store":"mine"}');
  });

  it('cannot be written into a folder that is not there', async () => {
    const cwd = join(makeTempFolder(), 'nowhere');
    const asked = initProject({ cwd, env: noServer, url });
    await expect(asked).rejects.toMatchObject({ code: 'FILE_ERROR', exitCode: 6 });
  });
});
