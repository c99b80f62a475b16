import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../support/servers.js';
import type { Random } from './random.js';

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));

export const commands = ['snapshot', 'restore', 'switch', 'undo'] as const;
export type Command = (typeof commands)[number];

/** When the fault comes: after a time, or some time after the command has said that it begins a step. */
export interface Moment {
  readonly step: string | null;
  readonly afterMs: number;
}

const steps: Readonly<Record<Command, readonly string[]>> = {
  snapshot: ['copy', 'count', 'seal'],
  restore: ['copy', 'carry over', 'verify', 'swap', 'count'],
  switch: ['copy', 'carry over', 'verify', 'swap', 'count'],
  undo: ['verify', 'swap', 'count'],
};

/**
 * A moment somewhere in a command, or shortly after it. A quarter falls anywhere; half of them where everything is at
 * stake: most of a command's time goes into starting up and counting, the swap takes but a few milliseconds.
 */
export function chooseMoment(random: Random, command: Command, durationMs: number): Moment {
  const kind = random.next();
  if (kind < 1 / 4) return { step: null, afterMs: random.between(0, 1.1 * durationMs) };
  if (kind < 3 / 4) {
    const last = command === 'snapshot' ? 'seal' : 'swap';
    return { step: last, afterMs: random.between(0, 16) };
  }
  const step = random.pick(steps[command]);
  return { step, afterMs: random.between(0, step === 'copy' ? 200 : 60) };
}

export interface VictimEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  /** From the start to the end. */
  readonly durationMs: number;
  /** The command was still at work when the fault came. */
  readonly hit: boolean;
}

/** Runs the built command line and does something to it at a moment. It is over when this returns. */
export async function runVictim(
  args: readonly string[],
  moment: Moment,
  fault: (victim: ChildProcess) => Promise<void>,
): Promise<VictimEnd> {
  const startedAt = performance.now();
  const victim = spawn(process.execPath, [program, ...args], {
    cwd: tmpdir(),
    env: { ...cleanEnvironment(), BELAY_HOME: tmpdir() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(victim, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let output = '';
  let durationMs = 0;
  const isAtMoment = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (moment.step !== null && output.includes(`${moment.step} `)) resolve();
    };
    victim.stdout.on('data', read);
    victim.stderr.on('data', read);
    if (moment.step === null) resolve();
  });
  const waited = isAtMoment.then(() => sleep(moment.afterMs));
  void ended.then(() => {
    durationMs = performance.now() - startedAt;
  });
  await Promise.race([waited, ended]);
  const hit = victim.exitCode === null && victim.signalCode === null;
  await fault(victim);
  const [exitCode, signal] = await withTimeout(ended, victim);
  return { exitCode, signal, output, durationMs, hit };
}

/** No fault may make a command hang. */
async function withTimeout<T>(ended: Promise<T>, victim: ChildProcess): Promise<T> {
  const controller = new AbortController();
  const late = sleep(45_000, undefined, { signal: controller.signal }).then(
    () => {
      victim.kill('SIGKILL');
      throw new Error('the command did not end within 45 s of the fault');
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    controller.abort();
  }
}
