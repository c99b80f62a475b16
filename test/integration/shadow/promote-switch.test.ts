import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionPolicy } from '../../../src/domain/database-session.js';
import { type HeldSessions, switchOver } from '../../../src/features/shadow/promote-switch.js';
import { recordOfPrevious } from '../../../src/features/snapshot/swap.js';
import { requireLive } from '../../../src/features/target/timeline.js';
import { underLock } from '../../../src/features/target/work.js';
import { listSnapshots, undoRestore } from '../../../src/index.js';
import { commentDatabaseSql, databaseFlagsSql } from '../../../src/postgres/sql/databases.js';
import { loadSql, lossesOf, startLoad } from '../../support/load-writers.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run, withTarget } from '../../support/targets.js';

interface Attempt {
  readonly policy?: SessionPolicy;
  readonly maxOutageMs?: number;
  readonly sessionsWaitMs?: number;
  readonly bringLast?: (held: HeldSessions) => Promise<unknown>;
  readonly whenAlone?: (held: HeldSessions) => Promise<unknown>;
}

describe.each(testServers())('switching to a database while others write on $name', (server) => {
  let bank: TestDatabase;
  let copyUrl: string;
  beforeEach(async () => {
    bank = await createTestDatabase(server, { name: 'bank', sql: loadSql });
    const copy = `${bank.name}_shadow`;
    copyUrl = withDatabase(server.adminUrl, copy);
    await run(server.adminUrl, `CREATE DATABASE ${copy} TEMPLATE ${bank.name}`);
  });
  afterEach(async () => {
    await run(server.adminUrl, `DROP DATABASE IF EXISTS ${bank.name}_shadow WITH (FORCE)`);
    await bank.drop();
  });

  /** The simplest honest sync: everything. */
  async function copyAll({ source, shadow }: HeldSessions): Promise<void> {
    await shadow.execute('TRUNCATE public.history, public.accounts, public.numbers', 'testing');
    for (const table of ['accounts', 'history', 'numbers']) {
      const rows = await source.query<{ row: object }>(
        `SELECT to_json(t) AS row FROM public.${table} t`,
      );
      await shadow.query(
        `INSERT INTO public.${table} OVERRIDING SYSTEM VALUE
         SELECT * FROM json_populate_recordset(NULL::public.${table}, $1)`,
        [JSON.stringify(rows.map(({ row }) => row))],
      );
    }
  }

  async function copySequence({ source, shadow }: HeldSessions): Promise<void> {
    const { value } = await source.queryOne<{ value: string }>(
      'SELECT last_value::text AS value FROM public.numbers_number_seq',
    );
    await shadow.query(`SELECT setval('public.numbers_number_seq', $1)`, [value]);
  }

  const attempt = (options: Attempt = {}) =>
    withTarget(bank.url, (target) =>
      underLock(target, { sessionsWaitMs: options.sessionsWaitMs }, async (work) => {
        const live = requireLive(work.timeline, bank.name);
        const { oid } = await work.main.queryOne<{ oid: number }>(
          'SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1',
          [`${bank.name}_shadow`],
        );
        const request = {
          incoming: { name: `${bank.name}_shadow`, oid },
          openSql: [
            commentDatabaseSql(bank.name, null),
            databaseFlagsSql(bank.name, { allowConnections: true, connectionLimit: -1 }),
          ],
          recordSql: [],
          keepAs: { tag: 'before', description: '', reason: 'before-restore' as const, git: null },
          action: 'promote' as const,
          snapshotId: null,
          sessions: options.policy ?? 'wait',
          previousName: `${bank.name}_old`,
        };
        const previous = await recordOfPrevious(work, live, request);
        return switchOver({
          work,
          request,
          previous: () => previous,
          policy: options.policy ?? 'wait',
          maxOutageMs: options.maxOutageMs ?? 5000,
          catchUp: async () => {},
          bringLast: options.bringLast ?? copyAll,
          whenAlone: options.whenAlone ?? copySequence,
        });
      }),
    );

  it('loses nothing that was acknowledged, and doubles nothing', async () => {
    const load = startLoad(bank.url, { clients: 6 });
    await load.more(100);
    const result = await attempt();
    await load.more(100);
    await load.stop();
    expect(await lossesOf(bank.url, load)).toEqual([]);
    expect(result).toMatchObject({ attempts: expect.any(Number) });
    expect(result.outageMs).toBeGreaterThan(0);
    expect(await databasesOf(server, bank.name)).toEqual([bank.name, `${bank.name}_old`]);
    // What was kept is on the timeline, and comes back whole.
    const { current } = await withTarget(bank.url, listSnapshots);
    expect(current.undo?.tag).toBe('before');
    await withTarget(bank.url, (target) => undoRestore(target, { cwd: tmpdir() }));
    const { acknowledged } = load;
    const [{ count }] = await rowsOf(bank.url, 'SELECT count(*)::int FROM history');
    expect(count).toBeLessThan(acknowledged.size);
  });

  it('lets readers read and writers wait while the last changes are brought over', async () => {
    const seen: string[] = [];
    await attempt({
      bringLast: async (held) => {
        await withSession(bank.url, async (reader) => {
          await reader.query('SELECT count(*) FROM accounts');
          await reader.query(`SET lock_timeout = '50ms'`);
          const refused = await reader
            .query('UPDATE accounts SET balance = 1 WHERE id = 1')
            .catch((error: { code: string }) => error.code);
          seen.push(String(refused));
          const locked = await reader
            .query('SELECT * FROM accounts WHERE id = 1 FOR UPDATE')
            .catch((error: { code: string }) => error.code);
          seen.push(String(locked));
        });
        await copyAll(held);
      },
    });
    expect(seen).toEqual(['55P03', '55P03']);
  });

  it('gives up with nothing changed when the last sync takes too long, and writers go on', async () => {
    const load = startLoad(bank.url);
    await load.more(20);
    const error = await failure(
      attempt({
        maxOutageMs: 200,
        bringLast: ({ source }) => source.query('SELECT pg_sleep(20)'),
      }),
      'OUTAGE_TOO_LONG',
    );
    expect(error.hint).toContain('Nothing was replaced');
    await load.more(20);
    await load.stop();
    expect(await lossesOf(bank.url, load)).toEqual([]);
    expect(await databasesOf(server, bank.name)).toEqual([bank.name, `${bank.name}_shadow`]);
  });

  it('names a transaction that stays open with "wait", and ends it with "terminate"', async () => {
    await withSession(bank.url, async (writer) => {
      await writer.query('BEGIN; UPDATE accounts SET balance = 7 WHERE id = 1');
      const error = await failure(attempt({ sessionsWaitMs: 1500 }), 'SESSIONS_IN_THE_WAY');
      expect(error.message).toContain('belay-test');
      await writer.query('SELECT 1');
      await attempt({ policy: 'terminate' });
      await expect(writer.query('SELECT 1')).rejects.toThrow();
    });
    expect(await rowsOf(bank.url, 'SELECT balance FROM accounts WHERE id = 1')).toEqual([
      { balance: 0 },
    ]);
  });

  it('gives way to transactions that take tables in another order', async () => {
    // history before accounts, whatever order the first try has.
    const sessions = await Promise.all(
      [1, 2].map(async () => {
        const client = new pg.Client({ connectionString: bank.url });
        client.on('error', () => {});
        await client.connect();
        return client;
      }),
    );
    let isStopped = false;
    let commits = 0;
    const deadlocks: string[] = [];
    const working = sessions.map(async (client, at) => {
      while (!isStopped) {
        try {
          await client.query('BEGIN');
          await client.query(`INSERT INTO numbers (history) VALUES ('x')`);
          await client.query(`INSERT INTO history (id, account) VALUES ($1, 1)`, [
            `${at}-${commits}-${Math.random()}`,
          ]);
          await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = $1', [at + 1]);
          await client.query('COMMIT');
          commits += 1;
        } catch (error) {
          const { code } = error as { code?: string };
          if (code === '40P01') deadlocks.push(code);
          if (code !== '40P01') return;
        }
      }
    });
    await attempt();
    isStopped = true;
    await Promise.all(working);
    await Promise.all(sessions.map((client) => client.end().catch(() => {})));
    expect(deadlocks).toEqual([]);
    // A commit that was acknowledged is there; one whose acknowledgement was cut off may be.
    const [{ sum }] = await rowsOf(bank.url, 'SELECT sum(balance)::int FROM accounts');
    expect(sum).toBeGreaterThanOrEqual(commits);
    expect(sum).toBeLessThanOrEqual(commits + sessions.length);
  });

  it('refuses a table that somebody makes while writers are held off', async () => {
    await failure(
      attempt({
        bringLast: async (held) => {
          await run(bank.url, 'CREATE TABLE late (id int); INSERT INTO late VALUES (1)');
          await copyAll(held);
        },
      }),
      'SCHEMA_CHANGED',
    );
    expect(await rowsOf(bank.url, 'SELECT id FROM late')).toEqual([{ id: 1 }]);
    await run(bank.url, 'UPDATE accounts SET balance = 1');
  });

  it('leaves the target as it was when something fails at the very end', async () => {
    const broken = new Error('the sequence is stuck');
    await expect(attempt({ whenAlone: () => Promise.reject(broken) })).rejects.toBe(broken);
    expect(await databasesOf(server, bank.name)).toEqual([bank.name, `${bank.name}_shadow`]);
    await run(bank.url, 'UPDATE accounts SET balance = 1');
    await attempt();
    expect(await rowsOf(bank.url, 'SELECT sum(balance)::int FROM accounts')).toEqual([
      { sum: 200 },
    ]);
  });

  it('ends a session that is in the shadow', async () => {
    await withSession(copyUrl, async (visitor) => {
      await visitor.query('SELECT 1');
      await attempt();
      await expect(visitor.query('SELECT 1')).rejects.toThrow();
    });
    expect(await databasesOf(server, bank.name)).toEqual([bank.name, `${bank.name}_old`]);
  });
});
