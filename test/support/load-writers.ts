import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { withSession } from './test-database.js';

/** Accounts, and a history with one row for each change of one: the sum of the balances is the number of its rows. */
export const loadSql = `
  CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL DEFAULT 0, filler text NOT NULL DEFAULT '');
  CREATE TABLE history (id text PRIMARY KEY, account int NOT NULL REFERENCES accounts, at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE numbers (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, history text NOT NULL);
  INSERT INTO accounts (id) SELECT generate_series(1, 200);
`;

export interface Load {
  /** Ids whose commit the server has acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** Ids whose commit was under way when the connection was lost: they may be there or not. */
  readonly unknown: ReadonlySet<string>;
  /** Longest time, in milliseconds, in which no commit of any client was acknowledged, since the last call. */
  longestGapMs(): number;
  /** Resolves when so many more commits were acknowledged; throws after 30 s. */
  more(commits: number): Promise<void>;
  /** Lets each client finish, and closes it. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly clients?: number;
  /** In front of every id, so that several loads can go on after each other. */
  readonly prefix?: string;
}

/** Clients that change accounts as fast as they can, remember each acknowledged commit, and reconnect on any error. */
export function startLoad(url: string, options: LoadOptions = {}): Load {
  const { clients = 4, prefix = 'load' } = options;
  const acknowledged = new Set<string>();
  const unknown = new Set<string>();
  let isStopped = false;
  let lastAt = performance.now();
  let longest = 0;
  const acknowledge = (id: string) => {
    acknowledged.add(id);
    const now = performance.now();
    longest = Math.max(longest, now - lastAt);
    lastAt = now;
  };
  const state = { acknowledge, unknown, isStopped: () => isStopped };
  const running = Array.from({ length: clients }, (_, at) => work(url, `${prefix}-${at}`, state));
  return {
    acknowledged,
    unknown,
    longestGapMs: () => {
      const result = longest;
      longest = 0;
      return result;
    },
    more: async (commits) => {
      const wanted = acknowledged.size + commits;
      const deadline = performance.now() + 30_000;
      while (acknowledged.size < wanted) {
        if (performance.now() > deadline) throw new Error('the load makes no progress');
        await sleep(5);
      }
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(running);
    },
  };
}

interface LoadState {
  acknowledge(id: string): void;
  readonly unknown: Set<string>;
  isStopped(): boolean;
}

async function work(url: string, name: string, state: LoadState): Promise<void> {
  let n = 0;
  while (!state.isStopped()) {
    const client = new pg.Client({ connectionString: url, application_name: 'load' });
    client.on('error', () => {});
    try {
      await client.connect();
      while (!state.isStopped()) {
        n += 1;
        await change(client, `${name}-${n}`, (n * 7919) % 200, state);
      }
    } catch {
      // Ended, refused, or the name is gone for an instant: as an application does, it comes back.
      await sleep(2);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function change(client: pg.Client, id: string, account: number, state: LoadState) {
  await client.query('BEGIN');
  await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = $1', [account + 1]);
  await client.query('INSERT INTO history (id, account) VALUES ($1, $2)', [id, account + 1]);
  await client.query('INSERT INTO numbers (history) VALUES ($1)', [id]);
  state.unknown.add(id);
  await client.query('COMMIT');
  state.unknown.delete(id);
  state.acknowledge(id);
}

/** What is wrong with a database that the load wrote to; empty: every acknowledged change is there, once. */
export async function lossesOf(url: string, load: Pick<Load, 'acknowledged' | 'unknown'>) {
  return withSession(url, async (client) => {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM history');
    const there = new Set(rows.map(({ id }) => id));
    const { rows: sums } = await client.query(
      `SELECT (SELECT sum(balance) FROM accounts)::int AS balance, (SELECT count(*) FROM history)::int AS history,
              (SELECT count(*) FROM numbers)::int AS numbers,
              (SELECT count(DISTINCT history) FROM numbers)::int AS distinct`,
    );
    const { balance, history, numbers, distinct } = sums[0];
    const problems = [...load.acknowledged].filter((id) => !there.has(id));
    const invented = [...there].filter((id) => !load.acknowledged.has(id) && !load.unknown.has(id));
    return [
      ...problems.map((id) => `lost: ${id}`),
      ...invented.map((id) => `never committed: ${id}`),
      ...(balance === history ? [] : [`balances ${balance}, history ${history}`]),
      ...(numbers === history && distinct === history
        ? []
        : [`${numbers} numbers, ${distinct} distinct, ${history} rows`]),
    ];
  });
}
