import type { StatementEffects } from './statement-effects.js';

/** More statements, or longer ones, than any driver keeps: the oldest are then left to the server alone. */
const maxStatements = 10_000;
const maxStatementBytes = 16 * 1024 * 1024;

/** What a session has been told that a new one would have to be told again. */
export class SessionMemory {
  /** Anything was asked since the login. */
  wasUsed = false;
  /** There may be something that only the server knows: temporary tables, locks, cursors, settings. */
  isUnclear = false;
  /** A setting of the application was set whose name is not known: nobody can ask for it. */
  hidesSetting = false;
  /** A prepared statement was too long to keep. */
  lostStatement = false;
  /** Bodies of Parse messages, by the statement's name. */
  readonly #statements = new Map<string, Buffer>();
  /** Names of the application's own settings, which no catalog lists. */
  readonly customSettings = new Set<string>();
  /** SET and LISTEN as they were sent, in their order. */
  readonly #replays = new Map<string, string>();
  #statementBytes = 0;

  get replays(): readonly string[] {
    return [...this.#replays.values()];
  }

  get statements(): ReadonlyMap<string, Buffer> {
    return this.#statements;
  }

  get listens(): boolean {
    return [...this.#replays.keys()].some((key) => key.startsWith('listen:'));
  }

  /** Whether all that is in the session is known here. */
  get isComplete(): boolean {
    return !this.isUnclear && !this.lostStatement;
  }

  /** A text was sent; what becomes of it is not known yet. */
  noteText(effects: StatementEffects): void {
    if (effects.isUnclear) this.isUnclear = true;
    if (effects.hidesSetting) this.hidesSetting = true;
    for (const name of effects.customSettings) this.customSettings.add(name);
  }

  /** It was done, outside of a transaction. */
  keep({ replay, forgets }: StatementEffects): void {
    if (replay) {
      // As the last one: a later SET may rest on an earlier one.
      this.#replays.delete(replay.key);
      // The text was read byte by byte; its own encoding is what the server gets again.
      this.#replays.set(replay.key, replay.sql);
    }
    if (forgets === '*') this.#forgetAll();
    else if (forgets?.endsWith(':*')) this.#forgetKind(forgets === 'listen:*');
    else if (forgets !== undefined) this.#replays.delete(forgets);
  }

  keepStatement(name: string, parse: Buffer): void {
    const before = this.#statements.get(name);
    this.#statementBytes += parse.length - (before?.length ?? 0);
    // A copy of what stays: the piece that it came in would stay in memory with it.
    this.#statements.set(name, name === '' ? parse : Buffer.from(parse));
    while (this.#statements.size > maxStatements || this.#statementBytes > maxStatementBytes) {
      const [oldest] = this.#statements;
      if (!oldest) break;
      this.dropStatement(oldest[0]);
      this.lostStatement = true;
    }
  }

  dropStatement(name: string): void {
    this.#statementBytes -= this.#statements.get(name)?.length ?? 0;
    this.#statements.delete(name);
  }

  #forgetKind(listens: boolean): void {
    for (const key of [...this.#replays.keys()]) {
      if (key.startsWith('listen:') === listens) this.#replays.delete(key);
    }
  }

  #forgetAll(): void {
    this.#replays.clear();
    this.#statements.clear();
    this.#statementBytes = 0;
    this.customSettings.clear();
    this.isUnclear = false;
    this.hidesSetting = false;
    this.lostStatement = false;
  }
}
