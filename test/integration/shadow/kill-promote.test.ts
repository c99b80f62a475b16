import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { promoteShadow } from '../../../src/features/shadow/promote.js';
import { repairTarget } from '../../../src/index.js';
import { isAlive } from '../../../src/process/postmaster.js';
import { createRandom, type Random } from '../../faults/random.js';
import { type Bank, createBank } from '../../support/load-scene.js';
import { type Moment, promoteAndDisturb, type VictimEnd } from '../../support/load-victims.js';
import { type Load, lossesOf, startLoad } from '../../support/load-writers.js';
import {
  startThrowawayServer,
  type TestServer,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { databasesOf, rowsOf, withTarget } from '../../support/targets.js';

const servers = testServers();
/** Kills of Belay, on all servers together: BELAY_FAULT_ROUNDS sets many. Half as often it is the server. */
const rounds = Math.max(servers.length, Number(process.env.BELAY_FAULT_ROUNDS || 3));
const crashes = Math.max(servers.length, Math.floor(rounds / 2));
const seed = Number(process.env.BELAY_FAULT_SEED ?? randomInt(2 ** 31));

/** Every step comes equally often; a run of few rounds begins where its seed says. */
const firstMoment = Math.floor(createRandom(seed, 'moments').next() * 100);

/** Numbers of the rounds that one of the servers gets. */
function roundsOf(server: number, total: number): number[] {
  return Array.from({ length: total }, (_, round) => round).filter(
    (round) => round % servers.length === server,
  );
}

/** Methods take turns on each server. */
const methodOf = (round: number) =>
  Math.floor(round / servers.length) % 2 === 0 ? ('scan' as const) : ('logical' as const);

/** Each step of a promote, and how long after its beginning it may be killed; most of them where everything is at stake. */
const moments: readonly { readonly words: string; readonly withinMs: number }[] = [
  { words: 'step swap', withinMs: 130 },
  { words: 'step hold writers off', withinMs: 60 },
  { words: 'step bring the last changes over', withinMs: 100 },
  { words: 'step swap', withinMs: 20 },
  { words: 'step-done swap', withinMs: 60 },
  { words: 'step verify', withinMs: 150 },
  { words: 'step swap', withinMs: 130 },
  { words: 'ready', withinMs: 1500 },
  { words: 'step count what was there', withinMs: 50 },
];

function momentOf(round: number, random: Random): Moment {
  const { words, withinMs } = moments[
    (firstMoment + round) % moments.length
  ] as (typeof moments)[number];
  return { words, afterMs: random.between(0, withinMs) };
}

/** The target is under its name, open, whole and in one of the two states, and works; and what is left over is found. */
async function check(
  server: TestServer,
  bank: Bank,
  load: Load,
  end: VictimEnd,
): Promise<'old' | 'new'> {
  expect(await lossesOf(bank.url, load)).toEqual([]);
  const columns = await rowsOf(
    bank.url,
    `SELECT 1 FROM information_schema.columns WHERE table_name = 'accounts' AND column_name = 'currency'`,
  );
  const state = columns.length > 0 ? 'new' : 'old';
  if (end.isPromoted) expect(state).toBe('new');
  if (end.exitCode === 6) expect(state).toBe('old');
  await withTarget(bank.url, (target) => repairTarget(target));
  const again = await withTarget(bank.url, (target) => repairTarget(target));
  expect(again.found).toEqual([]);
  const names = await databasesOf(server, bank.name);
  const other = state === 'old' ? `${bank.name}_shadow` : expect.stringMatching(/_old_\d{8}$/);
  expect(names.filter((name) => !name.endsWith('_old_earlier'))).toEqual([bank.name, other]);
  const slots = await rowsOf(
    server.adminUrl,
    `SELECT slot_name FROM pg_replication_slots WHERE starts_with(database, $1)`,
    [bank.name],
  );
  expect(slots).toHaveLength(state === 'old' && bank.method === 'logical' ? 1 : 0);
  return state;
}

/** A promote that was disturbed can be run again, and loses nothing either. */
async function finish(bank: Bank, load: Load): Promise<void> {
  await withTarget(bank.url, (target) => promoteShadow(target));
  await load.more(20);
  await load.stop();
  expect(await lossesOf(bank.url, load)).toEqual([]);
}

async function killBelay(victim: ChildProcess): Promise<void> {
  victim.kill('SIGKILL');
}

async function stopImmediately({ dataDir }: TestServer): Promise<void> {
  const [pid] = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n').map(Number);
  if (!pid) throw new Error(`no process id in ${dataDir}/postmaster.pid`);
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await sleep(20);
}

describe.each(servers.map((server, index) => ({ ...server, index })))(
  'a promote under load that is killed on $name',
  (server) => {
    it.each(roundsOf(server.index, rounds))(
      `round %i of BELAY_FAULT_SEED=${seed}, BELAY_FAULT_ROUNDS=${rounds}`,
      async (round) => {
        const random = createRandom(seed, `belay-${round}`);
        const bank = await createBank(server, methodOf(round));
        const load = startLoad(bank.url);
        try {
          await load.more(50);
          const end = await promoteAndDisturb(bank.url, momentOf(round, random), killBelay);
          // Whoever is killed lets the writers go.
          await load.more(50);
          await load.stop();
          if ((await check(server, bank, load, end)) === 'new') return;
          const next = startLoad(bank.url, { prefix: 'next' });
          await next.more(20);
          await finish(bank, { ...next, ...merged(load, next) });
        } finally {
          await load.stop();
          await bank.drop();
        }
      },
    );
  },
);

function merged(first: Load, second: Load) {
  const both = (key: 'acknowledged' | 'unknown') => ({
    has: (id: string) => first[key].has(id) || second[key].has(id),
    [Symbol.iterator]: function* () {
      yield* first[key];
      yield* second[key];
    },
  });
  return {
    acknowledged: both('acknowledged') as unknown as ReadonlySet<string>,
    unknown: both('unknown') as unknown as ReadonlySet<string>,
  };
}

describe.each(servers.map(({ major, name }, index) => ({ major, name, index })))(
  'a promote whose server is shut down at once on $name',
  ({ major, index }) => {
    const own = roundsOf((index + 1) % servers.length, crashes);
    let server: ThrowawayServer | undefined;
    beforeAll(async () => {
      // What was acknowledged must outlive the crash: that is what the clients are promised.
      const settings = { synchronous_commit: 'on' };
      server = await startThrowawayServer({ major, settings });
    });
    afterAll(() => server?.remove());

    it.each(own)(
      `round %i of BELAY_FAULT_SEED=${seed}, BELAY_FAULT_ROUNDS=${rounds}`,
      async (round) => {
        const running = server as ThrowawayServer;
        const random = createRandom(seed, `server-${round}`);
        const bank = await createBank(running, methodOf(round));
        const load = startLoad(bank.url);
        try {
          await load.more(50);
          const end = await promoteAndDisturb(bank.url, momentOf(round, random), async () => {
            await stopImmediately(running);
            await running.start();
          });
          await load.more(20);
          await load.stop();
          await check(running, bank, load, end);
        } finally {
          await load.stop();
          await bank.drop();
        }
      },
    );
  },
);
