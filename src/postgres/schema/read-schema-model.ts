import { setTimeout } from 'node:timers/promises';
import { type Attributes, type AttributeValue, formatDefinition } from '../../domain/definition.js';
import {
  compareObjects,
  type SchemaModel,
  type SchemaObject,
  schemaChecksum,
} from '../../domain/schema-model.js';
import { stableExpression } from '../../domain/stable-expression.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import type { Session } from '../session.js';
import { type Annotation, annotationsSql } from '../sql/schema-annotations.js';
import { columnQueries } from '../sql/schema-columns.js';
import { constraintQueries } from '../sql/schema-constraints.js';
import { databaseQueries } from '../sql/schema-database.js';
import { operatorQueries } from '../sql/schema-operators.js';
import { publicationQueries } from '../sql/schema-publications.js';
import { relationQueries } from '../sql/schema-relations.js';
import { routineQueries } from '../sql/schema-routines.js';
import { ruleQueries } from '../sql/schema-rules.js';
import { type AttributeSql, type SchemaBranch, scopeSql } from '../sql/schema-scope.js';
import { textQueries } from '../sql/schema-texts.js';
import { typeQueries } from '../sql/schema-types.js';
import { unmodelledSql } from '../sql/schema-unmodelled.js';
import { isTorn, type ObjectRow } from './object-row.js';
import { isInTransaction, withStablePrinting } from './stable-printing.js';

const families = [
  databaseQueries,
  typeQueries,
  relationQueries,
  columnQueries,
  constraintQueries,
  routineQueries,
  ruleQueries,
  operatorQueries,
  textQueries,
  publicationQueries,
].flat();

const doing = 'reading the schema';

const notesSql = `${annotationsSql}\nUNION ALL (${unmodelledSql})`;

/** Kinds whose definition may have a body in another language, which is nobody's to rewrite. */
const routineKinds = new Set(['function', 'procedure']);

