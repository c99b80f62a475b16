import type { MigrationScript } from '../../domain/migration.js';
import type { Reporter } from '../../domain/reporter.js';
import type { RollbackStatement } from '../../domain/rollback.js';
import type { OrderedStatements } from '../../postgres/records/restore-order.js';
import { runScript, type ScriptHooks } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import type { StepRestorer } from './data-run.js';
import type { SimulatedStep } from './simulate.js';

export interface RunStepOptions {
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
  /** Part of the step's last transaction. */
  readonly beforeCommit: () => Promise<unknown>;
  /** Puts records back in the same transaction. */
  readonly restorer?: StepRestorer | undefined;
}

/**
 * Runs one step: a down script as it was written, or the statements that were found. All of it is one transaction, unless
 * PostgreSQL wants a commit in between (a new label of an enum) or none at all.
 */
export async function runStep(
  session: Session,
  step: SimulatedStep,
  options: RunStepOptions,
): Promise<void> {
  const { signal, reporter, beforeCommit, restorer } = options;
  const parts = segments(step, step.order ?? null);
  const at = parts.findIndex(({ dataAt }) => dataAt !== null);
  for (const [index, { script, dataAt }] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const hooks = restorer && (at < 0 ? isLast : index === at) && restoringHooks(restorer, dataAt);
    // Where nothing comes after the records they are the last thing that is done.
    const isAtEnd = restorer !== undefined && at < 0;
    const atEnd = async () => {
      if (isAtEnd) await restorer?.restore();
      await beforeCommit();
    };
    await runScript(session, script, {
      ...{ signal, reporter },
      ...(hooks ? { hooks } : {}),
      ...(isLast ? { beforeCommit: atEnd } : {}),
    });
  }
}

function restoringHooks(restorer: StepRestorer, dataAt: number | null): ScriptHooks {
  return {
    afterBegin: () => restorer.prepare(),
    before: async (_statement, index) => {
      if (index === dataAt) await restorer.restore();
    },
  };
}

/** Statements of one transaction. */
interface Segment {
  readonly script: MigrationScript;
  /** Number of the statement before which the records are put back, from 0; null: they are not, or at its end. */
  readonly dataAt: number | null;
}

/** Statements that can be run together, as scripts. */
export function segments(
  { route, statements: planned }: Pick<SimulatedStep, 'route' | 'statements'>,
  order: OrderedStatements | null,
): Segment[] {
  const { to, script: written } = route;
  if (written && !order) return [{ script: written, dataAt: null }];
  const { statements = planned, dataAt = null } = order ?? {};
  const groups: { readonly list: RollbackStatement[]; dataAt: number | null }[] = [
    { list: [], dataAt: null },
  ];
  for (const [index, statement] of statements.entries()) {
    const last = groups.at(-1);
    const current = last?.list ?? [];
    const isApart =
      statement.breaksBefore || !statement.transactional || current[0]?.transactional === false;
    if (isApart && current.length > 0) groups.push({ list: [statement], dataAt: null });
    else current.push(statement);
    const group = groups.at(-1);
    if (group && index === dataAt) group.dataAt = group.list.length - 1;
  }
  // The entry in the history belongs to a transaction, also where there is nothing else to do in it.
  if (groups.at(-1)?.list.some(({ transactional }) => !transactional)) {
    groups.push({ list: [], dataAt: null });
  }
  return groups.map(({ list, dataAt: at }) => {
    const inTransaction = list.every(({ transactional }) => transactional);
    // A function may name what a later statement makes. A script that somebody wrote is run as it is.
    const lines = inTransaction && !written ? ['SET LOCAL check_function_bodies = off;'] : [];
    const sql = [...lines, ...list.map((one) => `${one.sql.replace(/[;\s]+$/, '')}\n;`)].join('\n');
    const file = written?.file ?? `the way back to ${to}`;
    const script = { file, line: written?.line ?? 1, sql, inTransaction };
    return { script, dataAt: at === null ? null : at + lines.length };
  });
}
