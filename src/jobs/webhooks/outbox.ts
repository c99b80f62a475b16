import { randomBytes } from 'node:crypto';
import type { Catalog, CatalogConnection } from '../catalog/catalog.js';
import { type EndedJob, eventsOfJob, typesWithFacts } from './job-events.js';
import type { WebhookEvent } from './webhooks.js';

/** What happened, to be told to every webhook that asked for it. */
export interface Message {
  readonly event: WebhookEvent;
  readonly database: string;
  /** What made it: nothing is told twice of one source. */
  readonly source: string;
  /** Webhooks that are younger are not told. Whole milliseconds: what happened in that of their making is told. */
  readonly at: Date;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Each transaction takes so many ends of jobs. */
const endsAtOnce = 50;

/**
 * Turns ends of jobs into messages: in the transaction that takes the end away, so that of many servers one does it, and one that
 * dies in the middle has done nothing.
 *
 * @returns how many ends were taken
 */
export function collectEnds(catalog: Catalog): Promise<number> {
  return catalog.transaction(async (connection) => {
    const ends = await connection.query<{ readonly job_id: string; readonly at: Date }>(
      `DELETE FROM belay_server.job_ends WHERE job_id IN (
         SELECT job_id FROM belay_server.job_ends ORDER BY at LIMIT ${endsAtOnce} FOR UPDATE SKIP LOCKED)
       RETURNING job_id, at`,
      [],
      'collecting what has ended',
    );
    if (ends.length === 0) return 0;
    const endedAt = new Map(ends.map(({ job_id: id, at }) => [id, at]));
    for (const job of await readJobs(connection, [...endedAt.keys()])) {
      const at = endedAt.get(job.id) ?? new Date();
      for (const { event, data } of eventsOfJob(job)) {
        await putOut(connection, { event, data, at, database: job.database, source: job.id });
      }
    }
    return ends.length;
  });
}

/** Writes a message for each webhook that asked for it. */
export async function putOut(connection: CatalogConnection, message: Message): Promise<void> {
  const { event, database, source, at, data } = message;
  const body = messageBody(event, at, data);
  const wanted = await connection.query<{ readonly id: string }>(
    `SELECT id FROM belay_server.webhooks
      WHERE enabled AND $1 = ANY (events) AND (databases IS NULL OR $2 = ANY (databases))
        AND date_trunc('milliseconds', created_at) <= $3`,
    [event, database, at],
    'looking for webhooks',
  );
  for (const { id } of wanted) {
    await connection.query(
      `INSERT INTO belay_server.webhook_deliveries (id, webhook_id, event, source, database, body)
       SELECT $1, w.id, $3, $4, $5, $6 FROM belay_server.webhooks w WHERE w.id = $2
       ON CONFLICT (webhook_id, source, event) DO NOTHING`,
      [newMessageId(), id, event, source, database, body],
      'writing a message of a webhook',
    );
  }
}

export function messageBody(
  event: WebhookEvent,
  at: Date,
  data: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({ type: event, timestamp: new Date(at).toISOString(), data });
}

/** What receivers know a repeated message by. */
export function newMessageId(): string {
  return `msg_${randomBytes(12).toString('hex')}`;
}

interface JobRow {
  readonly id: string;
  readonly database: string;
  readonly type: EndedJob['type'];
  readonly state: EndedJob['state'];
  readonly requested_by: string;
  readonly result: unknown;
  readonly error: EndedJob['error'];
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

async function readJobs(
  connection: CatalogConnection,
  ids: readonly string[],
): Promise<EndedJob[]> {
  const rows = await connection.query<JobRow>(
    `SELECT id, database, type, state, requested_by, error, created_at, started_at, finished_at,
            CASE WHEN type = ANY ($2) THEN result END AS result
       FROM belay_server.jobs WHERE id = ANY ($1) ORDER BY finished_at`,
    [ids, typesWithFacts],
    'reading jobs that have ended',
  );
  return rows.map((row) => ({
    ...{ id: row.id, database: row.database, type: row.type, state: row.state },
    ...{ requestedBy: row.requested_by, result: row.result, error: row.error },
    createdAt: new Date(row.created_at).toISOString(),
    startedAt: row.started_at && new Date(row.started_at).toISOString(),
    finishedAt: row.finished_at && new Date(row.finished_at).toISOString(),
  }));
}
