import { isTransactional } from '../../domain/impact/transactional.js';
import type { MigrationScript } from '../../domain/migration.js';
import { BelayError } from '../../errors.js';
import type { Statement } from '../../postgres/parse-sql.js';
import type { FileRun, FileStatement } from './file-statement.js';

interface ParsedScript {
  readonly script: MigrationScript & { readonly version?: string | null };
  readonly statements: readonly FileStatement[];
}

interface OpenRun {
  readonly script: ParsedScript['script'];
  readonly statements: FileStatement[];
  readonly isForPsql: boolean;
}

/** Statements about transactions that may stand inside of one. */
const insideTransaction = new Set([
  ...['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO'],
]);

const isOfTransaction = ({ kind, tree }: Statement, kinds: readonly string[]): boolean =>
  kind === 'TransactionStmt' && kinds.includes(String(tree.kind));

const isBoundary = ({ kind, tree }: Statement): boolean =>
  kind === 'TransactionStmt' && !insideTransaction.has(String(tree.kind));

/**
 * A file is one transaction, as `belay migrate up` makes it; one that is written for psql, begins transactions itself or has
 * statements that cannot be in one is run statement by statement, as psql does. What psql would run in one session, or in a transaction
 * that another file has begun, is one run.
 * @throws BelayError BAD_MIGRATION
 */
export function planRuns(
  parsed: readonly ParsedScript[],
  forPsql: ReadonlySet<string>,
): { readonly runs: FileRun[]; readonly notes: string[] } {
  const runs: OpenRun[] = [];
  const notes: string[] = [];
  let isOpen = false;
  for (const { script, statements } of parsed) {
    for (const one of statements) refusePrepared(one);
    const isForPsql = forPsql.has(script.file);
    const why = script.inTransaction ? whySingly(statements, isForPsql) : null;
    if (why !== null) notes.push(`${script.file} ${why}, so it is run statement by statement`);
    const last = runs.at(-1);
    const isOneWithLast = isForPsql && last?.isForPsql && last.script.version === script.version;
    if (last && (isOpen || isOneWithLast)) last.statements.push(...statements);
    else {
      const inTransaction = script.inTransaction && why === null;
      runs.push({ script: { ...script, inTransaction }, statements: [...statements], isForPsql });
    }
    isOpen = staysOpen(statements, isOpen);
  }
  return { runs: runs.filter((run) => run.statements.length > 0), notes: [...new Set(notes)] };
}

function whySingly(statements: readonly FileStatement[], isForPsql: boolean): string | null {
  if (isForPsql) return 'is written for psql';
  if (statements.some(isBoundary)) return 'begins and ends transactions itself';
  const other = statements.find((one) => !isTransactional(one));
  return other ? `has a statement that cannot be in a transaction (line ${other.line})` : null;
}

function staysOpen(statements: readonly Statement[], isOpen: boolean): boolean {
  let open = isOpen;
  for (const one of statements) {
    const isChained = one.tree.chain === true;
    if (isOfTransaction(one, ['TRANS_STMT_BEGIN', 'TRANS_STMT_START'])) open = true;
    if (isOfTransaction(one, ['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK'])) open = isChained;
  }
  return open;
}

/** It would stay prepared on the server, and keep the copy from ever being removed. */
function refusePrepared(one: FileStatement): void {
  const prepared = ['TRANS_STMT_PREPARE', 'TRANS_STMT_COMMIT_PREPARED'];
  if (!isOfTransaction(one, [...prepared, 'TRANS_STMT_ROLLBACK_PREPARED'])) return;
  throw new BelayError(
    'BAD_MIGRATION',
    `${one.file}, line ${one.line}: a prepared transaction would outlive the copy that it is run on`,
    {
      hint: 'Nothing was run. Use a plain transaction instead.',
      details: { file: one.file, line: one.line },
    },
  );
}
