import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type IsolatedOptions, runIsolated } from '../../../src/process/run-isolated.js';
import { bundleTo } from '../../support/bundled.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { until } from './isolation-scene.js';

const environment = { PATH: process.env.PATH };

function start(
  cwd: string,
  script: string,
  options: Partial<IsolatedOptions> = {},
): ReturnType<typeof runIsolated> {
  return runIsolated(['sh', '-c', script], { cwd, env: environment, stdout: 'stderr', ...options });
}

/** Processes that scripts have noted by `echo $$ >> pids`. */
function noted(folder: string): number[] {
  const file = join(folder, 'pids');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(/\s+/).map(Number) : [];
}

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')));
  } catch {
    return false;
  }
}

const alive = (folder: string) => noted(folder).filter(isAlive);
/** A process that ignores being asked to end, and one that it started itself. */
const stubborn = `trap '' TERM; echo $$ >> pids; sh -c "trap '' TERM; echo \\$\\$ >> pids; while :; do sleep 0.1; done" & while :; do sleep 0.1; done`;

describe('a command in isolation', () => {
  it('gets its arguments as they are, an empty stdin, no terminal, and tells its end', async () => {
    const cwd = makeTempFolder();
    const words = ['-n', 'a b', '$HOME', '*', "it's", '', '"', '\n;', 'ü', '-d=x'];
    const code = `require('fs').writeFileSync('out', JSON.stringify([process.argv.slice(1), require('fs').readFileSync(0, 'utf8'), process.stdin.isTTY ?? false, process.cwd()]))`;
    const end = await runIsolated(['node', '-e', code, '--', ...words], {
      ...{ cwd, env: environment, stdout: 'stderr' },
    });
    expect(end).toEqual({
      ...{ exitCode: 0, signal: null, timedOut: false, leftBehind: 0, survivors: [] },
      durationMs: expect.any(Number),
    });
    const out = JSON.parse(readFileSync(join(cwd, 'out'), 'utf8'));
    expect(out).toEqual([words, '', false, cwd]);
  });

  it.each([
    ['exit 7', 7, null],
    ['kill -9 $$', 137, 'SIGKILL'],
    ['kill -TERM $$', 143, 'SIGTERM'],
  ])('that ends by "%s" has exit code %i', async (script, exitCode, signal) => {
    expect(await start(makeTempFolder(), script)).toMatchObject({ exitCode, signal });
  });

  it('that is not there, is no program or cannot be started is told', async () => {
    const cwd = makeTempFolder({ 'text.txt': 'text' });
    const options = { cwd, env: environment, stdout: 'stderr' } as const;
    for (const command of [['no-such-program'], ['./text.txt'], ['sh', '-c', 'a\0b']]) {
      await failure(runIsolated(command as [string], options), 'TOOL_MISSING');
    }
  });

  it('that takes too long is asked to end, and may tidy up', async () => {
    const cwd = makeTempFolder();
    const script = `trap 'echo tidy > tidied; exit 5' TERM; while :; do sleep 0.05; done`;
    const end = await start(cwd, script, { timeoutMs: 300 });
    expect(end).toMatchObject({ exitCode: 5, timedOut: true });
    expect(readFileSync(join(cwd, 'tidied'), 'utf8')).toBe('tidy\n');
  });

  it('that takes too long and does not listen is killed with all that it started', async () => {
    const cwd = makeTempFolder();
    const end = await start(cwd, stubborn, { timeoutMs: 500, graceMs: 300 });
    expect(end).toMatchObject({ timedOut: true, signal: 'SIGKILL', exitCode: 137, survivors: [] });
    expect(noted(cwd)).toHaveLength(2);
    expect(alive(cwd)).toEqual([]);
  });

  it('that stops itself is killed at its limit', async () => {
    const cwd = makeTempFolder();
    const end = await start(cwd, 'echo $$ >> pids; kill -STOP $$', {
      timeoutMs: 300,
      graceMs: 200,
    });
    expect(end.timedOut).toBe(true);
    expect(alive(cwd)).toEqual([]);
  });

  it('leaves nothing in the background: what it left is counted and ended', async () => {
    const cwd = makeTempFolder();
    const wait = 'while [ ! -s pids ]; do sleep 0.02; done';
    const end = await start(cwd, `sh -c 'echo $$ >> pids; exec sleep 60' & ${wait}; exit 3`);
    expect(end).toMatchObject({ exitCode: 3, timedOut: false, leftBehind: 1 });
    expect(alive(cwd)).toEqual([]);
  });

  it('does not get away by a session of its own, nor by not listening', async () => {
    const cwd = makeTempFolder();
    const daemon = `trap '' TERM HUP; echo $$ >> pids; while :; do sleep 0.1; done`;
    writeFileSync(join(cwd, 'daemon.sh'), daemon);
    const wait = 'while [ ! -s pids ]; do sleep 0.02; done';
    const script = `setsid -f sh daemon.sh > /dev/null 2>&1 < /dev/null; ${wait}`;
    const end = await start(cwd, script, { graceMs: 300 });
    expect(end).toMatchObject({ exitCode: 0, survivors: [] });
    expect(end.leftBehind).toBeGreaterThanOrEqual(1);
    expect(noted(cwd)).toHaveLength(1);
    expect(alive(cwd)).toEqual([]);
  });

  it('does not get away by an empty environment', async () => {
    const cwd = makeTempFolder();
    const wait = 'while [ ! -s pids ]; do sleep 0.02; done';
    const script = `env -i PATH="$PATH" nohup sh -c 'echo $$ >> pids; exec sleep 60' > /dev/null 2>&1 & ${wait}`;
    expect(await start(cwd, script)).toMatchObject({ leftBehind: 1 });
    expect(alive(cwd)).toEqual([]);
  });

  it('does not count helpers that end with it', async () => {
    const end = await start(makeTempFolder(), 'sleep 0.1 & exit 0');
    expect(end).toMatchObject({ exitCode: 0, leftBehind: 0 });
  });

  it('ends with everything when it is interrupted, and before it begins', async () => {
    const cwd = makeTempFolder();
    const abort = new AbortController();
    const running = failure(
      start(cwd, stubborn, { signal: abort.signal, graceMs: 200 }),
      'INTERRUPTED',
    );
    await until(() => noted(cwd).length === 2, 'both processes run');
    abort.abort('SIGINT');
    await running;
    expect(alive(cwd)).toEqual([]);
    await failure(start(cwd, 'touch begun', { signal: abort.signal }), 'INTERRUPTED');
    expect(existsSync(join(cwd, 'begun'))).toBe(false);
    const other = AbortSignal.abort('SIGTERM');
    await failure(start(cwd, 'touch begun', { signal: other }), 'TERMINATED');
  });

  it('leaves no listeners behind', async () => {
    const count = () =>
      ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name));
    const before = count();
    const { signal } = new AbortController();
    await start(makeTempFolder(), 'exit 0', { signal });
    expect(count()).toEqual(before);
  });
});

