import { maxNameBytes, shortenName } from './clone-name.js';
import { recordFormat } from './record.js';
import { type ShadowRecord, shadowSuffix } from './shadow.js';

/** The name under which the shadow of a database is made. Afterwards it is known by its record, whatever its name. */
export function shadowName(database: string): string {
  return shortenName(database, maxNameBytes - Buffer.byteLength(shadowSuffix)) + shadowSuffix;
}

/** The text of the comment on a shadow database. */
export function encodeShadowRecord(record: ShadowRecord): string {
  return JSON.stringify({ belay: recordFormat, ...record });
}

/** What a comment says of a shadow: a record, one of a later Belay, or nothing. */
export type ParsedShadowComment =
  | { readonly type: 'record'; readonly record: ShadowRecord }
  | { readonly type: 'newer'; readonly format: number }
  | { readonly type: 'foreign' };

/** Reads a database comment. Never throws: comments are also written by people. */
export function parseShadowComment(comment: string | null): ParsedShadowComment {
  if (!comment?.startsWith('{"belay":')) return { type: 'foreign' };
  let value: unknown;
  try {
    value = JSON.parse(comment);
  } catch {
    return { type: 'foreign' };
  }
  const { belay, ...record } = value as Record<string, unknown>;
  if (typeof belay !== 'number' || record.kind !== 'shadow') return { type: 'foreign' };
  if (belay > recordFormat) return { type: 'newer', format: belay };
  return isShadowRecord(record) ? { type: 'record', record } : { type: 'foreign' };
}

function isShadowRecord(value: Partial<ShadowRecord>): value is ShadowRecord {
  return (
    value.kind === 'shadow' &&
    typeof value.id === 'string' &&
    typeof value.target?.database === 'string' &&
    typeof value.sourceOid === 'number' &&
    typeof value.oid === 'number' &&
    typeof value.targetChecksum === 'string' &&
    typeof value.shadowChecksum === 'string' &&
    Array.isArray(value.tables) &&
    isReplication(value.replication) &&
    typeof value.sync?.snapshot === 'string'
  );
}

function isReplication(value: ShadowRecord['replication'] | undefined): boolean {
  if (value === null) return true;
  return typeof value?.slot === 'string' && typeof value.publication === 'string';
}
