import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../support/servers.js';
import { waitForChild } from './processes.js';

const program = fileURLToPath(new URL('../../../bin/belay.js', import.meta.url));

export interface VictimEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly durationMs: number;
}

/** The built command line while it runs. */
export interface Victim {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<VictimEnd>;
  /** Waits until it has begun a step; throws where it ends before. */
  step(name: string): Promise<void>;
  /** Waits for its pg_dump or pg_restore that was given an argument which begins like this. */
  child(name: 'pg_dump' | 'pg_restore', argument: string): Promise<number>;
  /** Waits for something else to happen while it runs. */
  until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void>;
  /** kill -9, and waits for its end. */
  kill(): Promise<VictimEnd>;
}

/** No fault may make a command hang. */
const longestMs = 60_000;

export function startBelay(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Victim {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, ...args], {
    ...{ cwd, env: { ...cleanEnvironment(), ...env } },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let isOver = false;
  const read = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const late = setTimeout(() => {
    output += `\nIt did not end within ${longestMs} ms.`;
    child.kill('SIGKILL');
  }, longestMs);
  const ended = once(child, 'close').then(([exitCode, signal]): VictimEnd => {
    isOver = true;
    clearTimeout(late);
    return { exitCode, signal, output, durationMs: performance.now() - startedAt };
  });
  const until: Victim['until'] = async (isSo, what) => {
    while (!(await isSo())) {
      if (isOver) throw new Error(`${args.join(' ')} ended before ${what}:\n${output}`);
      await sleep(2);
    }
  };
  const pid = child.pid ?? 0;
  return {
    ...{ process: child, pid, ended, until },
    step: (name) => until(() => output.includes(`${name} `) || output.includes(`${name}…`), name),
    child: async (name, argument) => {
      const found = await waitForChild(pid, name, argument, () => isOver);
      if (found === undefined) throw new Error(`${args.join(' ')} never ran ${name}:\n${output}`);
      return found;
    },
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
