import type { LedgerEntry } from '../domain/ledger.js';
import type { Snapshot } from '../domain/snapshot.js';
import type { VersionNode } from '../domain/version-graph.js';

/**
 * What the server knows of a database, as the last look found it. A server that reaches the database looks itself; else its
 * agent looks and sends it. Rows of tables are never part of it.
 */
export interface Inventory {
  readonly database: string;
  /** When the look was, ISO 8601 in UTC. */
  readonly at: string;
  /** Why the last look failed; the rest is then of an older look, or empty. */
  readonly problem: InventoryProblem | null;
  /** "host:port"; no secret. */
  readonly server: string | null;
  /** server_version_num, e.g. 150018. */
  readonly serverVersion: number | null;
  /** Logical size of the live database. */
  readonly sizeBytes: number | null;
  /** Newest first; whole, as `belay show` gives them. */
  readonly snapshots: readonly Snapshot[];
  readonly basedOn: { readonly id: string; readonly tag: string; readonly since: string } | null;
  /** What `undo` would bring back. */
  readonly undo: { readonly id: string; readonly tag: string } | null;
  readonly branches: readonly InventoryBranch[];
  /** Of the version graph, each after its parents. */
  readonly versions: readonly VersionNode[];
  /** The newest entries of the ledger that are about this database, newest first, at most 500. */
  readonly ledger: readonly LedgerEntry[];
}

export interface InventoryProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface InventoryBranch {
  readonly name: string;
  readonly database: string;
  /** For programs to connect to; never with a password. */
  readonly url?: string | undefined;
  readonly isolation: string;
  readonly state: string;
  /** Tag of the snapshot, or null: from what was live. */
  readonly basedOn: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly isProtected: boolean;
  readonly gitBranch: string | null;
  readonly sizeBytes: number | null;
}
