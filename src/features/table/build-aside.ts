import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import { compareSchemas } from '../../domain/schema-model.js';
import { encodeTableSchemaRecord } from '../../domain/table-schema-record.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../../postgres/session.js';
import { countTables, quoteQualifiedName } from '../../postgres/sql/tables.js';
import { copyRowsIn } from '../../postgres/table/copy-rows.js';
import { revokeOthers } from '../../postgres/table/grants.js';
import { setSequence } from '../../postgres/table/sequences.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { type Blueprint, type BlueprintTable, readObjectsIn } from './blueprint.js';
import { cleanTableLeftovers } from './table-leftovers.js';
import type { TableSource } from './table-source.js';

export interface AsideOrder {
  readonly blueprint: Blueprint;
  readonly source: TableSource;
  /** In the database that the tables go to. */
  readonly session: Session;
}

/** Rows of each table, in the order of the blueprint. */
export type BuiltRows = readonly number[];

/**
 * Builds the tables with their rows in schemas of their own, and removes those when `use` fails. Nothing that is in use
 * is touched, and nobody else may look into the schemas.
 */
export async function withTablesAside<T>(
  work: Work,
  order: AsideOrder,
  use: (rows: BuiltRows) => Promise<T>,
): Promise<T> {
  try {
    await createTables(order);
    const rows: number[] = [];
    for (const table of order.blueprint.tables) rows.push(await fillTable(work, order, table));
    return await use(rows);
  } catch (error) {
    // With the connection gone this fails too; then the next restore or `belay repair` removes them.
    await cleanTableLeftovers(order.session).catch(() => {});
    throw error;
  }
}

async function createTables({ session, blueprint }: AsideOrder): Promise<void> {
  const record = { kind: 'aside', at: new Date().toISOString(), validate: [] } as const;
  const schemas = [...blueprint.asides.values()];
  const doing = 'building the table aside';
  await session.transaction(async () => {
    for (const schema of schemas) {
      const name = quoteIdentifier(schema);
      await session.execute(`CREATE SCHEMA ${name}`, doing);
      const comment = quoteLiteral(encodeTableSchemaRecord(record));
      await session.execute(`COMMENT ON SCHEMA ${name} IS ${comment}`, doing);
      // Without it a table there could not be given to its owner.
      for (const owner of blueprint.owners) {
        await session.execute(`GRANT ALL ON SCHEMA ${name} TO ${quoteIdentifier(owner)}`, doing);
      }
    }
    await runScript(session, blueprint.scripts.preData);
    await revokeOthers(session, schemas, blueprint.grants);
    for (const { sequence, value } of blueprint.sequences) {
      const aside = { ...sequence, schema: blueprint.asides.get(sequence.schema) ?? '' };
      await setSequence(session, aside, value);
    }
  });
}

/** What a definition names and the database has not got: a type, a function, a collation, a role, a schema. */
const missingStates = new Set(['42704', '42883', '3F000', '42P01', '42703']);

/** @throws BelayError RESTORE_FAILED where it needs what is gone */
export async function runScript(session: Session, script: string): Promise<void> {
  if (script === '') return;
  try {
    await session.execute(
      `SET LOCAL check_function_bodies = off; SET LOCAL xmloption = content; ${script}`,
      'building the table aside',
    );
    await session.execute('RESET default_tablespace; RESET default_table_access_method', 'tidying');
  } catch (error) {
    if (!missingStates.has(sqlStateOf(error) ?? '')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BelayError('RESTORE_FAILED', `the table needs what is no longer there: ${why}`, {
      hint: 'Nothing was changed. Make it again, or restore the table into a new database with --to.',
      cause: error,
    });
  }
}

async function fillTable(
  work: Work,
  { session, source }: AsideOrder,
  { table, aside }: BlueprintTable,
): Promise<number> {
  throwIfAborted(work.signal);
  const name = formatQualifiedName(table);
  return reportStep(work.reporter, { name: 'copy the rows', detail: name }, async () => {
    await source.withTableData(table, (data) => copyRowsIn(session, aside, data));
    const [rows = 0] = await countTables(session, [aside]);
    const expected = source.snapshot.fingerprint?.rowCounts[name];
    if (expected !== undefined && expected !== rows) {
      throw new BelayError(
        'FINGERPRINT_MISMATCH',
        `${name} has ${rows} rows after it was copied; the snapshot had ${expected}`,
        {
          hint: 'Nothing was changed. Restore it from another snapshot.',
          details: { rows, expected },
        },
      );
    }
    // Without statistics the planner would take the new table for an empty one.
    await session.execute(`ANALYZE ${quoteQualifiedName(aside)}`, `analysing ${name}`);
    return rows;
  });
}

/**
 * Makes indexes, constraints, triggers and policies, and compares everything with what the snapshot had.
 * @throws BelayError FINGERPRINT_MISMATCH
 */
export function finishTables(work: Work, { session, blueprint }: AsideOrder): Promise<void> {
  return reportStep(work.reporter, { name: 'build indexes and constraints' }, async () => {
    await session.transaction(() => runScript(session, blueprint.scripts.postData));
    const built = await readObjectsIn(session, [...blueprint.asides.values()]);
    const changes = compareSchemas(
      { format: 1, objects: blueprint.objects },
      { format: 1, objects: built },
    );
    if (changes.length === 0) return;
    const [first] = changes;
    throw new BelayError(
      'FINGERPRINT_MISMATCH',
      `the table was built with ${changes.length} differences from the snapshot, e.g. ${first?.object} ${first?.name}: ${first?.detail}`,
      {
        hint: 'Nothing was changed. `--to NAME` makes a new database for it.',
        details: { changes },
      },
    );
  });
}
