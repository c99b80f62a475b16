import { createHash } from 'node:crypto';
import { BelayError } from '../errors.js';
import { type HistoryEntry, historyFormat } from './history.js';

/** An entry as it is kept: a JSON document without white space, in ASCII, its keys sorted. */
export interface SealedEntry {
  readonly number: number;
  readonly text: string;
  /** SHA-256, hexadecimal, over the hash of the entry before, a line feed, and the text. */
  readonly hash: string;
}

/** An entry that has no hash yet. */
export type UnsealedEntry = Omit<HistoryEntry, 'hash'>;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * The one text of a JSON value, whoever writes it: keys sorted, no white space, everything beyond ASCII escaped, so that
 * a database of any encoding holds it.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value)).replace(/[\u007f-\uffff]/g, escapeUnit);
}

function hashOf(previous: string | null, text: string): string {
  return createHash('sha256')
    .update(`${previous ?? ''}\n${text}`)
    .digest('hex');
}

/** Makes an entry what follows the one with the hash `previous`; null: it is the first. */
export function sealEntry(entry: UnsealedEntry, previous: string | null): SealedEntry {
  const text = canonicalJson({ belay: historyFormat, ...entry });
  return { number: entry.number, text, hash: hashOf(previous, text) };
}

function parseDocument(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(document: Record<string, unknown>): boolean {
  const texts = ['at', 'action', 'version', 'name', 'tool', 'checksum'];
  return (
    document.belay === historyFormat &&
    texts.every((key) => typeof document[key] === 'string') &&
    Array.isArray(document.applied) &&
    Array.isArray(document.renames)
  );
}

/** Follows a history from its first entry to its last, and takes nothing that Belay did not write there. */
export class HistoryChain {
  readonly #place: string;
  readonly #entries: HistoryEntry[] = [];

  /** @param place for people, e.g. `schema "belay" of "shop"` */
  constructor(place: string) {
    this.#place = place;
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  /**
   * Takes the entries by number, ascending.
   * @throws BelayError HISTORY_DAMAGED, NEWER_FORMAT
   */
  add({ number, text, hash }: SealedEntry): HistoryEntry {
    const before = this.#entries.at(-1);
    const expected = (before?.number ?? 0) + 1;
    if (number !== expected) throw this.damaged(expected, 'is missing');
    const document = parseDocument(text);
    if (!document) throw this.damaged(number, 'is no entry of a history');
    if (typeof document.belay === 'number' && document.belay > historyFormat) {
      throw newerHistory(this.#place, number);
    }
    if (!isEntry(document)) throw this.damaged(number, 'is no entry of a history');
    const isIt = (one: string) => hashOf(before?.hash ?? null, one) === hash;
    // As it was written, most often; a document that was only laid out in another way is the same.
    if (!isIt(text) && !isIt(canonicalJson(document))) {
      throw this.damaged(number, 'was changed, or is not the one that was written there');
    }
    if (document.number !== number) throw this.damaged(number, `is entry ${document.number}`);
    const { belay: _, ...entry } = document;
    const taken = { ...entry, hash } as unknown as HistoryEntry;
    this.#entries.push(taken);
    return taken;
  }

  /** An entry is not what Belay wrote. */
  damaged(number: number, why: string): BelayError {
    return new BelayError('HISTORY_DAMAGED', `entry ${number} of the ${this.#place} ${why}`, {
      hint: 'Bring back what was there from a snapshot or a checkpoint. What is recorded from here on can only be trusted after that.',
      details: { number },
    });
  }
}

function newerHistory(place: string, number: number): BelayError {
  return new BelayError(
    'NEWER_FORMAT',
    `entry ${number} of the ${place} was written by a newer Belay`,
    { hint: 'Use that version of Belay, or a later one.', details: { number } },
  );
}
