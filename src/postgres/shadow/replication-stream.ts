import { to as copyTo } from 'pg-copy-streams';
import { BelayError } from '../../errors.js';
import { mapPostgresError } from '../pg-error.js';
import type { Session } from '../session.js';

/** "PGCOPY\n\377\r\n\0", flags, and the length of an extension that no version has. */
const headerLength = 19;

/**
 * Runs a query with one column of bytea, and hands over each value as it comes. COPY in its binary format, because the
 * driver would otherwise keep all rows, in hex, before it hands over the first.
 * @param sql without parameters
 * @param take must not keep the buffer
 * @returns the number of rows
 */
export async function streamBytes(
  session: Session,
  sql: string,
  take: (bytes: Buffer) => void,
  doing: string,
): Promise<number> {
  const stream = session.client.query(copyTo(`COPY (${sql}) TO STDOUT (FORMAT binary)`));
  const rows = new BinaryRows(take);
  let failure: unknown;
  try {
    for await (const chunk of stream) {
      // Read to its end even after a failure: a connection in the middle of a COPY is good for nothing else.
      if (failure !== undefined) continue;
      try {
        rows.add(chunk as Buffer);
      } catch (error) {
        failure = error;
      }
    }
  } catch (error) {
    throw mapPostgresError(error, doing);
  }
  if (failure !== undefined) throw failure;
  if (!rows.isEnded) {
    throw new BelayError('SERVER_GONE', `lost the connection while ${doing}: the rows have no end`);
  }
  return rows.count;
}

/** Cuts COPY's binary format into its rows, wherever the network has cut it. */
class BinaryRows {
  readonly #take: (bytes: Buffer) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #wanted = headerLength;
  #isHeaderRead = false;
  count = 0;
  isEnded = false;

  constructor(take: (bytes: Buffer) => void) {
    this.#take = take;
  }

  add(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#length);
    const rest = bytes.subarray(this.#read(bytes));
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  /** @returns how many bytes were used; #wanted says how many are needed from there on */
  #read(bytes: Buffer): number {
    let at = 0;
    if (!this.#isHeaderRead) {
      this.#isHeaderRead = true;
      at = headerLength;
    }
    for (;;) {
      this.#wanted = 2;
      if (bytes.length - at < 2) return at;
      if (bytes.readInt16BE(at) === -1) {
        this.isEnded = true;
        return bytes.length;
      }
      this.#wanted = 6;
      if (bytes.length - at < 6) return at;
      const length = bytes.readInt32BE(at + 2);
      this.#wanted = 6 + length;
      if (bytes.length - at < this.#wanted) return at;
      this.#take(bytes.subarray(at + 6, at + 6 + length));
      this.count += 1;
      at += 6 + length;
    }
  }
}
