import type { Caller } from '../../contract/caller.js';
import type { Job, JobState, JobType } from '../../contract/job.js';

/** What may be done by the clock. */
export const scheduledTypes = [
  ...['checkpoint', 'snapshot', 'prune', 'drill-old', 'branch-gc', 'drift'],
] as const satisfies readonly JobType[];

export type ScheduledType =
  | 'checkpoint'
  | 'snapshot'
  | 'prune'
  | 'drill-old'
  | 'branch-gc'
  | 'drift';

/** Work that is begun again and again. Times are ISO 8601 in UTC. */
export interface Schedule {
  /** "sch_…" */
  readonly id: string;
  /** Registered name. */
  readonly database: string;
  readonly name: string;
  /** Five fields, or six with seconds first, or a nickname such as "@daily". */
  readonly cron: string;
  /** IANA name, e.g. "Europe/Berlin". */
  readonly timezone: string;
  readonly type: ScheduledType;
  /**
   * As a job's. In `tag`, "{date}" is replaced by the day (2026-11-20), "{time}" by day and time (20261120-143000), both in the
   * schedule's time zone.
   */
  readonly input: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly createdBy: string;
  /** Null: not enabled, or the pattern has no later time. */
  readonly nextAt: string | null;
  /** The job that it became last; null: none yet, or it is forgotten. */
  readonly lastJob: {
    readonly id: string;
    readonly state: JobState;
    readonly createdAt: string;
  } | null;
  /** Why the last occurrence could not become a job; null: it did. */
  readonly problem: string | null;
}

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
