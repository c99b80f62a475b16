import { setTimeout as sleep } from 'node:timers/promises';
import { toBelayError } from '../../errors.js';
import type { Catalog, CatalogConnection } from '../catalog/catalog.js';
import type { Jobs } from '../queue/jobs.js';
import { occurrenceInput } from './check-schedule.js';
import { nextOccurrence } from './occurrences.js';
import { catalogNow } from './open-schedules.js';
import { type ScheduleRow, schedulerOf, selectSchedules, toSchedule } from './schedule-rows.js';
import type { Schedule } from './schedules.js';

export interface StartSchedulerOptions {
  readonly catalog: Catalog;
  readonly jobs: Pick<Jobs, 'add'>;
  /** Told of what kept schedules from being looked at; they are looked at again. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** Longest time between two looks; default 2 s. */
  readonly lookEveryMs?: number | undefined;
}

const defaultLookEveryMs = 2_000;
const leastPauseMs = 100;
const afterErrorMs = 5_000;
/** A full queue is no reason to ask it all the time. */
const afterFullMs = 3_000;
const dueAt = `(s.next_at + s.tries * interval '${afterFullMs} milliseconds')`;

/**
 * Begins the jobs of schedules when they are due. Every server may run it: whichever is first begins an occurrence, and exactly one
 * does. What was missed while no server ran is done once.
 */
export function startScheduler(options: StartSchedulerOptions): { close(): Promise<void> } {
  const end = new AbortController();
  const loop = run(options, end.signal);
  return {
    close: async () => {
      end.abort();
      await loop;
    },
  };
}

async function run(options: StartSchedulerOptions, signal: AbortSignal): Promise<void> {
  const { catalog, onError, lookEveryMs = defaultLookEveryMs } = options;
  while (!signal.aborted) {
    let pauseMs: number;
    try {
      while (!signal.aborted && (await beginOne(options))) {}
      pauseMs = Math.min(lookEveryMs, Math.max(leastPauseMs, await untilNext(catalog)));
    } catch (error) {
      onError?.(toBelayError(error));
      pauseMs = afterErrorMs;
    }
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Milliseconds until the next one is due. */
async function untilNext(catalog: Catalog): Promise<number> {
  const [row] = await catalog.query<{ ms: number | null }>(
    `SELECT extract(epoch FROM min(${dueAt}) - clock_timestamp())::float8 * 1000 AS ms
       FROM belay_server.schedules s WHERE enabled`,
    [],
    'looking for due schedules',
  );
  return row?.ms ?? Number.POSITIVE_INFINITY;
}

/** @returns false where none is due that nobody else is at */
function beginOne({ catalog, jobs }: StartSchedulerOptions): Promise<boolean> {
  return catalog.transaction(async (connection) => {
    const [row] = await connection.query<ScheduleRow>(
      `${selectSchedules}
        WHERE s.enabled AND ${dueAt} <= clock_timestamp()
        ORDER BY s.next_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED`,
      [],
      'looking for due schedules',
    );
    if (!row?.next_at) return false;
    await begin(connection, jobs, toSchedule(row), new Date(row.next_at));
    return true;
  });
}

/**
 * The job is put into the queue by a transaction of its own: were this one lost afterwards, whoever takes the occurrence up again
 * gets the same job by its key.
 */
async function begin(
  connection: CatalogConnection,
  jobs: Pick<Jobs, 'add'>,
  schedule: Schedule,
  at: Date,
): Promise<void> {
  const { id, database, type, timezone } = schedule;
  const key = `${id} ${at.toISOString()}`;
  try {
    const job = await jobs.add({
      ...{ database, type, input: occurrenceInput(schedule, at, timezone) },
      caller: schedulerOf(schedule),
      idempotency: { key, requestHash: key },
    });
    await note(connection, schedule, at, { job: job.id, problem: null });
  } catch (error) {
    const { code, kind, message } = toBelayError(error);
    if (code === 'TOO_MANY_JOBS') return postpone(connection, id, message);
    // The catalog is away: nothing was begun, and it is tried again when it is back.
    if (kind === 'environment') throw error;
    await note(connection, schedule, at, { job: null, problem: message });
  }
}

/** Of several that were missed this was the one that is done; the next is the first to come. */
async function note(
  connection: CatalogConnection,
  schedule: Schedule,
  at: Date,
  { job, problem }: { readonly job: string | null; readonly problem: string | null },
): Promise<void> {
  const next = nextOccurrence(schedule, await catalogNow(connection));
  await connection.query(
    `UPDATE belay_server.schedules
        SET next_at = $2, occurrence_at = $3, last_job_id = coalesce($4, last_job_id), problem = $5, tries = 0
      WHERE id = $1`,
    [schedule.id, next?.toISOString() ?? null, at.toISOString(), job, problem],
    'noting an occurrence',
  );
}

/** Tried again later, and longer the more often it was tried; the occurrence stays due. */
async function postpone(connection: CatalogConnection, id: string, problem: string): Promise<void> {
  await connection.query(
    `UPDATE belay_server.schedules
        SET problem = $2,
            tries = 1 + ceil(extract(epoch FROM clock_timestamp() - next_at) * 1000 / ${afterFullMs})::int
      WHERE id = $1`,
    [id, problem],
    'putting off an occurrence',
  );
}
