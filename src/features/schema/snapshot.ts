import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createStatements } from '../../domain/schema-ddl/create-statements.js';
import { type DescribedModel, describeModel, type SchemaModel } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { readGitState } from '../../process/git.js';
import { recordVersion } from '../history/record-version.js';
import { withMigrationState } from '../migration/migration-state.js';
import type { Target } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';
import { pruneHistory } from './with-history.js';

export interface CreateSchemaSnapshotOptions extends WorkOptions {
  /** The version; default: that of the last migration, else one made of the checksum. */
  readonly name?: string | undefined;
  /** A file to write the schema to as well: a model as JSON, or SQL where its name ends in `.sql`. */
  readonly output?: string | undefined;
  readonly cwd?: string | undefined;
}

/** A schema that is recorded as a version. */
export interface SchemaSnapshot extends DescribedModel {
  readonly version: string;
  readonly name: string;
  /** ISO 8601. */
  readonly recordedAt: string;
  /** False where the same state was recorded already. */
  readonly isNew: boolean;
  /** Where the history is, for people. */
  readonly place: string;
  readonly output: string | null;
}

/**
 * Records the schema of the target as it is now as a version of its history, and writes it to a file if that is wanted.
 *
 * @example
 * const { version, checksum } = await createSchemaSnapshot(target);
 * @throws BelayError PERMISSION_DENIED where the history cannot be kept in the database, FILE_ERROR
 */
export async function createSchemaSnapshot(
  target: Target,
  options: CreateSchemaSnapshotOptions = {},
): Promise<SchemaSnapshot> {
  const { serverVersion } = target.main;
  const git = await readGitState(options.cwd ?? target.cwd);
  return underLock(target, options, () =>
    withMigrationState(target, async (state) => {
      const { entry, model, isNew } = await recordVersion(state, { name: options.name, git });
      if (isNew) await pruneHistory(state);
      const output = options.output
        ? path.resolve(options.cwd ?? target.cwd, options.output)
        : null;
      if (output !== null) await write(output, model, serverVersion);
      return {
        ...describeModel(model, serverVersion),
        ...{ version: entry.version, name: entry.name, recordedAt: entry.at, isNew, output },
        place: state.history.place,
      };
    }),
  );
}

async function write(file: string, model: SchemaModel, serverVersion: number): Promise<void> {
  const text = file.endsWith('.sql')
    ? sqlOf(model)
    : `${JSON.stringify(describeModel(model, serverVersion), null, 2)}\n`;
  await writeFile(file, text).catch((error) => {
    throw new BelayError('FILE_ERROR', `cannot write ${file} (${error.code ?? 'unknown reason'})`, {
      hint: 'The version is recorded all the same. Name a file in a folder that is there and that you may write to.',
      cause: error,
    });
  });
}

function sqlOf(model: SchemaModel): string {
  const { statements, unsupported } = createStatements(model);
  const missing = unsupported.map(({ kind, name }) => `-- not made here: ${kind} ${name}\n`);
  return `${missing.join('')}${statements.map(({ sql }) => `${sql};\n`).join('\n')}`;
}
