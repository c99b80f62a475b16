import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../src/process/run.js';
import { testHome } from './test-home.js';
import { tellWatchdog } from './watchdog.js';

export interface BelayRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What stdout holds, parsed; throws where it is not one JSON document. */
  // biome-ignore lint/suspicious/noExplicitAny: each command's shape is what the tests are about
  readonly json: any;
}

export interface BelayRunOptions {
  /** Added to a clean environment; undefined removes a variable. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Default: an empty folder. */
  readonly cwd?: string | undefined;
  readonly input?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));
let scratch: string | undefined;

/** An empty folder of this test process, removed at its end. */
function scratchFolder(): string {
  if (scratch === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'belay-cli-'));
    // A worker of the test run is ended without an 'exit'.
    tellWatchdog(folder);
    scratch = folder;
  }
  return scratch;
}

/** Without what the developer's shell may say about databases, stores and colours. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) =>
      !/^(PG[A-Z]|BELAY_|AWS_|VITEST|NODE_OPTIONS$|DATABASE_URL$|FORCE_COLOR$|GIT_)/.test(name),
  );
  return Object.fromEntries(entries);
}

/** Runs the built command line, as a user would, and waits for its end. Never throws for an exit code. */
export async function runBelay(
  args: readonly string[],
  options: BelayRunOptions = {},
): Promise<BelayRun> {
  const folder = scratchFolder();
  const result = await runProgram(process.execPath, [program, ...args], {
    cwd: options.cwd ?? folder,
    env: { ...cleanEnvironment(), BELAY_HOME: testHome(), ...options.env },
    input: options.input,
    timeoutMs: options.timeoutMs ?? 60_000,
  });
  const { exitCode, stdout, stderr } = result;
  return {
    exitCode,
    stdout,
    stderr,
    get json() {
      return JSON.parse(stdout);
    },
  };
}
