import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CheckpointOptions, takeCheckpoint } from '../../../src/index.js';
import {
  checkpoint,
  keysOf,
  readManifest,
  storeFolder,
  withScripts,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { createTestDatabase, type TestDatabase, withSession } from '../../support/servers.js';
import { failure, rowsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const store = storeFolder();
let round = 0;

/** Runs statements in a loop until it is stopped; a statement that fails for a moment's reason is part of the noise. */
async function withNoise(url: string, loops: readonly (() => string)[], work: () => Promise<void>) {
  let isOver = false;
  let done = 0;
  const noisy = loops.map((next) =>
    withSession(url, async (client) => {
      await client.query(`SET lock_timeout = '2s'`);
      while (!isOver) {
        await client.query(next()).then(
          () => {
            done += 1;
          },
          () => {},
        );
        await sleep(2);
      }
    }),
  );
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(noisy);
  }
  expect(done).toBeGreaterThan(20);
}

describe(`a checkpoint of a database in use, on ${server.name}`, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, {
      sql: `CREATE TABLE a (id bigserial PRIMARY KEY, body text); CREATE TABLE b (id bigserial PRIMARY KEY, body text);
        CREATE TABLE emptied (a int); CREATE TABLE altered (a int); CREATE SEQUENCE cycling MAXVALUE 50 CYCLE; CREATE SEQUENCE falling INCREMENT -3;
        INSERT INTO a (body) SELECT md5(n::text) FROM generate_series(1, 20000) n;
        INSERT INTO b (body) SELECT md5(n::text) FROM generate_series(1, 20000) n; INSERT INTO emptied SELECT generate_series(1, 1000)`,
    });
  });
  beforeEach(() => {
    round += 1;
  });
  afterAll(() => database.drop());

  it.each(['counts', 'deep', 'readback'] as const)(
    'is proven to the row while rows are written and sequences move (%s)',
    async (drill) => {
      const tag = `rows-${round}`;
      // Rows move between the tables in one transaction: their sum is the same at every moment.
      const loops = [
        () =>
          `BEGIN; WITH gone AS (DELETE FROM a WHERE id = (SELECT min(id) FROM a) RETURNING body) INSERT INTO b (body) SELECT body FROM gone; COMMIT`,
        () =>
          `BEGIN; WITH gone AS (DELETE FROM b WHERE id = (SELECT max(id) FROM b) RETURNING body) INSERT INTO a (body) SELECT body FROM gone; COMMIT`,
        () => `UPDATE a SET body = md5(random()::text) WHERE id % 997 = 1`,
        () => `SELECT nextval('falling'), nextval('a_id_seq')`,
      ];
      await withNoise(database.url, loops, async () => {
        const { snapshot } = await checkpoint(database.url, store, { tag, drill });
        const counts = snapshot.fingerprint?.rowCounts ?? {};
        expect((counts['public.a'] ?? 0) + (counts['public.b'] ?? 0)).toBe(40_000);
      });
    },
  );

  it('says between which values sequences moved where it was not restored to see', async () => {
    const tag = `sequences-${round}`;
    await withNoise(database.url, [() => `SELECT nextval('falling')`], async () => {
      await checkpoint(database.url, store, { tag, drill: false });
    });
    const { movedSequences } = await readManifest(store, tag);
    expect(Object.keys(movedSequences)).toEqual(['public.falling']);
    const { from, to } = movedSequences['public.falling'] ?? {};
    expect(Number(to)).toBeLessThan(Number(from));
  });

  it('is proven or fails loudly while tables come, go, change and are emptied', {
    timeout: 120_000,
  }, async () => {
    let made = 0;
    const loops = [
      () =>
        `CREATE TABLE passing_${++made} AS SELECT generate_series(1, 10); ALTER TABLE passing_${made} ADD b int; DROP TABLE passing_${made}`,
      () => `BEGIN; TRUNCATE emptied; INSERT INTO emptied SELECT generate_series(1, 1000); COMMIT`,
      () => `ALTER TABLE altered ALTER a TYPE ${Math.random() < 0.5 ? 'int' : 'bigint'}`,
    ];
    const outcomes: string[] = [];
    await withNoise(database.url, loops, async () => {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const tag = `ddl-${attempt}`;
        const options: CheckpointOptions = { tag, lockTimeoutMs: 3_000 };
        const result = await withStore(database.url, store, (target) =>
          takeCheckpoint(target, options),
        ).catch((error) => error);
        outcomes.push(result.code ?? result.restore_drill);
        if (!result.ok) continue;
        // Emptied and filled in one transaction: nobody ever sees another number.
        expect(result.snapshot.fingerprint.rowCounts['public.emptied']).toBe(1000);
      }
    });

    expect(
      outcomes.filter(
        (one) =>
          !['proven', 'failed', 'LOCK_TIMEOUT', 'DUMP_FAILED', 'DATABASE_ERROR'].includes(one),
      ),
    ).toEqual([]);
    // In a quiet moment it is proven again, and nothing of the failed ones is in the way.
    await checkpoint(database.url, store, { tag: 'quiet' });
    expect(await keysOf(store, /runs\//)).toEqual([]);
  });
});

