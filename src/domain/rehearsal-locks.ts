import type { RehearsedLock, RehearsedStatement, RelationKind } from './rehearsal.js';
import { statementText } from './statement-text.js';

/** A relation as it was named before the migration. */
export interface RelationName {
  /** "schema.table". */
  readonly name: string;
  readonly kind: RelationKind;
}

/** A lock in one sample. */
export interface SeenLock {
  readonly pid: number;
  /** Tells a process from a later one with its number. */
  readonly backendStart: string;
  readonly transactionStart: string | null;
  readonly relation: number;
  readonly mode: string;
  readonly granted: boolean;
  /** Since when it is waited for; 0 where it is not. */
  readonly waitedMs: number;
}

/** A session that was at work in one sample. */
export interface SeenStatement {
  readonly pid: number;
  readonly backendStart: string;
  /** By the server's clock, in milliseconds since 1970. */
  readonly startedMs: number;
  /** Null where the role may not see it. */
  readonly sql: string | null;
  readonly isActive: boolean;
}

export interface LockSample {
  /** By the server's clock, in milliseconds since 1970. */
  readonly atMs: number;
  readonly locks: readonly SeenLock[];
  readonly statements: readonly SeenStatement[];
}

/** A lock that was seen in samples that follow each other; of each relation and mode the longest. */
export interface SampledLock {
  readonly relation: number;
  readonly mode: string;
  /** Between the first and the last sample with it. */
  readonly heldMs: number;
  /** Between the samples around those. */
  readonly heldAtMostMs: number;
  readonly waitedMs: number;
  readonly statement: string | null;
}

/** What a watcher has seen. */
export interface WatchResult {
  readonly samples: number;
  /** Median of the time between two samples, as it really was; null with less than two. */
  readonly sampleIntervalMs: number | null;
  readonly locks: readonly SampledLock[];
  /** The longest, each with the time for which it was seen: a lower bound. */
  readonly statements: readonly RehearsedStatement[];
  /** Why the watcher has seen less than it should have; null: it has not. */
  readonly problem: string | null;
}

interface Span {
  readonly relation: number;
  readonly mode: string;
  /** When it was granted as far as seen; null: only waited for until now. */
  firstMs: number | null;
  lastMs: number;
  /** Of the sample before the first. */
  afterMs: number | null;
  waitedMs: number;
  statement: string | null;
  lastSample: number;
}

interface Running {
  readonly sql: string;
  readonly startedMs: number;
  lastMs: number;
}

/**
 * This mode alone is held by a session over several transactions (CREATE INDEX CONCURRENTLY and its kin); every other ends with its
 * transaction, so that the next one's is another lock.
 */
const overTransactions = 'ShareUpdateExclusiveLock';

/** The longest are what a report is about. */
const mostStatements = 500;

/** Puts samples together. */
export class LockSamples {
  readonly #open = new Map<string, Span>();
  /** Of each relation and mode the longest. */
  readonly #closed = new Map<string, SampledLock>();
  readonly #statements = new Map<string, Running>();
  readonly #intervals: number[] = [];
  #count = 0;
  #lastMs: number | null = null;

