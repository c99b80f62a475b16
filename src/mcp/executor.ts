import type { InventoryBranch } from '../contract/inventory.js';
import type { JobInput } from '../contract/job.js';
import type { LedgerEntry } from '../domain/ledger.js';
import type { Reporter } from '../domain/reporter.js';
import type { Snapshot } from '../domain/snapshot.js';
import type { VersionNode } from '../domain/version-graph.js';

/** What of the library's verbs tools are made of. Nothing that deletes is among them. */
export const toolVerbs = [
  ...(['status', 'schema-show', 'schema-diff', 'diff', 'drift', 'plan', 'rehearse'] as const),
  ...(['rollback-plan', 'verify', 'checkpoint', 'snapshot', 'branch-create'] as const),
  ...(['restore', 'switch', 'undo'] as const),
] as const;
export type ToolVerb = (typeof toolVerbs)[number];

/** One call of a tool. */
export interface ToolCall {
  /** The database that it names; undefined: the one that is meant without a name. */
  readonly place: string | undefined;
  readonly signal: AbortSignal;
  readonly report: Reporter;
}

/** A database that tools can be pointed at. */
export interface Place {
  readonly name: string;
  readonly environment: 'development' | 'production' | null;
  /** "host:port"; null where it is not known. */
  readonly server: string | null;
  /** Meant where a call names none. */
  readonly isDefault: boolean;
}

export interface Timeline {
  /** Newest first. */
  readonly snapshots: readonly Snapshot[];
  readonly basedOn: { readonly id: string; readonly tag: string; readonly since: string } | null;
  readonly undo: { readonly id: string; readonly tag: string } | null;
  /** Why it may not be all, or not be new; null: it is. */
  readonly problem: string | null;
}

/**
 * Does what tools say: by the library itself for the databases of a command line, by jobs in a server. Errors are BelayErrors.
 */
export interface Executor {
  /** What databases are called here: the argument of every tool. */
  readonly placeArgument: 'target' | 'database';
  places(): Promise<readonly Place[]>;
  timeline(call: ToolCall): Promise<Timeline>;
  /** Whole. @throws BelayError SNAPSHOT_NOT_FOUND */
  snapshot(call: ToolCall, reference: string): Promise<Snapshot>;
  branches(call: ToolCall): Promise<readonly InventoryBranch[]>;
  versions(call: ToolCall): Promise<{
    readonly versions: readonly VersionNode[];
    readonly current: string | null;
  }>;
  /** Newest first. */
  ledger(call: ToolCall, limit: number): Promise<readonly LedgerEntry[]>;
  /** Does a verb, and gives the document that the command line prints under `--json`. */
  perform<T extends ToolVerb>(call: ToolCall, verb: T, input: JobInput<T>): Promise<unknown>;
}
