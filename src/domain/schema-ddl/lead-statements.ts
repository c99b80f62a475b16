import { formatDefinition } from '../definition.js';
import type { SchemaChange, SchemaModel } from '../schema-model.js';
import { annotationDrafts, annotationKeys } from './annotations.js';
import { renameAttached } from './attached-names.js';
import { addColumn, addOwnColumn } from './columns-ddl.js';
import { alterers, createObject, inPhases, withObject } from './create-statements.js';
import type { DdlStatement } from './ddl-statement.js';
import { dropStatement } from './drop-statements.js';
import { KnownObject, KnownSchema } from './known-schema.js';
import { renameNotNulls } from './not-null-names.js';

/** What holds rows or values, and is never made anew to change it. */
export const holdsData = (kind: string): boolean =>
  ['table', 'foreign table', 'column', 'sequence', 'schema', 'extension'].includes(kind);

/** Types that columns may have: the columns would go with them. */
const isUsedByColumns = (kind: string): boolean =>
  ['enum', 'domain', 'composite type', 'range type', 'base type'].includes(kind);

interface Sides {
  readonly before: KnownSchema;
  readonly after: KnownSchema;
}

/** What makes an object; the order of columns counts for types only. */
const bare = ({ kind, attributes }: KnownObject): string =>
  formatDefinition(
    Object.fromEntries(
      Object.entries(attributes).filter(
        ([key]) =>
          !annotationKeys.includes(key) && (key !== 'column order' || kind === 'composite type'),
      ),
    ),
  );

/** The statements that change an object that both sides have. */
function changeObject(was: KnownObject, is: KnownObject, sides: Sides, role?: string) {
  const isSame = bare(was) === bare(is);
  const altered = isSame ? [] : alterers.get(is.kind)?.(was, is, sides);
  if (altered) {
    return [...altered, ...annotationDrafts(was, is, sides.after)].map((one) =>
      withObject(one, is),
    );
  }
  if (holdsData(is.kind) || isUsedByColumns(is.kind)) {
    return annotationDrafts(was, is, sides.after).map((one) => withObject(one, is));
  }
  return replaceObject(was, is, sides, role);
}

/** Takes an object away and makes it again, which loses nothing where it holds nothing. */
function replaceObject(
  was: KnownObject,
  is: KnownObject,
  { before, after }: Sides,
  role?: string,
): DdlStatement[] {
  const drop = dropStatement(was, before);
  return [...(drop ? [drop] : []), ...createObject(is, after, role)];
}

/** A column that is NOT NULL has a constraint for it already, by another name. */
function unnamedNotNull(object: KnownObject, { before }: Sides): DdlStatement[] {
  const column = /^NOT NULL (.+?)(?: NO INHERIT)?(?: NOT VALID)?$/.exec(object.need('definition'));
  const isNotNull = before.find('column', `${object.on}.${column?.[1]}`)?.has('not null');
  if (object.kind !== 'constraint' || !isNotNull) return [];
  const sql = `ALTER TABLE ${object.on} ALTER COLUMN ${column?.[1]} DROP NOT NULL`;
  return [withObject({ sql, phase: 'column' }, object)];
}

/** Whether a table that is there gets another parent, which asks for the columns first. */
function getsParent(table: string, { before, after }: Sides): boolean {
  const [was, is] = [before.find('table', table), after.find('table', table)];
  if (!was || !is) return false;
  const known = before.parentsOf(was).map(({ name }) => name);
  return after.parentsOf(is).some(({ name }) => !known.includes(name));
}

function addObject(object: KnownObject, sides: Sides, role?: string): DdlStatement[] {
  const { before, after } = sides;
  if (object.kind === 'constraint') {
    return [...unnamedNotNull(object, sides), ...createObject(object, after, role)];
  }
  if (object.kind !== 'column' || !before.relation(object.on)) {
    return createObject(object, after, role);
  }
  const made = getsParent(object.on, sides)
    ? addOwnColumn(object, after)
    : addColumn(object, after);
  const annotations = annotationDrafts(new KnownObject(object, {}), object, after);
  return [...made, ...annotations].map((one) => withObject(one, object));
}

/**
 * Statements of Belay's own that lead from one schema towards another: what came is made, what changed is changed where
 * it can be, or made anew where that loses nothing, and what went is removed, rows included.
 * @param role who runs the statements, and so owns what they make
 */