/** A process that runs a command in isolation, and nothing else. */
async function startParent(cwd: string, listen: string, graceMs: number): Promise<ChildProcess> {
  const file = await bundleTo(cwd, 'src/process/run-isolated.ts');
  const code = `
    import { runIsolated } from ${JSON.stringify(file)};
    ${listen}
    await runIsolated(['sh', ${JSON.stringify(join(cwd, 'stubborn.sh'))}], {
      cwd: ${JSON.stringify(cwd)}, env: process.env, stdout: 'stderr', graceMs: ${graceMs}, signal,
    }).catch((error) => { process.exitCode = error.exitCode; });
  `;
  writeFileSync(join(cwd, 'parent.mjs'), code);
  writeFileSync(join(cwd, 'stubborn.sh'), stubborn);
  return spawn(process.execPath, ['parent.mjs'], { cwd, env: environment, stdio: 'inherit' });
}

const listening = `
  const controller = new AbortController();
  const { signal } = controller;
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => {
    if (signal.aborted) process.exit(99);
    controller.abort(name);
  });
`;

describe('the process that runs it', () => {
  it.each([
    ['an interruption it listens to', listening, ['SIGINT'], 130, null],
    ['a second one that ends it at once', listening, ['SIGINT', 'SIGTERM'], 99, null],
    ['an interruption nobody listens to', 'const signal = undefined;', ['SIGINT'], null, 'SIGINT'],
    ['being terminated', 'const signal = undefined;', ['SIGTERM'], null, 'SIGTERM'],
    ['a terminal that hangs up', listening, ['SIGHUP'], null, 'SIGHUP'],
    [
      'an exit of its own',
      'const signal = undefined; process.on("SIGUSR2", () => process.exit(4));',
      ['SIGUSR2'],
      4,
      null,
    ],
  ] as const)('takes the command along at %s', async (_, listen, signals, exitCode, signal) => {
    const cwd = makeTempFolder();
    onTestFinished(() => {
      for (const pid of alive(cwd)) process.kill(pid, 'SIGKILL');
    });
    const parent = await startParent(cwd, listen, signals.length > 1 ? 60_000 : 200);
    const ended = new Promise((resolve) => parent.once('exit', (...end) => resolve(end)));
    await until(() => noted(cwd).length === 2, 'both processes run');
    for (const name of signals) parent.kill(name);
    expect(await ended).toEqual([exitCode, signal]);
    await until(() => alive(cwd).length === 0, 'the command is gone');
  });
});
