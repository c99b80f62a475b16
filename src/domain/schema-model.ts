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
  /**
   * "kind name" of what is there and not among the objects, sorted; left out where there is nothing of the kind. Checksums
   * do not cover it: two schemas with the same checksum may differ in it.
   */
  readonly unmodelled?: readonly string[];
}

/** Whether the schema has objects that the model, and so its checksum, does not know. */
export function isPartial({ unmodelled = [] }: SchemaModel): boolean {
  return unmodelled.length > 0;
}

/** A schema model as it is printed and written to files. */
export interface DescribedModel {
  readonly format: 1;
  /** The {@link versionChecksum}: what a version is known by. */
  readonly checksum: string;
  /** Of the server that printed the definitions, e.g. 180004; left out where it is not known. */
  readonly serverVersion?: number;
  /** The schema has objects that the model does not know: those of `unmodelled`. */
  readonly partial: boolean;
  readonly unmodelled: readonly string[];
  readonly objects: readonly SchemaObject[];
}

/**
 * A model with its checksum and what it says nothing about, for `--json` and files.
 *
 * @example
 * describeModel(model, 180004);
 * // { format: 1, checksum: '9f86…', serverVersion: 180004, partial: false, unmodelled: [], objects: […] }
 */
export function describeModel(model: SchemaModel, serverVersion?: number): DescribedModel {
  const { format, objects, unmodelled = [] } = model;
  return {
    ...{ format, checksum: versionChecksum(model) },
    ...(serverVersion === undefined ? {} : { serverVersion }),
    ...{ partial: isPartial(model), unmodelled, objects },
  };
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

const compareKeys = (a: SchemaObject, b: SchemaObject): number =>
  compareText(a.kind, b.kind) || compareText(a.name, b.name);

/** The objects by kind and name; most models are in this order already. */
function inOrder({ objects }: SchemaModel): readonly SchemaObject[] {
  const isSorted = objects.every((object, index) => {
    const next = objects[index + 1];
    return !next || compareKeys(object, next) <= 0;
  });
  return isSorted ? objects : [...objects].sort(compareObjects);
}

interface Pairing {
  readonly removed: SchemaObject[];
  readonly added: SchemaObject[];
  /** Objects of both sides whose definitions differ, before and after. */
  readonly differing: [SchemaObject, SchemaObject][];
}

/** Goes through both sides side by side, which is several times as fast as looking names up. */
function pairUp(a: SchemaModel, b: SchemaModel): Pairing {
  const [before, after] = [inOrder(a), inOrder(b)];
  const found: Pairing = { removed: [], added: [], differing: [] };
  for (let left = 0, right = 0; left < before.length || right < after.length; ) {
    const [was, is] = [before[left], after[right]];
    const order = !was ? 1 : !is ? -1 : compareKeys(was, is);
    if (was && order < 0) found.removed.push(was);
    else if (is && order > 0) found.added.push(is);
    else if (was && is && was.definition !== is.definition) found.differing.push([was, is]);
    if (order <= 0) left += 1;
    if (order >= 0) right += 1;
  }
  return found;
}

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
  const { removed, added, differing } = pairUp(a, b);
  const changes = [...oneSided('removed', removed), ...oneSided('added', added)];
  for (const [before, after] of differing) {
    const detail = describeChange(before.definition, after.definition);
    if (detail === '') continue;
    changes.push({ kind: 'changed', object: after.kind, name: after.name, detail });
  }
  const rank = { removed: 0, added: 1, changed: 2 };
  return changes.sort(
    (x, y) =>
      compareText(x.object, y.object) || compareText(x.name, y.name) || rank[x.kind] - rank[y.kind],
  );
}
