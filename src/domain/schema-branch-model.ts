import { formatDefinition, parseDefinition } from './definition.js';
import { leadStrings, type SchemaNames } from './schema-branch-text.js';
import { namePartsOf } from './schema-ddl/ddl-names.js';
import type { SchemaModel, SchemaObject } from './schema-model.js';

/**
 * What of a database's schema belongs to one of its schemas: everything in it, and what there is for it alone (its default
 * privileges, casts of its types).
 * @param schema as it is written in SQL
 */
export function objectsOfSchema(model: SchemaModel, schema: string): SchemaModel {
  const inside = `${schema}.`;
  const objects = model.objects.filter(({ kind, name }) => {
    if (kind === 'schema') return name === schema;
    if (kind === 'default privileges') return name.endsWith(` in ${schema}`);
    if (kind === 'cast') return name.startsWith(`(${inside}`) || name.includes(` AS ${inside}`);
    return name.startsWith(inside);
  });
  const unmodelled = (model.unmodelled ?? []).filter((text) => mentionsInside(text, inside));
  return {
    format: 1,
    objects: objects.map(withoutComment),
    ...(unmodelled.length > 0 ? { unmodelled } : {}),
  };
}

const mentionsInside = (text: string, inside: string): boolean =>
  text.split(' ').some((word) => word.startsWith(inside));

/** The comment of a branch's schema is its record. */
function withoutComment(object: SchemaObject): SchemaObject {
  if (object.kind !== 'schema') return object;
  const { comment: _, ...kept } = parseDefinition(object.definition);
  return { ...object, definition: formatDefinition(kept) };
}

/** Objects of a schema whose copy would be no copy: it would show in what others have. */
export function boundToOthers(model: SchemaModel, schema: string): string[] {
  return model.objects.flatMap(({ kind, name, definition }) => {
    if (kind !== 'table' && kind !== 'foreign table') return [];
    const attributes = parseDefinition(definition);
    const parents = [attributes['partition of'] ?? [], attributes.inherits ?? []].flat();
    const other = parents.find((parent) => namePartsOf(parent)[0] !== schema);
    return other === undefined ? [] : [`${kind} ${name} inherits from ${other}`];
  });
}

/** Foreign keys to tables of other schemas: making one locks the other table against writes. */
export function isKeyToOthers({ kind, definition }: SchemaObject, schema: string): boolean {
  if (kind !== 'constraint') return false;
  const text = parseDefinition(definition).definition;
  const [, table] =
    /^FOREIGN KEY .*? REFERENCES ((?:"(?:[^"]|"")+"|[^\s("])+)/s.exec(String(text)) ?? [];
  return table !== undefined && namePartsOf(table)[0] !== schema;
}

/** What no statement can make so: an index of which a CREATE INDEX CONCURRENTLY was broken off. */
export function isInvalid({ kind, definition }: SchemaObject): boolean {
  return kind === 'index' && parseDefinition(definition).invalid !== undefined;
}

/** Texts that are nobody's expression. */
const plainTexts = new Set(['comment', 'security labels', 'grants', 'revoked', 'column order']);
const routines = new Set(['function', 'procedure']);

export interface LedModel {
  readonly model: SchemaModel;
  readonly notes: readonly string[];
  readonly doubts: readonly string[];
}

/** Leads the names in strings of defaults, views, policies, …; bodies of routines have been led before. */
export function leadModel(model: SchemaModel, names: SchemaNames): LedModel {
  const [notes, doubts]: [string[], string[]] = [[], []];
  const objects = model.objects.map((object) => {
    if (routines.has(object.kind) || !object.definition.includes("'")) return object;
    const lead = (text: string): string => {
      const led = leadStrings(text, names);
      notes.push(...led.notes.map((note) => `${object.kind} ${object.name}: ${note}`));
      doubts.push(...led.doubts.map((doubt) => `${object.kind} ${object.name}: ${doubt}`));
      return led.text;
    };
    const attributes = Object.entries(parseDefinition(object.definition)).map(([key, value]) => {
      if (plainTexts.has(key)) return [key, value];
      return [key, typeof value === 'string' ? lead(value) : value.map(lead)];
    });
    return { ...object, definition: formatDefinition(Object.fromEntries(attributes)) };
  });
  return { model: { ...model, objects }, notes, doubts };
}

/**
 * The model with partitions on their own whose columns stand in another order than their table's: they were made as tables and
 * attached, and have to be again. Whoever selects all columns counts on their order.
 */
export function withoutOddPartitions(model: SchemaModel): SchemaModel {
  const orders = new Map<string, readonly string[]>();
  const ofTable = (object: SchemaObject) => parseDefinition(object.definition)['column order'];
  for (const object of model.objects) {
    const order = object.kind === 'table' ? ofTable(object) : undefined;
    if (order !== undefined) orders.set(object.name, [order].flat());
  }
  const objects = model.objects.map((object) => {
    if (object.kind !== 'table') return object;
    const {
      'partition of': parent,
      'partition bound': _,
      ...kept
    } = parseDefinition(object.definition);
    if (typeof parent !== 'string') return object;
    const isLike = String(orders.get(parent)) === String(orders.get(object.name));
    return isLike ? object : { ...object, definition: formatDefinition(kept) };
  });
  return { ...model, objects };
}
