import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { runBelay, type TestDatabase, testServers } from '../support/servers.js';
import { createShop, databasesOf } from '../support/targets.js';

/** Mistakes that need no server: the URL leads nowhere, and nothing must be asked there. */
const nowhere = { env: { BELAY_URL: 'postgres://u:s3cret@127.0.0.1:1/shop' } };

describe('mistakes in the arguments', () => {
  it.each([
    [['frobnicate'], 'frobnicate'],
    [['snapsho', 'x'], 'Did you mean snapshot'],
    [['list', '--frob'], '--frob'],
    [['list', 'extra'], 'too many arguments'],
    [['snapshot'], 'tag'],
    [['restore'], 'ref'],
    [['restore', 'x', '--sessions', 'kill'], 'wait, terminate, fail'],
    [['restore', 'x', '--to'], '--to'],
    [['prune', '--keep-last', 'few'], 'whole number'],
    [['prune', '--keep-last', '-1'], 'whole number'],
    [['completion', 'tcsh'], 'bash, zsh, fish'],
  ])('%j is exit 2, with --json as JSON too', async (args, message) => {
    const plain = await callCli(args, nowhere);
    expect(plain).toMatchObject({ exitCode: 2, stdout: '' });
    expect(plain.stderr).toMatch(/^error: /);
    expect(plain.stderr).toContain(message);
    const { exitCode, stderr, json } = await callCli(['--json', ...args], nowhere);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' });
    expect(json).toMatchObject({
      ok: false,
      error: { code: 'USAGE', kind: 'user', message: expect.stringContaining(message) },
    });
    expect(json.error.hint).toContain('--help');
  });

  it('nothing at all prints the help and is exit 2', async () => {
    const { exitCode, stdout, stderr } = await runBelay([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: belay');
  });

  it('help and versions are exit 0 on stdout', async () => {
    for (const args of [['--help'], ['help'], ['restore', '--help'], ['help', 'restore']]) {
      const { exitCode, stdout, stderr } = await callCli(args);
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: '' });
      expect(stdout).toContain('Usage: belay');
    }
    for (const args of [['--version'], ['-V'], ['--json', '--version']]) {
      const { exitCode, stdout } = await runBelay(args);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    }
  });

  it.each([
    [['snapshot', '--', '-x'], 'BAD_TAG'],
    [['snapshot', ''], 'BAD_TAG'],
    [['snapshot', 'a b'], 'BAD_TAG'],
    [['snapshot', '../x'], 'BAD_TAG'],
    [['snapshot', 'latest'], 'BAD_TAG'],
    [['snapshot', 'x'.repeat(129)], 'BAD_TAG'],
    [['rename', 'x', 'ä'], 'BAD_TAG'],
    [['switch', 'x', '--save', 'a..b'], 'BAD_TAG'],
    [['restore', 'x', '--to', ''], 'BAD_NAME'],
    [['restore', 'x', '--to', 'y'.repeat(64)], 'BAD_NAME'],
    [['checkpoint', '--tag', '-x'], 'BAD_TAG'],
    [['checkpoint', '--encrypt-to', 'nobody'], 'BAD_RECIPIENT'],
    [['checkpoint', '--compress', '12'], 'USAGE'],
    [['checkpoint', '--lock-days', '0'], 'USAGE'],
    [['protect', 'x', '--until', 'soon'], 'BAD_TIME'],
    [['protect', 'x', '--until', '2001-01-01'], 'BAD_TIME'],
    [['prune', '--keep-within', '7 days'], 'USAGE'],
    [['prune'], 'USAGE'],
    [['list', '--url', ''], 'BAD_URL'],
    [['list', '--url', 'mysql://localhost/x'], 'BAD_URL'],
    [['repair', '--lock-wait', 'soon', '--url', 'postgres://127.0.0.1:1/x'], 'USAGE'],
    [['undo', '--sessions-wait', '10', '--url', 'postgres://127.0.0.1:1/x'], 'USAGE'],
    [['list', '--url', 'nonsense'], 'BAD_URL'],
    [['list', '--target', 'prod'], 'NO_TARGET'],
    [['snapshot', 'x', '--lock-wait', 'long'], 'USAGE'],
  ])('%j is %s and exit 2', async (args, code) => {
    // With "--" in the arguments, the flags have to come before it.
    const { exitCode, json } = await callCli(['--json', ...args], {
      env: { BELAY_URL: testServers()[0]?.adminUrl },
    });
    expect(json).toMatchObject({ ok: false, error: { code } });
    expect(exitCode).toBe(2);
  });

  it('no database to work on is exit 2', async () => {
    const { exitCode, json } = await callCli(['list', '--json']);
    expect(exitCode).toBe(2);
    expect(json.error).toMatchObject({ code: 'NO_TARGET', kind: 'user' });
    expect(json.error.hint).toContain('belay init');
  });
});

