import { type BranchRecord, branchIsolations } from './branch.js';
import { recordFormat } from './record.js';

/** The text of the comment on a branch's database or schema, and of its file. */
export function encodeBranchRecord(record: BranchRecord): string {
  return JSON.stringify({ belay: recordFormat, ...record });
}

/** What a text says of a branch: a record, one of a later Belay, or nothing. */
export type ParsedBranchRecord =
  | { readonly type: 'record'; readonly record: BranchRecord }
  | { readonly type: 'newer'; readonly format: number }
  | { readonly type: 'foreign' };

/** Reads a comment. Never throws: comments are also written by people. */
export function parseBranchRecord(text: string | null): ParsedBranchRecord {
  if (!text?.startsWith('{"belay":')) return { type: 'foreign' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { type: 'foreign' };
  }
  const { belay, ...record } = value as Record<string, unknown>;
  if (typeof belay !== 'number' || record.kind !== 'branch') return { type: 'foreign' };
  if (belay > recordFormat) return { type: 'newer', format: belay };
  return isBranchRecord(record) ? { type: 'record', record } : { type: 'foreign' };
}

function isBranchRecord(value: Partial<BranchRecord>): value is BranchRecord {
  return (
    value.kind === 'branch' &&
    typeof value.id === 'string' &&
    typeof value.name === 'string' &&
    branchIsolations.some((isolation) => isolation === value.isolation) &&
    typeof value.root?.database === 'string' &&
    typeof value.database === 'string' &&
    typeof value.base?.kind === 'string' &&
    typeof value.createdAt === 'string'
  );
}
