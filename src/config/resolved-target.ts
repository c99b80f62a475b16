import type { CurrentBranch } from '../domain/current-branch.js';
import type { ConnectionSettings } from '../postgres/settings.js';

/** The database that Belay is pointed at, and how that was found out. */
export interface ResolvedTarget {
  readonly settings: ConnectionSettings;
  /** Name in the config, if it is (or equals) a target of the config. */
  readonly name: string | undefined;
  readonly environment: 'development' | 'production' | undefined;
  readonly maintenanceDatabase: string | undefined;
  /** Where it was found, for people: "--url", "DATABASE_URL in .env", "branch invoices (of DATABASE_URL in .env)". */
  readonly source: string;
  /** The current branch, where the settings are those of it; else null. */
  readonly branch: CurrentBranch | null;
  /** The target that the branch belongs to; without a branch the same as `settings`. */
  readonly root: ConnectionSettings;
}

/** A target before the current branch is looked at. */
export type FoundTarget = Omit<ResolvedTarget, 'branch' | 'root'>;
