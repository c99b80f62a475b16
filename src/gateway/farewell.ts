import { parseErrorResponse, terminatedState } from './error-response.js';
import { backend as from } from './protocol.js';

/** SQLSTATEs of a server that ends sessions, not of a session that did something. */
const serverEnds = new Set([terminatedState, '57P02', '57P03']);

/** The message with which a server leaves an idle session, kept back until it is known whether its client has to hear it. */
export class Farewell {
  #chunks: Buffer[] = [];

  get isSaid(): boolean {
    return this.#chunks.length > 0;
  }

  /** @returns whether the piece is part of a farewell: an idle session gets no other errors */
  takes(chunk: Buffer, isIdle: () => boolean): boolean {
    if (!this.isSaid && !(chunk[0] === from.error && isIdle())) return false;
    this.#chunks.push(chunk);
    return true;
  }

  /** @returns all of it, and whether it was the server's end; without a word it was, too */
  end(): { readonly bytes: Buffer; readonly isOfServer: boolean } {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    const isOfServer =
      bytes.length === 0 || serverEnds.has(parseErrorResponse(bytes.subarray(5)).sqlState);
    return { bytes, isOfServer };
  }
}
