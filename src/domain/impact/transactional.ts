import { type Finding, finding } from './finding.js';
import type { Tree } from './world.js';

/** A statement as the grammar has it. */
interface ParsedStatement {
  /** Name of its node, e.g. "VacuumStmt". */
  readonly kind: string;
  readonly tree: Tree;
}

/** What PostgreSQL refuses in a transaction whatever the options. */
const neverInTransaction = new Set([
  ...['CreatedbStmt', 'DropdbStmt', 'CreateTableSpaceStmt', 'DropTableSpaceStmt'],
  'AlterSystemStmt',
]);

/** REINDEX of these goes through tables in transactions of its own. */
const reindexedInSteps = new Set([
  ...['REINDEX_OBJECT_SCHEMA', 'REINDEX_OBJECT_DATABASE', 'REINDEX_OBJECT_SYSTEM'],
]);

/** The statement works step by step, in transactions of its own. */
export function isConcurrent({ kind, tree }: ParsedStatement): boolean {
  if (kind === 'IndexStmt' || kind === 'DropStmt') return tree.concurrent === true;
  // DETACH PARTITION … CONCURRENTLY, and REINDEX (CONCURRENTLY): the word is in an option below.
  if (kind === 'AlterTableStmt') return JSON.stringify(tree.cmds).includes('"concurrent":true');
  return kind === 'ReindexStmt' && JSON.stringify(tree.params ?? []).includes('"concurrently"');
}

/** ALTER DATABASE … SET TABLESPACE moves files, which cannot be taken back. */
function movesDatabase({ kind, tree }: ParsedStatement): boolean {
  return (
    kind === 'AlterDatabaseStmt' && JSON.stringify(tree.options ?? []).includes('"tablespace"')
  );
}

/**
 * False where PostgreSQL refuses the statement within a transaction.
 *
 * @example
 * isTransactional({ kind: 'IndexStmt', tree: { concurrent: true } }); // false
 */
export function isTransactional(statement: ParsedStatement): boolean {
  const { kind, tree } = statement;
  // ANALYZE has the same node.
  if (kind === 'VacuumStmt') return tree.is_vacuumcmd !== true;
  // CLUSTER of everything.
  if (kind === 'ClusterStmt') return tree.relation !== undefined;
  if (kind === 'ReindexStmt' && reindexedInSteps.has(String(tree.kind))) return false;
  return !neverInTransaction.has(kind) && !isConcurrent(statement) && !movesDatabase(statement);
}

/** What of a script is one transaction. */
export class TransactionScope {
  readonly #isOne: boolean;
  #since: number | null = null;

  /** @param isOne the script is run as one transaction */
  constructor(isOne: boolean) {
    this.#isOne = isOne;
  }

  /**
   * Goes on to the next statement.
   * @returns number of the first statement of the transaction in which it runs; null: it runs in one of its own
   */
  next({ kind, tree }: ParsedStatement, index: number): number | null {
    if (this.#isOne) this.#since ??= index;
    else if (kind === 'TransactionStmt') {
      const begins = tree.kind === 'TRANS_STMT_BEGIN' || tree.kind === 'TRANS_STMT_START';
      const ends = ['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK'].includes(String(tree.kind));
      if (begins) this.#since ??= index;
      if (ends) this.#since = null;
    }
    return this.#since;
  }
}

/**
 * PostgreSQL refuses it in a transaction. Whether a file is run as one is for whatever runs it to say: psql does not, most tools do.
 * @param isBegun the script itself has begun one
 */
export function refusedInTransaction(database: string, isBegun: boolean): Finding {
  return finding({
    ...{ rule: 'not-in-transaction', operation: 'TRANSACTION', object: database, safety: 'SAFE' },
    reason: isBegun
      ? 'it fails: it stands in a transaction, in which PostgreSQL cannot run it'
      : 'it fails where the file is run as one transaction, as `belay migrate up` does: PostgreSQL cannot run it in one',
    fails: isBegun ? true : null,
    saferWay:
      'Put it into a file of its own that begins with `-- belay:no-transaction`: then its statements run one by one.',
  });
}
