import type { BranchIsolation, BranchPurpose } from '../domain/branch.js';
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
  readonly branches?: BranchesConfig | undefined;
  readonly retention?:
    | {
        readonly keepLast?: number | undefined;
        /** A duration such as "7d". */
        readonly keepWithin?: string | undefined;
      }
    | undefined;
}

/** How branches are made, and how long they live. Durations such as "7d" or "10m". */
export interface BranchesConfig {
  /** Default "database". */
  readonly isolation?: BranchIsolation | undefined;
  /** The schema that schema branches are copies of; default "public". */
  readonly schema?: string | undefined;
  /** Lifetime by what a branch was made for; none: it stays until somebody deletes it. */
  readonly ttl?: Readonly<Partial<Record<BranchPurpose, string>>> | undefined;
  /** What `git checkout` does; default "create": switch to the git branch's own, and make it where there is none. */
  readonly onCheckout?: 'create' | 'switch' | 'off' | undefined;
  /** Git branches that work on the target itself; default: the repository's default branch, "main" and "master". */
  readonly main?: readonly string[] | undefined;
  /** File that gets the current branch's URL, relative to the config, e.g. ".env.local"; default: none is written. */
  readonly envFile?: string | undefined;
  /** The variable that holds the URL; default "DATABASE_URL". */
  readonly variable?: string | undefined;
  /** How many branches a target may have, and how much room of their own they may take. */
  readonly maxBranches?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** After how long without a session the server of a cluster branch is stopped; default "10m". */
  readonly autoStop?: string | undefined;
  /** Where cluster branches lie; default: beside the source's data if Belay may write there, else Belay's data folder. */
  readonly folder?: string | undefined;
}

export const configFileName = 'belay.config.json';
