import { isConcurrent, isTransactional } from '../domain/impact/transactional.js';
import type { MigrationScript } from '../domain/migration.js';
import { BelayError } from '../errors.js';
import { type Statement, shorten, splitStatements } from './parse-sql.js';

export { isConcurrent };

/** How a file says that it must not run in one transaction. */
export const howToMark =
  'Begin the file with the comment `-- belay:no-transaction` (in a file with both ways: `-- migrate:up transaction:false`).';

/** Statements that may stand inside of a transaction, of those that are about transactions. */
const insideTransaction = new Set([
  'TRANS_STMT_SAVEPOINT',
  'TRANS_STMT_RELEASE',
  'TRANS_STMT_ROLLBACK_TO',
]);

/**
 * Reads a script without running it.
 * @throws BelayError BAD_MIGRATION with file and line: what `splitStatements` refuses, and in a script that is one
 *   transaction a statement that would end it or that cannot be part of one
 */
export async function checkScript(script: MigrationScript): Promise<readonly Statement[]> {
  const statements = await splitStatements(script.sql, script);
  if (script.inTransaction) for (const statement of statements) checkTransaction(script, statement);
  return statements;
}

function checkTransaction({ file }: MigrationScript, statement: Statement): void {
  const { line, sql, kind, tree } = statement;
  const refuse = (why: string, hint: string) => {
    throw new BelayError('BAD_MIGRATION', `${file}, line ${line}: ${why}: ${shorten(sql)}`, {
      hint: `Nothing was run. ${hint}`,
      details: { file, line },
    });
  };
  if (kind === 'TransactionStmt' && !insideTransaction.has(String(tree.kind))) {
    refuse(
      'the migration is one transaction already',
      `Take BEGIN, COMMIT and ROLLBACK out, or let it run without a transaction. ${howToMark}`,
    );
  }
  if (!isTransactional(statement)) refuse('this cannot run in a transaction', howToMark);
}

/** Statements that reach beyond the database in which they are run. */
const beyondDatabase = new Set([
  ...['CreateRoleStmt', 'AlterRoleStmt', 'AlterRoleSetStmt', 'DropRoleStmt', 'GrantRoleStmt'],
  ...['ReassignOwnedStmt', 'DropOwnedStmt', 'AlterSystemStmt', 'CreatedbStmt', 'DropdbStmt'],
  ...['CreateTableSpaceStmt', 'DropTableSpaceStmt', 'CreateSubscriptionStmt'],
  ...['DoStmt', 'CallStmt', 'LoadStmt'],
]);

/**
 * The first statement of a script that may change more than its database, or whose effect cannot be read from it: such
 * a script is tried only on a server that nobody else uses.
 */
export async function findServerWide(script: MigrationScript): Promise<Statement | undefined> {
  const statements = await splitStatements(script.sql, script);
  return statements.find(
    ({ kind, tree }) =>
      beyondDatabase.has(kind) || (kind === 'CopyStmt' && tree.is_program === true),
  );
}