export function leadStatements(from: SchemaModel, to: SchemaModel, role?: string): DdlStatement[] {
  const sides = { before: new KnownSchema(from), after: new KnownSchema(to) };
  const { before, after } = sides;
  const removed = before.objects.filter(({ kind, name }) => !after.find(kind, name));
  const renamed = [renameNotNulls(before, after), renameAttached(before, after)];
  const isSettled = (object: KnownObject) => renamed.some(({ settled }) => settled.has(object));
  const drops = removed.flatMap((object) => {
    if (isSettled(object)) return [];
    if (object.kind === 'default privileges') return emptied(object, before);
    return dropStatement(object, before) ?? [];
  });
  const made = after.objects.flatMap((object) => {
    if (isSettled(object)) return [];
    const was = before.find(object.kind, object.name);
    return was ? changeObject(was, object, sides, role) : addObject(object, sides, role);
  });
  return inPhases([...renamed.flatMap(({ statements }) => statements), ...drops, ...made]);
}

/** Default privileges are gone when nothing of them is left. */
function emptied(object: KnownObject, schema: KnownSchema): DdlStatement[] {
  const none = new KnownObject(object, { role: object.need('role') });
  return annotationDrafts(object, none, schema).map((one) => withObject(one, object));
}

/** Whether an object can go and come back without a loss. */
const isReplaceable = (kind: string): boolean =>
  !holdsData(kind) && !isUsedByColumns(kind) && kind !== 'publication' && kind !== 'user mapping';

/**
 * Constraints and indexes of partitioned tables of which parts differ: a new one takes an equal one of a partition for its
 * part, under whatever name that has, and only making the whole anew gives the part its own.
 */
function rootsOf(
  differences: readonly Pick<SchemaChange, 'object' | 'name'>[],
  { before, after }: Sides,
): Pick<SchemaChange, 'object' | 'name'>[] {
  const names = differences.flatMap(({ object, name }) =>
    [before, after].map((side) => `${object}\0${side.find(object, name)?.text('attached to')}`),
  );
  return [...new Set(names)].flatMap((key) => {
    const [object = '', name = ''] = key.split('\0');
    return before.find(object, name) ? [{ object, name }] : [];
  });
}

/** Statements that take objects away that still differ, and make them again. */
export function replaceStatements(
  from: SchemaModel,
  to: SchemaModel,
  differences: readonly SchemaChange[],
  role?: string,
): DdlStatement[] {
  const sides = { before: new KnownSchema(from), after: new KnownSchema(to) };
  const statements = [...differences, ...rootsOf(differences, sides)].flatMap(
    ({ object, name }) => {
      const [was, is] = [sides.before.find(object, name), sides.after.find(object, name)];
      return was && is && isReplaceable(object) ? replaceObject(was, is, sides, role) : [];
    },
  );
  return inPhases(statements);
}

/** Statements that take objects away that still differ, with what depends on them. */
export function cascadeStatements(
  from: SchemaModel,
  to: SchemaModel,
  differences: readonly SchemaChange[],
): DdlStatement[] {
  const [before, after] = [new KnownSchema(from), new KnownSchema(to)];
  return differences.flatMap(({ object, name }) => {
    const was = before.find(object, name);
    // What should not be there at all may hold rows; that it goes is wanted.
    const isEmpty = isReplaceable(object) || (object === 'column' && was?.has('generated'));
    if (!was || (!isEmpty && after.find(object, name))) return [];
    const drop = dropStatement(was, before);
    return drop ? [{ ...drop, sql: `${drop.sql} CASCADE` }] : [];
  });
}

/** What can be changed of a table or a column where its rows stay, though not every planner knows. */
const keptByAltering: Readonly<Record<string, readonly string[]>> = {
  table: ['partition of', 'partition bound', 'inherits'],
  'foreign table': ['partition of', 'partition bound', 'inherits'],
  column: ['collation'],
};

/** Statements that change tables and columns that would else be made anew. */
export function keepingStatements(from: SchemaModel, to: SchemaModel): DdlStatement[] {
  const sides = { before: new KnownSchema(from), after: new KnownSchema(to) };
  const statements = sides.after.objects.flatMap((object) => {
    const keys = keptByAltering[object.kind] ?? [];
    const was = sides.before.find(object.kind, object.name);
    const differs = (key: string) =>
      JSON.stringify(was?.attributes[key]) !== JSON.stringify(object.attributes[key]);
    return was && keys.some(differs) ? changeObject(was, object, sides) : [];
  });
  return inPhases(statements);
}
