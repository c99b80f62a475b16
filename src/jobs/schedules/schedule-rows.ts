import type { JobState } from '../../contract/job.js';
import type { Schedule, ScheduledType } from './schedules.js';

export interface ScheduleRow {
  readonly id: string;
  readonly database: string;
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly type: ScheduledType;
  readonly input: string;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly created_by: string;
  readonly next_at: Date | null;
  readonly problem: string | null;
  readonly job_id: string | null;
  readonly job_state: JobState | null;
  readonly job_created_at: Date | null;
}

/** Schedules with the job that each became last, as far as that is remembered. */
export const selectSchedules = `
  SELECT s.id, s.database, s.name, s.cron, s.timezone, s.type, s.input, s.enabled, s.created_at,
         s.created_by, s.next_at, s.problem,
         j.id AS job_id, j.state AS job_state, j.created_at AS job_created_at
    FROM belay_server.schedules s LEFT JOIN belay_server.jobs j ON j.id = s.last_job_id`;

export function toSchedule(row: ScheduleRow): Schedule {
  const { id, database, name, cron, timezone, type, enabled, problem } = row;
  const { job_id: jobId, job_state: state, job_created_at: jobAt } = row;
  return {
    ...{ id, database, name, cron, timezone, type, enabled, problem },
    input: JSON.parse(row.input),
    createdAt: iso(row.created_at),
    createdBy: row.created_by,
    nextAt: row.enabled && row.next_at !== null ? iso(row.next_at) : null,
    lastJob: jobId && state && jobAt ? { id: jobId, state, createdAt: iso(jobAt) } : null,
  };
}

const iso = (time: Date): string => new Date(time).toISOString();

/** Who asked for the jobs of a schedule. */
export const schedulerOf = ({ id, name }: Pick<Schedule, 'id' | 'name'>) =>
  ({ kind: 'schedule', id, name }) as const;
