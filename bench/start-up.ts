import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../src/process/run.js';
import { cleanEnvironment } from '../test/support/run-belay.js';
import { median, type StartUpResult } from './results.js';
import { type BenchServer, benchDatabase } from './server.js';

const rounds = 15;
const program = fileURLToPath(new URL('../bin/belay.js', import.meta.url));
const built = fileURLToPath(new URL('../dist/index.js', import.meta.url));

interface Surroundings {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

async function timeNode(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const options = { ...surroundings, mustSucceed: true };
  return (await runProgram(process.execPath, args, options)).durationMs;
}

async function compare(
  command: string,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<StartUpResult> {
  if (!existsSync(program) || !existsSync(built)) {
    const why = 'the command line is not built: npm run build';
    return { command, medianMs: null, nodeMs: null, why, runsMs: [] };
  }
  const bare: number[] = [];
  const runsMs: number[] = [];
  // In turn, so that whatever else the machine does falls on both. The first round only warms the caches.
  for (let round = 0; round <= rounds; round += 1) {
    const node = await timeNode(['-e', '0'], surroundings);
    const belay = await timeNode([program, ...args], surroundings);
    if (round === 0) continue;
    bare.push(node);
    runsMs.push(belay);
  }
  return { command, medianMs: median(runsMs), nodeMs: median(bare), runsMs };
}

/**
 * How much longer two commands take than Node.js itself.
 * @param folder an existing folder that holds no project
 */
export async function measureStartUp(
  server: BenchServer,
  folder: string,
): Promise<StartUpResult[]> {
  const url = `postgres://postgres@127.0.0.1:${server.port}/${benchDatabase}`;
  // The password stays out of the arguments, where every user of the machine could read it.
  const env = { ...cleanEnvironment(), BELAY_HOME: folder, PGPASSWORD: server.password };
  const surroundings = { cwd: folder, env };
  return [
    await compare('belay --version', ['--version'], surroundings),
    await compare('belay list', ['list', '--url', url], surroundings),
  ];
}
