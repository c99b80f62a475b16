import { randomBytes } from 'node:crypto';
import { type Caller, describeCaller } from '../../contract/caller.js';
import type { Job } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import type { Catalog, CatalogConnection } from '../catalog/catalog.js';
import type { Databases, RegisteredDatabase } from '../databases/databases.js';
import type { Jobs } from '../queue/jobs.js';
import { checkOrder, occurrenceInput } from './check-schedule.js';
import { checkRhythm } from './occurrences.js';
import { type ScheduleRow, schedulerOf, selectSchedules, toSchedule } from './schedule-rows.js';
import type { NewSchedule, Schedule, ScheduleChange, Schedules } from './schedules.js';

export interface OpenSchedulesOptions {
  readonly catalog: Catalog;
  readonly jobs: Pick<Jobs, 'add'>;
  readonly databases: Pick<Databases, 'get'>;
}

/** More than people can look after. */
const mostSchedules = 200;
const createLock = 7_262_534_410_188_840;

/** Schedules in the catalog. `startScheduler` begins their jobs. */
export function openSchedules(options: OpenSchedulesOptions): Schedules {
  const table = new ScheduleTable(options);
  return {
    list: (databases) => table.list(databases),
    get: (id) => table.get(id),
    create: (order, caller) => table.create(order, caller),
    change: (id, change) => table.change(id, change),
    remove: (id) => table.remove(id),
    runNow: (id) => table.runNow(id),
  };
}

class ScheduleTable implements Schedules {
  readonly #catalog: Catalog;
  readonly #jobs: Pick<Jobs, 'add'>;
  readonly #databases: Pick<Databases, 'get'>;

  constructor({ catalog, jobs, databases }: OpenSchedulesOptions) {
    this.#catalog = catalog;
    this.#jobs = jobs;
    this.#databases = databases;
  }

