import type { MigrationScript } from '../../domain/migration.js';
import type { Reporter } from '../../domain/reporter.js';
import type { RollbackStatement } from '../../domain/rollback.js';
import { runScript } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import type { SimulatedStep } from './simulate.js';

export interface RunStepOptions {
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
  /** Part of the step's last transaction. */
  readonly beforeCommit: () => Promise<unknown>;
}

/**
 * Runs one step: a down script as it was written, or the statements that were found. All of it is one transaction, unless
 * PostgreSQL wants a commit in between (a new label of an enum) or none at all.
 */
export async function runStep(
  session: Session,
  { route, statements }: SimulatedStep,
  options: RunStepOptions,
): Promise<void> {
  const scripts = route.script ? [route.script] : segments(route.to, statements);
  for (const [index, script] of scripts.entries()) {
    const isLast = index === scripts.length - 1;
    const { signal, reporter, beforeCommit } = options;
    await runScript(session, script, { signal, reporter, ...(isLast ? { beforeCommit } : {}) });
  }
}

/** Statements that can be run together, as scripts. */
function segments(to: string, statements: readonly RollbackStatement[]): MigrationScript[] {
  const groups: RollbackStatement[][] = [[]];
  for (const statement of statements) {
    const current = groups.at(-1) ?? [];
    const isApart =
      statement.breaksBefore || !statement.transactional || current[0]?.transactional === false;
    if (isApart && current.length > 0) groups.push([statement]);
    else current.push(statement);
  }
  // The entry in the history belongs to a transaction, also where there is nothing else to do in it.
  if (groups.at(-1)?.some(({ transactional }) => !transactional)) groups.push([]);
  return groups.map((group) => {
    const inTransaction = group.every(({ transactional }) => transactional);
    // A function may name what a later statement makes.
    const lines = inTransaction ? ['SET LOCAL check_function_bodies = off;'] : [];
    const sql = [...lines, ...group.map((one) => `${one.sql.replace(/[;\s]+$/, '')};`)].join('\n');
    return { file: `the way back to ${to}`, line: 1, sql, inTransaction };
  });
}
