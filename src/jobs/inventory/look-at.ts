import type { Inventory, InventoryProblem } from '../../contract/inventory.js';
import { toBelayError } from '../../errors.js';
import { listSnapshots, type SnapshotList } from '../../features/snapshot/list.js';
import type { Target } from '../../features/target/open-target.js';
import { readLockHolder } from '../../postgres/target-lock.js';
import { keepArchives } from './keep-archives.js';
import { LookCache } from './look-cache.js';
import { readBranches, readVersions } from './read-inside.js';
import { readLedgerTail } from './read-ledger-tail.js';

export interface LookOptions {
  /** Registered name. */
  readonly name: string;
  /** What is known: parts that cannot be looked at now stay as they were. */
  readonly before?: Inventory | undefined;
  /** Also what takes a session in the database itself: branches and versions. Else only where something points to a change. */
  readonly isThorough?: boolean | undefined;
  /** Of earlier looks at the same database. */
  readonly cache?: LookCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at a database: its timeline, branches, versions, size, and the end of its ledger. Each part may fail alone, and is then as
 * it was known before; `problem` says why.
 *
 * @example
 * const inventory = await lookAt(target, { name: 'prod-api', before });
 */
export async function lookAt(target: Target, options: LookOptions): Promise<Inventory> {
  const { name, before, cache = new LookCache() } = options;
  const problems: InventoryProblem[] = [];
  const part = async <T>(read: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (options.signal?.aborted) throw error;
      problems.push(toProblem(error));
      return otherwise;
    }
  };
  const cached = { ...target, openStore: async () => cache.over(await target.openStore()) };
  const list = await part<SnapshotList | null>(() => listSnapshots(cached), null);
  if (list?.storeProblem) problems.push(storeProblem(list.storeProblem));
  const isInside = await part(() => shouldGoInside(target, options, cache), false);
  return {
    ...{ database: name, at: new Date().toISOString() },
    ...{ server: target.server, serverVersion: target.main.serverVersion },
    sizeBytes: await part(() => readSize(target), before?.sizeBytes ?? null),
    snapshots: list === null ? (before?.snapshots ?? []) : keepArchives(list, before?.snapshots),
    basedOn: list === null ? (before?.basedOn ?? null) : list.current.basedOn,
    undo: list === null ? (before?.undo ?? null) : list.current.undo,
    branches: isInside
      ? await part(() => readBranches(cached), before?.branches ?? [])
      : (before?.branches ?? []),
    versions: isInside
      ? await part(() => readVersions(cached), before?.versions ?? [])
      : (before?.versions ?? []),
    ledger: await part(() => readLedgerTail(cached, cache, before?.ledger), before?.ledger ?? []),
    problem: problems[0] ?? null,
  };
}

/** What is known where nothing could be looked at. */
export function unreachable(name: string, error: unknown, before?: Inventory): Inventory {
  const nothing = {
    ...{ server: null, serverVersion: null, sizeBytes: null, snapshots: [], basedOn: null },
    ...{ undo: null, branches: [], versions: [], ledger: [] },
  };
  const at = new Date().toISOString();
  return { ...(before ?? nothing), database: name, at, problem: toProblem(error) };
}

function toProblem(error: unknown): InventoryProblem {
  const { code, message, hint } = toBelayError(error);
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

const storeProblem = (message: string): InventoryProblem => ({
  code: 'STORE_UNAVAILABLE',
  message: `archives are as they were known last: ${message}`,
});

/**
 * A session in the database is in the way of whoever wants it alone, so one is opened only where there may be something new; and
 * never while somebody works on the target.
 */
async function shouldGoInside(
  { main, database }: Target,
  { isThorough, before }: LookOptions,
  cache: LookCache,
): Promise<boolean> {
  const databases = await readDatabasesMark(main);
  if (!isThorough && before !== undefined && cache.databases === databases) return false;
  if ((await readLockHolder(main, database)) !== undefined) return false;
  cache.databases = databases;
  return true;
}

/** Changes whenever a database is made, dropped, renamed or gets another record. */
async function readDatabasesMark(main: Target['main']): Promise<string> {
  const { mark } = await main.queryOne<{ mark: string }>(
    `SELECT md5(coalesce(string_agg(d.oid || ' ' || d.datname || ' ' || coalesce(hashtext(s.description), 0), ',' ORDER BY d.oid), '')) AS mark
       FROM pg_database d
       LEFT JOIN pg_shdescription s ON s.objoid = d.oid AND s.classoid = 'pg_database'::regclass`,
    [],
    'looking for changes',
  );
  return mark;
}

async function readSize({ main, database }: Target): Promise<number | null> {
  const [row] = await main.query<{ bytes: number | null }>(
    `SELECT CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
              THEN pg_database_size(oid)::float8 END AS bytes
       FROM pg_database WHERE datname = $1 AND datconnlimit <> -2`,
    [database],
    'measuring the database',
  );
  return row?.bytes ?? null;
}
