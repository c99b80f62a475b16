import { analyseScript } from '../../domain/impact/analyse-script.js';
import { analysers } from '../../domain/impact/analysers/index-of-analysers.js';
import { newEnumValuesUsed } from '../../domain/impact/analysers/types.js';
import type { Finding } from '../../domain/impact/finding.js';
import { impactOf, impactPlan, withoutLossOnFailure } from '../../domain/impact/impact-of.js';
import type { LiveCatalog } from '../../domain/impact/live-catalog.js';
import { createWorld } from '../../domain/impact/simulated-world.js';
import {
  isTransactional,
  refusedInTransaction,
  TransactionScope,
} from '../../domain/impact/transactional.js';
import { readWaivers } from '../../domain/impact/waiver.js';
import type { Impact, ImpactPlan, StatementImpact, Waiver } from '../../domain/impact.js';
import type { MigrationScript } from '../../domain/migration.js';
import type { RunOptions } from '../../domain/reporter.js';
import { worstSafety } from '../../domain/safety.js';
import { loadDeparser } from '../../postgres/impact/live-expression.js';
import { measureImpacts } from '../../postgres/impact/measure-impacts.js';
import { readLiveCatalog } from '../../postgres/impact/read-live-catalog.js';
import { type SqlOrigin, type Statement, splitStatements } from '../../postgres/parse-sql.js';
import type { Session } from '../../postgres/session.js';

/** A statement that was read, and what it does. */
export interface AnalysedStatement {
  readonly statement: Statement;
  readonly script: MigrationScript;
  /** From 1, over all scripts. */
  readonly index: number;
  readonly transactional: boolean;
  readonly findings: readonly Finding[];
  readonly waivers: readonly Waiver[];
}

/** What scripts do, one after another, before anything was counted. */
export interface ImpactAnalysis {
  readonly catalog: LiveCatalog;
  readonly statements: readonly AnalysedStatement[];
  readonly notes: readonly string[];
}

export interface MeasureOptions extends RunOptions {
  /** For each scan of a table, in milliseconds; default 60 s. */
  readonly countTimeoutMs?: number | undefined;
}

const defaultCountTimeoutMs = 60_000;

/** How many rows are shown of those that a statement fails on. */
const samples = 5;

/**
 * Reads scripts and follows them through the database as it is now: what each statement does is said of the database that
 * it will find. Nothing is counted, and nothing is changed.
 * @throws BelayError BAD_MIGRATION
 */
export async function analyseImpact(
  session: Session,
  scripts: readonly MigrationScript[],
  options: Pick<SqlOrigin, 'allowCopiedData' | 'signal'> = {},
): Promise<ImpactAnalysis> {
  const [catalog, deparse] = [await readLiveCatalog(session), await loadDeparser()];
  const world = createWorld(catalog, { deparse });
  const read = [];
  const notes: string[] = [];
  for (const script of scripts) {
    const statements = await splitStatements(script.sql, { ...script, ...options });
    const found = readWaivers(script.sql, statements, script);
    notes.push(...found.notes);
    for (const [at, statement] of statements.entries()) {
      read.push({ script, statement, waivers: found.waivers[at] ?? [] });
    }
  }
  const scriptOf = read.map(({ script }) => script);
  const analysed = analyseScript(
    read.map(({ statement }) => statement),
    world,
    analysers,
    { endsScript: (at) => scriptOf[at] !== scriptOf[at + 1] },
  );
  const scopes = new Map(
    scripts.map((script) => [script, new TransactionScope(script.inTransaction)]),
  );
  const statements = read.map((one, at) => {
    const index = at + 1;
    const since = scopes.get(one.script)?.next(one.statement, index) ?? null;
    const transactional = isTransactional(one.statement);
    const inScope =
      since === null
        ? []
        : [
            ...newEnumValuesUsed(one.statement, world, { index, since }),
            ...(transactional
              ? []
              : [refusedInTransaction(catalog.database, !one.script.inTransaction)]),
          ];
    return {
      ...{ ...one, index, transactional },
      findings: [...(analysed[at]?.findings ?? []), ...inScope],
    };
  });
  return { catalog, statements, notes };
}

/** Counts in the live database what an analysis has found. */
export async function measureAnalysis(
  session: Session,
  { catalog, statements, notes }: ImpactAnalysis,
  { countTimeoutMs = defaultCountTimeoutMs, signal, reporter }: MeasureOptions = {},
): Promise<ImpactPlan> {
  const findings = statements.flatMap((one) => one.findings);
  const rows = new Map(catalog.relations.map(({ oid, estimatedRows }) => [oid, estimatedRows]));
  const measures = findings.flatMap(({ measure }) => (measure ? [measure] : []));
  const measuredAt = new Date().toISOString();
  const options = { timeoutMs: countTimeoutMs, samples, estimates: rows, signal, reporter };
  const results = await measureImpacts(session, measures, options);
  let next = 0;
  const toImpact = (found: Finding): Impact => {
    const measurement = found.measure ? (results[next++] ?? null) : null;
    return impactOf(
      found,
      measurement,
      found.table === null ? null : (rows.get(found.table) ?? null),
    );
  };
  const measured = statements.map((one) =>
    toStatement(one, withoutLossOnFailure(one.findings.map(toImpact))),
  );
  return impactPlan(measured, { notes, measuredAt });
}

function toStatement(
  { statement, script, index, transactional, waivers }: AnalysedStatement,
  impacts: readonly Impact[],
): StatementImpact {
  const { line, column, sql, kind } = statement;
  return {
    ...{ index, line, column, file: script.file, sql, kind, transactional, impacts, waivers },
    safety: worstSafety(impacts.map(({ safety }) => safety)),
  };
}
