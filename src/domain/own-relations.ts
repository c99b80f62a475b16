import { parseDefinition } from './definition.js';
import type { SchemaModel } from './schema-model.js';

/**
 * A model without some relations and what belongs to them (columns, indexes, constraints, sequences): a migration tool's
 * own record of what it has applied is no part of what the migrations make.
 * @param names of tables, sequences and schemas, as in the model
 */
export function withoutRelations(model: SchemaModel, names: readonly string[]): SchemaModel {
  if (names.length === 0) return model;
  const own = new Set(names);
  const isOwn = (value: unknown): boolean =>
    typeof value === 'string' &&
    names.some((name) => value === name || value.startsWith(`${name}.`));
  const objects = model.objects.filter(({ name, definition }) => {
    const attributes = parseDefinition(definition);
    return !own.has(name) && !isOwn(attributes.on) && !isOwn(attributes['owned by']);
  });
  return { ...model, objects };
}
