import { BelayError } from '../errors.js';
import { type SchemaModel, type SchemaObject, versionChecksum } from './schema-model.js';

const isObject = (value: unknown): value is SchemaObject => {
  const { kind, name, definition } = (value ?? {}) as Record<string, unknown>;
  return [kind, name, definition].every((part) => typeof part === 'string');
};

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads a model that was written to a file.
 * @throws BelayError BAD_SCHEMA_FILE, NEWER_FORMAT, HISTORY_DAMAGED where it has not the checksum that it says
 */
export function parseModelFile(text: string, file: string): SchemaModel {
  const document = parse(text);
  const { format, objects, checksum, unmodelled } = document ?? {};
  if (typeof format === 'number' && format > 1) {
    throw new BelayError(
      'NEWER_FORMAT',
      `${file} was written by a newer Belay (format ${format})`,
      {
        hint: 'Upgrade this one to read it.',
      },
    );
  }
  if (format !== 1 || !Array.isArray(objects) || !objects.every(isObject)) {
    throw new BelayError('BAD_SCHEMA_FILE', `${file} is no schema model`, {
      hint: 'Give a file that `belay schema snapshot --output FILE.json` wrote, or a .sql file.',
    });
  }
  const names = Array.isArray(unmodelled) ? unmodelled.map(String) : [];
  const model: SchemaModel = {
    ...{
      format,
      objects: objects.map(({ kind, name, definition }) => ({ kind, name, definition })),
    },
    ...(names.length > 0 ? { unmodelled: names } : {}),
  };
  if (checksum === undefined || checksum === versionChecksum(model)) return model;
  throw new BelayError('HISTORY_DAMAGED', `${file} has not the checksum that it says`, {
    hint: 'It was changed since it was written. Write it again from the database.',
  });
}
