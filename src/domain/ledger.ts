import { createHash } from 'node:crypto';
import type { TargetName } from './snapshot.js';

/**
 * The append-only record of what Belay did, as numbered objects in the store, each of which names the bytes of the one
 * before. `docs/formats.md` promises this format.
 */
export const ledgerFormat = 1;

export const ledgerActions = [
  ...['checkpoint', 'snapshot', 'drill', 'restore', 'restore-table', 'switch', 'undo'],
  ...['delete', 'prune', 'rename', 'protect', 'unprotect'],
  ...['push', 'pull', 'export', 'import', 'migration', 'rollback', 'repair', 'refusal'],
  ...['rehearsal', 'shadow-create', 'shadow-promote', 'shadow-abort'],
  ...['branch-create', 'branch-reset', 'branch-delete', 'branch-gc', 'branch-update'],
] as const;

/** Those of later versions stay readable. */
export type LedgerAction = (typeof ledgerActions)[number] | (string & {});

export interface LedgerActor {
  /** Name on the machine where Belay ran. */
  readonly user: string;
  readonly host: string;
  /** Of Belay. */
  readonly version: string;
  /** Who asked for it where that is not the user of the machine: "token deploy (tok_4f3a)". */
  readonly onBehalfOf?: string | undefined;
}

/** What a caller says of an entry; the ledger adds the rest. */
export interface NewLedgerEntry {
  readonly action: LedgerAction;
  readonly target: TargetName | null;
  readonly snapshot: { readonly id: string; readonly tag: string } | null;
  readonly outcome: 'done' | 'failed' | 'refused';
  /** Rows that were kept, restored or removed. */
  readonly rows: number | null;
  /** Plain data, no secrets. See `LedgerDetails` for what `ledger verify` looks at. */
  readonly details: LedgerDetails;
}

export interface LedgerDetails {
  /** SHA-256 of the bytes of the manifest that this action has put into the store of the ledger. */
  readonly manifestSha256?: string | undefined;
  /** Ids of the snapshots whose manifests it takes away, where that is not the entry's own `snapshot`. */
  readonly removed?: readonly string[] | undefined;
  readonly [name: string]: unknown;
}

export interface LedgerEntry extends NewLedgerEntry {
  readonly belay: number;
  /** 1, 2, 3 … */
  readonly number: number;
  /** SHA-256, hexadecimal, of the bytes of the entry before; null in the first. */
  readonly previous: string | null;
  /** By the clock of the machine where Belay ran. */
  readonly at: string;
  readonly actor: LedgerActor;
  /** Makes the bytes of two writers differ, whatever else they have in common. */
  readonly nonce: string;
}

/** The last entry of a ledger, and with it all before. */
export interface LedgerHead {
  readonly number: number;
  /** SHA-256, hexadecimal, of its bytes. */
  readonly sha256: string;
}

export const ledgerPrefix = 'ledger/';

/**
 * A note of the newest entry, beside the ledger: it says where to begin looking, and betrays a last entry that was
 * deleted. It may lag behind. No database can have this name: "~" begins an escape there.
 */
export const ledgerHeadKey = 'ledger~head.json';

const digits = 12;
export const largestLedgerNumber = 10 ** digits - 1;

export function ledgerKey(number: number): string {
  return `${ledgerPrefix}${String(number).padStart(digits, '0')}.json`;
}

/** Undefined: not an entry. */
export function parseLedgerKey(key: string): number | undefined {
  const match = /^ledger\/(\d{12})\.json$/.exec(key);
  return match && Number(match[1]) > 0 ? Number(match[1]) : undefined;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const isHash = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const sealOf = (document: object): string => sha256Of(Buffer.from(JSON.stringify(document)));

/** The bytes of an entry. Its last field seals the others, so that an edit of the newest one shows too. */
export function encodeLedgerEntry(entry: LedgerEntry): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ...entry, seal: sealOf(entry) }, null, 2)}\n`);
}

/** What the bytes of an entry turned out to be. */
export type ParsedLedgerEntry =
  | { readonly type: 'entry'; readonly entry: LedgerEntry }
  | { readonly type: 'broken'; readonly why: string };

/** Reads an entry. Never throws: a broken one must not hide the others. */
export function parseLedgerEntry(bytes: Uint8Array, number: number): ParsedLedgerEntry {
  const value = parseObject(bytes);
  if (!value) return { type: 'broken', why: 'it is not an entry of a ledger' };
  const { seal, ...document } = value;
  if (typeof document.belay === 'number' && document.belay > ledgerFormat) {
    return { type: 'broken', why: 'it was written by a newer Belay: upgrade this one' };
  }
  if (!isEntry(document)) return { type: 'broken', why: 'it is not an entry of a ledger' };
  if (document.number !== number) {
    return { type: 'broken', why: `it is entry ${document.number}, moved to this place` };
  }
  return seal === sealOf(document)
    ? { type: 'entry', entry: document }
    : { type: 'broken', why: 'it was edited: its seal does not match' };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isEntry(value: object): value is LedgerEntry {
  const entry = value as Partial<LedgerEntry>;
  return (
    entry.belay === ledgerFormat &&
    Number.isSafeInteger(entry.number) &&
    (entry.previous === null || isHash(entry.previous)) &&
    typeof entry.at === 'string' &&
    isObject(entry.actor) &&
    typeof entry.action === 'string' &&
    isNamed(entry.snapshot) &&
    isObject(entry.details)
  );
}

function isNamed(snapshot: unknown): boolean {
  if (snapshot === null) return true;
  const { id, tag } = (isObject(snapshot) ? snapshot : {}) as { id?: unknown; tag?: unknown };
  return typeof id === 'string' && typeof tag === 'string';
}

export function encodeLedgerHead({ number, sha256 }: LedgerHead): Uint8Array {
  return Buffer.from(`${JSON.stringify({ belay: ledgerFormat, number, sha256 })}\n`);
}

/** Undefined where there is none that makes sense: it is a mere note. */
export function parseLedgerHead(bytes: Uint8Array | undefined): LedgerHead | undefined {
  const { number, sha256 } = (bytes && parseObject(bytes)) ?? {};
  const isNumber = Number.isSafeInteger(number) && (number as number) > 0;
  return isNumber && isHash(sha256) ? { number: number as number, sha256 } : undefined;
}
