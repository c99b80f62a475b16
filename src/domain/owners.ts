import { formatDefinition, parseDefinition } from './definition.js';
import { keywordOf } from './schema-ddl/designations.js';
import type { SchemaModel } from './schema-model.js';

/**
 * A model with the owners that another one has for the same objects: a file of SQL does not say whose its objects will
 * be, so they are taken to belong to who owns them already.
 */
export function withOwnersOf(model: SchemaModel, other: SchemaModel): SchemaModel {
  const owners = new Map(
    other.objects.map(({ kind, name, definition }) => [
      `${kind}\0${name}`,
      parseDefinition(definition).owner,
    ]),
  );
  const objects = model.objects.map((object) => {
    const owner = owners.get(`${object.kind}\0${object.name}`);
    const attributes = parseDefinition(object.definition);
    if (owner === undefined || attributes.owner === undefined) return object;
    return { ...object, definition: formatDefinition({ ...attributes, owner }) };
  });
  return { ...model, objects };
}

/** Statements that give objects the owners that a model says they have. Both models have the same objects. */
export function ownerStatements(actual: SchemaModel, wanted: SchemaModel): string[] {
  const owners = new Map(
    actual.objects.map(({ kind, name, definition }) => [
      `${kind}\0${name}`,
      parseDefinition(definition).owner,
    ]),
  );
  return wanted.objects.flatMap(({ kind, name, definition }) => {
    const attributes = parseDefinition(definition);
    const { owner } = attributes;
    // A sequence of a column has the owner of its table.
    if (owner === undefined || owner === owners.get(`${kind}\0${name}`) || attributes['owned by'])
      return [];
    const keyword = keywordOf(kind);
    return [`ALTER ${keyword} ${name.replace(' using ', ' USING ')} OWNER TO ${owner}`];
  });
}
