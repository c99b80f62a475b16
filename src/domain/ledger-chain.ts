import type { LedgerEntry, LedgerHead, ParsedLedgerEntry } from './ledger.js';

/** Something that is wrong with a ledger. */
export interface LedgerFinding {
  /** Of the entry that it is about, or the first of several that are missing; null: of none. */
  readonly number: number | null;
  readonly why: string;
}

interface Link extends LedgerHead {
  /** Undefined where the entry itself makes no sense. */
  readonly entry: LedgerEntry | undefined;
}

/** Follows a ledger from its first entry to its last. */
export class LedgerChain {
  readonly #findings: LedgerFinding[] = [];
  readonly #hashes = new Map<number, string>();
  #last: Link | undefined;

  /** What is wrong with the entries themselves. */
  get findings(): readonly LedgerFinding[] {
    return this.#findings;
  }

  get entries(): number {
    return this.#hashes.size;
  }

  get head(): LedgerHead | null {
    return this.#last ? { number: this.#last.number, sha256: this.#last.sha256 } : null;
  }

  /** Takes the entries by number, ascending. @returns the entry where it makes sense by itself */
  add(number: number, sha256: string, parsed: ParsedLedgerEntry): LedgerEntry | undefined {
    const before = this.#last;
    const entry = parsed.type === 'entry' ? parsed.entry : undefined;
    if (parsed.type === 'broken') this.#find(number, parsed.why);
    const expected = (before?.number ?? 0) + 1;
    if (number > expected) this.#find(expected, missing(expected, number - 1));
    else if (entry) this.#checkLink(before, entry);
    this.#hashes.set(number, sha256);
    this.#last = { number, sha256, entry };
    return entry;
  }

  #checkLink(before: Link | undefined, entry: LedgerEntry): void {
    if (entry.previous === (before?.sha256 ?? null)) return;
    if (!before) this.#find(entry.number, 'it is not the first entry: it names one before it');
    // What was edited is known already.
    else if (before.entry) {
      this.#find(
        before.number,
        `it is not the entry that ${entry.number} was written after: one of them was replaced`,
      );
    }
  }

  #find(number: number, why: string): void {
    this.#findings.push({ number, why });
  }

  /** What the chain has to say to a head that was noted when it was the newest entry; a note may lag behind. */
  contradicts(noted: LedgerHead | null | undefined, who: string): LedgerFinding[] {
    if (!noted || this.#hashes.get(noted.number) === noted.sha256) return [];
    const { number } = noted;
    if (this.#hashes.has(number)) {
      return [{ number, why: `it is not the entry that ${who} knows: it was edited or replaced` }];
    }
    return [{ number, why: `it is missing: ${who} knows it` }];
  }

  /** A hash that was noted outside must be the one of an entry. */
  lacks(hash: string | undefined): LedgerFinding[] {
    if (hash === undefined) return [];
    for (const known of this.#hashes.values()) if (known.startsWith(hash)) return [];
    return [{ number: null, why: `no entry has the hash ${hash}` }];
  }
}

function missing(from: number, to: number): string {
  return from === to ? 'it is missing' : `the entries ${from} to ${to} are missing`;
}
