import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildProgram {
  readonly pid: number;
  /** The first line that it wrote on stdout. */
  readonly firstLine: string;
  /** SIGTERM, then waits; SIGKILL where that takes longer than a minute. */
  end(): Promise<void>;
}

const patienceMs = 60_000;

/** Starts a program that runs until it is ended, and waits for its first line. */
export async function startProgram(
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<ChildProgram> {
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-4_000);
  });
  const end = () => endChild(child, ended);
  try {
    const firstLine = await firstLineOf(child, ended, () => errors);
    return { pid: child.pid ?? 0, firstLine, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function firstLineOf(
  child: ChildProcess,
  ended: Promise<void>,
  errors: () => string,
): Promise<string> {
  if (!child.stdout) throw new Error('the program has no stdout');
  const lines = createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve) => lines.once('line', resolve));
  const gone = ended.then((): never => {
    throw new Error(`the program ended before it was ready: ${errors()}`);
  });
  // Whichever comes second is of no interest.
  gone.catch(() => {});
  return Promise.race([line, gone]);
}

async function endChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await ended;
  clearTimeout(kill);
}
