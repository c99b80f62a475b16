import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
}

async function readProcess(pid: number): Promise<RunningProcess | undefined> {
  try {
    const [stat, line] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // The name before may hold spaces and parentheses. State and parent are the first fields behind it.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    return { pid, parent: Number(parent), args: line.split('\0').filter(Boolean) };
  } catch {
    return undefined;
  }
}

async function allProcesses(): Promise<RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(Number(pid))));
  return found.filter((one) => one !== undefined);
}

/** Processes that have the text in their command line. */
export async function processesWith(text: string): Promise<RunningProcess[]> {
  return (await allProcesses()).filter(({ args }) => args.some((arg) => arg.includes(text)));
}

/** Waits for a child whose command line says both; undefined where the parent ended before. */
export async function waitForChild(
  parent: number,
  program: 'pg_dump' | 'pg_restore',
  argument: string,
  isOver: () => boolean,
): Promise<number | undefined> {
  while (!isOver()) {
    const children = (await allProcesses()).filter((one) => one.parent === parent);
    const child = children.find(
      ({ args }) => args[0]?.endsWith(program) && args.some((arg) => arg.startsWith(argument)),
    );
    if (child) return child.pid;
    await sleep(2);
  }
  return undefined;
}

export async function waitUntilGone(pid: number): Promise<void> {
  for (let round = 0; await readProcess(pid); round += 1) {
    if (round > 500) throw new Error(`process ${pid} does not end`);
    await sleep(20);
  }
}
