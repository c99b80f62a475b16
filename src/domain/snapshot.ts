import type { Fingerprint } from './fingerprint.js';

export type SnapshotReason = 'manual' | 'auto' | 'before-restore' | 'before-migration' | 'schedule';

/**
 * How the bytes of a clone came to be, as far as it was measured. "rename": not copied at all, the
 * database was renamed away when another took its place. "archive": restored from the snapshot's archive.
 */
export type CopyMethod = 'reflink' | 'file_copy' | 'wal_log' | 'rename' | 'archive';

export interface CloneCopy {
  readonly type: 'clone';
  /** Name of the database that is the copy, on the target's own server. */
  readonly database: string;
  readonly method: CopyMethod;
}

/** What the last drill of an archive found; "not-run": nobody knows whether it restores. */
export interface DrillState {
  readonly status: 'proven' | 'failed' | 'not-run';
  readonly at: string | null;
}

export interface ArchiveCopy {
  readonly type: 'archive';
  /** Path of the file or "s3://bucket/key". */
  readonly location: string;
  readonly sizeBytes: number;
  /** Of the bytes in the store, hexadecimal. */
  readonly sha256: string;
  readonly encrypted: boolean;
  readonly drill: DrillState;
  /** The only tables whose rows it holds, "schema.table"; left out where it holds the whole database. */
  readonly dataOf?: readonly string[];
}

export type SnapshotCopy = CloneCopy | ArchiveCopy;

export interface GitState {
  /** null on a detached HEAD. */
  readonly branch: string | null;
  readonly commit: string;
  readonly dirty: boolean;
}

/** The database that a snapshot is a copy of. */
export interface TargetName {
  /** "host:port", or the socket's folder and port. */
  readonly server: string;
  readonly database: string;
}

/** One immutable point-in-time copy of a target. Times are ISO 8601 in UTC, sizes bytes. */
export interface Snapshot {
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  readonly createdAt: string;
  readonly target: TargetName;
  readonly reason: SnapshotReason;
  readonly git: GitState | null;
  readonly copies: readonly SnapshotCopy[];
  /** null only where an interruption came between the swap and the count; `belay repair` fills it in. */
  readonly fingerprint: Fingerprint | null;
  /** Logical size, what pg_database_size says. A reflink shares its blocks with its source. */
  readonly sizeBytes: number;
  /** How long taking it took, from the first statement to the seal. */
  readonly durationMs: number;
  /** Until when nothing may delete it; null: not protected. */
  readonly protectedUntil: string | null;
  /** Id of the snapshot that the target was based on when this one was taken. */
  readonly parent: string | null;
  /** server_version_num of the server that made it, e.g. 150018. */
  readonly serverVersion: number;
  /** Id of the server's job that took it; left out where a person or a program did. */
  readonly job?: string | undefined;
}

/** `protect` without a time. */
export const forever = '9999-12-31T23:59:59.999Z';

/** Whether the snapshot may not be deleted at that moment. */
export function isProtected(snapshot: Pick<Snapshot, 'protectedUntil'>, now: Date): boolean {
  return snapshot.protectedUntil !== null && Date.parse(snapshot.protectedUntil) > now.getTime();
}

/** The clone among the copies of a snapshot. */
export function cloneOf({ copies }: Pick<Snapshot, 'copies'>): CloneCopy | undefined {
  return copies.find((copy) => copy.type === 'clone');
}

/** The archive among the copies of a snapshot. */
export function archiveOf({ copies }: Pick<Snapshot, 'copies'>): ArchiveCopy | undefined {
  return copies.find((copy) => copy.type === 'archive');
}
