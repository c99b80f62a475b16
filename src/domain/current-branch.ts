import type { BranchIsolation } from './branch.js';
import type { TargetName } from './snapshot.js';

/**
 * Which branch a working tree works on, as a file beside it remembers it: in the git folder of the work tree, or in Belay's
 * data folder for a project without git. Holds no secret. No file: the target itself.
 */
export interface CurrentBranch {
  readonly name: string;
  readonly id: string;
  readonly isolation: BranchIsolation;
  readonly root: TargetName;
  readonly database: string;
  readonly schema: string | null;
  /** libpq's options by which connections begin in that schema. */
  readonly options?: string | undefined;
  /** Of a cluster branch: its folder, in which `connection.json` says how to reach its server. Else null. */
  readonly folder: string | null;
  /** The git branch for which it was made current by a checkout; null: by a person. */
  readonly gitBranch: string | null;
  readonly switchedAt: string;
}

/** `connection.json` in the folder of a cluster branch, readable by its owner alone. */
export interface ClusterConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A secret. */
  readonly password: string;
  readonly database: string;
}
