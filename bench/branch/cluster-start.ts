import path from 'node:path';
import {
  connectionUrl,
  createBranch,
  deleteBranch,
  type FoundBranch,
  openTarget,
  startBranchServer,
  stopBranchServer,
} from '../../src/index.js';
import { runProgram } from '../../src/process/run.js';
import { findServerUser } from '../../src/process/server-user.js';
import type { Bar } from '../bars.js';
import type { BenchFolder } from '../file-system.js';
import { type BenchServer, urlOf, withClient } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, time } from '../tables.js';

/** From "stopped" to the answer of a first query, in milliseconds; one a run, in turn. */
export interface FirstQueryResult {
  readonly name: string;
  readonly belay: readonly number[];
  readonly pgCtl: readonly number[];
}

const limit = 1.5;

/** Starts the server of one stopped branch with Belay and with pg_ctl, in turn, and asks it something. */
export async function measureFirstQuery(
  server: BenchServer,
  folder: BenchFolder,
  { options, say }: SuiteContext,
): Promise<FirstQueryResult> {
  const env = { ...process.env, BELAY_HOME: path.join(folder.path, 'belay-home') };
  const target = await openTarget({ url: urlOf(server), env, action: 'bench' });
  const belay: number[] = [];
  const pgCtl: number[] = [];
  try {
    const { branch } = await createBranch(target, { name: 'sleeper', isolation: 'cluster' });
    for (let run = 0; run < options.runs; run += 1) {
      await stopBranchServer(branch);
      belay.push(await timed(() => startBranchServer(branch, { env }), branch));
      await stopBranchServer(branch);
      pgCtl.push(await timed(() => startByHand(server, branch), branch));
      say(
        `  first query: ${Math.round(belay[run] ?? 0)} ms, pg_ctl ${Math.round(pgCtl[run] ?? 0)} ms`,
      );
    }
    await deleteBranch(target, { name: 'sleeper', confirm: () => true });
  } finally {
    await target.close();
  }
  return { name: `${folder.type}, PostgreSQL ${server.installation.version}`, belay, pgCtl };
}

async function timed(start: () => Promise<unknown>, { settings }: FoundBranch): Promise<number> {
  const startedAt = performance.now();
  await start();
  const url = connectionUrl(settings, { withPassword: true });
  await withClient(url, (client) => client.query('SELECT 1'));
  return performance.now() - startedAt;
}

async function startByHand(server: BenchServer, branch: FoundBranch): Promise<void> {
  const dataDir = path.join(branch.folder as string, 'data');
  const { uid, gid } = await findServerUser();
  const settings = [
    `-p ${branch.settings.hosts[0]?.port}`,
    '-c listen_addresses=127.0.0.1',
    // Its path may be too long for one.
    "-c unix_socket_directories=''",
  ];
  const log = path.join(branch.folder as string, 'server.log');
  await runProgram(
    path.join(server.binDir, 'pg_ctl'),
    ['start', '-w', '-s', '-D', dataDir, '-l', log, '-o', settings.join(' ')],
    { uid, gid, cwd: dataDir, mustSucceed: true },
  );
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** What Belay promises about branches whose server is stopped. */
export function firstQueryBars({ name, belay, pgCtl }: FirstQueryResult): Bar[] {
  const ratio = median(belay) / median(pgCtl);
  return [
    {
      bar: `first query on a stopped cluster branch: less than ${limit} times pg_ctl start and a connection`,
      where: name,
      measured: `${ratio.toFixed(2)} times`,
      met: ratio < limit,
    },
  ];
}

export function renderFirstQuery({ name, belay, pgCtl }: FirstQueryResult): string[] {
  const rows = [
    ['first query of a stopped cluster branch', 'median'],
    ['started by Belay', time(median(belay))],
    ['pg_ctl start -w', time(median(pgCtl))],
  ];
  return ['', `== first query: ${name} ==`, ...align(rows).map((line) => `  ${line}`)];
}
