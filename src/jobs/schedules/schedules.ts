import type { Caller } from '../../contract/caller.js';
import type { Job, JobType } from '../../contract/job.js';
import type { Schedule, ScheduledType } from '../../contract/schedule.js';

export type { Schedule, ScheduledType };

/** What may be done by the clock. */
export const scheduledTypes = [
  ...['checkpoint', 'snapshot', 'prune', 'drill-old', 'branch-gc', 'drift'],
] as const satisfies readonly JobType[];

export interface NewSchedule {
  readonly database: string;
  readonly name: string;
  readonly cron: string;
  /** Default "UTC". */
  readonly timezone?: string | undefined;
  readonly type: ScheduledType;
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  readonly enabled?: boolean | undefined;
}

export type ScheduleChange = Partial<Omit<NewSchedule, 'database' | 'type'>>;

export interface Schedules {
  /** By database and name. @param databases registered names; undefined: all */
  list(databases?: readonly string[]): Promise<readonly Schedule[]>;
  get(id: string): Promise<Schedule | undefined>;
  /**
   * @throws BelayError BAD_SCHEDULE (the pattern, the time zone, the input, or too many of them), DATABASE_NOT_REGISTERED,
   *   NOT_CONFIRMED for what deletes from a production database
   */
  create(order: NewSchedule, caller: Pick<Caller, 'kind' | 'id' | 'name'>): Promise<Schedule>;
  /** @throws BelayError SCHEDULE_NOT_FOUND, and as `create` */
  change(id: string, change: ScheduleChange): Promise<Schedule>;
  /** @throws BelayError SCHEDULE_NOT_FOUND */
  remove(id: string): Promise<void>;
  /**
   * Begins its job now; the next occurrence stays as it is.
   * @throws BelayError SCHEDULE_NOT_FOUND, TOO_MANY_JOBS
   */
  runNow(id: string): Promise<Job>;
}
