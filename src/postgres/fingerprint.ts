import type { Fingerprint, FingerprintWithModel, SequenceValue } from '../domain/fingerprint.js';
import { formatQualifiedName, type QualifiedName } from '../domain/qualified-name.js';
import { schemaChecksum } from '../domain/schema-model.js';
import { BelayError } from '../errors.js';
import { type CountedTable, type CountOptions, countAll, type Within } from './count-tables.js';
import { sqlStateOf } from './pg-error.js';
import { readSchemaModel } from './schema/read-schema-model.js';
import type { Session } from './session.js';
import {
  countTables,
  readSequences,
  readSequenceValues,
  readTableNames,
  readTables,
  type SequenceRow,
  type TableRights,
  type TableRow,
} from './sql/tables.js';

export interface ReadFingerprintOptions extends CountOptions {
  /** Rows of tables that certainly have not changed since they were counted, by qualified name. */
  readonly known?: ((session: Session) => Promise<KnownCounts>) | undefined;
}

export type KnownCounts = ReadonlyMap<string, number>;

const sequencesPerQuery = 500;

/**
 * Reads schema, exact row counts and sequence values of a database that nobody writes to, such as a closed
 * clone. Closing the sessions is up to whoever opens them.
 *
 * Row counts and sequences are named `schema.table` as they are; see `formatQualifiedName` for odd names.
 *
 * @throws BelayError PERMISSION_DENIED where the role may not read all rows of a table
 */
export async function readFingerprint(
  openSession: () => Promise<Session>,
  options: ReadFingerprintOptions = {},
): Promise<FingerprintWithModel> {
  const first = await openSession();
  options.signal?.throwIfAborted();
  const tables = await readTables(first);
  const sequences = await readSequences(first);
  checkReadable(tables, sequences);
  const model = await readSchemaModel(first);
  const values = await readValues(first, sequences, options.within);
  const known = (await options.known?.(first)) ?? new Map<string, number>();
  const isKnown = (table: TableRow) => known.has(formatQualifiedName(table));
  const unknown = tables.filter((table) => !isKnown(table));
  const counted = [
    ...(await countAll(openSession, first, unknown, options)),
    ...tables
      .filter(isKnown)
      .map((table) => ({ table, rows: known.get(formatQualifiedName(table)) ?? 0 })),
  ];
  return { model, fingerprint: toFingerprint(schemaChecksum(model), counted, values) };
}

function toFingerprint(
  checksum: string,
  counted: readonly CountedTable[],
  sequences: [string, SequenceValue][],
): Fingerprint {
  const rowCounts = counted.map(({ table, rows }): [string, number] => [
    formatQualifiedName(table),
    rows,
  ]);
  return {
    schemaChecksum: checksum,
    tables: counted.length,
    rows: counted.reduce((sum, { rows }) => sum + rows, 0),
    rowCounts: sortedRecord(rowCounts),
    sequences: sortedRecord(sequences),
  };
}

function sortedRecord<T>(entries: [string, T][]): Record<string, T> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

async function readValues(
  session: Session,
  sequences: readonly SequenceRow[],
  within?: Within,
): Promise<[string, SequenceValue][]> {
  const result: [string, SequenceValue][] = [];
  for (let at = 0; at < sequences.length; at += sequencesPerQuery) {
    const batch = sequences.slice(at, at + sequencesPerQuery);
    const read = () => readSequenceValues(session, batch);
    for (const { index, lastValue, isCalled } of await (within ? within(session, read) : read())) {
      const sequence = batch[index];
      if (sequence) result.push([formatQualifiedName(sequence), { lastValue, isCalled }]);
    }
  }
  return result;
}

/** Values of all sequences now, by qualified name. They belong to no transaction. */
export async function readSequenceState(
  session: Session,
  within?: Within,
): Promise<Record<string, SequenceValue>> {
  return sortedRecord(await readValues(session, await readSequences(session), within));
}

/**
 * Says it before anything is counted, and for all of them: the first refusal after an hour would be too late.
 * @throws BelayError PERMISSION_DENIED
 */
export function checkReadable(
  tables: readonly TableRights[],
  sequences: readonly SequenceRow[],
): void {
  const refused = [...tables, ...sequences].filter(({ readable }) => !readable);
  if (refused.length > 0) {
    throw new BelayError('PERMISSION_DENIED', `the role may not read ${namesOf(refused)}`, {
      hint: 'Connect as their owner, or let a superuser run: GRANT pg_read_all_data TO … (the role).',
      details: { names: refused.map(formatQualifiedName) },
    });
  }
  const hidden = tables.filter(({ hidesRows }) => hidesRows);
  if (hidden.length === 0) return;
  throw new BelayError(
    'PERMISSION_DENIED',
    `row level security hides rows of ${namesOf(hidden)} from the role`,
    {
      hint: 'Connect as the owner (without FORCE ROW LEVEL SECURITY), as a superuser, or as a role with BYPASSRLS.',
      details: { names: hidden.map(formatQualifiedName) },
    },
  );
}

function namesOf(objects: readonly QualifiedName[]): string {
  const shown = objects.slice(0, 3).map(formatQualifiedName).join(', ');
  return objects.length > 3 ? `${shown} and ${objects.length - 3} more` : shown;
}

export interface ListedTable extends QualifiedName {
  /** As in `rowCounts` of a fingerprint. */
  readonly qualified: string;
}

/** The tables that a fingerprint of the session's database would count, by name. */
export async function listTables(session: Session): Promise<ListedTable[]> {
  const tables = await readTableNames(session);
  return tables
    .map(({ schema, name }) => ({ schema, name, qualified: formatQualifiedName({ schema, name }) }))
    .sort((a, b) => (a.qualified < b.qualified ? -1 : a.qualified > b.qualified ? 1 : 0));
}

/** Lock, statement or transaction took too long, or the table is gone meanwhile. */
const notInTime = new Set(['55P03', '57014', '42P01', '3F000']);

/**
 * Exact rows of one table of a database that is in use; null where that takes longer than `timeoutMs`, or the
 * table is gone. An open count holds a lock that an ALTER TABLE waits for, and everybody else waits behind
 * that ALTER: so both the wait and the count itself are bounded.
 */
export async function countRows(
  session: Session,
  table: QualifiedName,
  { timeoutMs }: { timeoutMs: number },
): Promise<number | null> {
  const bound = Math.max(1, Math.ceil(timeoutMs));
  try {
    return await session.transaction(async () => {
      await session.execute(
        `SET LOCAL statement_timeout = ${bound}; SET LOCAL lock_timeout = ${bound}; SET LOCAL jit = off`,
        'preparing to count',
      );
      const [rows] = await countTables(session, [table]);
      return rows ?? null;
    });
  } catch (error) {
    if (notInTime.has(sqlStateOf(error) ?? '')) return null;
    throw error;
  }
}

export { readSchemaChecksum } from './schema/read-schema-model.js';
