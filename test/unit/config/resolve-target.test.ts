import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveTarget } from '../../../src/config/resolve-target.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const home = { HOME: '/nonexistent' };

function project(files: Record<string, string>, config?: unknown): string {
  const all =
    config === undefined ? files : { ...files, 'belay.config.json': JSON.stringify(config) };
  return makeTempFolder({ '.git/': '', ...all });
}

describe('the order in which a target is found', () => {
  const config = {
    defaultTarget: 'dev',
    targets: { dev: { url: 'postgres://cfg/dev' }, live: { url: 'postgres://cfg/live' } },
  };
  const env = { ...home, BELAY_URL: 'postgres://env/belay', DATABASE_URL: 'postgres://env/app' };
  const files = { '.env': 'DATABASE_URL=postgres://file/app\n' };
  const pgEnv = { ...home, PGHOST: 'pg', PGDATABASE: 'pgdb' };

  it.each([
    ['--url', { url: 'postgres://arg/x', target: 'live', env }, 'x', '--url'],
    ['a named target', { target: 'live', env }, 'live', 'target "live" in belay.config.json'],
    ['BELAY_URL', { env }, 'belay', 'BELAY_URL'],
    ['DATABASE_URL', { env: { ...env, BELAY_URL: '' } }, 'app', 'DATABASE_URL'],
    ['DATABASE_URL of .env', { env: pgEnv }, 'app', 'DATABASE_URL in .env'],
  ])('%s', async (_what, input, database, source) => {
    const found = await resolveTarget({ ...input, cwd: project(files, config) });
    expect(found.settings.database).toBe(database);
    expect(found.source).toBe(source);
  });

  it('the default of the config, then PG* variables', async () => {
    const found = await resolveTarget({ cwd: project({}, config), env: pgEnv });
    expect(found).toMatchObject({ name: 'dev', settings: { database: 'dev' } });
    expect(found.source).toContain('(the default)');
    const without = await resolveTarget({ cwd: project({}), env: pgEnv });
    expect(without).toMatchObject({ source: 'PG* variables', settings: { database: 'pgdb' } });
  });

  it('PG* variables of .env, only where the process names no server', async () => {
    const cwd = project({ '.env': 'PGHOST=filehost\nPGPASSWORD=filepw\nPGDATABASE=filedb\n' });
    expect(await resolveTarget({ cwd, env: home })).toMatchObject({
      source: 'PG* variables in .env',
      settings: { database: 'filedb', password: 'filepw' },
    });
    // A password of a file must not go to a server that the process names.
    const other = await resolveTarget({ cwd, env: pgEnv });
    expect(other.settings).toMatchObject({ hosts: [{ host: 'pg' }], database: 'pgdb' });
    expect(other.settings.password).toBeUndefined();
  });

  it('the only target is the default one; of several, somebody has to choose', async () => {
    const one = { targets: { only: { url: 'postgres://cfg/one' } } };
    expect((await resolveTarget({ cwd: project({}, one), env: home })).name).toBe('only');
    const two = { targets: { ...one.targets, other: { url: 'postgres://cfg/two' } } };
    const asked = resolveTarget({ cwd: project({}, two), env: home });
    await expect(asked).rejects.toMatchObject({ code: 'NO_TARGET' });
  });
});

describe('what a config says of a URL from elsewhere', () => {
  const targets = {
    dev: { url: 'postgres://localhost:5432/shop', environment: 'development' },
    live: { url: 'postgres://a.example.com,b.example.com/shop', environment: 'production' },
    staging: {
      url: 'postgres://c.example.com,d.example.com/shop',
      environment: 'development',
      maintenanceDatabase: 'admin',
    },
    broken: { url: `\${NOT_SET}` },
  };
  const ask = (url: string) => resolveTarget({ url, cwd: project({}, { targets }), env: home });

  it('goes by server and database, not by how they are written', async () => {
    const found = await ask('postgres://me:pw@127.0.0.1/shop?application_name=x');
    expect(found).toMatchObject({ name: 'dev', environment: 'development' });
    expect((await ask('postgres://localhost/other')).name).toBeUndefined();
    expect((await ask('postgres://localhost:5433/shop')).name).toBeUndefined();
  });

  it('a doubt is enough for production, and not for development', async () => {
    expect((await ask('postgres://B.example.com./shop')).environment).toBe('production');
    expect((await ask('postgres://c.example.com/shop')).environment).toBeUndefined();
    expect(await ask('postgres://d.example.com,c.example.com/shop')).toMatchObject({
      environment: 'development',
      maintenanceDatabase: 'admin',
    });
  });

  it('the caller wins over the maintenance database of the config', async () => {
    const url = 'postgres://c.example.com,d.example.com/shop';
    const cwd = project({}, { targets });
    const found = await resolveTarget({ url, cwd, env: home, maintenanceDatabase: 'mine' });
    expect(found.maintenanceDatabase).toBe('mine');
  });
});

describe('what goes wrong', () => {
  it('no database at all', async () => {
    const asked = resolveTarget({ cwd: project({}), env: home });
    await expect(asked).rejects.toMatchObject({
      code: 'NO_TARGET',
      exitCode: 2,
      hint: expect.stringContaining('DATABASE_URL'),
    });
  });

  it('a target that the config does not have', async () => {
    const cwd = project({}, { targets: { dev: { url: 'postgres://cfg/dev' } } });
    await expect(resolveTarget({ target: 'prod', cwd, env: home })).rejects.toMatchObject({
      code: 'NO_TARGET',
      message: expect.stringContaining(join(cwd, 'belay.config.json')),
      hint: expect.stringContaining('dev'),
    });
    // Names of JavaScript's own are no targets.
    const asked = resolveTarget({ target: 'constructor', cwd, env: home });
    await expect(asked).rejects.toMatchObject({ code: 'NO_TARGET' });
  });

  it('a URL that is empty or wrong, and it says which of the sources', async () => {
    const cwd = project({ '.env': 'DATABASE_URL=mysql://a:s3cret@db/x\n' });
    const asked = await resolveTarget({ cwd, env: home }).catch((error) => error);
    expect(asked).toMatchObject({ code: 'BAD_URL', exitCode: 2 });
    expect(asked.message).toContain('DATABASE_URL in .env');
    expect(asked.message).not.toContain('s3cret');
    await expect(resolveTarget({ url: '', cwd, env: home })).rejects.toMatchObject({
      code: 'BAD_URL',
      message: expect.stringContaining('--url'),
    });
  });

  it('a variable that is not set', async () => {
    const cwd = project({}, { targets: { dev: { url: `\${NOT_SET}` } } });
    await expect(resolveTarget({ cwd, env: home })).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('targets.dev.url'),
    });
  });
});
