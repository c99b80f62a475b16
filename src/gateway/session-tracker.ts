import { MessageReader } from './message-reader.js';
import { backend as from, frontend as to, transactionStatus } from './protocol.js';
import { SessionMemory } from './session-memory.js';
import { effectsOf, noEffects, type StatementEffects } from './statement-effects.js';

/** Texts that are longer are not looked into: what they leave in the session is unclear then. */
const keepBytes = 256 * 1024;

/** Something that was sent and whose answer is still to come. */
interface Expected {
  readonly kind: 'query' | 'sync' | 'parse' | 'close';
  /** Of a prepared statement; undefined: a portal. */
  readonly name?: string | undefined;
  /** Body of the Parse message; undefined: too long to keep. */
  readonly parse?: Buffer | undefined;
  readonly effects: StatementEffects;
}

const plainQuery: Expected = { kind: 'query', effects: noEffects };
const plainSync: Expected = { kind: 'sync', effects: noEffects };
const unclear: StatementEffects = { ...noEffects, isUnclear: true, hidesSetting: true };

/**
 * Follows what client and server say to each other, to know at every moment whether something is outstanding: a session
 * may be led elsewhere only where nothing is. It counts what will be answered by ReadyForQuery, and keeps what the
 * session has been told to remember.
 */
export class SessionTracker {
  readonly memory = new SessionMemory();
  /** From the client: `read` stops in front of a new request while `isHolding`. */
  readonly client: MessageReader;
  readonly server: MessageReader;
  /** New requests are to wait; what belongs to one that has begun goes on. */
  isHolding = false;
  /** Called with each changed setting that the server reports. */
  onParameter: (body: Buffer) => void = () => {};
  /** How often ReadyForQuery has come. */
  readyCount = 0;
  /** An error came while nothing was asked: the server ends the session. */
  sawFatal = false;

  #status: number = transactionStatus.idle;
  /** Requests without their ReadyForQuery. */
  #outstanding = 0;
  /** Messages of the extended protocol since the last Sync. */
  #batchIsOpen = false;
  #isCopyingIn = false;
  #failed = false;
  readonly #expected: Expected[] = [];
  #first = 0;

  constructor() {
    this.client = new ClientReader(this);
    this.server = new ServerReader(this);
  }

  /** Nothing outstanding, no transaction, no message half-way: certain. */
  get isIdle(): boolean {
    return (
      this.#outstanding === 0 &&
      !this.#batchIsOpen &&
      this.#status === transactionStatus.idle &&
      this.client.atBoundary &&
      this.server.atBoundary
    );
  }

  /** In a transaction block whose next statement has not come. */
  get waitsInTransaction(): boolean {
    return this.#status !== transactionStatus.idle && this.#outstanding === 0;
  }

  mayBegin(type: number): boolean {
    if (!this.isHolding) return true;
    switch (type) {
      case to.query:
      case to.functionCall:
        return false;
      case to.parse:
      case to.bind:
      case to.describe:
      case to.execute:
      case to.close:
      case to.flush:
      case to.sync:
        return this.#batchIsOpen || this.#isCopyingIn;
      default:
        return true;
    }
  }

  onClientMessage(type: number, buffer: Buffer | undefined, start: number, end: number): void {
    switch (type) {
      case to.query:
        this.#onQuery(buffer, start, end);
        return;
      case to.parse:
        this.#onParse(buffer, start, end);
        return;
      case to.close:
        this.#onClose(buffer, start, end);
        return;
      case to.bind:
      case to.describe:
      case to.execute:
        this.#batchIsOpen = true;
        return;
      case to.sync:
        this.#batchIsOpen = false;
        // The server passes over a Sync while it takes a COPY's rows.
        if (!this.#isCopyingIn) this.#expect(plainSync);
        return;
      case to.functionCall:
        this.memory.isUnclear = true;
        this.#expect(plainQuery);
        return;
      case to.copyDone:
      case to.copyFail:
        this.#isCopyingIn = false;
        return;
      default:
    }
  }

  #onQuery(buffer: Buffer | undefined, start: number, end: number): void {
    this.memory.wasUsed = true;
    // The server drops the unnamed statement with each simple query.
    this.memory.dropStatement('');
    // Without the zero byte at its end.
    const effects = buffer ? effectsOf(buffer.toString('latin1', start, end - 1)) : unclear;
    if (effects !== noEffects) this.memory.noteText(effects);
    this.#expect(effects === noEffects ? plainQuery : { kind: 'query', effects });
  }

