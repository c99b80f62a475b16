import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName, readSequences, readSequenceValues } from '../sql/tables.js';

const sequencesPerQuery = 500;

/**
 * Gives the sequences of a copy the values that those of the source have now. They belong to no transaction, so they are read
 * after the rows: then none hands out a value that a row has already.
 */
export async function copySequences(source: Session, copy: Session): Promise<void> {
  const sequences = await readSequences(source);
  for (let at = 0; at < sequences.length; at += sequencesPerQuery) {
    const batch = sequences.slice(at, at + sequencesPerQuery);
    const calls = (await readSequenceValues(source, batch)).flatMap((state) => {
      const sequence = batch[state.index];
      if (!sequence) return [];
      const name = quoteLiteral(quoteQualifiedName(sequence));
      return `setval(${name}::regclass, ${state.lastValue}, ${state.isCalled})`;
    });
    await copy.execute(`SELECT ${calls.join(', ')}`, 'setting the sequences');
  }
}

export interface MaterializedView extends QualifiedName {
  /** It can be read: false after WITH NO DATA. */
  readonly isFilled: boolean;
}

/** Materialized views of the session's database. */
export function readMaterializedViews(session: Session): Promise<MaterializedView[]> {
  return session.query<MaterializedView>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name, c.relispopulated AS "isFilled"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'm' AND n.nspname !~ '^pg_' ORDER BY c.oid`,
    [],
    'listing the materialized views',
  );
}

/** Those that can be read. */
export async function readFilledViews(session: Session): Promise<MaterializedView[]> {
  return (await readMaterializedViews(session)).filter(({ isFilled }) => isFilled);
}

/** One that it reads is not filled yet. */
const notReady = '55000';

/**
 * Fills materialized views by their queries, and leaves empty those that were. One that reads another comes after it, whatever their order here.
 * @throws BelayError RESTORE_FAILED with the server's reason
 */
export async function fillViews(copy: Session, views: readonly MaterializedView[]): Promise<void> {
  for (let left = views; left.length > 0; ) {
    const waiting: MaterializedView[] = [];
    let problem: unknown;
    for (const view of left) {
      try {
        await copy.execute(
          `REFRESH MATERIALIZED VIEW ${quoteQualifiedName(view)}${view.isFilled ? '' : ' WITH NO DATA'}`,
          `filling the materialized view ${formatQualifiedName(view)}`,
        );
      } catch (error) {
        if (sqlStateOf(error) !== notReady) throw cannotFill(error);
        problem = error;
        waiting.push(view);
      }
    }
    if (waiting.length === left.length) throw cannotFill(problem);
    left = waiting;
  }
}

function cannotFill(error: unknown): BelayError {
  const message = error instanceof Error ? error.message : String(error);
  return new BelayError('RESTORE_FAILED', message, {
    hint: 'Nothing that is in use was touched. Its query or a function in it may need names with their schemas.',
    cause: error,
  });
}

/** Tables that belong to extensions, and whether the role may put other rows into them. */
export function readExtensionTables(
  session: Session,
): Promise<(QualifiedName & { readonly writable: boolean })[]> {
  return session.query(
    `SELECT n.nspname::text AS schema, c.relname::text AS name,
            has_table_privilege(c.oid, 'TRUNCATE') AND has_table_privilege(c.oid, 'INSERT') AS writable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      WHERE c.relkind = 'r' AND n.nspname !~ '^pg_'`,
    [],
    'listing the tables of extensions',
  );
}
