import type { MigrationScript } from './migration.js';
import type { GitState } from './snapshot.js';

/**
 * The record of how a database came to its schema: one entry for each change of version, oldest first, each
 * with the hash of the one before. `docs/formats.md` promises this format.
 */
export const historyFormat = 1;

/** What the comment of the schema says in which history and record backups lie, so that it is known whatever its name. */
export const historySchemaMark = JSON.stringify({ belay: historyFormat, kind: 'history' });

/** The format that the comment of a schema names; undefined: it is not Belay's. */
export function historySchemaFormat(comment: string | null): number | undefined {
  const match = /^\{"belay":(\d+),"kind":"history"/.exec(comment ?? '');
  return match ? Number(match[1]) : undefined;
}

/**
 * What led to an entry. "baseline" is the state that was there before the first migration; "snapshot" a state that
 * was found, such as after another tool's migrations; "up", "down" and "rollback" are Belay's own doing.
 */
export type HistoryAction = 'baseline' | 'up' | 'down' | 'rollback' | 'snapshot';

/** An object that kept its identity in the catalogs and got another name. Names are as in the schema model. */
export interface Rename {
  /** Kind of the object in the schema model, e.g. "column". */
  readonly object: string;
  readonly from: string;
  readonly to: string;
}

/** A migration that is in force. */
export interface AppliedVersion {
  readonly version: string;
  readonly name: string;
}

/** Who and where, as far as the database and the machine say. */
export interface HistoryActor {
  /** Role of the session. */
  readonly role: string;
  /** User and host on the machine where Belay ran. */
  readonly user: string;
  readonly host: string;
}

/** What a caller says of an entry; the history adds the rest. */
export interface NewHistoryEntry {
  readonly action: HistoryAction;
  /** The version that the database is at now; "0" before the first migration. */
  readonly version: string;
  readonly name: string;
  /** Whose migrations these are: "belay", "prisma", … */
  readonly tool: string;
  /** The version before; null where nothing was known. */
  readonly from: string | null;
  /** All migrations that are in force now, in the order in which they were applied. */
  readonly applied: readonly AppliedVersion[];
  /** `versionChecksum` of the schema that is there now. */
  readonly checksum: string;
  /** The schema has objects that the model does not know: equal checksums do not say that they are equal. */
  readonly partial: boolean;
  /** Of the migration that was applied or taken back; null where there is no one migration or no file. */
  readonly fileChecksum: string | null;
  readonly up: MigrationScript | null;
  readonly down: MigrationScript | null;
  /** What the migration renamed, read from the catalogs' own identities before and after. */
  readonly renames: readonly Rename[];
  readonly git: GitState | null;
  readonly durationMs: number | null;
  /** The snapshot or checkpoint that was taken before, by its id. */
  readonly snapshotId: string | null;
}

export interface HistoryEntry extends NewHistoryEntry {
  /** 1, 2, 3 … */
  readonly number: number;
  /** ISO 8601, by the database's clock (the machine's, for a history in the store). */
  readonly at: string;
  readonly actor: HistoryActor;
  /** SHA-256, hexadecimal, over this entry and the hash of the one before. */
  readonly hash: string;
}
