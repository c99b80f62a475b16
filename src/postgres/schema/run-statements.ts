import { BelayError } from '../../errors.js';
import type { Session } from '../session.js';

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

async function runOne<S extends { readonly sql: string }>(
  session: Session,
  statement: S,
): Promise<FailedStatement<S> | undefined> {
  try {
    await session.execute(statement.sql, doing);
    return undefined;
  } catch (error) {
    if (isFatal(error)) throw error;
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
    const failed = await runOne(session, first);
    if (failed) result.failed.push(failed);
    else result.done.push(first);
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
 * Runs statements outside of a transaction, and those that fail again after the rest, until a round gets nowhere: what
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
