import { KnownSchema } from '../../domain/schema-ddl/known-schema.js';
import { leadStatements } from '../../domain/schema-ddl/lead-statements.js';
import {
  compareSchemas,
  type SchemaChange,
  type SchemaModel,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import type { Session } from '../session.js';
import { readSchemaModel } from './read-schema-model.js';
import { runStatements } from './run-statements.js';

/** What came of building a schema. */
export interface BuiltSchema {
  /** What the database still lacks of the model, and why; none: it has that schema. */
  readonly differences: readonly SchemaChange[];
}

/** What was made first may have come to differ by what was made later. */
const rounds = 3;

/**
 * Settings for the session that builds: bodies of functions are taken as they are, as what they name may come later, and
 * nobody's event triggers answer.
 */
export async function prepareBuilding(session: Session): Promise<void> {
  await session.execute('SET check_function_bodies = off', 'preparing to build a schema');
  if (session.serverVersion >= 170000) {
    // Only superusers may; without it event triggers come last all the same.
    await session
      .execute('SET event_triggers = off', 'preparing to build a schema')
      .catch(() => {});
  }
}

/** The role that owns what the session makes, as the model writes it. */
export async function readRole(session: Session): Promise<string> {
  const { role } = await session.queryOne<{ role: string }>(
    'SELECT quote_ident(current_user) AS role',
  );
  return role;
}

/** Changes with the reasons of statements that failed. */
export function withReasons(
  changes: readonly SchemaChange[],
  reasons: ReadonlyMap<string, string>,
): SchemaChange[] {
  return changes.map((change) => {
    const reason = reasons.get(`${change.object}\0${change.name}`);
    return reason === undefined ? change : { ...change, detail: `${change.detail} (${reason})` };
  });
}

/**
 * An index of which a CREATE INDEX CONCURRENTLY was broken off is invalid, and no statement makes one so: it is marked in the
 * catalog of the throwaway database, which superusers may do.
 */
async function leaveInvalid(
  session: Session,
  differences: readonly SchemaChange[],
  model: SchemaModel,
): Promise<readonly SchemaChange[]> {
  const wanted = new KnownSchema(model);
  const names = differences.flatMap(({ kind, object, name }) =>
    kind === 'changed' && wanted.find(object, name)?.has('invalid') ? [name] : [],
  );
  if (names.length === 0) return differences;
  const sql = 'UPDATE pg_index SET indisvalid = false WHERE indexrelid = ANY ($1::regclass[])';
  const isDone = await session.query(sql, [names], 'building a schema').then(
    () => true,
    () => false,
  );
  return isDone ? differencesOf(await readSchemaModel(session), model) : differences;
}

const differencesOf = (present: SchemaModel, wanted: SchemaModel): SchemaChange[] =>
  compareSchemas(withoutColumnOrder(present), withoutColumnOrder(wanted));

/**
 * Builds a schema in a database that is empty, from the model alone, and reads it again to compare.
 *
 * @example
 * const { differences } = await buildSchema(scratch, await history.readModel(checksum));
 */
export async function buildSchema(session: Session, model: SchemaModel): Promise<BuiltSchema> {
  await prepareBuilding(session);
  const role = await readRole(session);
  const reasons = new Map<string, string>();
  let wanted = '';
  for (let round = 1; ; round += 1) {
    const present = await readSchemaModel(session);
    const differences = differencesOf(present, model);
    const statements = leadStatements(present, model, role);
    const text = statements.map(({ sql }) => sql).join('\n');
    if (differences.length === 0 || round > rounds || text === wanted) {
      const left = await leaveInvalid(session, differences, model);
      return { differences: withReasons(left, reasons) };
    }
    wanted = text;
    const { failed } = await runStatements(session, statements);
    reasons.clear();
    for (const { statement, error } of failed) {
      const { kind, name } = statement.object;
      reasons.set(`${kind}\0${name}`, error.message);
    }
  }
}
