import type { Catalog } from '../catalog/catalog.js';

/** Who takes jobs: a server, or an agent beside its databases. */
export interface Worker {
  readonly name: string;
  readonly kind: 'server' | 'agent';
  /** ISO 8601 in UTC: when it asked for jobs first, and last. */
  readonly startedAt: string;
  readonly seenAt: string;
  /** Jobs that it runs now. */
  readonly running: number;
}

/** Often enough to tell who is alive, and no statement more. */
const noteEveryMs = 10_000;
const notedAt = new WeakMap<Catalog, Map<string, number>>();

/** Notes that a worker has asked for jobs. @throws BelayError CATALOG_UNAVAILABLE */
export async function noteWorker(
  catalog: Catalog,
  name: string,
  kind: Worker['kind'],
): Promise<void> {
  const noted = notedAt.get(catalog) ?? new Map<string, number>();
  notedAt.set(catalog, noted);
  const nowMs = performance.now();
  if (nowMs - (noted.get(name) ?? Number.NEGATIVE_INFINITY) < noteEveryMs) return;
  noted.set(name, nowMs);
  await catalog.query(
    `INSERT INTO belay_server.workers (name, kind) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, seen_at = clock_timestamp()`,
    [name, kind],
    `noting the worker ${name}`,
  );
}

/** Workers of the last days, the one that was heard last first. @throws BelayError CATALOG_UNAVAILABLE */
export async function listWorkers(catalog: Catalog): Promise<readonly Worker[]> {
  const rows = await catalog.query<
    Omit<Worker, 'startedAt' | 'seenAt'> & { started_at: Date; seen_at: Date }
  >(
    `SELECT name, kind, started_at, seen_at,
            (SELECT count(*)::int FROM belay_server.jobs j
              WHERE j.state = 'running' AND j.worker = w.name) AS running
       FROM belay_server.workers w ORDER BY seen_at DESC LIMIT 1000`,
    [],
    'listing the workers',
  );
  return rows.map(({ name, kind, running, started_at, seen_at }) => ({
    ...{ name, kind, running },
    startedAt: started_at.toISOString(),
    seenAt: seen_at.toISOString(),
  }));
}
