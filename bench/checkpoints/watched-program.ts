import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from '../../src/process/program-failure.js';
import type { CheckpointRun, PeakMemory } from './results.js';

const pollMs = 50;

interface Watched {
  readonly stdout: string;
  readonly stderr: string;
  readonly peakBytes: PeakMemory;
}

/** Runs a program and everything that it starts, and looks how much memory they take. Linux only; elsewhere no memory is known. */
export async function runWatched(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; ownName: string; signal: AbortSignal },
): Promise<Watched> {
  const { ownName, ...surroundings } = options;
  const child = spawn(file, [...args], { ...surroundings, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  let isOver = false;
  const watching = watchMemory(child.pid ?? 0, ownName, () => isOver);
  const exitCode = await ended.finally(() => {
    isOver = true;
  });
  const peakBytes = await watching;
  if (exitCode === 0) return { stdout: stdout(), stderr: stderr(), peakBytes };
  // A run that failed says nothing about how long one takes.
  throw new Error(`${ownName} ${args.join(' ')} ended with ${exitCode}: ${lastLines(stderr())}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

async function watchMemory(root: number, rootName: string, isOver: () => boolean) {
  const peaks: Record<string, number> = {};
  while (!isOver()) {
    await Promise.all(
      (await withDescendants(root)).map(async (pid) => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
        const bytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
        const name = pid === root ? rootName : (/^Name:\s+(.*)/.exec(status)?.[1] ?? '');
        if (bytes > 0) peaks[name] = Math.max(peaks[name] ?? 0, bytes);
      }),
    );
    await sleep(pollMs);
  }
  return peaks;
}

async function withDescendants(pid: number): Promise<number[]> {
  // Children of the main thread: libuv starts all of them there.
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(withDescendants))).flat()];
}

function cpuTimes(): { busyMs: number; allMs: number } {
  const sum = { busyMs: 0, allMs: 0 };
  for (const { times } of cpus()) {
    const all = Object.values(times).reduce((total, value) => total + value, 0);
    sum.allMs += all;
    sum.busyMs += all - times.idle;
  }
  return sum;
}

/** Times work, and how busy the machine was with it and with everything else. */
export async function timed(
  work: () => Promise<Omit<CheckpointRun, 'totalMs' | 'busyShare'>>,
): Promise<CheckpointRun> {
  const before = cpuTimes();
  const startedAt = performance.now();
  const known = await work();
  const totalMs = performance.now() - startedAt;
  const after = cpuTimes();
  const busyShare = (after.busyMs - before.busyMs) / Math.max(1, after.allMs - before.allMs);
  return { totalMs, busyShare, ...known };
}
