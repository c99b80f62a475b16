import type { ProbeRun, RehearsedProbe } from '../../domain/rehearsal.js';
import {
  isMuchSlower,
  isSameAnswer,
  parameterCount,
  probeParameters,
  probeVerdict,
  sortColumnsOf,
} from '../../domain/rehearsal-probes.js';
import { statementText } from '../../domain/statement-text.js';
import { BelayError } from '../../errors.js';
import { cancelQueries } from '../../postgres/cancel.js';
import { type Statement, splitStatements } from '../../postgres/parse-sql.js';
import { type ProbeQuery, runProbe } from '../../postgres/rehearsal/probe-query.js';
import type { Session } from '../../postgres/session.js';
import { readSqlFile } from '../plan/decode-sql.js';
import { throwIfAborted } from '../target/work.js';

/** A query of the application, read from a file. */
export interface Probe extends ProbeQuery {
  readonly line: number;
  /** A setting for those that follow, e.g. SET search_path: it stays. */
  readonly isSetting: boolean;
}

export interface ProbeOptions {
  /** Longest time for one query, in milliseconds; default 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The two databases in which queries are run. */
export interface ProbeSides {
  readonly openBefore: () => Promise<Session>;
  readonly openAfter: () => Promise<Session>;
}

const defaultTimeoutMs = 30_000;

/**
 * Reads a file with queries of the application.
 * @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR; BAD_MIGRATION with file and line: commands of psql, transactions, COPY, values
 *   that are no JSON
 */
export async function readProbes(file: string, cwd: string): Promise<Probe[]> {
  return parseProbes(await readSqlFile(cwd, file), file);
}

/** The same, of a text. */
export async function parseProbes(text: string, file: string): Promise<Probe[]> {
  const statements = await splitStatements(text, { file });
  return statements.map((statement, at) => {
    const { sql, line, kind, tree } = statement;
    refuseOthers(statement, file);
    const above = text.slice(statements[at - 1]?.end ?? 0, statement.start);
    return {
      ...{ sql, line, isSetting: kind === 'VariableSetStmt' && tree.is_local !== true },
      parameters: parametersOf(statement, above, file),
      sortedBy: sortColumnsOf(kind, tree),
    };
  });
}

function bad(file: string, line: number, what: string, hint: string): BelayError {
  return new BelayError('BAD_MIGRATION', `${file}, line ${line}: ${what}`, {
    hint: `Nothing was run. ${hint}`,
    details: { file, line },
  });
}

function refuseOthers({ kind, line }: Statement, file: string): void {
  if (kind === 'TransactionStmt') {
    const hint = 'Take it out: each query has a transaction of its own, which is rolled back.';
    throw bad(file, line, 'a probe cannot begin or end a transaction', hint);
  }
  if (kind === 'CopyStmt') {
    throw bad(file, line, 'COPY is no probe', 'Write a SELECT instead.');
  }
}

function parametersOf(
  { tree, line }: Statement,
  above: string,
  file: string,
): ProbeQuery['parameters'] {
  const count = parameterCount(tree);
  try {
    const given = probeParameters(above);
    if (given && given.length !== count) {
      const what = `the query has ${count} parameters, and "params:" gives ${given.length}`;
      throw bad(file, line, what, 'Give one value for each of $1, $2, ….');
    }
    return given ?? new Array<null>(count).fill(null);
  } catch (error) {
    if (error instanceof BelayError) throw error;
    const hint = 'Write it like `-- params: [1, "a", null]`, in one line above the query.';
    throw bad(file, line, 'the values of "params:" are no list in JSON', hint);
  }
}

/**
 * Runs queries of the application before and after a migration, and compares what they give: columns, rows, time. What they write is rolled
 * back; numbers that sequences gave are not. A query whose answer is another each time (`now()`) is compared by its columns, and by
 * how many rows it has.
 *
 * @example
 * const probes = await runProbes(copies, await readProbes('probes.sql', cwd));
 * @throws BelayError INTERRUPTED, SERVER_GONE
 */
export async function runProbes(
  { openBefore, openAfter }: ProbeSides,
  probes: readonly Probe[],
  { timeoutMs = defaultTimeoutMs, signal }: ProbeOptions = {},
): Promise<RehearsedProbe[]> {
  throwIfAborted(signal);
  const before = await openBefore();
  const after = await openAfter();
  const cancel = () => {
    cancelQueries(openBefore, [before, after]).catch(() => {});
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    // As the application's own connection would be, not as Belay's.
    for (const session of [before, after]) await session.execute('RESET ALL', 'setting up probes');
    const results: RehearsedProbe[] = [];
    for (const probe of probes) {
      throwIfAborted(signal);
      if (probe.isSetting) await applySetting([before, after], probe);
      else results.push(await compareProbe({ before, after }, probe, { timeoutMs, signal }));
    }
    return results;
  } catch (error) {
    // The cancelled query's own error would only say that somebody cancelled it.
    throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    for (const session of [before, after]) await session.resetSettings().catch(() => {});
  }
}

async function applySetting(sessions: readonly Session[], { sql }: Probe): Promise<void> {
  for (const session of sessions) await session.execute(sql, 'applying a setting of probes');
}

interface Sides {
  readonly before: Session;
  readonly after: Session;
}

async function compareProbe(
  sides: Sides,
  probe: Probe,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<RehearsedProbe> {
  const run = async (session: Session): Promise<ProbeRun> => {
    const result = await runProbe(session, probe, timeoutMs);
    // What was cancelled looks like a query that failed.
    throwIfAborted(signal);
    return result;
  };
  let before = await run(sides.before);
  let after = await run(sides.after);
  if (before.error === null && after.error === null) {
    if (!isSameAnswer(before, after)) {
      const known = whatIsStable(before, await run(sides.before));
      [before, after] = [
        { ...before, ...known },
        { ...after, ...known },
      ];
    }
    if (isMuchSlower(before, after)) {
      // Once may be by chance: nothing was cached, others kept the server busy.
      before = faster(before, await run(sides.before));
      after = faster(after, await run(sides.after));
    }
  }
  const verdict = probeVerdict(before, after);
  return { sql: statementText(probe.sql), line: probe.line, before, after, verdict };
}

/** Of an answer that is another each time not even the rows are compared, or only how many they are. */
function whatIsStable(run: ProbeRun, again: ProbeRun): Partial<ProbeRun> {
  if (isSameAnswer(run, again)) return {};
  return { hash: null, ...(run.rows === again.rows ? {} : { rows: null }) };
}

const faster = (run: ProbeRun, again: ProbeRun): ProbeRun =>
  again.error === null && again.durationMs < run.durationMs
    ? { ...run, durationMs: again.durationMs }
    : run;
