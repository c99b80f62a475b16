import type { MigrationScript } from '../../domain/migration.js';
import { BelayError } from '../../errors.js';
import { type CompareSchemasOptions, compareSchemaSides } from '../schema/compare.js';
import type { Target } from '../target/open-target.js';

export interface DeclarativeOptions
  extends Pick<
    CompareSchemasOptions,
    'renames' | 'noRenames' | 'askRenames' | 'cwd' | 'env' | 'signal' | 'reporter'
  > {
  /** What the database has now: a file of SQL, "live", a URL, a version or a snapshot. */
  readonly old: string;
  /** What it is to have. */
  readonly new: string;
}

export interface DeclarativeScript {
  /** The SQL that leads from one to the other, a statement a line or more; empty where they are alike. */
  readonly script: MigrationScript;
  /** What the SQL does not bring about. */
  readonly notes: readonly string[];
}

/**
 * The SQL between two schemas, proven in a throwaway database, as a script that can be planned.
 *
 * @example
 * const { script } = await declarativeScript(target, { old: 'live', new: 'schema.sql' });
 * @throws BelayError as `compareSchemaSides`: RENAME_UNDECIDED, BAD_SCHEMA_FILE, SCHEMA_NOT_BUILT, …
 */
export async function declarativeScript(
  target: Target | null,
  { old, new: wanted, ...options }: DeclarativeOptions,
): Promise<DeclarativeScript> {
  const { script } = await compareSchemaSides(target, { ...options, a: old, b: wanted, sql: true });
  if (!script) throw new BelayError('BUG', 'no SQL was made between two schemas');
  const { statements, unresolved } = script;
  const ended = statements.map(({ sql }) => `${sql.trim().replace(/;$/, '')};\n`);
  const needsNone = statements.some((one) => !one.transactional || one.breaksBefore);
  return {
    script: {
      ...{ file: `${old}:${wanted}`, line: 1, sql: ended.join('') },
      inTransaction: !needsNone,
    },
    notes: unresolved.map(
      ({ kind, object, name }) =>
        `${old}:${wanted}: no SQL was found for ${kind} ${object} ${name}`,
    ),
  };
}