  /** Takes a sample that was taken after all others. */
  add({ atMs, locks, statements }: LockSample): void {
    this.#count += 1;
    if (this.#lastMs !== null) this.#intervals.push(atMs - this.#lastMs);
    const working = new Map(statements.map((one) => [`${one.pid} ${one.backendStart}`, one]));
    for (const one of statements) this.#addStatement(one, atMs);
    for (const lock of locks) {
      const by = working.get(`${lock.pid} ${lock.backendStart}`);
      this.#addLock(lock, atMs, by?.sql ?? null);
    }
    for (const [key, span] of this.#open) {
      if (span.lastSample !== this.#count) this.#close(key, span, atMs);
    }
    this.#lastMs = atMs;
  }

  /** @param problem why samples are missing, if any are */
  result(problem: string | null = null): WatchResult {
    for (const [key, span] of [...this.#open]) this.#close(key, span, null);
    const statements = [...this.#statements.values()].map(({ sql, startedMs, lastMs }) => {
      return { sql, durationMs: Math.max(0, lastMs - startedMs), exact: false, line: null };
    });
    return {
      ...{ samples: this.#count, sampleIntervalMs: median(this.#intervals), problem },
      locks: [...this.#closed.values()].sort((a, b) => b.heldMs - a.heldMs),
      statements: statements.sort((a, b) => b.durationMs - a.durationMs).slice(0, mostStatements),
    };
  }

  #addStatement({ pid, backendStart, startedMs, sql, isActive }: SeenStatement, atMs: number) {
    if (!isActive || sql === null || sql.trim() === '') return;
    const key = `${pid} ${backendStart} ${startedMs}`;
    const known = this.#statements.get(key);
    if (known) known.lastMs = atMs;
    else this.#statements.set(key, { sql: statementText(sql), startedMs, lastMs: atMs });
    if (this.#statements.size > 4 * mostStatements) this.#forgetShort(atMs);
  }

  /** Of the statements of hours the longest are kept, and those that may still run. */
  #forgetShort(atMs: number): void {
    const ended = [...this.#statements].filter(([, { lastMs }]) => lastMs < atMs);
    const lengthOf = ({ startedMs, lastMs }: Running) => lastMs - startedMs;
    ended.sort(([, a], [, b]) => lengthOf(b) - lengthOf(a));
    for (const [key] of ended.slice(mostStatements)) this.#statements.delete(key);
  }

  #addLock(lock: SeenLock, atMs: number, sql: string | null): void {
    const { relation, mode, granted, waitedMs } = lock;
    const transaction = mode === overTransactions ? '' : lock.transactionStart;
    const key = [lock.pid, lock.backendStart, transaction, relation, mode].join(' ');
    const span = this.#open.get(key) ?? {
      ...{ relation, mode, firstMs: null, lastMs: atMs, afterMs: null, waitedMs: 0 },
      ...{ statement: sql === null ? null : statementText(sql), lastSample: this.#count },
    };
    this.#open.set(key, span);
    span.lastSample = this.#count;
    span.waitedMs = Math.max(span.waitedMs, waitedMs);
    if (!granted) return;
    if (span.firstMs === null) {
      span.firstMs = atMs;
      span.afterMs = this.#lastMs ?? atMs;
    }
    span.lastMs = atMs;
  }

  /** @param untilMs the sample in which it was there no longer; null: there was none */
  #close(key: string, span: Span, untilMs: number | null): void {
    this.#open.delete(key);
    const { relation, mode, firstMs, lastMs, afterMs, waitedMs, statement } = span;
    const held =
      firstMs === null
        ? { heldMs: 0, heldAtMostMs: 0 }
        : {
            heldMs: lastMs - firstMs,
            heldAtMostMs: (untilMs ?? lastMs) - (afterMs ?? firstMs),
          };
    const kind = `${relation} ${mode}`;
    const other = this.#closed.get(kind);
    const isLonger =
      !other ||
      held.heldMs > other.heldMs ||
      (held.heldMs === other.heldMs && held.heldAtMostMs > other.heldAtMostMs);
    const longest = isLonger ? { relation, mode, ...held, statement } : other;
    this.#closed.set(kind, { ...longest, waitedMs: Math.max(waitedMs, other?.waitedMs ?? 0) });
  }
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? null : Math.round(middle * 10) / 10;
}

/** Modes that hold up writers, or everybody. Weakest first. */
const strongModes = [
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const;

/** Weaker ones hold up only changes of the schema: worth a line when they do so for long. */
const weakIsLongMs = 1_000;

/** Whether a lock is worth a report. */
export function isNotable({ mode, heldMs }: { readonly mode: string; readonly heldMs: number }) {
  if ((strongModes as readonly string[]).includes(mode)) return true;
  return mode !== 'AccessShareLock' && heldMs >= weakIsLongMs;
}

/**
 * Of what a watcher has seen, the locks on relations that were there before: of each relation and mode the longest. Locks that hold up
 * writers always, weaker ones where they were held for a second or more.
 * @param exact what was measured rather than seen: it goes before what was seen of the same relation and mode
 */
export function locksOf(
  { locks }: Pick<WatchResult, 'locks'>,
  names: ReadonlyMap<number, RelationName>,
  exact: readonly RehearsedLock[] = [],
): RehearsedLock[] {
  const known = new Set(exact.map(keyOf));
  const seen = locks.flatMap(({ relation, ...lock }) => {
    const named = names.get(relation);
    if (!named || !isNotable(lock)) return [];
    const { mode, statement, heldMs, heldAtMostMs, waitedMs } = lock;
    return [
      {
        ...{ object: named.name, kind: named.kind, mode, statement },
        ...{ heldMs: tenths(heldMs), heldAtMostMs: tenths(heldAtMostMs) },
        waitedMs: tenths(waitedMs),
      },
    ];
  });
  return longestLocks([...exact, ...seen.filter((lock) => !known.has(keyOf(lock)))]);
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

const keyOf = ({ object, kind, mode }: RehearsedLock): string => `${kind} ${mode} ${object}`;

/**
 * Of each relation and mode the longest, longest first; of two as long the stronger one first. One that a stronger one on the same relation
 * goes beyond is felt by nobody, and left out.
 */
export function longestLocks(locks: readonly RehearsedLock[]): RehearsedLock[] {
  const longest = new Map<string, RehearsedLock>();
  for (const lock of locks) {
    const other = longest.get(keyOf(lock));
    const waitedMs = Math.max(lock.waitedMs, other?.waitedMs ?? 0);
    const longer = other && compareLocks(other, lock) <= 0 ? other : lock;
    longest.set(keyOf(lock), { ...longer, waitedMs });
  }
  const all = [...longest.values()];
  const isFelt = (lock: RehearsedLock) => !all.some((other) => coversLock(other, lock));
  return all.filter(isFelt).sort(compareLocks);
}

const coversLock = (one: RehearsedLock, other: RehearsedLock): boolean =>
  one.object === other.object &&
  one.kind === other.kind &&
  strength(one) > strength(other) &&
  one.heldMs >= other.heldMs &&
  one.waitedMs >= other.waitedMs;

const strength = ({ mode }: RehearsedLock): number =>
  (strongModes as readonly string[]).indexOf(mode);

function compareLocks(a: RehearsedLock, b: RehearsedLock): number {
  return (
    b.heldMs - a.heldMs ||
    b.heldAtMostMs - a.heldAtMostMs ||
    strength(b) - strength(a) ||
    (a.object < b.object ? -1 : a.object > b.object ? 1 : 0)
  );
}

/** The longest ACCESS EXCLUSIVE lock on a table, in milliseconds: nobody could even read it. */
export function exclusiveLockMs(locks: readonly RehearsedLock[]): number {
  const exclusive = locks.filter(
    ({ kind, mode }) =>
      mode === 'AccessExclusiveLock' && (kind === 'table' || kind === 'materialized view'),
  );
  return Math.max(0, ...exclusive.map(({ heldMs }) => heldMs));
}
