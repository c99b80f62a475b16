import { formatQualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { readWholePublications } from '../../postgres/table/definitions.js';
import type { Dependent } from '../../postgres/table/dependents.js';
import type { TableFacts } from '../../postgres/table/read-tables.js';
import type { Blueprint, BlueprintTable } from './blueprint.js';
import type { Survey } from './survey.js';

const besideHint =
  'Nothing was changed. Restore it beside what is there with --into-schema NAME, and take the rows from there.';

function inTheWay(message: string, details: Record<string, unknown> = {}): BelayError {
  return new BelayError('DEPENDENTS_IN_THE_WAY', message, { hint: besideHint, details });
}

function notOwned(what: string, owner: string): BelayError {
  return new BelayError('PERMISSION_DENIED', `${what} belongs to "${owner}"`, {
    hint: 'Nothing was changed. Connect as its owner, a member of it, or a superuser.',
  });
}

/**
 * Refuses what the swap could not do, by name, before anything is built.
 * @throws BelayError DEPENDENTS_IN_THE_WAY, PERMISSION_DENIED, REPLICATION_IN_THE_WAY, TABLE_NOT_FOUND
 */
export async function checkSurvey(
  session: Session,
  blueprint: Blueprint,
  survey: Survey,
): Promise<void> {
  await checkSchemas(session, blueprint);
  for (const [index, facts] of survey.existing.entries()) {
    const table = blueprint.tables[index];
    if (table && facts) checkExisting(table, facts);
  }
  for (const dependent of survey.dependents) checkDependent(blueprint, survey, dependent);
  checkForeignKeys(blueprint, survey);
  for (const { publication, owned } of survey.memberships) {
    if (!owned)
      throw notOwned(`publication "${publication}", which lists the table,`, 'another role');
  }
}

/**
 * What is built aside is an ordinary table: a publication of all tables sends its rows on to subscribers, which have no
 * such table and stop. @throws BelayError REPLICATION_IN_THE_WAY
 */
export async function refuseWholePublications(session: Session): Promise<void> {
  const names = await readWholePublications(session);
  if (names.length === 0) return;
  throw new BelayError(
    'REPLICATION_IN_THE_WAY',
    `publication ${names.map((name) => `"${name}"`).join(', ')} sends all tables of "${session.database}" on: also what is built aside`,
    { hint: 'Nothing was changed. Restore the table into a new database with --to NAME.' },
  );
}

/** @throws BelayError TABLE_NOT_FOUND */
export async function checkSchemas(session: Session, { asides }: Blueprint): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT nspname::text AS name FROM pg_namespace WHERE nspname = ANY ($1::text[])',
    [[...asides.keys()]],
  );
  const there = new Set(rows.map(({ name }) => name));
  const missing = [...asides.keys()].find((schema) => !there.has(schema));
  if (missing === undefined) return;
  throw new BelayError(
    'TABLE_NOT_FOUND',
    `"${session.database}" has no schema "${missing}" for the table to go to`,
    {
      hint: 'Nothing was changed. Create the schema, or restore the table with --into-schema NAME.',
    },
  );
}

function checkExisting({ facts: then }: BlueprintTable, now: TableFacts): void {
  const name = formatQualifiedName(now);
  if (now.kind !== 'r') throw inTheWay(`${name} is not an ordinary table any more`);
  if (now.extension !== null) throw inTheWay(`${name} belongs to extension "${now.extension}"`);
  if (!now.owned) throw notOwned(name, now.owner);
  if (now.children.length > 0) throw inTheWay(`${now.children.join(', ')} inherit from ${name}`);
  if (now.parents.length > 0 && now.bound === null) {
    throw inTheWay(`${name} inherits from ${now.parents.join(', ')}`);
  }
  if (now.subscribed) {
    throw new BelayError(
      'REPLICATION_IN_THE_WAY',
      `a subscription writes to ${name}: it would go on with the replaced table`,
      { hint: besideHint },
    );
  }
  if (now.bound !== null) checkPartition(then, now);
}

/** A partition has the columns of its parent, whatever their order. */
function checkPartition(then: TableFacts, now: TableFacts): void {
  const types = new Map(then.columns.map(({ name, type }) => [name, type]));
  // As it is attached now, its columns are its parent's.
  const differing = now.columns.filter(({ name, type }) => types.get(name) !== type);
  const isMore = then.columns.length !== now.columns.length;
  if (differing.length === 0 && !isMore) return;
  throw inTheWay(
    `partition ${formatQualifiedName(now)} had other columns in the snapshot than ${now.parents.join(', ')} has now`,
  );
}

function checkDependent(blueprint: Blueprint, survey: Survey, dependent: Dependent): void {
  const { kind, description, owned, owner } = dependent;
  if (kind === 'other') {
    throw inTheWay(`${description} uses the row type of the table or belongs to it`, {
      description,
    });
  }
  if (!owned) throw notOwned(description, owner);
  for (const { table, name } of dependent.columns) {
    const index = survey.existing.findIndex((facts) => facts?.oid === table);
    const [now, then] = [survey.existing[index], blueprint.tables[index]];
    if (!now || !then) continue;
    const typeNow = now.columns.find((column) => column.name === name)?.type;
    const typeThen = then.facts.columns.find((column) => column.name === name)?.type;
    if (typeNow === typeThen) continue;
    const had = typeThen === undefined ? 'had no such column' : `had it as ${typeThen}`;
    throw inTheWay(
      `${description} uses column ${name} of ${formatQualifiedName(now)}; the snapshot ${had}`,
      { description, column: name },
    );
  }
}

function checkForeignKeys({ tables }: Blueprint, { incoming, outgoing }: Survey): void {
  for (const key of incoming) {
    const what = `foreign key "${key.name}" of ${formatQualifiedName(key.table)}`;
    if (!key.owned) throw notOwned(`the table of ${what}`, 'another role');
    const name = formatQualifiedName(key.refersTo);
    const table = tables.find((one) => formatQualifiedName(one.table) === name);
    // Not found: it refers to the partitioned table that the table is a partition of, which has the columns.
    const columns = table && new Set(table.facts.columns.map((column) => column.name));
    const missing = key.keyColumns.find((column) => columns && !columns.has(column));
    if (missing !== undefined) {
      throw inTheWay(`${what} refers to column ${missing}, which the snapshot's ${name} has not`);
    }
  }
  const temporal = [...incoming, ...outgoing].find((key) => key.temporal);
  if (temporal) throw inTheWay(`foreign key "${temporal.name}" compares periods`);
}
