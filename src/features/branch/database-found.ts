import { parseBranchRecord } from '../../domain/branch-record.js';
import type { DatabaseRow } from '../../postgres/sql/databases.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';

/** The branches of a target among all databases that Belay made. */
export function databaseBranchesIn(root: Target, rows: readonly DatabaseRow[]): FoundBranch[] {
  return rows.flatMap((row) => branchOf(root, row) ?? []);
}

/** PostgreSQL's mark of a database whose DROP was interrupted. */
export const invalidDatabase = -2;

function branchOf(root: Target, row: DatabaseRow): FoundBranch | undefined {
  const parsed = parseBranchRecord(row.comment);
  if (parsed.type !== 'record') return undefined;
  const { record } = parsed;
  const isHere = record.isolation === 'database' && record.database === row.name;
  if (!isHere || record.root.database !== root.database) return undefined;
  const problem =
    row.connectionLimit === invalidDatabase
      ? 'its deletion was interrupted: delete it again'
      : row.allowsConnections
        ? null
        : 'somebody has closed its database to connections';
  return {
    ...{ record, problem, folder: null },
    state: problem === null ? 'ready' : 'damaged',
    settings: { ...root.settings, database: row.name },
  };
}
