import type { Socket } from 'node:net';
import { BelayError } from '../errors.js';

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** The other side closed the connection, or sent what is no message. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

/**
 * Reads a connection message by message, for the parts of it that are a conversation: logging in, and the few questions
 * around a move. What arrives later than it is asked for stays unread.
 */
export class MessageInbox {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #ended: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param maxBytes a longer message ends the reading: before a login, nobody has to be believed */
  constructor(socket: Socket, maxBytes: number) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('end', this.#onClose);
    if (socket.destroyed || socket.readableEnded) this.#onClose();
    else socket.resume();
  }

  /** A message with a type. */
  async next(): Promise<Message> {
    const bytes = await this.#take(1);
    return { type: bytes[0] as number, body: bytes.subarray(5) };
  }

  /** A packet without a type, its length included. */
  nextPacket(): Promise<Buffer> {
    return this.#take(0);
  }

  /** So many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#buffer.length < count) await this.#more();
    return this.#cut(count);
  }

  /** What is there already, without waiting. */
  get unread(): number {
    return this.#buffer.length;
  }

  /** Looks at the first byte without taking it. */
  async peek(): Promise<number> {
    while (this.#buffer.length === 0) await this.#more();
    return this.#buffer[0] as number;
  }

  /** Ends the reading; the connection is paused, and what was not read waits in it for the next reader. */
  release(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
    this.#socket.off('end', this.#onClose);
    if (this.#buffer.length > 0 && !this.#ended) this.#socket.unshift(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }

  async #take(typeBytes: number): Promise<Buffer> {
    while (this.#buffer.length < typeBytes + 4) await this.#more();
    const length = this.#buffer.readInt32BE(typeBytes);
    if (length < 4 || length > this.#maxBytes) {
      throw new ConnectionEnded(`a message claims ${length} bytes`);
    }
    while (this.#buffer.length < typeBytes + length) await this.#more();
    return this.#cut(typeBytes + length);
  }

  #cut(count: number): Buffer {
    const bytes = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return bytes;
  }

  #more(): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#wake) throw new BelayError('BUG', 'two readers wait for one connection');
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        if (this.#ended) reject(this.#ended);
        else resolve();
      };
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    this.#wake?.();
  };

  readonly #onError = (error: Error): void => {
    this.#ended ??= error;
    this.#wake?.();
  };

  readonly #onClose = (): void => {
    this.#ended ??= new ConnectionEnded('the connection was closed');
    this.#wake?.();
  };
}
