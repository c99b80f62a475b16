/** Values of one row by column, as PostgreSQL prints them; null is NULL. */
export type RowValues = Readonly<Record<string, string | null>>;

/** One row that differs. */
export interface RowSample {
  readonly kind: 'added' | 'removed' | 'changed';
  /** The primary key; empty for tables without one. */
  readonly key: RowValues;
  /** The row on side A, unless it was added. */
  readonly before?: RowValues;
  /** The row on side B, unless it was removed. */
  readonly after?: RowValues;
}

/** How the rows of one table differ. */
export interface TableRowDiff {
  readonly table: string;
  /** Columns that identify a row; null: none, so rows are compared as a multiset. */
  readonly key: readonly string[] | null;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Some of the rows that differ, the first by key. */
  readonly samples: readonly RowSample[];
  /** Why rows or columns could not be compared. */
  readonly skipped?: string;
}

/** What identifies a row, and what must be equal on both sides: a hash of the row, or how often it is there. */
export interface HashedRow {
  readonly key: readonly string[];
  readonly value: string;
}

/** A key that the two sides do not have alike; an undefined value: that side lacks it. */
export interface DifferingKey {
  readonly key: readonly string[];
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const hasSurrogates = /[\ud800-\udfff]/;

/**
 * Order of texts by their UTF-8 bytes, which is PostgreSQL's COLLATE "C". JavaScript's own order is by UTF-16 units,
 * and differs from it beyond the basic plane.
 */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  if (!hasSurrogates.test(a) && !hasSurrogates.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const order = compareBytes(part, b[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** One side of a merge: its rows come in batches, so that a row costs no turn of the event loop. */
class OrderedSide {
  readonly #batches: AsyncIterator<readonly HashedRow[]>;
  #batch: readonly HashedRow[] = [];
  #at = 0;

  constructor(batches: AsyncIterator<readonly HashedRow[]>) {
    this.#batches = batches;
  }

  /** The row that is next; undefined at the end, after {@link fill}. */
  get head(): HashedRow | undefined {
    return this.#batch[this.#at];
  }

  /** Goes on; false: the batch is used up, and `fill` is needed. */
  step(): boolean {
    this.#at += 1;
    return this.#at < this.#batch.length;
  }

  /** Lets the source stop, wherever it is. */
  async end(): Promise<void> {
    await this.#batches.return?.();
  }

  async fill(): Promise<void> {
    const next = await this.#batches.next();
    this.#batch = next.done ? [] : next.value;
    this.#at = 0;
  }
}

/** Less than 0: the left row comes first or alone; more: the right one; 0: both have the same key. */
function compareHeads(left: HashedRow | undefined, right: HashedRow | undefined): number {
  if (!left) return 1;
  if (!right) return -1;
  return compareKeys(left.key, right.key);
}

/**
 * Walks two sides that are both ordered by key ({@link compareBytes}), and gives the keys that differ.
 * @param a, b batches of rows, none of them empty
 */
export async function* mergeRows(
  a: AsyncIterator<readonly HashedRow[]>,
  b: AsyncIterator<readonly HashedRow[]>,
): AsyncGenerator<DifferingKey> {
  const [left, right] = [new OrderedSide(a), new OrderedSide(b)];
  try {
    await Promise.all([left.fill(), right.fill()]);
    while (left.head || right.head) {
      const order = compareHeads(left.head, right.head);
      const before = order <= 0 ? left.head : undefined;
      const after = order >= 0 ? right.head : undefined;
      const key = (before ?? after)?.key ?? [];
      if (before?.value !== after?.value) yield { key, before: before?.value, after: after?.value };
      if (before && !left.step()) await left.fill();
      if (after && !right.step()) await right.fill();
    }
  } finally {
    await Promise.all([left.end(), right.end()]);
  }
}
