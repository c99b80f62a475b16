import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './servers.js';
import { testHome } from './test-home.js';

const program = fileURLToPath(new URL('./load-victim.ts', import.meta.url));

export interface VictimEnd {
  readonly exitCode: number | null;
  readonly output: string;
  /** It said that the shadow is promoted. */
  readonly isPromoted: boolean;
}

/** When something happens to a promote: some time after it has said the words, or after it was ready. */
export interface Moment {
  readonly words: string;
  readonly afterMs: number;
}

/** Promotes the shadow of a database in a process of its own, and does something at a moment. Over when this returns. */
export async function promoteAndDisturb(
  url: string,
  moment: Moment,
  disturb: (victim: ChildProcess) => Promise<void>,
): Promise<VictimEnd> {
  const victim = spawn(process.execPath, ['--import', 'tsx', program, url], {
    env: { ...cleanEnvironment(), BELAY_HOME: testHome() },
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(victim, 'close') as Promise<[number | null]>;
  let output = '';
  const isAtMoment = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(moment.words)) resolve();
    };
    victim.stdout.on('data', read);
    victim.stderr.on('data', read);
  });
  await Promise.race([isAtMoment.then(() => sleep(moment.afterMs)), ended]);
  if (victim.exitCode === null && victim.signalCode === null) await disturb(victim);
  const [exitCode] = await withLimit(ended, victim);
  return { exitCode, output, isPromoted: output.includes('\npromoted ') };
}

/** Nothing may make a promote hang. */
async function withLimit<T>(ended: Promise<T>, victim: ChildProcess): Promise<T> {
  const controller = new AbortController();
  const late = sleep(45_000, undefined, { signal: controller.signal }).then(
    () => {
      victim.kill('SIGKILL');
      throw new Error('the promote did not end within 45 s');
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    controller.abort();
  }
}
