import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BelayError } from '../../../src/errors.js';
import type { Jobs } from '../../../src/jobs/queue/jobs.js';
import { testServers } from '../../support/servers.js';
import { checkpointOf, openScene, type QueueScene } from './scene.js';

/** Asks for jobs all at once. */
async function addMany(count: number, choose: (index: number) => { jobs: Jobs; database: string }) {
  const asked = Array.from({ length: count }, (_, index) => {
    const { jobs, database } = choose(index);
    return jobs.add(checkpointOf(database));
  });
  const answers = await Promise.allSettled(asked);
  return {
    accepted: answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.id : [])),
    refused: answers.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : [])),
  };
}

describe.each(testServers())('a full queue on $name', (server) => {
  let scene: QueueScene;
  beforeAll(async () => {
    const databases = ['one', 'two', 'three'].map((name) => ({ name }));
    scene = await openScene(server, databases, { queueLimit: 60, perDatabaseLimit: 25 });
  });
  afterAll(() => scene.close());

  it('takes as many of 200 that come at once as there is room for, loses none, and says when to come again', async () => {
    const other = await scene.open({ queueLimit: 60, perDatabaseLimit: 25 });
    const { accepted, refused } = await addMany(200, (index) => ({
      jobs: index % 2 === 0 ? scene.jobs : other.jobs,
      database: ['one', 'two', 'three'][index % 3] ?? '',
    }));
    expect(accepted).toHaveLength(60);
    expect(new Set(accepted).size).toBe(60);
    expect(refused).toHaveLength(140);
    for (const error of refused) {
      expect(error).toBeInstanceOf(BelayError);
      expect(error).toMatchObject({ code: 'TOO_MANY_JOBS' });
      const { retryAfterSeconds } = (error as BelayError).details;
      expect(Number.isInteger(retryAfterSeconds)).toBe(true);
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
    }
    const { jobs } = await scene.jobs.list({ limit: 200 });
    expect(jobs.map(({ id }) => id).sort()).toEqual([...accepted].sort());
    for (const id of accepted) await scene.jobs.cancel(id);
  });

  it('lets no database take all the room', async () => {
    const { accepted } = await addMany(40, () => ({ jobs: scene.jobs, database: 'one' }));
    expect(accepted).toHaveLength(25);
    const { accepted: others } = await addMany(40, () => ({ jobs: scene.jobs, database: 'two' }));
    expect(others).toHaveLength(25);
    for (const id of [...accepted, ...others]) await scene.jobs.cancel(id);
    expect(await scene.jobs.add(checkpointOf('one'))).toMatchObject({ state: 'queued' });
  });
});
