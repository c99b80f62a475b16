import type { JobState } from './job.js';

/** What may be done by the clock. */
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