describe.each(testServers())('references and confirmations on $name', (server) => {
  let shop: TestDatabase;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    shop = await createShop(server);
    env = { BELAY_URL: shop.url };
    expect((await callCli(['snapshot', 'baseline'], { env })).exitCode).toBe(0);
  });
  afterAll(() => shop.drop());

  it.each([
    [['show', 'nothing'], 4, 'SNAPSHOT_NOT_FOUND'],
    [['show', '~1'], 4, 'SNAPSHOT_NOT_FOUND'],
    [['show', '@2001-01-01'], 4, 'SNAPSHOT_NOT_FOUND'],
    [['show', ''], 2, 'BAD_REFERENCE'],
    [['show', '~x'], 2, 'BAD_REFERENCE'],
    [['show', '@soon'], 2, 'BAD_TIME'],
    [['restore', 'nothing'], 4, 'SNAPSHOT_NOT_FOUND'],
    [['restore', 'baseline', '--to', 'postgres'], 5, 'DATABASE_EXISTS'],
    [['switch', 'baseline', '--save', 'baseline'], 5, 'TAG_EXISTS'],
    [['snapshot', 'baseline'], 5, 'TAG_EXISTS'],
    [['undo'], 4, 'NOTHING_TO_UNDO'],
    [['delete', 'baseline'], 3, 'NOT_CONFIRMED'],
  ])('%j is exit %i', async (args, exit, code) => {
    const before = await databasesOf(server, shop.name);
    const { exitCode, json, stderr } = await callCli([...args, '--json'], { env });
    expect(json).toEqual({
      ok: false,
      error: {
        ...{ code, kind: 'user', message: expect.any(String), hint: expect.any(String) },
        details: expect.any(Object),
      },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: exit, stderr: '' });
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it.each([
    ['SIGINT', 130, 'INTERRUPTED'],
    ['SIGTERM', 143, 'TERMINATED'],
  ])(
    '%s before the work begins is exit %i, with --json as JSON too',
    async (reason, exit, code) => {
      const signal = AbortSignal.abort(reason);
      const { exitCode, stderr, json } = await callCli(['snapshot', 'x', '--json'], {
        env,
        signal,
      });
      expect({ exitCode, stderr }).toEqual({ exitCode: exit, stderr: '' });
      expect(json).toMatchObject({ ok: false, error: { code } });
      expect((await callCli(['show', 'x'], { env })).exitCode).toBe(4);
    },
  );

  it('delete asks nobody where nobody can answer, names the loss, and --yes is an answer', async () => {
    const refused = await runBelay(['delete', 'baseline'], { env, input: 'y\n' });
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(refused.stderr).toContain('would remove 3 rows');
    expect(refused.stderr).toContain('--yes');
    expect((await callCli(['show', 'baseline'], { env })).exitCode).toBe(0);
    const done = await callCli(['delete', 'baseline', '--yes'], { env });
    expect(done.exitCode).toBe(0);
    expect(done.stdout).toContain('deleted "baseline"');
    expect((await callCli(['show', 'baseline'], { env })).exitCode).toBe(4);
  });
});
