import { createHash } from 'node:crypto';
import type { PartialArchive } from './partial-archive.js';
import type { DatabaseProperties } from './properties.js';
import type { Snapshot } from './snapshot.js';

/**
 * What Belay writes into the store beside an archive. It is written last: an archive without a manifest does not
 * exist. `docs/formats.md` promises this format.
 */
const manifestFormat = 1;

/**
 * Of an archive with the rows of some tables only. A Belay that does not know it refuses it, instead of restoring it as
 * if it were the whole database.
 */
const partialFormat = 2;

/** How far a restore of the archive into a real PostgreSQL was compared with its source. */
export type DrillDepth =
  /** Schema, exact rows of every table, values of every sequence. */
  | 'counts'
  /** The same, and a hash over the content of every table. */
  | 'deep'
  /** As "counts", with the bytes read back from the store instead of the ones on their way there. */
  | 'readback';

/** What a drill found out. */
export interface DrillRecord {
  readonly status: 'proven' | 'failed' | 'not-run';
  /** ISO 8601; null where it was not run. */
  readonly at: string | null;
  readonly depth: DrillDepth | null;
  /** server_version_num of the PostgreSQL it was restored into. */
  readonly serverVersion: number | null;
  readonly durationMs: number | null;
}

export const notDrilled: DrillRecord = {
  status: 'not-run',
  at: null,
  depth: null,
  serverVersion: null,
  durationMs: null,
};

/** A role that owns something in the database, or was granted something. Never with a password. */
export interface RequiredRole {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly canLogin: boolean;
  /** Roles that it is a member of, as far as the database needs them too. */
  readonly memberOf: readonly string[];
}

export interface RequiredExtension {
  readonly name: string;
  readonly version: string;
  readonly schema: string;
}

/** What the database needs and an archive does not hold. */
export interface Requirements {
  readonly roles: readonly RequiredRole[];
  readonly tablespaces: readonly string[];
  readonly extensions: readonly RequiredExtension[];
}

/** What CREATE DATABASE has to be told so that text sorts and is encoded as in the source. */
export interface DatabaseLocale {
  /** e.g. "UTF8". */
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: 'libc' | 'icu' | 'builtin';
  /** Of ICU or the built-in provider; null for libc. */
  readonly locale: string | null;
  readonly icuRules: string | null;
}

/** The values between which a sequence moved while it was dumped: sequences belong to no transaction. */
export interface SequenceRange {
  readonly from: string;
  readonly to: string;
}

/** The archive itself: a file in pg_dump's custom format, encrypted or not. */
export interface ArchiveFile {
  /** In the store. */
  readonly key: string;
  readonly sizeBytes: number;
  /** SHA-256, hexadecimal, of the bytes in the store. */
  readonly sha256: string;
  readonly encryption: ArchiveEncryption | null;
  /** Version of the pg_dump that wrote it, e.g. "15.18"; null for a file from elsewhere. */
  readonly pgDump: string | null;
  /** What was dumped. "file": a file that Belay did not make. */
  readonly source: 'target' | 'clone' | 'file';
}

export interface ArchiveEncryption {
  readonly method: 'age';
  readonly recipients: readonly string[];
  /** Of the file that pg_restore reads. */
  readonly plainSizeBytes: number;
  readonly plainSha256: string;
}

export interface ArchiveManifest {
  readonly kind: 'archive';
  readonly snapshot: Omit<Snapshot, 'copies'>;
  /** The server's system identifier, or its address where the role may not read that. */
  readonly cluster: string;
  readonly archive: ArchiveFile;
  readonly locale: DatabaseLocale;
  readonly properties: DatabaseProperties;
  readonly requires: Requirements;
  /** Checksum of the schema without owners and grants, for restoring where the roles are others. */
  readonly portableChecksum: string;
  readonly movedSequences: Readonly<Record<string, SequenceRange>>;
  /** Of each table, from `--drill deep`. */
  readonly contentHashes: Readonly<Record<string, string>> | null;
  /** Drills later than the seal are objects of their own. */
  readonly drill: DrillRecord;
  /** Of which tables it holds the rows; left out where it holds all. */
  readonly partial?: PartialArchive;
  /** Head of the ledger when this was sealed: so many entries there must be at least. */
  readonly ledger: { readonly number: number; readonly sha256: string } | null;
}

function sealOf(document: object): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex');
}

/** The bytes of a manifest. Its last field seals the others: an edited manifest is recognised. */
export function encodeManifest(manifest: ArchiveManifest): Uint8Array {
  const belay = manifest.partial ? partialFormat : manifestFormat;
  const document = { belay, ...manifest };
  return Buffer.from(`${JSON.stringify({ ...document, seal: sealOf(document) }, null, 2)}\n`);
}

/** What the bytes of a manifest turned out to be. */
export type ParsedManifest =
  | { readonly type: 'manifest'; readonly manifest: ArchiveManifest }
  | { readonly type: 'newer'; readonly format: number }
  | { readonly type: 'broken'; readonly why: string };

/** Reads a manifest. Never throws: a broken one must not hide the others. */
export function parseManifest(bytes: Uint8Array): ParsedManifest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return { type: 'broken', why: 'it is not JSON' };
  }
  if (typeof value !== 'object' || value === null) {
    return { type: 'broken', why: 'it is not a manifest' };
  }
  const { seal, ...document } = value as Record<string, unknown>;
  const { belay, ...manifest } = document;
  if (typeof belay !== 'number') return { type: 'broken', why: 'it is not a manifest' };
  if (belay > manifestFormat && !(belay === partialFormat && 'partial' in manifest)) {
    return { type: 'newer', format: belay };
  }
  if (seal !== sealOf(document)) {
    return { type: 'broken', why: 'its seal does not match: it was edited' };
  }
  return isManifest(manifest) && isPartial(manifest) === (belay === partialFormat)
    ? { type: 'manifest', manifest }
    : { type: 'broken', why: 'it is not a manifest' };
}

function isManifest(value: Partial<ArchiveManifest>): value is ArchiveManifest {
  return (
    value.kind === 'archive' &&
    typeof value.snapshot?.id === 'string' &&
    typeof value.snapshot.tag === 'string' &&
    typeof value.archive?.key === 'string' &&
    typeof value.archive.sha256 === 'string'
  );
}

function isPartial({ partial }: ArchiveManifest): boolean {
  const isObject = typeof partial?.partitioned === 'object' && partial.partitioned !== null;
  return isObject && Array.isArray(partial.dataOf) && Array.isArray(partial.unchecked);
}
