import { BelayError } from '../../errors.js';
import type { Session } from '../session.js';
import { isInTransaction } from './stable-printing.js';

/** A statement that did not run, and why. */
export interface FailedStatement<S> {
  readonly statement: S;
  readonly error: BelayError;
}

/** What became of statements that were run in the order that works. */
export interface RunResult<S> {
  /** Those that ran, in the order in which they did. */
  readonly done: readonly S[];
  readonly failed: readonly FailedStatement<S>[];
}

const doing = 'building a schema';

/** So many are sent at once: a round trip costs more than most statements. */
const batchSize = 200;

/** Errors that say nothing about the statement itself. */
const isFatal = (error: unknown): boolean =>
  !(error instanceof BelayError) ||
  [
    'SERVER_GONE',
    'SERVER_UNREACHABLE',
    'TOO_MANY_CONNECTIONS',
    'DISK_FULL',
    'INTERRUPTED',
  ].includes(error.code);

/** There is no cast from one type to the other. */
const noCast = '42846';

/**
 * A change of a column's type that converts the values by their texts, as any type can be. Where a value cannot be read as
 * one of the new type, that fails and nothing is lost.
 */
const byText = (sql: string): string =>
  sql.replace(/( USING (?:"(?:[^"]|"")+"|[\w$]+))::(?!text::)/, '$1::text::');

/** Runs a statement that stands alone: as it is or, where types have no cast, by way of their texts. */
async function runSingle<S extends { readonly sql: string }>(
  session: Session,
  statement: S,
  result: { done: S[]; failed: FailedStatement<S>[] },
): Promise<void> {
  const failed = await runOne(session, statement);
  if (!failed) {
    result.done.push(statement);
    return;
  }
  const other = { ...statement, sql: byText(statement.sql) };
  const isWorthATry = failed.error.details.sqlState === noCast && other.sql !== statement.sql;
  if (isWorthATry && !(await runOne(session, other))) result.done.push(other);
  else result.failed.push(failed);
}

async function runOne<S extends { readonly sql: string }>(
  session: Session,
  statement: S,
): Promise<FailedStatement<S> | undefined> {
  // In a transaction a statement that fails would take everything before it along.
  const isNested = isInTransaction(session);
  const [begin, end] = isNested
    ? ['SAVEPOINT belay_building; ', '; RELEASE belay_building']
    : ['', ''];
  try {
    await session.execute(begin + statement.sql + end, doing);
    return undefined;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (isNested)
      await session.execute('ROLLBACK TO belay_building; RELEASE belay_building', doing);
    return { statement, error: error as BelayError };
  }
}

/** Runs statements as one; where that fails none of them has run. Halves are tried until the culprit stands alone. */
async function runBatch<S extends { readonly sql: string }>(
  session: Session,
  batch: readonly S[],
  result: { done: S[]; failed: FailedStatement<S>[] },
): Promise<void> {
  const [first] = batch;
  if (!first) return;
  if (batch.length === 1) {
    await runSingle(session, first, result);
    return;
  }
  // Several in one message are one transaction.
  const all = { sql: batch.map(({ sql }) => sql).join(';\n') };
  if (!(await runOne(session, all))) {
    result.done.push(...batch);
    return;
  }
  const middle = Math.ceil(batch.length / 2);
  await runBatch(session, batch.slice(0, middle), result);
  await runBatch(session, batch.slice(middle), result);
}

/**
 * Runs statements, each or a batch of them for itself also in a transaction, and those that fail again after the rest, until a round gets nowhere: what
 * they need may have come after them.
 */
export async function runStatements<S extends { readonly sql: string }>(
  session: Session,
  statements: readonly S[],
  { inBatches = true }: { readonly inBatches?: boolean } = {},
): Promise<RunResult<S>> {
  const done: S[] = [];
  let waiting: readonly S[] = statements;
  for (;;) {
    const round = { done: [] as S[], failed: [] as FailedStatement<S>[] };
    const size = inBatches ? batchSize : 1;
    for (let at = 0; at < waiting.length; at += size) {
      await runBatch(session, waiting.slice(at, at + size), round);
    }
    done.push(...round.done);
    if (round.failed.length === 0 || round.done.length === 0) return { done, failed: round.failed };
    waiting = round.failed.map(({ statement }) => statement);
  }
}
