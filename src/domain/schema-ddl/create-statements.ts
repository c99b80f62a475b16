import type { SchemaModel } from '../schema-model.js';
import { annotationDrafts, justMade } from './annotations.js';
import { columnAlterers } from './columns-ddl.js';
import { constraintAlterers, constraintCreators } from './constraints-ddl.js';
import {
  type Alterer,
  type Creator,
  type DdlStatement,
  type Draft,
  phases,
} from './ddl-statement.js';
import { type KnownObject, KnownSchema } from './known-schema.js';
import { operatorAlterers, operatorCreators } from './operators-ddl.js';
import { reactionAlterers, reactionCreators } from './reactions-ddl.js';
import { routineAlterers, routineCreators } from './routines-ddl.js';
import { sequenceAlterers, sequenceCreators } from './sequences-ddl.js';
import { surroundingAlterers, surroundingCreators } from './surroundings-ddl.js';
import { tableAlterers, tableCreators } from './tables-ddl.js';
import { textAlterers, textCreators } from './texts-ddl.js';
import { typeAlterers, typeCreators } from './types-ddl.js';
import { viewAlterers, viewCreators } from './views-ddl.js';

/** How objects of each kind are made. */
const creators: ReadonlyMap<string, Creator> = new Map(
  Object.entries({
    ...surroundingCreators,
    ...typeCreators,
    ...sequenceCreators,
    ...tableCreators,
    ...constraintCreators,
    ...routineCreators,
    ...operatorCreators,
    ...textCreators,
    ...viewCreators,
    ...reactionCreators,
  }),
);

/** How objects are changed, of the kinds that can be. */
export const alterers: ReadonlyMap<string, Alterer> = new Map(
  Object.entries({
    ...surroundingAlterers,
    ...typeAlterers,
    ...sequenceAlterers,
    ...tableAlterers,
    ...columnAlterers,
    ...constraintAlterers,
    ...routineAlterers,
    ...operatorAlterers,
    ...textAlterers,
    ...viewAlterers,
    ...reactionAlterers,
  }),
);

/** SQL for a schema, and what it cannot make. */
export interface CreatedStatements {
  readonly statements: readonly DdlStatement[];
  /** Objects that cannot be made of what the model has, or not wholly: secrets are not in it. */
  readonly unsupported: readonly { readonly kind: string; readonly name: string }[];
}

const rankOf = new Map(phases.map((phase, index) => [phase, index]));

/** Statements in the order of their phases. */
export function inPhases(statements: readonly DdlStatement[]): DdlStatement[] {
  const rank = ({ phase }: DdlStatement) => rankOf.get(phase) ?? 0;
  return [...statements].sort((a, b) => rank(a) - rank(b));
}

/** The statements of one object, its owner, grants and comment included. */
export function createObject(
  object: KnownObject,
  schema: KnownSchema,
  role?: string,
): DdlStatement[] {
  const made: Draft[] = creators.get(object.kind)?.(object, schema) ?? [];
  const annotations = annotationDrafts(justMade(object, role), object, schema);
  return [...made, ...annotations].map((statement) => withObject(statement, object));
}

/** A draft with the object that it is for. */
export const withObject = (statement: Draft, { kind, name }: KnownObject): DdlStatement => ({
  ...statement,
  object: { kind, name },
});

/** Every database has it from the start. */
const isThere = ({ kind, name }: KnownObject): boolean =>
  (kind === 'schema' && name === 'public') || (kind === 'extension' && name === 'plpgsql');

const isIncomplete = ({ kind, attributes }: KnownObject): boolean =>
  !creators.has(kind) ||
  kind === 'user mapping' ||
  ['options', 'foreign options'].some((key) => {
    const value = attributes[key];
    const isForeign = key === 'foreign options' || kind.startsWith('foreign');
    return isForeign && Array.isArray(value) && value.some((item) => !item.includes('='));
  });

/**
 * SQL that makes every object of a schema in an empty database, in an order that fits most schemas: what needs something
 * that is not there yet has to be tried again after the rest.
 *
 * @example
 * const { statements } = createStatements(model);
 * statements[0]; // { sql: 'CREATE SCHEMA app', object: { kind: 'schema', name: 'app' }, phase: 'schema' }
 */
export function createStatements(model: SchemaModel): CreatedStatements {
  const schema = new KnownSchema(model);
  const statements = schema.objects.flatMap((object) => {
    const all = createObject(object, schema);
    return isThere(object) ? all.filter(({ sql }) => !sql.startsWith('CREATE ')) : all;
  });
  const unsupported = schema.objects.filter(isIncomplete).map(({ kind, name }) => ({ kind, name }));
  return { statements: inPhases(statements), unsupported };
}
