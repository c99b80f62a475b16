import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { checkReadable } from '../fingerprint.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteLiteral, type Session } from '../session.js';
import { type MaterializedView, readMaterializedViews } from '../shadow/copy-rest.js';
import { pipeRows } from '../shadow/copy-tables.js';
import {
  countTables,
  quoteQualifiedName,
  readSequences,
  readSequenceValues,
  readTables,
} from '../sql/tables.js';
import { readDataColumns } from '../table/copy-rows.js';
import { nested } from './nested.js';

const perQuery = 200;

export interface CopiedRows extends QualifiedName {
  readonly rows: number;
}

/** @throws BelayError PERMISSION_DENIED where the role may not read all rows of the schema */
export async function checkSchemaReadable(session: Session, schema: string): Promise<void> {
  const inside = (one: QualifiedName) => one.schema === schema;
  const tables = (await readTables(session)).filter(inside);
  checkReadable(tables, (await readSequences(session)).filter(inside));
}

/**
 * Copies the rows of a schema's tables into empty tables of the same names, in the transactions of both sessions. As text: the
 * binary form of a regclass or a composite value is made of numbers that mean something else in another database.
 */
export async function copySchemaRows(
  source: Session,
  into: Session,
  schema: string,
  signal: AbortSignal | undefined,
): Promise<CopiedRows[]> {
  const copied: CopiedRows[] = [];
  for (const table of await readTables(source)) {
    if (table.schema !== schema) continue;
    signal?.throwIfAborted();
    const { name } = table;
    const columns = await readDataColumns(source, table);
    const order = { schema, name, columns };
    const rows = await pipeRows(source, into, order, { format: 'text', isFrozen: false });
    copied.push({ schema, name, rows });
  }
  return copied;
}

/** @throws BelayError FINGERPRINT_MISMATCH where a table has another number of rows than were copied into it */
export async function proveRows(into: Session, copied: readonly CopiedRows[]): Promise<void> {
  for (let at = 0; at < copied.length; at += perQuery) {
    const batch = copied.slice(at, at + perQuery);
    const counts = await countTables(into, batch);
    const wrong = batch.findIndex(({ rows }, index) => rows !== counts[index]);
    const table = batch[wrong];
    if (!table) continue;
    throw new BelayError(
      'FINGERPRINT_MISMATCH',
      `${formatQualifiedName(table)} has ${counts[wrong]} rows, and ${table.rows} were copied`,
      { hint: 'Nothing was kept of the copy, and the source is as it was. Run it again.' },
    );
  }
}

/**
 * Gives a schema's sequences the values that those of the source have, and reads them again.
 * @throws BelayError FINGERPRINT_MISMATCH
 */
export async function copySchemaSequences(
  source: Session,
  into: Session,
  schema: string,
): Promise<void> {
  const sequences = (await readSequences(source)).filter((one) => one.schema === schema);
  for (let at = 0; at < sequences.length; at += perQuery) {
    const batch = sequences.slice(at, at + perQuery);
    const values = await readSequenceValues(source, batch);
    const calls = values.flatMap(({ index, lastValue, isCalled }) => {
      const sequence = batch[index];
      if (!sequence) return [];
      const name = quoteLiteral(quoteQualifiedName(sequence));
      return `setval(${name}::regclass, ${quoteLiteral(lastValue)}::int8, ${isCalled})`;
    });
    await into.execute(`SELECT ${calls.join(', ')}`, 'setting the sequences');
    const now = await readSequenceValues(into, batch);
    if (textOf(now) === textOf(values)) continue;
    throw new BelayError('FINGERPRINT_MISMATCH', `the sequences of "${schema}" differ`, {
      hint: 'Nothing was kept of the copy, and the source is as it was. Run it again.',
    });
  }
}

const textOf = (values: Awaited<ReturnType<typeof readSequenceValues>>): string =>
  JSON.stringify([...values].sort((a, b) => a.index - b.index));

/** One that it reads is not filled yet. */
const notReady = '55000';

/**
 * Fills a schema's materialized views by their queries, in the transaction of the session; one that reads another after it.
 * @throws BelayError SCHEMA_NOT_COPIED with the server's reason
 */
export async function fillSchemaViews(
  source: Session,
  into: Session,
  schema: string,
): Promise<void> {
  const views = await readMaterializedViews(source);
  let left = views.filter((view) => view.schema === schema && view.isFilled);
  while (left.length > 0) {
    const waiting: MaterializedView[] = [];
    let problem: unknown;
    for (const view of left) {
      const name = quoteQualifiedName(view);
      const doing = `filling the materialized view ${formatQualifiedName(view)}`;
      try {
        await nested(into, () => into.execute(`REFRESH MATERIALIZED VIEW ${name}`, doing));
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
  if (error instanceof BelayError && error.code !== 'DATABASE_ERROR') return error;
  const message = error instanceof Error ? error.message : String(error);
  return new BelayError('SCHEMA_NOT_COPIED', message, {
    hint: 'Its query, or a function in it, may need names with their schemas. Or use --isolation database.',
    cause: error,
  });
}
