import { randomBytes } from 'node:crypto';
import type { Job, JobEvent } from '../../contract/job.js';

export interface JobRow {
  readonly id: string;
  readonly number: string;
  readonly database: string;
  readonly type: Job['type'];
  readonly state: Job['state'];
  readonly requested_by: string;
  readonly input: Job['input'];
  readonly result: unknown;
  readonly error: Job['error'];
  readonly step: string | null;
  readonly worker: string | null;
  readonly attempt: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

export const jobColumns = `id, number, database, type, state, requested_by, input, result, error, step, worker, attempt,
  created_at, started_at, finished_at`;

export function jobOf(row: JobRow): Job {
  const { id, database, type, state, input, result, error, step, worker, attempt } = row;
  return {
    ...{ id, database, type, state, requestedBy: row.requested_by, input, result, error },
    ...{ step, worker, attempt },
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

export function isOver({ state }: Pick<Job, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}

export interface EventRow {
  readonly seq: number;
  readonly at: Date;
  readonly event: JobEvent['event'];
}

export function eventOf({ seq, at, event }: EventRow): JobEvent {
  return { seq, at: at.toISOString(), event };
}

/**
 * An id that sorts by time and cannot be guessed.
 * @param nowMs by the catalog's clock
 */
export function makeJobId(nowMs: number): string {
  const time = Math.floor(nowMs).toString(36).padStart(9, '0');
  const random = BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0');
  return `job_${time}${random}`;
}

/** Anything else was never given out, and may hold what PostgreSQL does not take for text. */
export function isJobId(text: string): boolean {
  return /^job_[0-9a-z]{25}$/.test(text);
}

/** As the catalog keeps it: every value that JavaScript knows and JSON does not becomes a text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_, one) => (typeof one === 'bigint' ? String(one) : one));
}

/**
 * Makes a statement of one that inserts or updates jobs, whose `last_seq` it has set to the next: the new states become events,
 * and whoever waits is told. Gives the rows.
 */
export function tellingState(change: string): string {
  return `
    WITH changed AS (${change} RETURNING *),
    noted AS (
      INSERT INTO belay_server.job_events (job, seq, event)
      SELECT id, last_seq, json_build_object('type', 'state', 'state', state, 'worker', worker)
        FROM changed)
    SELECT changed.*, pg_notify('belay_event', id),
           CASE WHEN state <> 'running' THEN pg_notify('belay_job', id) END
      FROM changed`;
}
