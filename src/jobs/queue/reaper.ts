import type { JobError } from '../../contract/job.js';
import type { Catalog } from '../catalog/catalog.js';
import { tellingState, toJson } from './job-rows.js';

export interface ReapOptions {
  /** After the lease, for a worker's own end of it to take effect. Default 4 s. */
  readonly graceMs?: number | undefined;
  /** A job that its workers were lost with so often has failed. Default 3. */
  readonly mostLosses?: number | undefined;
  /** A job that nobody takes for so long has failed. Default 24 h. */
  readonly queuedTimeoutMs?: number | undefined;
}

interface Running {
  readonly id: string;
  readonly lease: string;
  readonly leaseMs: number;
  readonly renewals: string;
  readonly worker: string;
}

interface Seen {
  readonly renewals: string;
  /** By the monotonic clock. */
  readonly sinceMs: number;
}

const defaultGraceMs = 4_000;
const defaultMostLosses = 3;
const dayMs = 86_400_000;

/**
 * Finds leases that were not renewed. No clock that anybody can set is asked: a lease has ended when the number of its renewals
 * has stood still for longer than the lease, seen by this process's monotonic clock. Its worker counts from before it asked for
 * the last renewal, so it has given up before.
 */
export class Reaper {
  readonly #catalog: Catalog;
  readonly #options: Required<{ [Key in keyof ReapOptions]: number }>;
  #seen = new Map<string, Seen>();

  constructor(catalog: Catalog, options: ReapOptions = {}) {
    this.#catalog = catalog;
    this.#options = {
      graceMs: options.graceMs ?? defaultGraceMs,
      mostLosses: options.mostLosses ?? defaultMostLosses,
      queuedTimeoutMs: options.queuedTimeoutMs ?? dayMs,
    };
  }

  /**
   * @returns ids of the jobs that were taken from their workers
   * @throws BelayError CATALOG_UNAVAILABLE; what was seen before is forgotten then, so that workers get the time to come back
   */
  async look(): Promise<readonly string[]> {
    try {
      const reaped: string[] = [];
      for (const job of await this.#findStill()) {
        if (await this.#reap(job)) reaped.push(job.id);
      }
      await this.#endUnclaimable();
      return reaped;
    } catch (error) {
      this.#seen.clear();
      throw error;
    }
  }

  async #findStill(): Promise<Running[]> {
    const running = await this.#catalog.query<Running>(
      `SELECT id, lease, lease_ms AS "leaseMs", renewals, worker
         FROM belay_server.jobs WHERE state = 'running'`,
      [],
      'looking for lost workers',
    );
    const nowMs = performance.now();
    const before = this.#seen;
    this.#seen = new Map(
      running.map(({ lease, renewals }) => {
        const known = before.get(lease);
        return [lease, known?.renewals === renewals ? known : { renewals, sinceMs: nowMs }];
      }),
    );
    return running.filter(({ lease, leaseMs }) => {
      const seen = this.#seen.get(lease);
      // Renewed since the last look, or seen for the first time.
      if (!seen || seen !== before.get(lease)) return false;
      return nowMs - seen.sinceMs >= leaseMs + this.#options.graceMs;
    });
  }

  /** Only as it was seen: a renewal that came meanwhile wins, and of several servers the first one. */
  async #reap({ id, lease, renewals, worker }: Running): Promise<boolean> {
    const rows = await this.#catalog.query(
      tellingState(`
        UPDATE belay_server.jobs AS job
           SET state = next, losses = losses + 1, last_seq = last_seq + 1,
               lease = NULL, lease_ms = NULL, exclusive_key = NULL,
               worker = CASE WHEN next = 'queued' THEN NULL ELSE worker END,
               error = CASE WHEN next = 'failed' THEN $5::json END,
               finished_at = CASE WHEN next <> 'queued' THEN clock_timestamp() END
          FROM (SELECT id AS given,
                       CASE WHEN cancel_requested THEN 'cancelled'
                            WHEN may_begin_again AND losses + 1 < $4 THEN 'queued'
                            ELSE 'failed' END AS next
                  FROM belay_server.jobs
                 WHERE id = $1 AND lease = $2 AND renewals = $3 AND state = 'running'
                   FOR UPDATE SKIP LOCKED) AS still
         WHERE job.id = given`),
      [id, lease, renewals, this.#options.mostLosses, toJson(lostError(worker))],
      `taking job ${id} from a lost worker`,
    );
    return rows.length > 0;
  }

  /** What nobody will ever take, because its database is no longer registered, or nobody has for a day. */
  async #endUnclaimable(): Promise<void> {
    const { queuedTimeoutMs } = this.#options;
    await this.#catalog.query(
      tellingState(`
        UPDATE belay_server.jobs AS job
           SET state = 'failed', finished_at = clock_timestamp(), last_seq = last_seq + 1,
               error = json_build_object('code', unclaimable.code, 'kind', unclaimable.kind,
                         'message', unclaimable.message, 'hint', unclaimable.hint)
          FROM (SELECT j.id AS given, reason.*
                  FROM belay_server.jobs j
                  LEFT JOIN belay_server.databases d ON d.name = j.database,
                  LATERAL (
                    SELECT 'DATABASE_NOT_REGISTERED' AS code, 'user' AS kind,
                           format('the database "%s" is no longer registered', j.database) AS message,
                           'Register it again, then ask for the job again.' AS hint
                     WHERE d.name IS NULL
                     UNION ALL
                    SELECT 'WORKER_LOST', 'environment',
                           format('nobody has taken the job for "%s" for too long', j.database),
                           CASE d.kind WHEN 'agent' THEN 'Is the agent of this database running? Then ask for the job again.'
                                       ELSE 'Is a server running that does jobs? Then ask for the job again.' END
                     WHERE d.name IS NOT NULL
                       AND j.created_at < clock_timestamp() - $1 * interval '1 millisecond') AS reason
                 WHERE j.state = 'queued'
                   FOR UPDATE OF j SKIP LOCKED) AS unclaimable
         WHERE job.id = given`),
      [queuedTimeoutMs],
      'ending jobs that nobody can take',
    );
  }
}

function lostError(worker: string): JobError {
  return {
    code: 'WORKER_LOST',
    kind: 'environment',
    message: `the worker ${worker} was lost while it ran the job`,
    hint: 'What it changes is done whole or not at all: look at the timeline of the database, then ask for the job again.',
  };
}