  #onParse(buffer: Buffer | undefined, start: number, end: number): void {
    this.memory.wasUsed = true;
    this.#batchIsOpen = true;
    if (!buffer) {
      this.memory.noteText(unclear);
      // Which statement it was is not known: from here on none can be made again with certainty.
      this.memory.lostStatement = true;
      this.#expect({ kind: 'parse', effects: unclear });
      return;
    }
    const nameEnd = buffer.indexOf(0, start);
    const textEnd = buffer.indexOf(0, nameEnd + 1);
    const name = nameEnd === start ? '' : buffer.toString('utf8', start, nameEnd);
    const effects = effectsOf(buffer.toString('latin1', nameEnd + 1, textEnd));
    if (effects !== noEffects) this.memory.noteText(effects);
    this.#expect({ kind: 'parse', name, parse: buffer.subarray(start, end), effects });
  }

  #onClose(buffer: Buffer | undefined, start: number, end: number): void {
    this.#batchIsOpen = true;
    const isStatement = buffer?.[start] === 'S'.charCodeAt(0);
    const name = isStatement ? buffer?.toString('utf8', start + 1, end - 1) : undefined;
    this.#expect({ kind: 'close', name, effects: noEffects });
  }

  onServerMessage(type: number, buffer: Buffer | undefined, start: number, end: number): void {
    switch (type) {
      case from.ready:
        this.#onReady(buffer?.[start] ?? transactionStatus.idle);
        return;
      case from.parseComplete:
        this.#onParsed();
        return;
      case from.closeComplete:
        this.#onClosed();
        return;
      case from.error:
        if (this.#outstanding === 0 && !this.#batchIsOpen) this.sawFatal = true;
        this.#failed = true;
        this.#isCopyingIn = false;
        return;
      case from.copyIn:
        this.#onCopyIn();
        return;
      case from.parameterStatus:
        if (buffer) this.onParameter(buffer.subarray(start, end));
        return;
      default:
    }
  }

  #expect(expected: Expected): void {
    if (expected.kind === 'query' || expected.kind === 'sync') this.#outstanding += 1;
    this.#expected.push(expected);
  }

  #shift(): Expected | undefined {
    const expected = this.#expected[this.#first];
    this.#first += 1;
    if (this.#first >= this.#expected.length || this.#first > 1_000) {
      this.#expected.splice(0, this.#first);
      this.#first = 0;
    }
    return expected;
  }

  #onReady(status: number): void {
    const wasOutside = this.#status === transactionStatus.idle;
    const isOutside = status === transactionStatus.idle;
    this.readyCount += 1;
    if (this.#outstanding > 0) this.#outstanding -= 1;
    for (let done = this.#shift(); done; done = this.#shift()) {
      this.#conclude(done.effects, wasOutside && isOutside);
      if (done.kind === 'query' || done.kind === 'sync') break;
    }
    this.#status = status;
    this.#failed = false;
    this.#isCopyingIn = false;
  }

  /** In a transaction, the effect of a statement hangs on what becomes of it. */
  #conclude(effects: StatementEffects, isOutside: boolean): void {
    if (effects === noEffects || this.#failed) return;
    if (isOutside) this.memory.keep(effects);
    else this.memory.isUnclear = true;
  }

  #onParsed(): void {
    if (this.#expected[this.#first]?.kind !== 'parse') return;
    const { name, parse, effects } = this.#shift() as Expected;
    if (name !== undefined && parse) this.memory.keepStatement(name, parse);
    if (effects === noEffects) return;
    // What it does it does when it is executed, in the same batch as a rule: concluded with that.
    this.#expected.splice(this.#first, 0, { kind: 'close', effects });
    this.#moveBehindBatch();
  }

  /** Puts the first one in front of the Sync of its batch, so that answers in between find their own. */
  #moveBehindBatch(): void {
    const [moved] = this.#expected.splice(this.#first, 1);
    let at = this.#first;
    while (at < this.#expected.length && this.#expected[at]?.kind !== 'sync') at += 1;
    if (moved) this.#expected.splice(at, 0, moved);
  }

  #onClosed(): void {
    if (this.#expected[this.#first]?.kind !== 'close') return;
    const { name } = this.#shift() as Expected;
    if (name !== undefined) this.memory.dropStatement(name);
  }

  /** A Sync that was sent together with the COPY is passed over by the server. */
  #onCopyIn(): void {
    this.#isCopyingIn = true;
    if (this.#expected[this.#first]?.kind === 'query') return;
    for (let at = this.#expected.length - 1; at >= this.#first; at -= 1) {
      if (this.#expected[at]?.kind !== 'sync') continue;
      this.#expected.splice(at, 1);
      this.#outstanding -= 1;
    }
    // Until its last Sync the batch goes on.
    this.#batchIsOpen = true;
  }
}

class ClientReader extends MessageReader {
  readonly #tracker: SessionTracker;

  constructor(tracker: SessionTracker) {
    super([to.query, to.parse, to.close], keepBytes);
    this.#tracker = tracker;
  }

  protected override mayBegin(type: number): boolean {
    return this.#tracker.mayBegin(type);
  }

  protected override onMessage(
    type: number,
    buffer: Buffer | undefined,
    start: number,
    end: number,
  ): void {
    this.#tracker.onClientMessage(type, buffer, start, end);
  }
}

class ServerReader extends MessageReader {
  readonly #tracker: SessionTracker;

  constructor(tracker: SessionTracker) {
    super([from.ready, from.parameterStatus], keepBytes);
    this.#tracker = tracker;
  }

  protected override onMessage(
    type: number,
    buffer: Buffer | undefined,
    start: number,
    end: number,
  ): void {
    this.#tracker.onServerMessage(type, buffer, start, end);
  }
}
