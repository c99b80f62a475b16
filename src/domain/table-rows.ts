const end = Buffer.from('\n\\.\n');

/**
 * Takes the rows of one table out of the SQL that `pg_restore --data-only` prints for it: the lines between
 * `COPY … FROM stdin;` and `\.`, which are COPY's text format.
 */
export class CopyBlockReader {
  /** Whether the last row has come. */
  isComplete = false;
  readonly #start: Buffer;
  #isInside = false;
  #pending: Buffer = Buffer.from('\n');
  /** So many of the pending bytes are no part of the rows. */
  #skip = 1;

  /** @param copyStatement as in the table of contents, in the bytes of the dump */
  constructor(copyStatement: Buffer) {
    this.#start = Buffer.concat([Buffer.from('\n'), copyStatement]);
  }

  /** @returns the bytes of rows among what has come */
  push(chunk: Buffer): Buffer {
    if (this.isComplete) return Buffer.alloc(0);
    const bytes = Buffer.concat([this.#pending, chunk]);
    if (this.#isInside) return this.#take(bytes);
    const at = bytes.indexOf(this.#start);
    if (at < 0) {
      this.#pending = bytes;
      return Buffer.alloc(0);
    }
    this.#isInside = true;
    // The line break before the first row may be the one before the end mark.
    return this.#take(bytes.subarray(at + this.#start.length - 1));
  }

  #take(bytes: Buffer): Buffer {
    const at = bytes.indexOf(end);
    this.isComplete = at >= 0;
    const cut = this.isComplete ? at + 1 : Math.max(0, bytes.length - end.length + 1);
    const rows = bytes.subarray(Math.min(this.#skip, cut), cut);
    this.#skip = Math.max(0, this.#skip - cut);
    this.#pending = bytes.subarray(cut);
    return rows;
  }
}
