import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../bin/belay.js', import.meta.url));
const longestStartMs = 120_000;

/** `belay serve` as it is shipped, in a process of its own. */
export interface ServeProcess {
  readonly url: string;
  /** kill -9, and waits for its end. */
  kill(): Promise<void>;
  /** What it has logged so far. */
  logs(): string;
}

/** Starts one on a free port and waits until it says where it listens. */
export async function startServe(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ServeProcess> {
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', '--json', ...args], {
    ...{ env, cwd: env.BELAY_HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  try {
    const { url } = JSON.parse(await firstDocument(child));
    return { url, kill: () => kill(child), logs: () => log };
  } catch (error) {
    await kill(child);
    throw new Error(`belay serve did not start:\n${log}`, { cause: error });
  }
}

/** What it prints on stdout before anything else; the document ends with a brace alone on its line. */
async function firstDocument(child: ChildProcess): Promise<string> {
  let text = '';
  const late = setTimeout(() => child.kill('SIGKILL'), longestStartMs);
  try {
    for await (const chunk of child.stdout ?? []) {
      text += chunk.toString();
      if (text.endsWith('}\n')) return text;
    }
  } finally {
    clearTimeout(late);
  }
  throw new Error(`it ended without a word: ${text}`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
