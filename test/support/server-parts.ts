import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobEvent, JobInput, JobType } from '../../src/contract/job.js';
import type { Catalog } from '../../src/jobs/catalog/catalog.js';
import { openCatalog } from '../../src/jobs/catalog/open-catalog.js';
import {
  type OpenDatabases,
  type OpenDatabasesOptions,
  openDatabases,
} from '../../src/jobs/databases/open-databases.js';
import type { Inventories } from '../../src/jobs/inventory/inventories.js';
import { openInventories } from '../../src/jobs/inventory/open-inventories.js';
import type { ClaimedJob, JobOutcome } from '../../src/jobs/queue/job-source.js';
import type { Jobs } from '../../src/jobs/queue/jobs.js';
import { openJobs } from '../../src/jobs/queue/open-jobs.js';
import { directRunner } from '../../src/jobs/run/direct-runner.js';
import { openSecrets } from '../../src/jobs/secrets/open-secrets.js';
import { cleanEnvironment } from './run-belay.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { testHome } from './test-home.js';
import type { TestServer } from './throwaway-server.js';

/** The parts of a server without HTTP: catalog, databases, inventories, queue. */
export interface ServerParts {
  readonly catalog: Catalog;
  readonly catalogUrl: string;
  readonly databases: OpenDatabases;
  readonly inventories: Inventories;
  readonly jobs: Jobs;
  readonly env: NodeJS.ProcessEnv;
  /** Folder of archives and ledger. */
  readonly store: string;
  readonly home: string;
  readonly cwd: string;
  /** Does a job as a worker would, without the queue. */
  run<T extends JobType>(
    database: string,
    type: T,
    input: JobInput<T>,
    more?: RunMore,
  ): Promise<JobOutcome>;
  close(): Promise<void>;
}

export interface RunMore {
  readonly id?: string;
  readonly attempt?: number;
  readonly requestedBy?: string;
  readonly signal?: AbortSignal;
  readonly report?: (event: JobEvent['event']) => void;
}

export interface OpenPartsOptions {
  readonly queueLimit?: number;
  /** Another server on the same catalog, with the same store and secrets. */
  readonly beside?: ServerParts;
  readonly databases?: Partial<OpenDatabasesOptions>;
  readonly env?: NodeJS.ProcessEnv;
}

let jobNumber = 0;

/** Opens the parts on an empty catalog in one of the run's servers. Close them, at the latest in `afterAll`. */
export async function openParts(
  server: TestServer,
  options: OpenPartsOptions = {},
): Promise<ServerParts> {
  const { beside } = options;
  const place = beside ? undefined : await createTestDatabase(server, { name: 'catalog' });
  const folder = beside ? undefined : mkdtempSync(join(tmpdir(), 'belay-parts-'));
  const store = beside?.store ?? join(folder ?? '', 'store');
  const home = testHome();
  const cwd = beside?.cwd ?? folder ?? '';
  const env = {
    ...{ ...cleanEnvironment(), BELAY_HOME: home, BELAY_STORE: store },
    BELAY_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    ...options.env,
  };
  const catalogUrl = beside?.catalogUrl ?? place?.url ?? '';
  const catalog = await openCatalog({ url: catalogUrl, home, env });
  const secrets = await openSecrets({ home, env });
  const databases = await openDatabases({
    ...{ catalog, secrets, env, home, cwd, defaultStore: store },
    ...options.databases,
  });
  const inventories = await openInventories({ catalog, databases });
  const { exclusiveKey } = databases;
  const { queueLimit } = options;
  const jobs = openJobs({ catalog, exclusiveKey, ...(queueLimit ? { queueLimit } : {}) });
  const runner = directRunner({ databases, inventories });
  return {
    ...{ catalog, catalogUrl, databases, inventories, jobs, env, store, home, cwd },
    run: (database, type, input, more = {}) => {
      const { signal = new AbortController().signal, report = () => {} } = more;
      return runner(claimed(database, type, input, more), { report, signal });
    },
    close: async () => {
      await jobs.close();
      await inventories.close();
      await databases.close();
      await catalog.close();
      if (folder) rmSync(folder, { recursive: true, force: true });
      await place?.drop();
    },
  };
}

function claimed(
  database: string,
  type: JobType,
  input: Readonly<Record<string, unknown>>,
  { id, attempt = 1, requestedBy = 'token deploy (tok_4f3a)' }: RunMore,
): ClaimedJob {
  jobNumber += 1;
  const now = new Date().toISOString();
  return {
    ...{ id: id ?? `job_test_${process.pid}_${jobNumber}`, database, type, input },
    ...{ state: 'running', requestedBy, result: null, error: null, step: null, worker: 'test' },
    ...{
      attempt,
      createdAt: now,
      startedAt: now,
      finishedAt: null,
      lease: 'lease',
      leaseMs: 15_000,
    },
  };
}

/** Registers a database of the run under a name. */
export async function register(
  parts: ServerParts,
  database: Pick<TestDatabase, 'url'>,
  name: string,
  environment: 'development' | 'production' = 'development',
): Promise<void> {
  await parts.databases.add({ name, kind: 'direct', url: database.url, environment });
}

/** The result of a job that has to succeed. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows what its job gives
export async function resultOf(outcome: Promise<JobOutcome>): Promise<any> {
  const done = await outcome;
  if (done.state === 'succeeded') return done.result;
  throw new Error(`expected a result: ${JSON.stringify(done)}`);
}

/** The error of a job that has to fail. */
export async function errorOf(outcome: Promise<JobOutcome>) {
  const done = await outcome;
  if (done.state === 'failed') return done.error;
  throw new Error(`expected a failure: ${JSON.stringify(done)}`);
}
