import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/process/run.js';
import { cleanEnvironment, runBelay, type TestDatabase, testServers } from '../support/servers.js';
import { addItem, createShop, databasesOf, itemsOf, run } from '../support/targets.js';

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));

describe.each(testServers())('the program as a process on $name', (server) => {
  let shop: TestDatabase;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    shop = await createShop(server);
    env = { BELAY_URL: shop.url };
    // Enough rows that counting them can be interrupted.
    await run(shop.url, 'CREATE TABLE big AS SELECT n FROM generate_series(1, 500000) n');
    expect((await runBelay(['snapshot', 'baseline', '-d', 'the first'], { env })).exitCode).toBe(0);
  });
  afterAll(() => shop.drop());

  /** Sends the signal as soon as stderr shows the text. */
  async function interrupt(args: string[], text: string, signal: NodeJS.Signals) {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    let sent = false;
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (!sent && stderr.includes(text)) sent = child.kill(signal);
    });
    const [exitCode] = await once(child, 'exit');
    return { exitCode, stderr };
  }

  it.each([
    [['snapshot', 'x'], 'copy', 'SIGINT', 130],
    [['snapshot', 'x'], 'copy', 'SIGTERM', 143],
    [['restore', 'baseline'], 'copy', 'SIGINT', 130],
  ] as const)(
    '%j: %s and %s is exit %i, and nothing half-made remains',
    async (args, text, signal, exit) => {
      await addItem(shop.url, 'mine');
      const [before, items] = [await databasesOf(server, shop.name), await itemsOf(shop.url)];
      const { exitCode, stderr } = await interrupt([...args], text, signal);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: exit });
      expect(stderr).toContain('nothing half-made was kept');
      expect(await databasesOf(server, shop.name)).toEqual(before);
      expect(await itemsOf(shop.url)).toEqual(items);
    },
  );

  it('says what it does, plainly, where there is no terminal', async () => {
    const { exitCode, stdout, stderr } = await runBelay(['restore', 'baseline'], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`"${shop.name}" is now baseline`);
    expect(stdout).toContain('`belay undo` brings it back');
    expect(stderr).toContain('copy');
    // No colours, no cursor movements, in a pipe.
    expect(stdout + stderr).not.toContain('\u001b');
    expect(stdout + stderr).not.toContain(server.password);
  });

  it('lists the timeline for people, and a reader that goes away is no error', async () => {
    const listed = await runBelay(['list'], { env });
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toContain('baseline');
    expect(listed.stdout).toContain('the first');
    const script = `set -o pipefail; for i in 1 2 3; do "$NODE" "$BELAY" list --json | head -c 1 || exit 9; done`;
    const piped = await runProgram('bash', ['-c', script], {
      env: { ...cleanEnvironment(), ...env, NODE: process.execPath, BELAY: program },
    });
    expect(piped).toMatchObject({ exitCode: 0, stdout: '{{{', stderr: '' });
  });

  it('colours only where that is asked for', async () => {
    const forced = await runBelay(['list'], { env: { ...env, FORCE_COLOR: '1' } });
    expect(forced.stdout).toContain('\u001b[');
  });

  const complete = async (...words: string[]) =>
    (await runBelay(['__complete', '--', ...words], { env })).stdout.split('\n').filter(Boolean);

  it('completes commands, options, their values and tags', async () => {
    expect(await complete('re')).toEqual(['restore', 'rename', 'rehearse', 'repair']);
    expect(await complete('')).toEqual(expect.arrayContaining(['snapshot', 'undo', 'completion']));
    expect(await complete('')).not.toContain('__complete');
    expect(await complete('restore', '--s')).toEqual(['--sessions', '--sessions-wait', '--store']);
    expect(await complete('restore', '--sessions', '')).toEqual(['wait', 'terminate', 'fail']);
    expect(await complete('restore', 'base')).toEqual(['baseline']);
    expect(await complete('diff', 'baseline', 'l')).toEqual(['latest', 'live']);
    expect(await complete('local', 'st')).toEqual(['start', 'stop', 'status']);
    expect(await complete('snapshot', '')).toEqual([]);
  });

  it('completes without a word where the server cannot be asked', async () => {
    const result = await runBelay(['__complete', '--', 'restore', ''], {
      env: { BELAY_URL: 'postgres://127.0.0.1:1/x' },
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: 'latest\n', stderr: '' });
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints the script for %s', async (shell) => {
    const { exitCode, stdout } = await runBelay(['completion', shell]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('belay __complete');
  });
});
