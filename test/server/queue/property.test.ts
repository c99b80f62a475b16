import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { claimJob } from '../../../src/jobs/queue/claim-job.js';
import type { ClaimedJob } from '../../../src/jobs/queue/job-source.js';
import { finishJob, releaseJob, renewLease } from '../../../src/jobs/queue/leases.js';
import { Reaper } from '../../../src/jobs/queue/reaper.js';
import { testServers } from '../../support/servers.js';
import { checkpointOf, driftOf, openScene, type QueueScene, restoreOf } from './scene.js';

/** Two names of one target, and another target. */
const databases = [{ name: 'shop' }, { name: 'shop-again', key: 'shop' }, { name: 'books' }];
const workers = [0, 1, 2] as const;
const worker = fc.constantFrom(...workers);

const step = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    order: fc.constantFrom(checkpointOf, restoreOf, driftOf),
    database: fc.constantFrom(...databases.map(({ name }) => name)),
  }),
  fc.record({ do: fc.constantFrom('claim', 'finish', 'give-back', 'renew', 'cancel'), worker }),
  fc.record({ do: fc.constantFrom('die', 'look'), worker }),
) as fc.Arbitrary<Step>;

type Step =
  | { readonly do: 'add'; readonly order: typeof checkpointOf; readonly database: string }
  | {
      readonly do: 'claim' | 'finish' | 'give-back' | 'renew' | 'cancel' | 'die' | 'look';
      readonly worker: (typeof workers)[number];
    };

/** What a run has seen: which jobs were accepted, what each worker believes to have, which ends were taken. */
class Run {
  readonly accepted: string[] = [];
  readonly ends = new Map<string, number>();
  readonly held: ClaimedJob[][] = workers.map(() => []);
  readonly reapers: Reaper[];
  readonly #scene: QueueScene;
  readonly #catalog: Catalog;

  constructor(scene: QueueScene) {
    this.#scene = scene;
    this.#catalog = scene.catalog;
    this.reapers = workers.map(() => new Reaper(scene.catalog, { graceMs: 0 }));
  }

  async do(one: Step): Promise<void> {
    if (one.do === 'add') {
      this.accepted.push((await this.#scene.jobs.add(one.order(one.database))).id);
      return;
    }
    const held = this.held[one.worker] ?? [];
    const [job] = held;
    if (one.do === 'claim') {
      const claimed = await claimJob(this.#catalog, { worker: `w${one.worker}`, leaseMs: 0 });
      if (claimed) held.push(claimed);
    } else if (one.do === 'look') await this.reapers[one.worker]?.look();
    // Killed: it says nothing any more.
    else if (one.do === 'die') held.length = 0;
    else if (job) await this.#use(one.do, job, held);
  }

  async #use(what: Step['do'], job: ClaimedJob, held: ClaimedJob[]): Promise<void> {
    if (what === 'renew') {
      if ((await renewLease(this.#catalog, job)) === 'lost') held.shift();
    } else if (what === 'cancel') {
      // Somebody asks for its end, whoever has it by now, if anybody.
      await this.#scene.jobs.cancel(job.id).catch((error: { code?: string }) => {
        if (error.code !== 'JOB_OVER') throw error;
      });
    } else if (what === 'give-back') {
      held.shift();
      await releaseJob(this.#catalog, job, { code: 'X', kind: 'environment', message: 'x' });
    } else if (what === 'finish') {
      held.shift();
      const wasTaken = await finishJob(this.#catalog, job, {
        state: 'succeeded',
        result: job.lease,
      });
      if (wasTaken) this.ends.set(job.id, (this.ends.get(job.id) ?? 0) + 1);
    }
  }
}

interface Kept {
  readonly id: string;
  readonly state: string;
  readonly ends: number;
}

describe.each(testServers())('any interleaving on $name', (server) => {
  let scene: QueueScene;
  beforeAll(async () => {
    scene = await openScene(server, databases);
  });
  afterAll(() => scene.close());

  async function read(): Promise<Kept[]> {
    return scene.catalog.query<Kept>(
      `SELECT id, state, (SELECT count(*)::int FROM belay_server.job_events e
                           WHERE e.job = j.id AND e.event->>'type' = 'state'
                             AND e.event->>'state' IN ('succeeded', 'failed', 'cancelled')) AS ends
         FROM belay_server.jobs j`,
    );
  }

  async function check(run: Run): Promise<void> {
    const [twice] = await scene.catalog.query(
      `SELECT d.target_key FROM belay_server.jobs j JOIN belay_server.databases d ON d.name = j.database
        WHERE j.state = 'running' AND j.changes_target GROUP BY 1 HAVING count(*) > 1`,
    );
    expect(twice, 'two jobs change one target').toBeUndefined();
    const kept = await read();
    expect(kept.map(({ id }) => id).sort()).toEqual([...run.accepted].sort());
    for (const { id, state, ends } of kept) {
      const isOver = state !== 'queued' && state !== 'running';
      expect(ends, `ends of ${id}, which is ${state}`).toBe(isOver ? 1 : 0);
    }
    for (const [id, times] of run.ends) {
      expect(times).toBe(1);
      expect(kept.find((one) => one.id === id)?.state).toBe('succeeded');
    }
  }

  /** With workers that live, everything that was accepted ends. */
  async function drain(run: Run): Promise<void> {
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    for (let round = 0; round < 200; round += 1) {
      if ((await read()).every(({ ends }) => ends === 1)) return;
      await reaper.look();
      await reaper.look();
      await run.do({ do: 'claim', worker: 0 });
      for (const one of workers) {
        while ((run.held[one] ?? []).length > 0) await run.do({ do: 'finish', worker: one });
      }
    }
    throw new Error('some jobs never end');
  }

  it('loses no job, ends none twice, and lets no two change one target', async () => {
    const plan = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(plan, async (rounds) => {
        await scene.catalog.query('DELETE FROM belay_server.jobs');
        const run = new Run(scene);
        for (const steps of rounds) {
          await Promise.all(steps.map((one) => run.do(one)));
          await check(run);
        }
        await drain(run);
        await check(run);
      }),
      { numRuns: 25, interruptAfterTimeLimit: 40_000 },
    );
  }, 120_000);
});
