import { objectsOfSchema } from '../../domain/schema-branch-model.js';
import { leadStatements } from '../../domain/schema-ddl/lead-statements.js';
import {
  compareSchemas,
  type SchemaChange,
  type SchemaModel,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { readRole, withReasons } from '../schema/build-schema.js';
import { readSchemaModel } from '../schema/read-schema-model.js';
import { runStatements } from '../schema/run-statements.js';
import type { Session } from '../session.js';

export const outOfLocks = '53200';
/** What was made first may have come to differ by what was made later. */
const rounds = 4;

/**
 * Makes the objects of one schema in a database that others use, in the transaction of the session. Only what is in the
 * schema is looked at: what others change elsewhere meanwhile is theirs.
 * @param schema as it is written in SQL
 * @returns what it still lacks, and why
 */
export async function buildObjects(
  session: Session,
  schema: string,
  wanted: SchemaModel,
): Promise<SchemaChange[]> {
  const role = await readRole(session);
  const reasons = new Map<string, string>();
  let last = '';
  for (let round = 1; ; round += 1) {
    const present = await readObjectsOf(session, schema);
    const differences = compareSchemas(withoutColumnOrder(present), withoutColumnOrder(wanted));
    const statements = leadStatements(present, wanted, role);
    const text = statements.map(({ sql }) => sql).join('\n');
    if (differences.length === 0 || round > rounds || text === last) {
      return withReasons(differences, reasons);
    }
    last = text;
    const { failed } = await runStatements(session, statements);
    const full = failed.find(({ error }) => error.details.sqlState === outOfLocks);
    if (full) throw tooManyObjects(wanted, full.error);
    reasons.clear();
    for (const { statement, error } of failed) {
      reasons.set(`${statement.object.kind}\0${statement.object.name}`, error.message);
    }
  }
}

/** Everything is made in one transaction, which locks all of it. */
export function tooManyObjects({ objects }: SchemaModel, cause: unknown): BelayError {
  const tables = objects.filter(({ kind }) => kind === 'table').length;
  return new BelayError(
    'SCHEMA_NOT_COPIED',
    `the server’s table of locks is too small for a copy of ${tables} tables with their indexes`,
    {
      hint: 'Raise max_locks_per_transaction on the server, e.g. to 256, and restart it; or use --isolation database.',
      details: { tables },
      cause,
    },
  );
}

/** The objects of one schema, read from the database. */
export async function readObjectsOf(session: Session, schema: string): Promise<SchemaModel> {
  return objectsOfSchema(await readSchemaModel(session), schema);
}
