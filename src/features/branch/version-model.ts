import { objectsOfSchema } from '../../domain/schema-branch-model.js';
import type { SchemaModel, SchemaObject } from '../../domain/schema-model.js';
import {
  type AddressedModel,
  readAddressedModel,
} from '../../postgres/schema/read-schema-model.js';
import { quoteName } from '../../postgres/schema-copy/read-schema.js';
import type { Session } from '../../postgres/session.js';
import { readSchemaRecords } from './schema-find.js';

/**
 * The schema of a database as versions, drift and rollbacks know it: without the schemas that are branches. Who has a branch at
 * the moment is no part of a version.
 */
export async function readVersionModel(session: Session): Promise<SchemaModel> {
  return (await readAddressedVersion(session)).model;
}

/** The same with the objects' places in the catalogs. */
export async function readAddressedVersion(session: Session): Promise<AddressedModel> {
  const addressed = await readAddressedModel(session);
  const branches = await readSchemaRecords(session);
  if (branches.length === 0) return addressed;
  const { model, addresses } = addressed;
  const left = new Set<string>();
  const unmodelled = new Set(model.unmodelled);
  for (const { schema } of branches) {
    if (schema === null) continue;
    const own = objectsOfSchema(model, await quoteName(session, schema));
    for (const object of own.objects) left.add(keyOf(object));
    for (const text of own.unmodelled ?? []) unmodelled.delete(text);
  }
  const isKept = model.objects.map((object) => !left.has(keyOf(object)));
  const { unmodelled: _all, ...rest } = model;
  return {
    model: {
      ...rest,
      objects: model.objects.filter((_object, index) => isKept[index]),
      ...(unmodelled.size > 0 ? { unmodelled: [...unmodelled] } : {}),
    },
    addresses: addresses.filter((_address, index) => isKept[index]),
  };
}

function keyOf({ kind, name }: Pick<SchemaObject, 'kind' | 'name'>): string {
  return `${kind}\0${name}`;
}
