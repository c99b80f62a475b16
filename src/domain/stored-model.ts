import { gunzipSync, gzipSync } from 'node:zlib';
import { BelayError } from '../errors.js';
import { type SchemaModel, versionChecksum } from './schema-model.js';

/** How the model of a version is kept: a JSON document, compressed with gzip. `docs/formats.md` promises this format. */
export const storedModelFormat = 1;

const level = 6;
/** More than a text can be long. A file of zeros that calls itself a model must not take all the memory. */
const mostBytes = 512 * 1024 * 1024;

/** The bytes of a model. */
export function encodeStoredModel(model: SchemaModel): Uint8Array {
  const document = { belay: storedModelFormat, kind: 'schema model', model };
  return gzipSync(JSON.stringify(document), { level });
}

function damaged(checksum: string, where: string, why: string, cause?: unknown): BelayError {
  return new BelayError(
    'HISTORY_DAMAGED',
    `the schema ${checksum.slice(0, 8)} in the ${where} ${why}`,
    {
      hint: 'Other versions can still be used. Record this one again when the database is at it: `belay schema snapshot`.',
      details: { checksum },
      cause,
    },
  );
}

function unpack(bytes: Uint8Array): unknown {
  return JSON.parse(gunzipSync(bytes, { maxOutputLength: mostBytes }).toString('utf8'));
}

interface StoredModel {
  readonly belay?: unknown;
  readonly model?: { readonly format?: unknown; readonly objects?: unknown };
}

const isNewer = (format: unknown, known: number): boolean =>
  typeof format === 'number' && format > known;

/**
 * Reads the bytes of a model.
 * @param checksum `versionChecksum` that it must have
 * @param where for people, e.g. `schema "belay" of "shop"`
 * @throws BelayError HISTORY_DAMAGED, NEWER_FORMAT
 */
export function decodeStoredModel(bytes: Uint8Array, checksum: string, where: string): SchemaModel {
  let document: StoredModel | null;
  try {
    document = unpack(bytes) as StoredModel | null;
  } catch (error) {
    throw damaged(checksum, where, 'cannot be unpacked', error);
  }
  const { belay, model } = document ?? {};
  if (isNewer(belay, storedModelFormat) || isNewer(model?.format, 1)) {
    throw new BelayError(
      'NEWER_FORMAT',
      `the schema ${checksum.slice(0, 8)} in the ${where} was written by a newer Belay`,
      { hint: 'Use that version of Belay, or a later one.', details: { checksum } },
    );
  }
  if (belay !== storedModelFormat || model?.format !== 1 || !areObjects(model.objects)) {
    throw damaged(checksum, where, 'is no schema model');
  }
  const read = model as SchemaModel;
  if (versionChecksum(read) !== checksum) {
    throw damaged(checksum, where, 'is not the one that was recorded: its checksum differs');
  }
  return read;
}

function areObjects(objects: unknown): boolean {
  return (
    Array.isArray(objects) &&
    objects.every((object) =>
      ['kind', 'name', 'definition'].every((key) => typeof object?.[key] === 'string'),
    )
  );
}

/** The model is not kept, or no longer. */
export function modelNotKept(checksum: string, where: string): BelayError {
  return new BelayError(
    'MODEL_NOT_KEPT',
    `the schema ${checksum.slice(0, 8)} is not kept in the ${where}`,
    {
      hint: '`belay schema list` shows the versions whose schema is kept.',
      details: { checksum },
    },
  );
}
