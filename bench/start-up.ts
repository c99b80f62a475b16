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
  const notMeasured = (why: string) => ({ command, medianMs: null, nodeMs: null, why, runsMs: [] });
  if (!existsSync(built)) return notMeasured('the command line is not built: npm run build');
  const { exitCode, stderr } = await runProgram(process.execPath, [program, ...args], surroundings);
  // The time of a command that fails says nothing.
  if (exitCode !== 0) return notMeasured(`it failed with exit code ${exitCode}: ${stderr.trim()}`);
  const bare: number[] = [];
  const runsMs: number[] = [];
  // In turn, so that whatever else the machine does falls on both.
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await timeNode(['-e', '0'], surroundings));
    runsMs.push(await timeNode([program, ...args], surroundings));
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

/**
 * The hook of a checkout that changes nothing for Belay: the working tree stays on the target itself.
 * @param folder an empty folder
 */
export async function measureHook(folder: string): Promise<StartUpResult> {
  const git = (...args: string[]) =>
    runProgram('git', ['-C', folder, ...args], { mustSucceed: true });
  await git('init', '-q', '-b', 'main');
  const commit = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.org', 'commit', '-q'];
  await git(...commit, '--allow-empty', '-m', 'begin');
  const { stdout } = await git('rev-parse', 'HEAD');
  const head = stdout.trim();
  const surroundings = { cwd: folder, env: { ...cleanEnvironment(), BELAY_HOME: folder } };
  return compare(
    'git checkout, nothing to do',
    ['git', 'hook', 'post-checkout', head, head, '1'],
    surroundings,
  );
}
