import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { BelayError } from '../../../src/errors.js';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { openCatalog } from '../../../src/jobs/catalog/open-catalog.js';
import type { QueueLimits } from '../../../src/jobs/queue/add-job.js';
import type { JobOrder, Jobs } from '../../../src/jobs/queue/jobs.js';
import { openJobs } from '../../../src/jobs/queue/open-jobs.js';
import { createTestDatabase, type TestServer } from '../../support/servers.js';

export interface QueueScene {
  readonly url: string;
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  /** Another server's own connections to the same catalog. */
  open(limits?: Partial<QueueLimits>): Promise<{ readonly catalog: Catalog; readonly jobs: Jobs }>;
  /** Ends what was opened, and drops the database. */
  close(): Promise<void>;
}

export const caller = { kind: 'token', id: 'tok_1', name: 'deploy' } as const;

/** A registered database; two with one key are names of the same target. */
export interface SceneDatabase {
  readonly name: string;
  readonly key?: string;
  readonly kind?: 'direct' | 'agent';
}

/** A queue in a new database of a server, for databases that are registered but never connected to. */
export async function openScene(
  server: Pick<TestServer, 'adminUrl'>,
  databases: readonly SceneDatabase[],
  limits: Partial<QueueLimits> = {},
): Promise<QueueScene> {
  const { url, drop } = await createTestDatabase(server, { name: 'catalog' });
  const ends: (() => Promise<void>)[] = [];
  const open = async (own: Partial<QueueLimits> = {}) => {
    const opened = await openQueue(url, own);
    ends.push(opened.close);
    return opened;
  };
  const { catalog, jobs } = await open(limits);
  for (const database of databases) await register(catalog, database);
  const close = async () => {
    for (const end of ends) await end();
    await drop();
  };
  return { url, catalog, jobs, open, close };
}

/** The queue as a server opens it. */
export async function openQueue(url: string, limits: Partial<QueueLimits> = {}) {
  const catalog = await openCatalog({ url, home: tmpdir() });
  const jobs = openJobs({
    catalog,
    exclusiveKey: (name) => keyOf(catalog, name),
    ...limits,
  });
  const close = async () => {
    await jobs.close();
    await catalog.close();
  };
  return { catalog, jobs, close };
}

export async function register(
  catalog: Catalog,
  { name, key = name, kind = 'direct' }: SceneDatabase,
): Promise<void> {
  await catalog.query(
    `INSERT INTO belay_server.databases (name, kind, url_sealed, environment, source, target_key)
     VALUES ($1, $2, $3, 'development', 'api', $4)`,
    [name, kind, kind === 'direct' ? 'sealed' : null, key],
  );
}

async function keyOf(catalog: Catalog, name: string): Promise<string> {
  const [found] = await catalog.query<{ key: string }>(
    'SELECT target_key AS key FROM belay_server.databases WHERE name = $1',
    [name],
  );
  if (found) return found.key;
  throw new BelayError('DATABASE_NOT_REGISTERED', `no database "${name}" is registered`);
}

/** A checkpoint: it changes its target, and may be begun again. */
export function checkpointOf(database: string, tag = 'nightly'): JobOrder<'checkpoint'> {
  return { database, type: 'checkpoint', input: { tag }, caller };
}

/** A restore: it changes its target, and is never begun twice. */
export function restoreOf(database: string): JobOrder<'restore'> {
  return { database, type: 'restore', input: { reference: 'baseline' }, caller };
}

/** A comparison: it only reads. */
export function driftOf(database: string): JobOrder<'drift'> {
  return { database, type: 'drift', input: {}, caller };
}

/** Waits for a condition; the bound is for a machine that is busy with other things. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined | false> | T | undefined | false,
  boundMs = 45_000,
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await read();
    if (found) return found;
    if (performance.now() - startedAt > boundMs) throw new Error(`waited in vain until ${what}`);
    await sleep(25);
  }
}
