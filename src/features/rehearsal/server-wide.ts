import { describeStatement } from '../../postgres/script-failure.js';
import type { UnseenPart } from '../plan/read-input.js';
import type { FileStatement } from './file-statement.js';

/** About roles, other databases, tablespaces, the server's settings, or another server. */
const kinds = new Set([
  ...['CreateRoleStmt', 'AlterRoleStmt', 'AlterRoleSetStmt', 'DropRoleStmt', 'GrantRoleStmt'],
  ...['ReassignOwnedStmt', 'DropOwnedStmt', 'AlterSystemStmt', 'CreatedbStmt', 'DropdbStmt'],
  ...['AlterDatabaseStmt', 'AlterDatabaseSetStmt', 'AlterDatabaseRefreshCollStmt'],
  ...['CreateTableSpaceStmt', 'DropTableSpaceStmt', 'AlterTableSpaceOptionsStmt'],
  ...['CreateSubscriptionStmt', 'AlterSubscriptionStmt', 'DropSubscriptionStmt'],
]);

const sharedObjects = new Set([
  ...['OBJECT_DATABASE', 'OBJECT_ROLE', 'OBJECT_TABLESPACE', 'OBJECT_PARAMETER_ACL'],
  'OBJECT_SUBSCRIPTION',
]);

/** Statements that name what they are about by its kind. */
const byObject: Readonly<Record<string, string>> = {
  RenameStmt: 'renameType',
  AlterOwnerStmt: 'objectType',
  CommentStmt: 'objtype',
  GrantStmt: 'objtype',
  SecLabelStmt: 'objtype',
};

/**
 * The first statement that changes more than its database: on a server that others use it would be no rehearsal. What functions and
 * blocks of code do is not looked at.
 */
export function findServerWide(statements: readonly FileStatement[]): UnseenPart | null {
  const found = statements.find(isServerWide);
  if (!found) return null;
  return { file: found.file, line: found.line, text: describeStatement(found) };
}

function isServerWide({ kind, tree }: FileStatement): boolean {
  if (kinds.has(kind)) return true;
  if (kind === 'CopyStmt') {
    return tree.is_program === true || (tree.is_from !== true && tree.filename !== undefined);
  }
  const property = byObject[kind];
  return property !== undefined && sharedObjects.has(String(tree[property]));
}
