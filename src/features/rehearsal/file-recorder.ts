import { isTransactional } from '../../domain/impact/transactional.js';
import type { RehearsedLock, RehearsedStatement } from '../../domain/rehearsal.js';
import { isNotable, longestLocks, type RelationName } from '../../domain/rehearsal-locks.js';
import { statementText } from '../../domain/statement-text.js';
import type { Statement } from '../../postgres/parse-sql.js';
import { copyDataIn } from '../../postgres/rehearsal/copy-data.js';
import { type OwnLock, readOwnLocks } from '../../postgres/rehearsal/read-own-locks.js';
import type { ScriptHooks } from '../../postgres/run-script.js';
import { describeStatement, mayHoldPassword } from '../../postgres/script-failure.js';
import type { Session } from '../../postgres/session.js';
import type { FileStatement } from './file-statement.js';

/** They take locks on tables that hold up nobody else's reading and writing. */
const plainDml = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt']);

/** Nothing may be asked between them and what follows: SET TRANSACTION has to come first. */
const beforeAnyQuery = new Set(['TransactionStmt', 'VariableSetStmt', 'VariableShowStmt']);

/** Of these it makes no difference that they stand in a transaction of their own, in which their locks can be looked at. */
const takeLocks = new Set([
  ...['AlterTableStmt', 'CreateStmt', 'IndexStmt', 'DropStmt', 'TruncateStmt', 'RenameStmt'],
  ...['AlterObjectSchemaStmt', 'RefreshMatViewStmt', 'CreateTrigStmt', 'CreateTableAsStmt'],
  ...['ViewStmt', 'AlterOwnerStmt', 'RuleStmt', 'CreatePolicyStmt', 'AlterPolicyStmt'],
  ...['ReindexStmt', 'ClusterStmt', 'AlterSeqStmt', 'CreateStatsStmt'],
]);

/** A statement that takes this long may have taken locks by its triggers; the look costs less than a tenth of it. */
const worthALookMs = 50;

interface HeldLock extends OwnLock {
  readonly sinceMs: number;
  readonly statement: string;
}

interface Timed extends RehearsedStatement {
  readonly file: string;
}

/** Times the statements of files while they are run, and the locks that they take, each from its statement to the end of the transaction. */
export class FileRecorder {
  readonly #session: Session;
  readonly #names: ReadonlyMap<number, RelationName>;
  readonly #done: Timed[] = [];
  readonly #locks: RehearsedLock[] = [];
  #run: Timed[] = [];
  #held = new Map<string, HeldLock>();
  #current: { readonly statement: FileStatement; readonly sinceMs: number } | null = null;
  #isRunning = false;

  constructor(session: Session, names: ReadonlyMap<number, RelationName>) {
    this.#session = session;
    this.#names = names;
  }

  /** The statement that runs, or has failed. */
  get current(): FileStatement | null {
    return this.#current?.statement ?? null;
  }

  get statements(): readonly Timed[] {
    return this.#done;
  }

  get locks(): RehearsedLock[] {
    return longestLocks(this.#locks);
  }

  /** Hooks for statements that are run together. */
  hooksFor(statements: readonly FileStatement[]): ScriptHooks {
    const at = (index: number) => statements[index] as FileStatement;
    return {
      afterBegin: async () => {
        // Another attempt: what the last one did was rolled back.
        this.#run = [];
        this.#held.clear();
      },
      needsTransaction: (one) => takeLocks.has(one.kind) && isTransactional(one),
      before: async (_, index) => {
        this.#releaseIfIdle();
        this.#current = { statement: at(index), sinceMs: performance.now() };
        this.#isRunning = true;
      },
      run: ({ sql }, index) => {
        const { data } = at(index);
        return data === null ? undefined : copyDataIn(this.#session, sql, data);
      },
      after: ({ kind }, index) => this.#after(kind, index),
      beforeCommit: async () => this.#look(),
    };
  }

  async #after(kind: string, index: number): Promise<void> {
    const durationMs = this.#ended(index);
    const isQuick = plainDml.has(kind) && durationMs < worthALookMs;
    if (!this.#releaseIfIdle() && !isQuick && !beforeAnyQuery.has(kind)) await this.#look();
  }

  #ended(index: number): number {
    this.#isRunning = false;
    if (!this.#current) return 0;
    const { statement, sinceMs } = this.#current;
    const durationMs = performance.now() - sinceMs;
    const { line, file } = statement;
    this.#run[index] = { sql: textOf(statement), durationMs, exact: true, line, file };
    return durationMs;
  }

  /** Ends a run, also one whose statement has failed. */
  end(): void {
    if (this.#isRunning) this.#ended(this.#run.length);
    this.#release();
    for (const one of this.#run) this.#done.push(one);
    this.#run = [];
  }

  /** Locks go with their transaction. */
  #releaseIfIdle(): boolean {
    const isIdle = this.#session.client.getTransactionStatus() === 'I';
    if (isIdle) this.#release();
    return isIdle;
  }

  #release(): void {
    for (const lock of this.#held.values()) this.#keep(lock);
    this.#held.clear();
  }

  #keep({ relation, mode, sinceMs, statement }: HeldLock): void {
    const name = this.#names.get(relation);
    const heldMs = Math.round((performance.now() - sinceMs) * 10) / 10;
    if (!name || !isNotable({ mode, heldMs })) return;
    const { name: object, kind } = name;
    this.#locks.push({
      ...{ object, kind, mode, heldMs, heldAtMostMs: heldMs, waitedMs: 0, statement },
    });
  }

  async #look(): Promise<void> {
    if (!this.#current) return;
    const { statement, sinceMs } = this.#current;
    const held = new Map<string, HeldLock>();
    for (const lock of await readOwnLocks(this.#session)) {
      if (!this.#names.has(lock.relation)) continue;
      const key = `${lock.relation} ${lock.mode}`;
      const known = this.#held.get(key);
      held.set(key, known ?? { ...lock, sinceMs, statement: textOf(statement) });
    }
    // Gone with a savepoint.
    for (const [key, lock] of this.#held) if (!held.has(key)) this.#keep(lock);
    this.#held = held;
  }
}

const textOf = (statement: Statement): string =>
  mayHoldPassword(statement.kind) ? describeStatement(statement) : statementText(statement.sql);
