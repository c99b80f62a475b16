import type { Requirements } from '../../domain/manifest.js';
import type { PlacedTable } from '../../domain/shadow-mapping.js';
import type { FrozenDatabase } from '../../postgres/frozen-database.js';
import type { Session } from '../../postgres/session.js';
import type { DatabaseRow } from '../../postgres/sql/databases.js';
import type { CreateShadowOptions } from './create-options.js';
import type { PreparedReplication } from './create-replication.js';

/** A copy of the target under a clone's name, closed, on which nothing was run yet. */
export interface MadeShadowCopy {
  readonly database: string;
  readonly oid: number;
  readonly method: 'clone' | 'copy';
  /** The target's tables as of the copy; null: a clone has the same, with the same numbers. */
  readonly source: readonly PlacedTable[] | null;
  /** `pg_snapshot` of the target: everything that was committed for it is in the copy. */
  readonly snapshot: string;
  readonly copiedAt: string;
  readonly notes: readonly string[];
}

export interface ShadowCopyOrder {
  readonly live: DatabaseRow;
  readonly options: CreateShadowOptions;
  readonly prepared: PreparedReplication;
}

/** What a copy table by table is made of: one moment of the target, and an empty database. */
export interface CopyPlace {
  readonly frozen: FrozenDatabase;
  /** Opens sessions in the target, and in the copy; nobody has to close them. */
  readonly openSource: () => Promise<Session>;
  readonly openCopy: () => Promise<Session>;
  readonly database: string;
  readonly requires: Requirements;
  readonly jobs: number;
}
