import type { ImpactPolicy } from '../domain/impact/policy.js';
import type { RehearsalThresholds } from '../domain/rehearsal.js';

/** A database that the config gives a name. */
export interface TargetConfig {
  /** A URL, or `${NAME}` of the environment or of `.env`. */
  readonly url: string;
  /** What the production guard goes by; without it, a server that is not local counts as production. */
  readonly environment?: 'development' | 'production' | undefined;
  /** The database that Belay connects to for what cannot run in the target. Default "postgres". */
  readonly maintenanceDatabase?: string | undefined;
}

/** `belay.config.json`. */
export interface BelayConfig {
  readonly $schema?: string | undefined;
  readonly defaultTarget?: string | undefined;
  readonly targets: Readonly<Record<string, TargetConfig>>;
  /** A folder, or `s3://bucket/prefix`. */
  readonly store?: string | undefined;
  /** What happens to other sessions that are in the way. */
  readonly sessions?: 'wait' | 'terminate' | 'fail' | undefined;
  readonly migrations?:
    | {
        /** e.g. "prisma"; "sql" or "belay" for files that Belay applies; default: what the project shows. */
        readonly tool?: string | undefined;
        /** Relative to the config. */
        readonly directory?: string | undefined;
        /** Whether the schema is kept with each version that is recorded; default true. */
        readonly autoSnapshot?: boolean | undefined;
        /** Of how many versions the schema is kept; default: of all. */
        readonly keep?: number | undefined;
        /** Where the history of the schema lies; default "database". */
        readonly history?: 'database' | 'store' | undefined;
        /** How a migration's destructive steps are backed up where nobody says it; default: somebody has to. */
        readonly backup?: 'none' | 'files' | 'database' | undefined;
        /** What `belay plan --check` refuses and warns of. */
        readonly policy?: ImpactPolicy | undefined;
      }
    | undefined;
  /** What a rehearsal may do at most, and how it is made. */
  readonly rehearsal?:
    | (RehearsalThresholds & {
        /** A file with the application's own queries, relative to the config. */
        readonly probes?: string | undefined;
        /** How long the migration may take, as a duration such as "10m". */
        readonly timeout?: string | undefined;
      })
    | undefined;
  readonly retention?:
    | {
        readonly keepLast?: number | undefined;
        /** A duration such as "7d". */
        readonly keepWithin?: string | undefined;
      }
    | undefined;
}

export const configFileName = 'belay.config.json';