/** The body of a routine stays as it is, what PostgreSQL printed before it is an expression like any other. */
function stableRoutine(definition: string): string {
  const body = definition.search(/\nAS (?:\$|')/);
  if (body < 0) return stableExpression(definition);
  return stableExpression(definition.slice(0, body)) + definition.slice(body);
}

/** All objects of a branch of the statement. */
interface BranchRow {
  /** Which branch it is. */
  readonly branch: number;
  readonly class: string;
  /** Null where it found none. */
  readonly objects:
    | readonly (readonly [
        id: string,
        sub: string,
        kind: string,
        name: string | null,
        ...values: (string | null)[],
      ])[]
    | null;
}

/** What a publication has of its tables may depend on a condition. */
const stableItems = (list: string): string[] => JSON.parse(list).map(stableExpression);

type Cells = NonNullable<BranchRow['objects']>[number];

/** Id, sub, kind and name stand before the values. */
const firstValue = 4;

/**
 * Gives the values their names back; what has its default is left out. Every cell of a large schema comes by here, so it is
 * plain loops.
 */
function toObjectRow(
  inClass: string,
  cells: Cells,
  attributes: readonly AttributeSql[],
): ObjectRow {
  const [id, sub, kind, name] = cells;
  const stable = routineKinds.has(kind) ? stableRoutine : stableExpression;
  const named: Record<string, AttributeValue> = {};
  const row: ObjectRow = { class: inClass, id, sub: Number(sub), kind, name, attributes: named };
  let hidden: Record<string, string> | undefined;
  for (let i = 0; i < attributes.length; i += 1) {
    const value = cells[firstValue + i];
    const attribute = attributes[i];
    if (value === null || value === undefined || !attribute) continue;
    const [key, , type] = attribute;
    if (type === 'hidden') {
      hidden ??= {};
      hidden[key] = value;
    } else if (type === 'list') {
      named[key] = kind === 'publication' ? stableItems(value) : JSON.parse(value);
    } else named[key] = value.includes('(') ? stable(value) : value;
  }
  return hidden ? { ...row, hidden } : row;
}

function toObjectRows(row: BranchRow, attributes: readonly AttributeSql[]): ObjectRow[] {
  return (row.objects ?? []).map((cells) => toObjectRow(row.class, cells, attributes));
}

const isTable = ({ kind }: ObjectRow): boolean => kind === 'table' || kind === 'foreign table';

/**
 * Adds to each table the order of its columns. One that inherits (no partition) lists only its own: a dump puts what is
 * inherited first, so a restored copy would otherwise always differ.
 */
function withColumnOrder(rows: readonly ObjectRow[]): ObjectRow[] {
  const columns = new Map<string, ObjectRow[]>();
  for (const row of rows) {
    if (row.kind !== 'column') continue;
    const found = columns.get(row.id);
    if (found) found.push(row);
    else columns.set(row.id, [row]);
  }
  return rows.map((row) => {
    if (!isTable(row)) return row;
    const own = (columns.get(row.id) ?? [])
      .filter(({ hidden }) => row.attributes['partition of'] || !hidden?.inherited)
      .sort((a, b) => a.sub - b.sub);
    const order = own.map(({ name }) => (name ?? '').slice((row.name ?? '').length + 1));
    return { ...row, attributes: { ...row.attributes, 'column order': order } };
  });
}

const addressOf = (row: { class: string; id: string; sub: number }): string =>
  `${row.class}/${row.id}/${row.sub}`;

const listNames = { grant: 'grants', revoke: 'revoked', label: 'security labels' } as const;

/** Comment, grants and labels of each object, as attributes that follow its own. */
function collectAnnotations(rows: readonly Annotation[]): Map<string, Attributes> {
  const found = new Map<string, Record<string, string | string[]>>();
  for (const row of rows) {
    if (row.what === 'unmodelled') continue;
    const address = addressOf(row);
    const attributes = found.get(address) ?? {};
    found.set(address, attributes);
    if (row.what === 'comment') attributes.comment = row.text;
    else {
      const list = attributes[listNames[row.what]] ?? [];
      attributes[listNames[row.what]] = [...list, row.text].sort();
    }
  }
  return found;
}

const annotationOrder = ['grants', 'revoked', 'comment', 'security labels'];

/** The object as it is without its annotations, which follow its own attributes. */
function toObject(row: ObjectRow): SchemaObject {
  return {
    kind: row.kind,
    name: row.name ?? '',
    definition: formatDefinition(row.attributes),
  };
}

function annotate(object: SchemaObject, annotations: Attributes): SchemaObject {
  const present = annotationOrder.filter((key) => annotations[key] !== undefined);
  const added = Object.fromEntries(present.map((key) => [key, annotations[key] ?? '']));
  const texts = [object.definition, formatDefinition(added)];
  return { ...object, definition: texts.filter((text) => text !== '').join('\n') };
}

const mostAttempts = 20;

/** In a transaction a statement that fails would take everything before it along. */
async function queryOrTakeBack(session: Session, statement: string): Promise<BranchRow[]> {
  if (!isInTransaction(session)) return session.query<BranchRow>(statement, [], doing);
  await session.execute('SAVEPOINT belay_reading', doing);
  try {
    return await session.query<BranchRow>(statement, [], doing);
  } catch (error) {
    await session.execute('ROLLBACK TO belay_reading', doing);
    throw error;
  } finally {
    await session.execute('RELEASE belay_reading', doing);
  }
}

/** An object without its annotations, and where it is. */
interface Located {
  readonly object: SchemaObject;
  readonly address: CatalogAddress;
}

interface Answer {
  readonly located: readonly Located[];
  readonly notes: readonly Annotation[];
}

/** One attempt; undefined: an object was taken away meanwhile. */
async function readOnce(
  session: Session,
  branches: readonly SchemaBranch[],
  statement: string,
): Promise<Answer | undefined> {
  const found = await queryOrTakeBack(session, statement);
  // The server looks for the annotations while the objects are put together here.
  const asked = session.query<Annotation>(notesSql, [], doing);
  asked.catch(() => {});
  const rows = withColumnOrder(
    found.flatMap((row) => toObjectRows(row, branches[row.branch]?.attributes ?? [])),
  );
  const isWhole = !rows.some(isTorn);
  const located = isWhole ? rows.map((row) => ({ object: toObject(row), address: row })) : [];
  const notes = await asked;
  return isWhole ? { located, notes } : undefined;
}

/**
 * Somebody's DDL at the same time can take an object away between the listing, which sees one moment, and
 * the printing of its definition, which sees the present: PostgreSQL then fails ("cache lookup failed"), or prints
 * nothing or a bare OID. Such an answer is asked for again.
 */
async function readObjects(session: Session): Promise<Answer> {
  const branches = families.map((query) => query(session.serverVersion));
  const selects = branches.map(({ sql }, index) => `SELECT ${index} AS branch, ${sql}`);
  const statement = `WITH ${scopeSql}\n${selects.join('\nUNION ALL\n')}`;
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    try {
      const answer = await readOnce(session, branches, statement);
      if (answer) return answer;
    } catch (error) {
      if (sqlStateOf(error) !== 'XX000' || attempt === mostAttempts) throw error;
    }
    // Not in step with whoever creates and drops in a loop.
    await setTimeout(Math.random() * 10 * attempt);
  }
  throw new BelayError('DATABASE_ERROR', 'the schema changes faster than it can be read', {
    hint: 'Run it again when the migration that runs there is done.',
  });
}

/** Where an object is in the catalogs. */
export interface CatalogAddress {
  readonly class: string;
  readonly id: string;
  /** Of a column its number, else 0. */
  readonly sub: number;
}

/** A model, and where its objects are. */
export interface AddressedModel {
  readonly model: SchemaModel;
  /** In the order of the model's objects. */
  readonly addresses: readonly CatalogAddress[];
}

/**
 * Reads the whole schema of the session's database: every object of the user's, with all that matters about
 * it, in a stable order. Two statements whatever the number of objects. Needs no right on
 * the objects themselves, and gives the same for every role.
 */
export async function readSchemaModel(session: Session): Promise<SchemaModel> {
  const { model } = await readAddressedModel(session);
  return model;
}

/** As {@link readSchemaModel}, with where each object is in the catalogs. */
export async function readAddressedModel(session: Session): Promise<AddressedModel> {
  const { located, notes } = await withStablePrinting(session, () => readObjects(session));
  const annotations = collectAnnotations(notes);
  // Most schemas have few annotations, and thousands of addresses to put together.
  const found =
    annotations.size === 0
      ? [...located]
      : located.map(({ object, address }) => {
          const hangingOn = annotations.get(addressOf(address));
          return { object: hangingOn ? annotate(object, hangingOn) : object, address };
        });
  found.sort((a, b) => compareObjects(a.object, b.object));
  const texts = notes.flatMap(({ what, text }) => (what === 'unmodelled' ? [text] : []));
  const model: SchemaModel = { format: 1, objects: found.map(({ object }) => object) };
  return {
    model: texts.length === 0 ? model : { ...model, unmodelled: texts.sort() },
    addresses: found.map(({ address }) => address),
  };
}

/** The checksum of the schema of the session's database, as in its fingerprint. */
export async function readSchemaChecksum(session: Session): Promise<string> {
  return schemaChecksum(await readSchemaModel(session));
}
