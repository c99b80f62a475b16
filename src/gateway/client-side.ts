import type { Socket } from 'node:net';

/** One that does not take its last message must not stay. */
const lastWordsMs = 2_000;

/** The client of a session: what it said and nobody has been told waits here, and it is not heard meanwhile. */
export class ClientSide {
  readonly socket: Socket;
  #held: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get waits(): boolean {
    return this.#held.length > 0;
  }

  hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.socket.pause();
  }

  /** What waited, which is then forgotten here. */
  take(): readonly Buffer[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Hears it again, unless something waits: what is behind that waits, too. */
  listen(): void {
    if (!this.waits) this.socket.resume();
  }

  end(): void {
    this.#held = [];
    this.socket.end();
    this.socket.resume();
    setTimeout(() => this.socket.destroy(), lastWordsMs).unref();
  }
}
