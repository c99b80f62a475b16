import { tmpdir } from 'node:os';
import { runCli } from '../../src/cli/run.js';
import { type BelayRun, cleanEnvironment } from './run-belay.js';
import { testHome } from './test-home.js';

export interface CliCall {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The command line within the test's own process, with streams that only collect: for tables of many
 * cases, where starting a process for each would take most of the time.
 */
export async function callCli(args: readonly string[], call: CliCall = {}): Promise<BelayRun> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli({
    args,
    stdin: {},
    stdout: {
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    env: { ...cleanEnvironment(), BELAY_HOME: testHome(), ...call.env },
    cwd: call.cwd ?? tmpdir(),
    signal: call.signal ?? new AbortController().signal,
  });
  return {
    ...{ exitCode, stdout, stderr },
    get json() {
      return JSON.parse(stdout);
    },
  };
}
