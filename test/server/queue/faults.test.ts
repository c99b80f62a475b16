import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanEnvironment, testServers } from '../../support/servers.js';
import { checkpointOf, driftOf, openScene, type QueueScene, restoreOf, until } from './scene.js';

const program = fileURLToPath(new URL('victim.ts', import.meta.url));
const rounds = Number(process.env.BELAY_FAULT_ROUNDS) || 3;
const names = ['one', 'two', 'three'];
/** Short enough for many rounds, long enough for a machine that is busy with other things. */
const leaseMs = 3_000;
const jobMs = 150;

interface Work {
  readonly job: string;
  readonly attempt: number;
  readonly ended: boolean;
}

describe('three servers on one catalog, one of them killed in the middle of a job', () => {
  const [server] = testServers();
  if (!server) throw new Error('no server to test on');
  const children = new Map<string, ChildProcess>();
  let scene: QueueScene | undefined;
  afterEach(async () => {
    for (const name of [...children.keys()]) await kill(name);
    await scene?.close();
  });

  async function start(name: string, url: string): Promise<void> {
    const args = ['--import', 'tsx', program, url, name, String(leaseMs), String(jobMs)];
    const child = spawn(process.execPath, args, {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.set(name, child);
    let isReady = false;
    child.stdout?.once('data', () => {
      isReady = true;
    });
    await until(`${name} is ready`, () => isReady);
  }

  async function kill(name: string): Promise<void> {
    const child = children.get(name);
    children.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it(
    `ends every job once, in ${rounds} rounds`,
    async () => {
      const databases = names.map((name) => ({ name }));
      scene = await openScene(server, databases);
      const { jobs, catalog, url } = scene;
      await catalog.query(
        `CREATE TABLE public.work (job text, attempt int, database text, worker text,
         begun_at timestamptz DEFAULT clock_timestamp(), ended_at timestamptz,
         PRIMARY KEY (job, attempt))`,
      );
      for (const name of names) await start(name, url);
      for (let round = 0; round < rounds; round += 1) {
        const orders = names.flatMap((name) => [
          checkpointOf(name),
          restoreOf(name),
          driftOf(name),
        ]);
        const added = await Promise.all(orders.map((order) => jobs.add(order)));
        const victim = await until('one is in the middle of a job', async () => {
          const { jobs: running } = await jobs.list({ states: ['running'] });
          return running[round % Math.max(1, running.length)]?.worker ?? undefined;
        });
        await kill(victim);
        const restarting = start(victim, url);
        for (const { id } of added) {
          const bound = AbortSignal.timeout(50_000);
          const job = await jobs.wait(id, bound);
          expect(['succeeded', 'failed'], `${job.type} ${id} in round ${round}`).toContain(
            job.state,
          );
          if (job.state === 'failed') expect(job.error?.code).toBe('WORKER_LOST');
          await checkStory(id, job.state, job.attempt);
        }
        await restarting;
      }
    },
    60_000 + rounds * 60_000,
  );

  /** Its events and its own work say the same as the queue. */
  async function checkStory(id: string, state: string, attempt: number): Promise<void> {
    if (!scene) return;
    const ends: string[] = [];
    for await (const { event } of scene.jobs.follow(id, 0, new AbortController().signal)) {
      if (event.type === 'state' && event.state !== 'queued' && event.state !== 'running') {
        ends.push(event.state);
      }
    }
    expect(ends).toEqual([state]);
    const work = await scene.catalog.query<Work>(
      `SELECT job, attempt, ended_at IS NOT NULL AS ended FROM public.work WHERE job = $1`,
      [id],
    );
    if (state === 'succeeded') {
      expect(work.find((one) => one.attempt === attempt)).toMatchObject({ ended: true });
    }
    const [overlap] = await scene.catalog.query(
      `SELECT a.job, b.job FROM public.work a JOIN public.work b
           ON a.database = b.database AND (a.job, a.attempt) < (b.job, b.attempt)
         JOIN belay_server.jobs ja ON ja.id = a.job AND ja.changes_target
         JOIN belay_server.jobs jb ON jb.id = b.job AND jb.changes_target
        WHERE a.begun_at < b.ended_at AND b.begun_at < a.ended_at`,
    );
    expect(overlap, 'two jobs changed one target at once').toBeUndefined();
  }
});
