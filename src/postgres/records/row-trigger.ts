import { quoteIdentifier, type Session } from '../session.js';
import { recordSchema } from '../sql/record-backups.js';
import { type DataTable, doingFor } from './keeping.js';
import type { KeptTable, TableColumn } from './kept-table.js';

/** A trigger that hands over what one statement does to one table. */
export interface RowTrigger {
  readonly data: DataTable;
  readonly table: KeptTable;
  readonly event: 'UPDATE' | 'DELETE' | 'TRUNCATE';
  readonly forEachRow: boolean;
  readonly columns: readonly TableColumn[];
  /** Statements of PL/pgSQL; "belay_old" and "belay_new", or old and new, are the rows. */
  readonly body: string;
}

const functionOf = ({ id }: Pick<DataTable, 'id'>): string => `keep_${id}`;
const functionSql = (data: Pick<DataTable, 'id'>): string =>
  `${recordSchema}.${quoteIdentifier(functionOf(data))}`;

/** Values as text have to be exact whatever the script has set. */
const exactText = `SET DateStyle = 'ISO' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC' SET extra_float_digits = 1
  SET bytea_output = 'hex' SET xmlbinary = 'base64'`;

const transitions = {
  UPDATE: 'REFERENCING OLD TABLE AS belay_old NEW TABLE AS belay_new',
  DELETE: 'REFERENCING OLD TABLE AS belay_old',
  TRUNCATE: '',
} as const;

/**
 * The function runs as the role that owns the backup, whoever the script has become; others may not call it. Settings cost time with
 * each row, so there only those that matter.
 */
export async function addTrigger(session: Session, trigger: RowTrigger): Promise<void> {
  const { data, table, event, forEachRow, columns, body } = trigger;
  const doing = doingFor(table);
  const hasText = columns.some(({ nativeType }) => nativeType === null);
  const settings = [
    'SET search_path = pg_catalog, pg_temp',
    ...(event === 'TRUNCATE' ? ['SET row_security = off'] : []),
    ...(hasText ? [exactText] : []),
  ];
  await defineFunction(session, data, `SECURITY DEFINER ${settings.join(' ')}`, body, doing);
  await session.execute(`REVOKE ALL ON FUNCTION ${functionSql(data)}() FROM PUBLIC`, doing);
  const name = quoteIdentifier(`belay_${functionOf(data)}`);
  const when = event === 'TRUNCATE' ? 'BEFORE' : 'AFTER';
  const how = forEachRow ? 'FOR EACH ROW' : `${transitions[event]} FOR EACH STATEMENT`;
  await session.execute(
    `CREATE TRIGGER ${name} ${when} ${event} ON ${table.sql} ${how} EXECUTE FUNCTION ${functionSql(data)}()`,
    doing,
  );
  const { role } = await session.queryOne<{ role: string }>(
    `SELECT current_setting('session_replication_role') AS role`,
    [],
    doing,
  );
  // Only then: ALTER TABLE refuses a table on which deferred constraints still have to be checked.
  if (role === 'replica') {
    await session.execute(`ALTER TABLE ${table.sql} ENABLE ALWAYS TRIGGER ${name}`, doing);
  }
}

async function defineFunction(
  session: Session,
  data: DataTable,
  options: string,
  body: string,
  doing: string,
): Promise<void> {
  // A tag that the names of the user's columns cannot end.
  const tag = `$belay_${data.id}_${Math.random().toString(36).slice(2)}$`;
  const code = `BEGIN ${body}; RETURN NULL; END`;
  await session.execute(
    `CREATE OR REPLACE FUNCTION ${functionSql(data)}() RETURNS trigger LANGUAGE plpgsql ${options} AS ${tag}${code}${tag}`,
    doing,
  );
}

/**
 * After its statement the trigger does nothing more. It is removed only before the commit: that takes ACCESS EXCLUSIVE, which so is
 * held for a moment, and while deferred constraints wait to be checked it is refused.
 */
export async function retireTrigger(session: Session, data: DataTable): Promise<void> {
  const doing = 'ending a record backup';
  await defineFunction(session, data, 'SET search_path = pg_catalog, pg_temp', 'NULL', doing);
}

/**
 * Takes the triggers away with the functions that they call: to drop a trigger by itself one has to own the table, to make one the
 * right to do so was enough.
 *
 * @param ids of backups; what a ROLLBACK TO SAVEPOINT has taken away already is no matter
 */
export async function removeTriggers(session: Session, ids: readonly number[]): Promise<void> {
  const doing = 'ending a record backup';
  const found = await session.query<{ name: string; messages: string }>(
    `SELECT p.proname::text AS name, current_setting('client_min_messages') AS messages
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = ANY ($2) ORDER BY p.oid`,
    [recordSchema, ids.map((id) => functionOf({ id }))],
    doing,
  );
  const [first] = found;
  if (!first) return;
  // Nobody has to read that the trigger goes along.
  const tell = (level: string) =>
    session.query(`SELECT set_config('client_min_messages', $1, true)`, [level], doing);
  await tell('warning');
  const functions = found.map(({ name }) => `${recordSchema}.${quoteIdentifier(name)}()`);
  await session.execute(`DROP FUNCTION ${functions.join(', ')} CASCADE`, doing);
  await tell(first.messages);
}
