import { rm } from 'node:fs/promises';
import pg from 'pg';
import { newSnapshotId } from '../../src/domain/clone-name.js';
import type { Reporter } from '../../src/domain/reporter.js';
import { clusterBranches } from '../../src/features/branch/cluster-driver.js';
import type { BranchOrder, FoundBranch } from '../../src/features/branch/driver.js';
import { underLock, type Work } from '../../src/features/target/work.js';
import { connectionUrl, type Target } from '../../src/index.js';
import { withTarget } from './targets.js';
import { makeServerFolder } from './throwaway-server.js';

/** A Belay data folder of a test's own: the notes of where branches are lie in it. */
export interface BranchHome {
  readonly path: string;
  remove(): Promise<void>;
}

export async function makeBranchHome(): Promise<BranchHome> {
  const path = await makeServerFolder();
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs work on a target while its lock is held, as the commands do. */
export function withWork<T>(
  url: string,
  home: BranchHome,
  use: (work: Work) => Promise<T>,
  options: { readonly signal?: AbortSignal; readonly reporter?: Reporter } = {},
): Promise<T> {
  return onRoot(url, home, (target) => underLock(target, options, use));
}

export function onRoot<T>(
  url: string,
  home: BranchHome,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  return withTarget(url, use, { BELAY_HOME: home.path });
}

export function orderFor(name: string, more: Partial<BranchOrder> = {}): BranchOrder {
  return {
    ...{ id: newSnapshotId(), name, isolation: 'cluster', purpose: 'manual' },
    ...{ source: { kind: 'live' }, sourceSchema: 'public', git: null, expiresAt: null },
    ...{ protectedUntil: null, sessions: 'wait', folder: undefined, ...more },
  };
}

export function createBranch(
  url: string,
  home: BranchHome,
  name: string,
  more: Partial<BranchOrder> = {},
  options: { readonly signal?: AbortSignal; readonly reporter?: Reporter } = {},
): Promise<FoundBranch> {
  const create = (work: Work) => clusterBranches.create(work, orderFor(name, more));
  return withWork(url, home, create, options);
}

export function listBranches(url: string, home: BranchHome): Promise<readonly FoundBranch[]> {
  return onRoot(url, home, (root) => clusterBranches.list(root));
}

export async function branchNamed(
  url: string,
  home: BranchHome,
  name: string,
): Promise<FoundBranch> {
  const found = (await listBranches(url, home)).find(({ record }) => record.name === name);
  if (!found) throw new Error(`there is no branch ${name}`);
  return found;
}

export async function removeAll(url: string, home: BranchHome): Promise<void> {
  await withWork(url, home, async (work) => {
    for (const branch of await clusterBranches.list(work.target)) {
      await clusterBranches.remove(work, branch, 'terminate');
    }
  });
}

export function urlOf({ settings }: FoundBranch, database?: string): string {
  return connectionUrl(settings, { withPassword: true, database });
}

/** Money that moves between three tables: their sums are the same in every consistent state. */
export const bankSql = `
  CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0, filler text);
  CREATE TABLE tellers (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0);
  CREATE TABLE branches (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0);
  CREATE TABLE moves (at timestamptz DEFAULT now(), amount int);
  INSERT INTO accounts (id, filler) SELECT n, repeat('x', 80) FROM generate_series(1, 20000) n;
  INSERT INTO tellers (id) SELECT generate_series(1, 10);
  INSERT INTO branches (id) SELECT generate_series(1, 10);
`;

/** One row; all four numbers are equal. */
export const bankSumsSql = `
  SELECT (SELECT sum(balance) FROM accounts)::text AS accounts, (SELECT sum(balance) FROM tellers)::text AS tellers,
         (SELECT sum(balance) FROM branches)::text AS branches, (SELECT coalesce(sum(amount), 0) FROM moves)::text AS moves`;

export interface BankLoad {
  /** Ends it. @returns how many transactions were committed, and what went wrong */
  stop(): Promise<{ readonly committed: number; readonly failures: readonly string[] }>;
}

/** Clients that move money until they are stopped, each on one connection that must never break. */
export function startBankLoad(url: string, clients = 4): BankLoad {
  let isOver = false;
  let committed = 0;
  const failures: string[] = [];
  const runs = Array.from({ length: clients }, async (_, client) => {
    const connection = new pg.Client({ connectionString: url });
    connection.on('error', (error) => failures.push(error.message));
    await connection.connect();
    for (let n = 1; !isOver; n += 1) {
      const amount = ((n * 7919) % 200) - 100;
      const account = ((n * 104729 + client * 7) % 20000) + 1;
      const teller = (n % 10) + 1;
      try {
        await connection.query(`BEGIN;
          UPDATE accounts SET balance = balance + ${amount} WHERE id = ${account};
          UPDATE tellers SET balance = balance + ${amount} WHERE id = ${teller};
          UPDATE branches SET balance = balance + ${amount} WHERE id = ${teller};
          INSERT INTO moves (amount) VALUES (${amount}); COMMIT`);
        committed += 1;
      } catch (error) {
        failures.push(String(error));
        break;
      }
    }
    await connection.end();
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(runs);
      return { committed, failures };
    },
  };
}
