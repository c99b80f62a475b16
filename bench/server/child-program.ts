import { type ChildProcess, spawn } from 'node:child_process';

export interface ChildProgram {
  readonly pid: number;
  /** The first JSON document that it wrote on stdout. */
  readonly ready: unknown;
  /** SIGTERM, then waits; SIGKILL where that takes longer than a minute. */
  end(): Promise<void>;
}

const patienceMs = 60_000;

/** Starts a program that runs until it is ended, and waits for the JSON document that says that it is ready. */
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
    const ready = await documentOf(child, ended, () => errors);
    return { pid: child.pid ?? 0, ready, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function documentOf(
  child: ChildProcess,
  ended: Promise<void>,
  errors: () => string,
): Promise<unknown> {
  let text = '';
  const document = new Promise<unknown>((resolve) => {
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      try {
        resolve(JSON.parse(text));
      } catch {
        // The rest is still to come.
      }
    });
  });
  const gone = ended.then((): never => {
    throw new Error(`the program ended before it was ready: ${errors()}`);
  });
  // Whichever comes second is of no interest.
  gone.catch(() => {});
  return Promise.race([document, gone]);
}

async function endChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await ended;
  clearTimeout(kill);
}
