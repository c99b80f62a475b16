import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.js';
import { BelayError } from '../../../src/errors.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const config = (value: unknown) => JSON.stringify(value);

async function failureOf(text: string): Promise<BelayError> {
  const cwd = makeTempFolder({ 'belay.config.json': text });
  const error = await loadConfig({ cwd }).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(BelayError);
  expect(error).toMatchObject({ code: 'BAD_CONFIG', exitCode: 2 });
  expect(error.message).toContain(join(cwd, 'belay.config.json'));
  return error;
}

describe('where the config is found', () => {
  it('is the folder or one above it, the nearest first', async () => {
    const root = makeTempFolder({
      'belay.config.json': config({ store: 'upper' }),
      'a/b/c/': '',
      'a/belay.config.json': config({ store: 'lower' }),
    });
    const found = await loadConfig({ cwd: join(root, 'a/b/c') });
    expect(found).toMatchObject({ directory: join(root, 'a'), config: { store: 'lower' } });
    expect(found?.path).toBe(join(root, 'a/belay.config.json'));
    expect((await loadConfig({ cwd: root }))?.config.store).toBe('upper');
  });

  it.each([
    ['a repository', 'repo/.git/'],
    ['a work tree, whose .git is a file', 'repo/.git'],
  ])('is not above the root of %s', async (_what, git) => {
    const root = makeTempFolder({
      'belay.config.json': config({ store: 'outside' }),
      'repo/src/': '',
      [git]: 'gitdir: elsewhere',
    });
    expect(await loadConfig({ cwd: join(root, 'repo/src') })).toBeUndefined();
  });

  it('is not above the home folder', async () => {
    const root = makeTempFolder({ 'belay.config.json': config({}), 'home/project/': '' });
    const env = { HOME: join(root, 'home') };
    expect(await loadConfig({ cwd: join(root, 'home/project'), env })).toBeUndefined();
  });
});

describe('what a config may hold', () => {
  it('is everything of the format', async () => {
    const whole = {
      $schema: 'x',
      defaultTarget: 'dev',
      targets: {
        dev: { url: `\${DATABASE_URL}`, environment: 'development' },
        live: { url: 'service=live', environment: 'production', maintenanceDatabase: 'admin' },
      },
      store: 's3://bucket/prefix',
      sessions: 'wait',
      migrations: {
        ...{ tool: 'prisma', directory: 'prisma/migrations' },
        ...{ autoSnapshot: false, keep: 20, history: 'store' },
      },
      retention: { keepLast: 5, keepWithin: '7d' },
    };
    const cwd = makeTempFolder({ 'belay.config.json': `\uFEFF${config(whole)}` });
    expect((await loadConfig({ cwd }))?.config).toEqual(whole);
  });

  it('may be nothing', async () => {
    const cwd = makeTempFolder({ 'belay.config.json': '{}' });
    expect((await loadConfig({ cwd }))?.config).toEqual({ targets: {} });
  });
});

describe('what is wrong with a config', () => {
  it.each([
    [{ targets: { dev: {} } }, 'targets.dev.url', 'string'],
    [{ targets: { dev: { url: 5 } } }, 'targets.dev.url', 'string'],
    [{ targets: { dev: { url: '' } } }, 'targets.dev.url', 'not empty'],
    [
      { targets: { dev: { url: 'x', environment: 'test' } } },
      'targets.dev.environment',
      '"development"',
    ],
    [{ targets: { dev: { url: 'x', password: 's3cret' } } }, 'targets.dev', '"password"'],
    [{ targets: { dev: { url: 'x' } }, defaultTarget: 'live' }, 'defaultTarget', 'dev'],
    [{ stores: 'x' }, 'only known keys', '"stores"'],
    [{ migrations: { keep: 0 } }, 'migrations.keep', '1 or more'],
    [{ migrations: { history: 'file' } }, 'migrations.history', '"database" or "store"'],
    [{ retention: { keepLast: 0 } }, 'retention.keepLast', '1 or more'],
    [{ retention: { keepWithin: 'soon' } }, 'retention.keepWithin', '7d'],
    [[], 'expected object', ''],
    ['s3cret', 'expected object', ''],
  ])('%j', async (document, key, expected) => {
    const error = await failureOf(config(document));
    expect(error.message).toContain(key);
    expect(error.message).toContain(expected);
    expect(error.message + error.hint + JSON.stringify(error.details)).not.toContain('s3cret');
  });

  it('names line and column of broken JSON, and nothing of the text', async () => {
    const error = await failureOf('{\n  "targets": {"dev": {"url": "postgres://a:s3cret@db"} x\n}');
    expect(error.message).toMatch(/not JSON: see line 2, column \d+/);
    expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain(
      's3cret',
    );
    expect((await failureOf('')).message).toContain('line 1, column 1');
    expect((await failureOf('{"a": 1')).message).toContain('not JSON');
  });

  it('is a folder of its name', async () => {
    const cwd = makeTempFolder({ 'belay.config.json/': '' });
    await expect(loadConfig({ cwd })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
