/** A message longer than this is nobody's: PostgreSQL itself refuses more than 1 GB. */
const maxMessageBytes = 0x4000_0000;

/** The other side does not speak the protocol: what follows cannot be told apart. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream';
}

/**
 * Finds the messages in a stream that arrives in pieces of any size, without copying what only passes through: of most
 * messages nothing but the header is looked at. Bodies that are wanted and lie in one piece are shown where they lie;
 * only those that are cut by a piece's end are put together.
 */
export abstract class MessageReader {
  /** By type: whether the body is wanted. */
  readonly #wanted = new Uint8Array(256);
  readonly #keepBytes: number;
  /** Bytes of the header that have been seen, 0 to 5. */
  #headerSeen = 0;
  #type = 0;
  #length = 0;
  /** Bytes of the body that are still to come. */
  #remaining = 0;
  #parts: Buffer[] | undefined;

  /**
   * @param wanted types whose bodies `onMessage` gets
   * @param keepBytes longer bodies are not put together
   */
  constructor(wanted: readonly number[], keepBytes: number) {
    for (const type of wanted) this.#wanted[type] = 1;
    this.#keepBytes = keepBytes;
  }

  /** Whether the next byte begins a message. */
  get atBoundary(): boolean {
    return this.#headerSeen === 0;
  }

  /** A message begins. @returns false: the reading stops in front of it */
  protected mayBegin(_type: number): boolean {
    return true;
  }

  /**
   * A message has been seen to its end.
   * @param buffer its body from `start` to `end`; undefined: not wanted, or longer than what is kept
   */
  protected abstract onMessage(
    type: number,
    buffer: Buffer | undefined,
    start: number,
    end: number,
  ): void;

  /**
   * @returns how many bytes were read: fewer than there are where `mayBegin` said no
   * @throws BrokenStream
   */
  read(chunk: Buffer): number {
    const size = chunk.length;
    let at = 0;
    while (at < size) {
      if (this.#headerSeen < 5) {
        if (this.#headerSeen === 0) {
          const type = chunk[at] as number;
          if (!this.mayBegin(type)) return at;
          this.#type = type;
        }
        at = this.#readHeader(chunk, at);
        if (this.#headerSeen < 5) return size;
        if (this.#remaining > 0) continue;
      }
      at = this.#readBody(chunk, at);
    }
    return size;
  }

  #readHeader(chunk: Buffer, start: number): number {
    if (this.#headerSeen === 0 && chunk.length - start >= 5) {
      this.#length = chunk.readInt32BE(start + 1);
      this.#headerSeen = 5;
      this.#checkLength();
      return start + 5;
    }
    let at = start;
    while (this.#headerSeen < 5 && at < chunk.length) {
      if (this.#headerSeen > 0) {
        this.#length = this.#headerSeen === 1 ? 0 : this.#length;
        this.#length = (this.#length << 8) | (chunk[at] as number);
      }
      this.#headerSeen += 1;
      at += 1;
    }
    if (this.#headerSeen === 5) this.#checkLength();
    return at;
  }

  #checkLength(): void {
    if (this.#length < 4 || this.#length > maxMessageBytes) {
      throw new BrokenStream(`a message of type ${this.#type} claims ${this.#length} bytes`);
    }
    this.#remaining = this.#length - 4;
  }

  #readBody(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#remaining);
    const isWanted = this.#wanted[this.#type] === 1 && this.#length - 4 <= this.#keepBytes;
    this.#remaining -= end - start;
    if (this.#remaining > 0) {
      // A copy: the piece itself would keep all of its memory alive.
      if (isWanted) this.#part(Buffer.from(chunk.subarray(start, end)));
      return end;
    }
    this.#headerSeen = 0;
    if (!isWanted) this.onMessage(this.#type, undefined, 0, 0);
    else if (this.#parts === undefined) this.onMessage(this.#type, chunk, start, end);
    else {
      const body = Buffer.concat([...this.#parts, chunk.subarray(start, end)]);
      this.#parts = undefined;
      this.onMessage(this.#type, body, 0, body.length);
    }
    return end;
  }

  #part(part: Buffer): void {
    if (this.#parts === undefined) this.#parts = [part];
    else this.#parts.push(part);
  }
}
