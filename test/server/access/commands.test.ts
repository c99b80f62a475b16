import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../../support/call-cli.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { password, useAccess } from './scene.js';

const [server] = testServers();
if (server === undefined) throw new Error('no server to test on');

// The commands load the whole server: on a busy machine the first time takes longer than a test may.
beforeAll(() => import('../../../src/server/index.js'), 240_000);

describe('belay token', () => {
  const scene = useAccess(server);
  const token = (...args: string[]) =>
    callCli(['token', ...args], { env: { BELAY_CATALOG: scene.url } });

  it('makes one that a server knows, and says what it may do', async () => {
    const run = await token('create', '--scope', 'checkpoint', '--json');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.json).toEqual({
      ...{ token: expect.stringMatching(/^bly_/), id: expect.stringMatching(/^tok_/) },
      ...{ scope: 'checkpoint', name: 'checkpoint', kind: 'token' },
      ...{ databases: null, expiresAt: null },
    });
    const caller = await scene.access.callerOfToken(run.json.token);
    expect(caller).toMatchObject({ id: run.json.id, scopes: ['checkpoint'], databases: null });
  });

  it('prints the token alone on stdout, and beside it what it is', async () => {
    const run = await token(
      ...['create', '--scope', 'read', '--scope', 'checkpoint', '--name', 'deploy'],
      ...['--database', 'shop', '--database', 'test', '--expires', '90d'],
    );
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/^bly_\S+\n$/);
    expect(run.stderr).toMatch(/^tok_\S+ \(deploy\): read, checkpoint on shop, test, until /m);
    expect(run.stderr).toContain('not shown again');
    expect(run.stderr).not.toContain(run.stdout.trim());
    const caller = await scene.access.callerOfToken(run.stdout.trim());
    expect(caller).toMatchObject({ scopes: ['read', 'checkpoint'], databases: ['shop', 'test'] });
    const record = (await scene.access.listTokens()).find(({ name }) => name === 'deploy');
    const days = (Date.parse(record?.expiresAt ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
  });

  it('makes one for an agent', async () => {
    const { json } = await token('create', '--agent', '--database', 'shop', '--json');
    expect(json).toMatchObject({ scope: 'agent', kind: 'agent', databases: ['shop'] });
    expect(await scene.access.callerOfToken(json.token)).toMatchObject({
      kind: 'agent',
      scopes: [],
    });
  });

  it('lists them without the tokens, and revokes one', async () => {
    const { json: made } = await token('create', '--scope', 'admin', '--name', 'gone', '--json');
    const listed = await token('list', '--json');
    expect(listed.json.tokens).toContainEqual(
      expect.objectContaining({ id: made.id, name: 'gone' }),
    );
    expect(listed.stdout).not.toContain(made.token);
    const revoked = await token('revoke', made.id);
    expect(revoked).toMatchObject({ exitCode: 0, stdout: `${made.id} (gone) is revoked\n` });
    expect(await scene.other.callerOfToken(made.token)).toBeUndefined();
    const { stdout } = await token('list');
    expect(stdout).toMatch(new RegExp(`${made.id}.*revoked`));
  });

  it.each<[string, string[], number, string]>([
    ['no scope', ['create'], 2, 'USAGE'],
    ['an unknown scope', ['create', '--scope', 'root'], 2, 'USAGE'],
    ['an agent of everything', ['create', '--agent'], 2, 'USAGE'],
    [
      'an agent with a scope',
      ['create', '--agent', '--database', 'a', '--scope', 'read'],
      2,
      'USAGE',
    ],
    ['a bad name', ['create', '--scope', 'read', '--database', 'a b'], 2, 'BAD_NAME'],
    ['no time', ['create', '--scope', 'read', '--expires', 'soon'], 2, 'BAD_TIME'],
    ['an unknown id', ['revoke', 'tok_000000000000'], 4, 'TOKEN_NOT_FOUND'],
  ])('refuses %s', async (_what, args, exitCode, code) => {
    const run = await token(...args, '--json');
    expect(run.exitCode).toBe(exitCode);
    expect(run.json).toMatchObject({ ok: false, error: { code } });
  });

  it('says when the catalog is out of reach', async () => {
    const url = new URL(scene.url);
    url.port = '1';
    const run = await callCli(['token', 'list', '--catalog', url.href, '--json']);
    expect(run.exitCode).toBe(6);
    expect(run.stdout).not.toContain(url.password || 'no password');
  });
});

describe('belay person', () => {
  const scene = useAccess(server);
  const person = (...args: string[]) =>
    callCli(['person', ...args], { env: { BELAY_CATALOG: scene.url } });

  it('adds somebody who can sign in, sets the password anew, and removes them', async () => {
    const folder = makeTempFolder({ old: `${password}\n`, new: 'a new horse battery\r\n' });
    const made = await person(
      ...['create', 'Ada', '--scope', 'admin', '--password-file', `${folder}/old`, '--json'],
    );
    expect(made.json).toMatchObject({ name: 'Ada', scopes: ['admin'], databases: null });
    await scene.access.signIn({ name: 'ada', password }, '192.0.2.1');
    const again = await person(
      'create',
      'ADA',
      '--scope',
      'read',
      '--password-file',
      `${folder}/old`,
    );
    expect(again.exitCode).toBe(5);
    const changed = await person('password', 'ada', '--password-file', `${folder}/new`);
    expect(changed).toMatchObject({ exitCode: 0, stdout: 'the password of Ada is set\n' });
    await scene.access.signIn({ name: 'ada', password: 'a new horse battery' }, '192.0.2.1');
    expect((await person('list')).stdout).toMatch(/Ada +per_\w+ +admin +all databases/);
    const removed = await person('remove', 'ada');
    expect(removed).toMatchObject({ exitCode: 0, stdout: 'Ada is removed\n' });
    expect((await person('list', '--json')).json).toEqual({ people: [] });
    expect((await person('remove', 'ada')).exitCode).toBe(4);
  });

  it('never takes a password without a terminal or a file', async () => {
    const run = await person('create', 'Bob', '--scope', 'read', '--json');
    expect(run.exitCode).toBe(2);
    expect(run.json.error.hint).toContain('--password-file');
    const missing = await person('create', 'Bob', '--scope', 'read', '--password-file', '/nowhere');
    expect(missing.exitCode).toBe(6);
    const folder = makeTempFolder({ short: 'too short\n' });
    const short = await person(
      'create',
      'Bob',
      '--scope',
      'read',
      '--password-file',
      `${folder}/short`,
    );
    expect(short).toMatchObject({ exitCode: 2 });
    expect(short.stderr).toContain('at least 12');
    expect(short.stderr).not.toContain('too short');
  });
});

describe('before the first server', () => {
  let catalog: TestDatabase;
  beforeAll(async () => {
    catalog = await createTestDatabase(server, { name: 'first' });
  });
  afterAll(() => catalog?.drop());

  it('an empty database becomes a catalog, by whichever of two commands is first', async () => {
    const runs = await Promise.all(
      ['read', 'admin'].map((scope) =>
        callCli(['token', 'create', '--scope', scope, '--catalog', catalog.url, '--json']),
      ),
    );
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const { json } = await callCli(['token', 'list', '--catalog', catalog.url, '--json']);
    expect(json.tokens.map(({ name }: { name: string }) => name).sort()).toEqual(['admin', 'read']);
  });
});
