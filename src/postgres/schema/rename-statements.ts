import type { Rename } from '../../domain/history.js';
import { renameStatements as sqlOf } from '../../domain/rename-statements.js';
import type { SchemaStatement } from './plan-schema-sql.js';

/** What has to be renamed before a plan is made, so that the plan finds what it looks for under its new name. */
export function renameStatements(renames: readonly Rename[]): SchemaStatement[] {
  return sqlOf(renames).map((sql) => ({
    ...{ sql, transactional: true, breaksBefore: false },
    ...{ lock: 'accessExclusive', rewrites: false, destructive: false },
  }));
}
