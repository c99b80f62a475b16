import { randomBytes } from 'node:crypto';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import type { Catalog, CatalogConnection } from '../catalog/catalog.js';
import { type JobRow, jobOf, tellingState } from './job-rows.js';
import type { ClaimedJob } from './job-source.js';
import { WakeUps } from './wake-ups.js';
import { noteWorker } from './workers.js';

export interface ClaimOptions {
  /** Name of the server or agent. */
  readonly worker: string;
  /** An agent's databases; undefined: those that the server reaches itself. */
  readonly databases?: readonly string[] | undefined;
  readonly leaseMs?: number | undefined;
}

/** Without a renewal a job is another's after this, and a little grace. */
const defaultLeaseMs = 15_000;

/** So that jobs of one target begin in the order in which they came, whoever takes them. */
const claimLock = 7_262_534_410_188_833;
/** Also without a word of a new job one looks this often. */
const lookAgainMs = 5_000;
const uniqueViolation = '23505';

/** Jobs that wait, with their databases, of those that the claimer may take. */
const waitingJobs = `
  FROM belay_server.jobs j JOIN belay_server.databases d ON d.name = j.database
 WHERE j.state = 'queued'
   AND CASE WHEN $1::text[] IS NULL THEN d.kind = 'direct'
            ELSE d.kind = 'agent' AND d.name = ANY ($1::text[]) END
   AND NOT (j.changes_target AND EXISTS (
         SELECT FROM belay_server.jobs r
          WHERE r.state = 'running' AND r.exclusive_key = d.target_key))`;

/**
 * Takes the oldest job that can run now. Of two jobs that change one target, the second waits for the end of the first.
 * @returns undefined where none can
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function claimJob(
  catalog: Catalog,
  options: ClaimOptions,
): Promise<ClaimedJob | undefined> {
  const doing = 'looking for a job';
  const databases = options.databases ?? null;
  const waiting = await catalog.query(`SELECT 1 AS one ${waitingJobs} LIMIT 1`, [databases], doing);
  if (waiting.length === 0) return undefined;
  try {
    return await catalog.transaction((connection) => claimIn(connection, options));
  } catch (error) {
    // The index is the last guard: what would be the second one of its target waits.
    if (sqlStateOf(error) === uniqueViolation) return undefined;
    throw error;
  }
}

async function claimIn(
  connection: CatalogConnection,
  { worker, databases, leaseMs = defaultLeaseMs }: ClaimOptions,
): Promise<ClaimedJob | undefined> {
  const doing = 'taking a job';
  await connection.query('SELECT pg_advisory_xact_lock($1)', [claimLock], doing);
  const lease = randomBytes(18).toString('base64url');
  const [row] = await connection.query<JobRow>(
    tellingState(`
      UPDATE belay_server.jobs AS job
         SET state = 'running', worker = $2, lease = $3, lease_ms = $4, renewals = 0,
             exclusive_key = next.key, attempt = attempt + 1, last_seq = last_seq + 1,
             started_at = coalesce(started_at, clock_timestamp())
        FROM (SELECT j.id AS next_id, CASE WHEN j.changes_target THEN d.target_key END AS key
              ${waitingJobs} ORDER BY j.number LIMIT 1 FOR UPDATE OF j SKIP LOCKED) AS next
       WHERE job.id = next.next_id`),
    [databases ?? null, worker, lease, leaseMs],
    doing,
  );
  return row && { ...jobOf(row), lease, leaseMs };
}

const wakeUpsOf = new WeakMap<Catalog, WakeUps>();

/** One for each catalog, however many agents wait. It ends with the catalog. */
function wakeUps(catalog: Catalog): WakeUps {
  const known = wakeUpsOf.get(catalog) ?? new WakeUps(catalog, 'belay_job');
  wakeUpsOf.set(catalog, known);
  return known;
}

/**
 * As `claimJob`, and waits for a job to come.
 * @returns undefined where none came within the time, or before the abort
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function waitForJob(
  catalog: Catalog,
  options: ClaimOptions,
  waitMs: number,
  signal: AbortSignal,
): Promise<ClaimedJob | undefined> {
  const startedAt = performance.now();
  const wakeUp = await wakeUps(catalog).subscribe();
  try {
    while (!signal.aborted) {
      await noteWorker(catalog, options.worker, options.databases ? 'agent' : 'server');
      const job = await claimJob(catalog, options);
      const leftMs = waitMs - (performance.now() - startedAt);
      if (job || leftMs <= 0) return job;
      await wakeUp.next(Math.min(leftMs, lookAgainMs), signal);
    }
    return undefined;
  } finally {
    wakeUp.close();
  }
}

export interface ClaimForOptions {
  readonly catalog: Catalog;
  /** Name of the agent. */
  readonly worker: string;
  /** Those that its token is bound to. */
  readonly databases: readonly string[];
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly leaseMs?: number | undefined;
}

/**
 * Takes a job for an agent, which reaches databases that the server does not.
 * @returns undefined where none came
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function claimFor(options: ClaimForOptions): Promise<ClaimedJob | undefined> {
  const { catalog, worker, databases, waitMs, signal, leaseMs } = options;
  if (databases.length === 0) {
    throw new BelayError('USAGE', `the agent ${worker} names no database`, {
      hint: 'Name at least one that its token is bound to.',
    });
  }
  return waitForJob(catalog, { worker, databases, leaseMs }, waitMs, signal);
}
