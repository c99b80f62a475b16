import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../src/process/postmaster.js';
import { type ThrowawayServer, withSession } from '../support/servers.js';
import type { Random } from './random.js';

/** One way to disturb a command that is at work. */
export interface Fault {
  readonly name: string;
  /** Exit codes that the command may end with; null: it was killed. */
  readonly exitCodes: readonly (number | null)[];
  /** The command cleans up by itself, so that `repair` finds nothing afterwards. */
  readonly leavesNothing: boolean;
  /** The server has crashed. */
  readonly crashes: boolean;
  apply(server: ThrowawayServer, victim: ChildProcess, random: Random): Promise<void>;
}

const done = 0;
const environment = 6;

export const killBelay: Fault = {
  name: 'kill -9 of Belay',
  exitCodes: [done, null],
  leavesNothing: false,
  crashes: false,
  apply: async (_server, victim) => {
    victim.kill('SIGKILL');
  },
};

/**
 * The server's end, without a word to anybody. What it has written stays with the kernel, so neither `fsync` nor
 * `full_page_writes` matters: both guard against the machine's end. What counts is what it had *not* written when
 * it said "committed"; that is why the tests' `synchronous_commit = off` stays: Belay must not rely on the server's setting.
 */
export const killServer: Fault = {
  name: 'kill -9 or immediate shutdown of the server',
  exitCodes: [done, environment],
  leavesNothing: false,
  crashes: true,
  apply: async (server, _victim, random) => {
    if (random.next() < 0.5) await server.kill9();
    else await stopImmediately(server);
    await server.start();
  },
};

/** As after a failover of a proxy, an impatient administrator, or a server that runs out of memory for one backend. */
export const endSessions: Fault = {
  name: 'end of one or all of Belay’s sessions',
  exitCodes: [done, environment],
  leavesNothing: false,
  crashes: false,
  apply: async (server, _victim, random) => {
    const one = random.next() < 0.5 ? 'LIMIT 1' : '';
    await withSession(server.adminUrl, (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
           WHERE application_name ~ '^belay [a-z]+ [0-9]+@' ORDER BY md5(pid::text || $1) ${one}) x`,
        [String(random.next())],
      ),
    );
  },
};

function interrupt(signal: 'SIGINT' | 'SIGTERM', exitCode: number): Fault {
  return {
    name: `${signal} to Belay`,
    // null: it came before Node had started.
    exitCodes: [done, exitCode, null],
    leavesNothing: true,
    crashes: false,
    apply: async (_server, victim) => {
      victim.kill(signal);
    },
  };
}

export const interruptBelay: Fault = interrupt('SIGINT', 130);
export const terminateBelay: Fault = interrupt('SIGTERM', 143);

async function stopImmediately({ dataDir }: ThrowawayServer): Promise<void> {
  const [pid] = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n').map(Number);
  if (!pid) throw new Error(`no process id in ${dataDir}/postmaster.pid`);
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await sleep(20);
}
