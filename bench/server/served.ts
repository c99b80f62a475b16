import { fileURLToPath } from 'node:url';
import { runProgram } from '../../src/process/run.js';
import { cleanEnvironment } from '../../test/support/run-belay.js';
import { type BenchServer, urlOf } from '../server.js';
import { type ChildProgram, startProgram } from './child-program.js';

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));

/** `belay serve`, as it is installed, with one database. */
export interface Served {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** May do everything. */
  readonly token: string;
  /** Runs a command of the command line in the same surroundings. */
  belay(
    ...args: readonly string[]
  ): Promise<{ readonly stdout: string; readonly durationMs: number }>;
  end(): Promise<void>;
}

/** Where the server, its commands and its archives are. */
export function surroundings(server: BenchServer, folder: string): NodeJS.ProcessEnv {
  return {
    ...cleanEnvironment(),
    BELAY_HOME: folder,
    BELAY_STORE: `${folder}/store`,
    // The password stays out of the arguments, where every user of the machine could read it.
    BELAY_URL: urlOf(server),
    BELAY_PG_BIN: server.binDir,
    BELAY_LOG_LEVEL: 'warn',
  };
}

export async function startServed(server: BenchServer, folder: string): Promise<Served> {
  const options = { env: surroundings(server, folder), cwd: folder };
  const belay: Served['belay'] = (...args) =>
    runProgram(process.execPath, [program, ...args], { ...options, mustSucceed: true });
  const { stdout } = await belay('token', 'create', '--scope', 'admin', '--json');
  const { token } = JSON.parse(stdout) as { token: string };
  const child: ChildProgram = await startProgram(
    [program, 'serve', '--port', '0', '--json'],
    options,
  );
  const { url, port } = child.ready as { url: string; port: number };
  return { url, port, pid: child.pid, token, belay, end: child.end };
}
