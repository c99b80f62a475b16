import type { MigrationScript } from '../../domain/migration.js';
import type { RollbackIssue } from '../../domain/rollback.js';
import { measureLosses } from '../../postgres/measure-losses.js';
import { type Statement, shorten, splitStatements } from '../../postgres/parse-sql.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';

interface RelationNode {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** What a statement takes rows or values from, by its node in PostgreSQL's grammar. */
function tablesOf({ kind, tree }: Statement): RelationNode[] {
  if (kind === 'TruncateStmt') {
    const relations = (tree.relations ?? []) as readonly { RangeVar?: RelationNode }[];
    return relations.flatMap(({ RangeVar }) => (RangeVar ? [RangeVar] : []));
  }
  const changes = ['DeleteStmt', 'UpdateStmt', 'MergeStmt'].includes(kind);
  return changes && tree.relation ? [tree.relation as RelationNode] : [];
}

/** The table as the script's own search path finds it; most scripts name none, and mean `public`. */
const nameOf = ({ schemaname = 'public', relname = '' }: RelationNode): string =>
  `${quoteIdentifier(schemaname)}.${quoteIdentifier(relname)}`;

const verbs: Readonly<Record<string, string>> = {
  DeleteStmt: 'DELETE',
  UpdateStmt: 'UPDATE',
  MergeStmt: 'MERGE',
  TruncateStmt: 'TRUNCATE',
};

/** Statements whose effect nobody can read from them. */
const opaque = ['DoStmt', 'CallStmt', 'ExecuteStmt'];

/**
 * What the statements of a down script do to rows, which a copy of the schema alone does not show: each with the rows of its
 * table, of which it may take all.
 */
export async function dataStatements(
  session: Session,
  migration: string,
  script: MigrationScript,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<RollbackIssue[]> {
  const issues: RollbackIssue[] = [];
  for (const statement of await splitStatements(script.sql, script)) {
    const at = `${script.file}, line ${statement.line}`;
    if (opaque.includes(statement.kind)) {
      issues.push({
        ...{ migration, safety: 'DATA_LOSS', rowsLost: null },
        description: `${at} runs code, whose effect on rows is not known: ${shorten(statement.sql)}`,
        recommendation: 'Read it, or try it on a copy: `belay restore REF --to NAME`.',
      });
    }
    const tables = tablesOf(statement).map(nameOf);
    if (tables.length === 0) continue;
    const measures = tables.map((table) => ({ what: 'rows', table }) as const);
    const counted = await measureLosses(session, measures, { timeoutMs });
    const rows = counted.reduce<number | null>(
      (sum, { count }) => (sum === null || count === null ? null : sum + count),
      0,
    );
    const most =
      rows === null ? 'how many rows is not known' : `at most ${rows.toLocaleString('en-US')} rows`;
    issues.push({
      ...{ migration, safety: 'DATA_LOSS', rowsLost: rows },
      description: `${at}: ${verbs[statement.kind] ?? statement.kind} on ${tables.join(', ')}, ${most}: ${shorten(statement.sql)}`,
      recommendation:
        'A snapshot is taken before; look whether the rows are still what the script expects.',
    });
  }
  return issues;
}
