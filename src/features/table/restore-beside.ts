import { newSnapshotId } from '../../domain/clone-name.js';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { LostForeignKey } from '../../domain/table-loss.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';
import { addForeignKeySql, type ForeignKey } from '../../postgres/table/foreign-keys.js';
import { readTableFacts } from '../../postgres/table/read-tables.js';
import { requireLive } from '../target/timeline.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { type Blueprint, readBlueprint } from './blueprint.js';
import { type BuiltRows, finishTables, withTablesAside } from './build-aside.js';
import { refuseWholePublications } from './check-survey.js';
import { finishAside, moveIn } from './put-in-place.js';
import { cleanTableLeftovers, validateAll } from './table-leftovers.js';
import type { RestoredTable, RestoreTablesOrder, RestoreTablesResult } from './table-order.js';
import { withTableSession } from './table-session.js';

/**
 * Puts the tables into a schema of their own, to look at. Without foreign keys to tables that are in use: such a key
 * would keep rows of those from being deleted.
 */
export function restoreBeside(
  work: Work,
  order: RestoreTablesOrder & { readonly schema: string },
): Promise<RestoreTablesResult> {
  const { database } = work.target;
  const { source, tables, schema } = order;
  requireLive(work.timeline, database);
  const places = placesIn(order);
  return withTableSession(work, database, async (session) => {
    await refuseExisting(session, places);
    await refuseWholePublications(session);
    const id = newSnapshotId();
    const blueprint = await readBlueprint(work, { source, tables, id, like: session });
    const rows = await withTablesAside(work, { blueprint, source, session }, async (built) => {
      await finishTables(work, { session, blueprint, source });
      throwIfAborted(work.signal);
      await place(session, [
        `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`,
        ...moveIn(blueprint, schema),
        ...finishAside(blueprint, []),
      ]);
      return built;
    });
    const why = 'it would hold up changes of a table that is in use';
    return besideResult(order, {
      database,
      blueprint,
      places,
      rows,
      leftOut: lostKeys(blueprint.outgoing, why),
      notValid: [],
    });
  });
}

/** @throws BelayError USAGE */
function placesIn({
  tables,
  schema,
}: RestoreTablesOrder & { readonly schema: string }): QualifiedName[] {
  if (new Set(tables.map(({ name }) => name)).size === tables.length) {
    return tables.map(({ name }) => ({ schema, name }));
  }
  throw new BelayError(
    'USAGE',
    'two of the tables have the same name: one schema cannot hold both',
    {
      hint: 'Restore them one by one, each into a schema of its own.',
    },
  );
}

/** @throws BelayError TABLE_EXISTS */
export async function refuseExisting(
  session: Session,
  places: readonly QualifiedName[],
): Promise<void> {
  const facts = await readTableFacts(session, places);
  const there = facts.find((found) => found !== undefined);
  if (there) throw tableExists(`"${session.database}" has ${formatQualifiedName(there)} already`);
}

function tableExists(message: string, cause?: unknown): BelayError {
  return new BelayError('TABLE_EXISTS', message, {
    hint: 'Nothing was changed. Choose another schema or database, or rename what is there.',
    cause,
  });
}

/** @throws BelayError TABLE_EXISTS where an index or a sequence of that name is there */
async function place(session: Session, statements: readonly string[]): Promise<void> {
  try {
    await session.transaction(async () => {
      for (const sql of statements) await session.execute(sql, 'putting the table in place');
    });
  } catch (error) {
    if (!['42P07', '42710'].includes(sqlStateOf(error) ?? '') || !(error instanceof Error))
      throw error;
    throw tableExists(error.message, error);
  }
}

function lostKeys(keys: readonly ForeignKey[], why: string): LostForeignKey[] {
  return keys.map(({ name, table }) => ({
    constraint: name,
    table: formatQualifiedName(table),
    why,
  }));
}

/** Moves the tables to their schemas in another database, and makes their foreign keys as far as these hold. */
export async function placeWithKeys(
  work: Work,
  session: Session,
  blueprint: Blueprint,
  outgoing: readonly ForeignKey[],
): Promise<string[]> {
  const keys = outgoing.map(({ table, name }) => ({
    schema: table.schema,
    table: table.name,
    name,
  }));
  await place(session, [
    ...moveIn(blueprint),
    ...outgoing.flatMap((key) => addForeignKeySql(key, true)),
    ...finishAside(blueprint, keys),
  ]);
  if (keys.length === 0) return [];
  return reportStep(work.reporter, { name: 'validate foreign keys' }, async () => {
    const broken = await validateAll(session, keys);
    await cleanTableLeftovers(session);
    return broken.map(
      ({ schema, table, name }) => `${formatQualifiedName({ schema, name: table })}.${name}`,
    );
  });
}

export interface Placed {
  readonly database: string;
  readonly blueprint: Blueprint;
  readonly places: readonly QualifiedName[];
  readonly rows: BuiltRows;
  readonly leftOut: readonly LostForeignKey[];
  readonly notValid: readonly string[];
}

/** The result where nothing was replaced. */
export function besideResult(
  { source, startedAt }: RestoreTablesOrder,
  { database, blueprint, places, rows, leftOut, notValid }: Placed,
): RestoreTablesResult {
  const tables = blueprint.tables.map(({ table }, index): RestoredTable => {
    const name = formatQualifiedName(table);
    return {
      table: name,
      restoredAs: formatQualifiedName(places[index] ?? table),
      rows: rows[index] ?? 0,
      replaced: null,
      brokenReferences: [],
      notValid: notValid.filter((key) => key.startsWith(`${name}.`)),
      leftOut: leftOut.filter((key) => key.table === name),
    };
  });
  return {
    ok: true,
    snapshot: source.snapshot,
    database,
    tables,
    outageMs: 0,
    durationMs: Math.round(performance.now() - startedAt),
    verified: true,
    keptIn: [],
  };
}
