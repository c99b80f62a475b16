import type { Socket } from 'node:net';
import { type BackendAddress, openBackendSocket } from './backend-socket.js';
import { BackendError } from './error-response.js';
import { type Message, MessageInbox } from './message-inbox.js';
import { cancelRequest, backend as from, frontend, message, readCString } from './protocol.js';

/** Longest message in an answer to a question of the gateway's own. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A session on a server, logged in. */
export interface BackendOptions {
  readonly socket: Socket;
  readonly address: BackendAddress;
  /** What the server told of itself: "TimeZone", "client_encoding", … */
  readonly parameters: Map<string, string>;
  /** Process id and secret for a cancel request. */
  readonly key: Buffer;
  /** What the server said beside, for the client. */
  readonly notices: readonly Buffer[];
}

/** What comes from the server while its session is led to a client. */
export interface BackendListener {
  onBackendData(chunk: Buffer): void;
  /** Once, when nothing more will come. */
  onBackendClosed(backend: Backend): void;
  onBackendDrain(): void;
}

export class Backend {
  readonly socket: Socket;
  readonly address: BackendAddress;
  readonly parameters: Map<string, string>;
  readonly key: Buffer;
  readonly notices: readonly Buffer[];
  #listener: BackendListener | undefined;
  #isClosed = false;

  constructor(options: BackendOptions) {
    this.socket = options.socket;
    this.address = options.address;
    this.parameters = options.parameters;
    this.key = options.key;
    this.notices = options.notices;
    const closed = () => this.#close();
    this.socket.on('error', closed);
    this.socket.on('end', closed);
    this.socket.on('close', closed);
    this.socket.on('drain', () => this.#listener?.onBackendDrain());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** From here on the listener gets what the server sends. */
  attach(listener: BackendListener): void {
    this.#listener = listener;
    this.socket.on('data', this.#onData);
    this.socket.resume();
    if (this.#isClosed) listener.onBackendClosed(this);
  }

  /** The listener hears nothing more; what comes waits. */
  detach(): void {
    this.#listener = undefined;
    this.socket.pause();
    this.socket.off('data', this.#onData);
  }

  /**
   * Questions of the gateway's own, of a session that is detached and idle.
   * @param count of the ReadyForQuery that will come, one for each question
   * @param onAside gets what is for the client: notices and notifications
   * @returns the messages before each ReadyForQuery
   */
  async ask(
    questions: Buffer,
    count: number,
    onAside: (bytes: Buffer) => void,
  ): Promise<readonly (readonly Message[])[]> {
    if (count === 0) return [];
    const inbox = new MessageInbox(this.socket, maxAnswerBytes);
    try {
      this.socket.write(questions);
      const answers: Message[][] = [[]];
      for (;;) {
        const next = await inbox.next();
        if (next.type === from.ready) {
          if (answers.length === count) return answers;
          answers.push([]);
        } else if (next.type === from.parameterStatus) this.noteParameter(next.body);
        else if (next.type === from.notice || next.type === from.notification) {
          onAside(message(next.type, next.body));
        } else answers.at(-1)?.push(next);
      }
    } finally {
      inbox.release();
    }
  }

  noteParameter(body: Buffer): void {
    const name = readCString(body, 0);
    const value = name && readCString(body, name.next);
    if (value) this.parameters.set(name.text, value.text);
  }

  /** Says goodbye and closes. Only between two messages. */
  end(): void {
    this.#leave(message(frontend.terminate));
  }

  /** Closes as a client does that is gone: a message that it had begun must not be completed by anything. */
  drop(): void {
    this.#leave(Buffer.alloc(0));
  }

  #leave(lastWords: Buffer): void {
    this.detach();
    this.socket.end(lastWords);
    // A server that hangs must not keep the connection, and so the process.
    setTimeout(() => this.socket.destroy(), 1_000).unref();
    this.socket.resume();
  }

  /** As a terminated session: what runs is cancelled, and nobody is left to answer. */
  async abandon(): Promise<void> {
    this.detach();
    await this.cancel().catch(() => {});
    this.socket.destroy();
  }

  /** Asks the server to cancel what this session does, on a connection of its own as the protocol wants it. */
  async cancel(): Promise<void> {
    const socket = await openBackendSocket(this.address);
    await new Promise<void>((resolve) => {
      socket.on('error', () => resolve());
      // The server closes when it has sent the signal: a client that waits for that relies on it.
      socket.on('close', () => resolve());
      socket.setTimeout(5_000, () => socket.destroy());
      socket.resume();
      socket.end(cancelRequest(this.key));
    });
  }

  readonly #onData = (chunk: Buffer): void => this.#listener?.onBackendData(chunk);

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.socket.destroy();
    this.#listener?.onBackendClosed(this);
  }
}

/** The first error of an answer. */
export function errorIn(answer: readonly Message[]): BackendError | undefined {
  const found = answer.find(({ type }) => type === from.error);
  return found && new BackendError(found.body);
}

export function simpleQuery(sql: string): Buffer {
  return message(frontend.query, Buffer.from(`${sql}\0`));
}
