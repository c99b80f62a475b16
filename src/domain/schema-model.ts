import { createHash } from 'node:crypto';
import { type AttributeValue, formatDefinition, parseDefinition } from './definition.js';
import { describeChange, describeObject } from './schema-change-detail.js';

/** One object of a schema with its whole definition. */
export interface SchemaObject {
  /** e.g. "table", "column", "index", "function". */
  readonly kind: string;
  /** Qualified, unique within its kind, e.g. "public.orders.total" or "public.f(integer)". */
  readonly name: string;
  /** A canonical text of everything that matters about the object; equal text means equal object. */
  readonly definition: string;
}

/** A database's schema as plain data, in a stable order. */
export interface SchemaModel {
  readonly format: 1;
  readonly objects: readonly SchemaObject[];
}

/** One object that differs between two schemas. */
export interface SchemaChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** Kind of the object, e.g. "column". */
  readonly object: string;
  /** Name of the object, as in the model. */
  readonly name: string;
  /**
   * What differs, e.g. "type: integer → bigint"; for longer texts the lines that left ("- ") and
   * came ("+ "). For what was added or removed: what it is.
   */
  readonly detail: string;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Order of a model's objects: by kind, then by name, by code unit, the same for every locale. */
export function compareObjects(a: SchemaObject, b: SchemaObject): number {
  return (
    compareText(a.kind, b.kind) ||
    compareText(a.name, b.name) ||
    compareText(a.definition, b.definition)
  );
}

/**
 * The identity of a schema: SHA-256, hexadecimal, over all its objects in a stable order. Views and
 * rules are printed a little differently by different major versions of PostgreSQL, so checksums
 * are for comparing databases of one major version.
 */
export function schemaChecksum(model: SchemaModel): string {
  const hash = createHash('sha256').update(`belay schema ${model.format}\n`);
  for (const { kind, name, definition } of [...model.objects].sort(compareObjects)) {
    hash.update(`${JSON.stringify([kind, name, definition])}\n`);
  }
  return hash.digest('hex');
}

/** What only the history of a table decides: columns that were added later stand last. Of types it is part of the value. */
const orderOfColumns = 'column order';

/**
 * The model without the order of the columns of tables, which depends on the order in which they were added:
 * what schemas of different databases are compared by.
 */
export function withoutColumnOrder(model: SchemaModel): SchemaModel {
  const objects = model.objects.map((object) => {
    if (object.kind !== 'table' && object.kind !== 'foreign table') return object;
    const { [orderOfColumns]: _, ...kept } = parseDefinition(object.definition);
    return { ...object, definition: formatDefinition(kept) };
  });
  return { ...model, objects };
}

/**
 * The identity of a version: the checksum of its schema, whatever the order in which the columns of its tables were
 * added. (A snapshot's fingerprint has the stricter {@link schemaChecksum}.)
 */
export function versionChecksum(model: SchemaModel): string {
  return schemaChecksum(withoutColumnOrder(model));
}

/** Attributes that say whose an object is, and who else may use it. */
const ofRoles = new Set(['owner', 'grants', 'revoked']);

/**
 * The checksum of a schema without owners and grants: the same wherever it was restored under other roles.
 */
export function portableChecksum(model: SchemaModel): string {
  const objects = model.objects
    .filter(({ kind }) => kind !== 'default privileges')
    .map((object) => {
      const attributes = Object.entries(parseDefinition(object.definition));
      const kept = attributes.filter(([key]) => !ofRoles.has(key));
      return { ...object, definition: formatDefinition(Object.fromEntries(kept)) };
    });
  return schemaChecksum({ ...model, objects });
}

const keyOf = (object: SchemaObject): string => `${object.kind}\0${object.name}`;

const byKey = (model: SchemaModel): Map<string, SchemaObject> =>
  new Map(model.objects.map((object) => [keyOf(object), object]));

const asText = (value: AttributeValue | undefined): string[] =>
  typeof value === 'string' ? [value] : [];

/** Names of the objects that this one cannot be without: its table, domain or column, its parent's index. */
function holdersOf(object: SchemaObject): string[] {
  const attributes = parseDefinition(object.definition);
  return ['on', 'owned by', 'attached to'].flatMap((key) => asText(attributes[key]));
}

/** Kinds that other objects can be part of. */
const holdingKinds = [
  'table',
  'foreign table',
  'view',
  'materialized view',
  'domain',
  'composite type',
  'column',
  'index',
  'constraint',
];

/** The objects of one side as their outermost ones, each with what is part of it. */
function foldParts(objects: readonly SchemaObject[]): Map<SchemaObject, SchemaObject[]> {
  const holders = new Map<string, SchemaObject>();
  for (const object of objects) {
    if (holdingKinds.includes(object.kind)) holders.set(object.name, object);
  }
  const folded = new Map<SchemaObject, SchemaObject[]>();
  const outermost = (object: SchemaObject): SchemaObject => {
    const holder = holdersOf(object)
      .map((name) => holders.get(name))
      .find((found) => found !== undefined && found !== object);
    return holder ? outermost(holder) : object;
  };
  for (const object of objects) {
    const top = outermost(object);
    const parts = folded.get(top) ?? [];
    if (top !== object) parts.push(object);
    folded.set(top, parts);
  }
  return folded;
}

function plural(kind: string): string {
  if (kind.endsWith('y')) return `${kind.slice(0, -1)}ies`;
  return kind.endsWith('x') ? `${kind}es` : `${kind}s`;
}

/** "3 columns, 1 index" for the parts of an object that came or went as a whole. */
function countParts(parts: readonly SchemaObject[]): string[] {
  const counts = new Map<string, number>();
  for (const { kind } of parts) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const texts = [...counts]
    .sort(([a], [b]) => compareText(a, b))
    .map(([kind, count]) => `${count} ${count === 1 ? kind : plural(kind)}`);
  return texts.length === 0 ? [] : [`with ${texts.join(', ')}`];
}

function oneSided(kind: 'added' | 'removed', objects: readonly SchemaObject[]): SchemaChange[] {
  return [...foldParts(objects)].map(([object, parts]) => ({
    kind,
    object: object.kind,
    name: object.name,
    detail: describeObject(object.definition, countParts([...parts])),
  }));
}

/**
 * What turns schema `a` into schema `b`, sorted by kind of object and name. The parts of a table
 * that came or went (columns, indexes, constraints, …) are counted in the table's own change.
 *
 * @example
 * compareSchemas(before, after);
 * // [{ kind: 'changed', object: 'column', name: 'public.t.n', detail: 'type: integer → bigint' }]
 */
export function compareSchemas(a: SchemaModel, b: SchemaModel): SchemaChange[] {
  const [before, after] = [byKey(a), byKey(b)];
  const changes: SchemaChange[] = [
    ...oneSided(
      'removed',
      [...before.values()].filter((object) => !after.has(keyOf(object))),
    ),
    ...oneSided(
      'added',
      [...after.values()].filter((object) => !before.has(keyOf(object))),
    ),
  ];
  for (const [key, object] of before) {
    const now = after.get(key);
    if (!now || now.definition === object.definition) continue;
    const detail = describeChange(object.definition, now.definition);
    if (detail === '') continue;
    changes.push({ kind: 'changed', object: object.kind, name: object.name, detail });
  }
  const rank = { removed: 0, added: 1, changed: 2 };
  return changes.sort(
    (x, y) =>
      compareText(x.object, y.object) || compareText(x.name, y.name) || rank[x.kind] - rank[y.kind],
  );
}