  async list(databases?: readonly string[]): Promise<readonly Schedule[]> {
    const rows = await this.#catalog.query<ScheduleRow>(
      `${selectSchedules} WHERE $1::text[] IS NULL OR s.database = ANY ($1)
        ORDER BY s.database, s.name, s.id`,
      [databases ?? null],
      'reading the schedules',
    );
    return rows.map(toSchedule);
  }

  get(id: string): Promise<Schedule | undefined> {
    return readSchedule(this.#catalog, id);
  }

  async create(
    order: NewSchedule,
    caller: Pick<Caller, 'kind' | 'id' | 'name'>,
  ): Promise<Schedule> {
    const { database, timezone = 'UTC', enabled = true } = order;
    const cron = order.cron.trim();
    const name = checkName(order.name);
    const registered = await this.#registered(database);
    const { type, input } = checkOrder({ type: order.type, input: order.input ?? {} }, registered, {
      timezone,
    });
    return this.#catalog.transaction(async (connection) => {
      await this.#refuseTooMany(connection);
      const next = checkRhythm({ cron, timezone }, await catalogNow(connection));
      const id = `sch_${randomBytes(9).toString('base64url')}`;
      await connection.query(
        `INSERT INTO belay_server.schedules
           (id, database, name, cron, timezone, type, input, enabled, created_by, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [
          ...[id, database, name, cron, timezone, type, JSON.stringify(input)],
          ...[enabled, describeCaller(caller), next.toISOString()],
        ],
        'making a schedule',
      );
      return found(await readSchedule(connection, id), id);
    });
  }

  async change(id: string, change: ScheduleChange): Promise<Schedule> {
    return this.#catalog.transaction(async (connection) => {
      await connection.query('SELECT FROM belay_server.schedules WHERE id = $1 FOR UPDATE', [id]);
      const before = found(await readSchedule(connection, id), id);
      const after = { ...before, ...defined(change), name: checkName(change.name ?? before.name) };
      const cron = after.cron.trim();
      const registered = await this.#registered(before.database);
      checkOrder(after, registered, after);
      const next = checkRhythm({ cron, timezone: after.timezone }, await catalogNow(connection));
      // One that is due and only gets another name stays due.
      const keepsTime =
        before.enabled && cron === before.cron && after.timezone === before.timezone;
      await connection.query(
        `UPDATE belay_server.schedules
            SET name = $2, cron = $3, timezone = $4, input = $5, enabled = $6, problem = NULL, tries = 0,
                next_at = CASE WHEN $7 THEN next_at ELSE $8::timestamptz END
          WHERE id = $1`,
        [
          ...[id, after.name, cron, after.timezone, JSON.stringify(after.input), after.enabled],
          ...[keepsTime, next.toISOString()],
        ],
        'changing a schedule',
      );
      return found(await readSchedule(connection, id), id);
    });
  }

  async remove(id: string): Promise<void> {
    const rows = await this.#catalog.query(
      'DELETE FROM belay_server.schedules WHERE id = $1 RETURNING id',
      [id],
      'removing a schedule',
    );
    if (rows.length === 0) throw notFound(id);
  }

  async runNow(id: string): Promise<Job> {
    const schedule = found(await this.get(id), id);
    const { database, type, timezone } = schedule;
    const input = occurrenceInput(schedule, await catalogNow(this.#catalog), timezone);
    const job = await this.#jobs.add({ database, type, input, caller: schedulerOf(schedule) });
    await this.#catalog.query(
      'UPDATE belay_server.schedules SET last_job_id = $2, problem = NULL WHERE id = $1',
      [id, job.id],
      'noting the job of a schedule',
    );
    return job;
  }

  async #registered(database: string): Promise<RegisteredDatabase> {
    const registered = await this.#databases.get(database);
    if (registered) return registered;
    throw new BelayError('DATABASE_NOT_REGISTERED', `no database is registered as "${database}"`, {
      hint: 'GET /api/databases lists those you may see.',
      details: { database },
    });
  }

  async #refuseTooMany(connection: CatalogConnection): Promise<void> {
    await connection.query('SELECT pg_advisory_xact_lock($1)', [createLock], 'making a schedule');
    const [row] = await connection.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM belay_server.schedules',
      [],
      'counting the schedules',
    );
    if ((row?.count ?? 0) < mostSchedules) return;
    throw new BelayError(
      'BAD_SCHEDULE',
      `there are ${mostSchedules} schedules, which is the most`,
      {
        hint: 'Remove one that is no longer needed.',
      },
    );
  }
}

async function readSchedule(
  connection: CatalogConnection,
  id: string,
): Promise<Schedule | undefined> {
  const [row] = await connection.query<ScheduleRow>(
    `${selectSchedules} WHERE s.id = $1`,
    [id],
    'reading a schedule',
  );
  return row && toSchedule(row);
}

/** Of all servers the same. */
export async function catalogNow(connection: CatalogConnection): Promise<Date> {
  const [row] = await connection.query<{ ms: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms',
    [],
    'asking for the time',
  );
  if (!row) throw new BelayError('BUG', 'the catalog does not tell the time');
  return new Date(row.ms);
}

function defined<T extends object>(change: T): Partial<T> {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}

/** It is part of what the ledger and the log say, one line each. */
function checkName(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= 200 && !/\p{C}/u.test(trimmed)) return trimmed;
  throw new BelayError(
    'BAD_SCHEDULE',
    'the name of a schedule is one line of 1 to 200 characters',
    {
      details: { field: 'name' },
    },
  );
}

function found(schedule: Schedule | undefined, id: string): Schedule {
  if (schedule) return schedule;
  throw notFound(id);
}

function notFound(id: string): BelayError {
  return new BelayError(
    'SCHEDULE_NOT_FOUND',
    `there is no schedule ${JSON.stringify(id.slice(0, 60))}`,
    {
      hint: 'GET /api/schedules lists those that there are.',
    },
  );
}