describe(`a table that somebody has locked, on ${server.name}`, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, {
      sql: 'CREATE TABLE "Open" (a int); CREATE TABLE "Busy" (a int); INSERT INTO "Busy" VALUES (1)',
    });
  });
  afterAll(() => database.drop());

  const attempt = (options: CheckpointOptions = {}, env: NodeJS.ProcessEnv = {}) =>
    withStore(
      database.url,
      store,
      (target) => takeCheckpoint(target, { tag: 'locked', lockTimeoutMs: 700, ...options }),
      env,
    );

  it('fails within the time, and says which table and which process', async () => {
    await withSession(database.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE "Busy" IN ACCESS EXCLUSIVE MODE');
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const startedAt = performance.now();
      const error = await failure(attempt(), 'LOCK_TIMEOUT');
      expect(performance.now() - startedAt).toBeLessThan(8_000);
      expect(error.message).toContain('"Busy"');
      expect(error.message).toContain(`process ${rows[0].pid}`);
      expect(error.message).toContain('belay-test');
      expect(error.hint).toContain(`pg_terminate_backend(${rows[0].pid})`);
    });
    expect(await keysOf(store, new RegExp(`^${database.name}/`))).toEqual([]);
  });

  it('names who waits for the lock where that is what everybody else waits behind', async () => {
    const [reader, waiter] = await Promise.all([connect(database.url), connect(database.url)]);
    await reader.query('BEGIN; SELECT FROM "Busy"');
    const { rows } = await waiter.query('SELECT pg_backend_pid() AS pid');
    const waiting = waiter.query('ALTER TABLE "Busy" ADD b int').catch(() => {});
    try {
      await waitForLock(database.url, rows[0].pid);
      const error = await failure(attempt(), 'LOCK_TIMEOUT');
      expect(error.message).toContain('"Busy"');
      expect(error.message).toContain(`process ${rows[0].pid}`);
    } finally {
      await run(server.adminUrl, `SELECT pg_cancel_backend(${rows[0].pid})`);
      await waiting;
      await reader.end();
      await waiter.end();
    }
  });

  it('an ALTER TABLE that comes while it is dumped ends in a proof or an error, not in waiting for each other', async () => {
    const changer = await connect(database.url);
    let altering: Promise<unknown> = Promise.resolve();
    const startedAt = performance.now();
    try {
      const result = await attempt(
        {
          reporter: (event) => {
            if (event.type !== 'step-done' || event.name !== 'freeze') return;
            altering = changer.query('ALTER TABLE "Busy" ADD c int').catch(() => {});
          },
        },
        await withScripts(store, tools, { pgDump: 'sleep 1.5' }),
      ).catch((error) => error);
      expect(performance.now() - startedAt).toBeLessThan(20_000);
      expect(['LOCK_TIMEOUT', 'DUMP_FAILED', 'proven']).toContain(
        result.code ?? result.restore_drill,
      );

      await altering;
    } finally {
      await changer.end();
    }
    // The change was done when the checkpoint let go of the table.
    const columns = await rowsOf(
      database.url,
      `SELECT FROM pg_attribute WHERE attrelid = '"Busy"'::regclass AND attname = 'c'`,
    );
    expect(columns).toHaveLength(1);
  });

  async function connect(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, application_name: 'belay-test' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async function waitForLock(url: string, pid: number): Promise<void> {
    for (;;) {
      const rows = await rowsOf(url, 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [pid]);
      if (rows.length > 0) return;
      await sleep(20);
    }
  }
});
