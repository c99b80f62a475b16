import type { MigrationScript } from '../../domain/migration.js';
import type { RunOptions } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { type Statement, splitStatements } from '../../postgres/parse-sql.js';
import { withMigrationState } from '../migration/migration-state.js';
import { type DeclarativeOptions, declarativeScript } from '../plan/declarative-script.js';
import { pendingMigrations } from '../plan/plan-input.js';
import { type CopiedText, readPlanInput, type UnseenPart } from '../plan/read-input.js';
import type { Target } from '../target/open-target.js';
import { planRuns } from './file-runs.js';
import type { FileRun, FileStatement } from './file-statement.js';
import { findServerWide } from './server-wide.js';

/** Files that are read to their end, and can be run. */
export interface RehearsalInput {
  readonly kind: 'files' | 'folder' | 'declarative' | 'pending';
  readonly runs: readonly FileRun[];
  /** What somebody should know of how files were read. */
  readonly notes: readonly string[];
  /** The first statement that reaches beyond its database: to roles, other databases, the server's files. */
  readonly serverWide: UnseenPart | null;
}

export interface RehearsalInputOptions
  extends RunOptions,
    Pick<DeclarativeOptions, 'renames' | 'noRenames' | 'askRenames'> {
  /** Files, one folder of which the pending migrations count, `OLD:NEW`, or a text; none: what is pending in the project. */
  readonly input: readonly string[] | { readonly stdin: string | Uint8Array };
  /** Variables of psql. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** What was read of files, and not looked at yet. */
export interface ReadScripts {
  readonly kind: RehearsalInput['kind'];
  readonly scripts: readonly (MigrationScript & { readonly version?: string | null })[];
  readonly notes?: readonly string[] | undefined;
  readonly data?: readonly CopiedText[] | undefined;
  readonly needsPsql?: readonly UnseenPart[] | undefined;
  readonly forPsql?: readonly string[] | undefined;
}

/**
 * Reads what is to be run as `belay plan` does, and takes care that all of it can be run. Nothing is run.
 * @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR, USAGE; BAD_MIGRATION with file and line, also for what only psql or
 *   another program can run; as `declarativeScript`
 */
export async function readRehearsalInput(
  target: Target,
  options: RehearsalInputOptions,
): Promise<RehearsalInput> {
  return prepareInput(await readScripts(target, options), options.signal);
}

async function readScripts(target: Target, options: RehearsalInputOptions): Promise<ReadScripts> {
  const { input, variables, signal, reporter, renames, noRenames, askRenames } = options;
  const { cwd } = target;
  if (Array.isArray(input) && input.length === 0) return pendingScripts(target);
  const appliedVersions = () =>
    withMigrationState(target, async ({ applied }) => new Set(applied.map((one) => one.version)));
  const read = await readPlanInput(input, { cwd, variables, appliedVersions });
  if (!read.sides) return read;
  const asked = { signal, reporter, renames, noRenames, askRenames };
  const { script, notes } = await declarativeScript(target, { ...read.sides, ...asked, cwd });
  return { kind: 'declarative', scripts: [script], notes };
}

async function pendingScripts(target: Target): Promise<ReadScripts> {
  const pending = await withMigrationState(target, async (state) => pendingMigrations(state));
  return {
    kind: 'pending',
    scripts: pending.flatMap(({ up, version }) => (up ? [{ ...up, version }] : [])),
    notes: pending.length === 0 ? ['no migration is pending'] : [],
    needsPsql: pending
      .filter(({ up }) => !up)
      .map(({ version, name }) => ({
        file: [version, name].filter(Boolean).join('_'),
        line: 1,
        text: 'the migration is a program, not SQL',
      })),
  };
}

/**
 * Takes scripts apart and decides how they are run.
 * @throws BelayError BAD_MIGRATION
 */
export async function prepareInput(
  read: ReadScripts,
  signal?: AbortSignal,
): Promise<RehearsalInput> {
  const [first] = read.needsPsql ?? [];
  if (first) throw cannotRun(first);
  const data = dataByFile(read.data ?? []);
  const parsed = [];
  for (const script of read.scripts) {
    const options = { ...script, signal, allowCopiedData: true };
    const found = await splitStatements(script.sql, options);
    const statements = found.map((one) => withData(one, script.file, data));
    parsed.push({ script, statements });
  }
  const { runs, notes } = planRuns(parsed, new Set(read.forPsql ?? []));
  const all = runs.flatMap(({ statements }) => statements);
  const serverWide = findServerWide(all);
  return { kind: read.kind, runs, notes: [...(read.notes ?? []), ...notes], serverWide };
}

function dataByFile(data: readonly CopiedText[]): Map<string, string[]> {
  const byFile = new Map<string, string[]>();
  for (const { file, text } of data) byFile.set(file, [...(byFile.get(file) ?? []), text]);
  return byFile;
}

/** The data of a file's COPY statements comes in their order. A statement at the very end of a file has none. */
function withData(
  statement: Statement,
  file: string,
  data: ReadonlyMap<string, string[]>,
): FileStatement {
  const { kind, tree, line, sql } = statement;
  const isCopy = kind === 'CopyStmt' && tree.filename === undefined && tree.is_program !== true;
  if (!isCopy) return { ...statement, file, data: null };
  if (tree.is_from !== true) {
    throw new BelayError('BAD_MIGRATION', `${file}, line ${line}: ${sql} gives rows to nobody`, {
      hint: 'Nothing was run. Take the statement out: nobody reads what it gives.',
      details: { file, line },
    });
  }
  return { ...statement, file, data: data.get(file)?.shift() ?? '' };
}

function cannotRun({ file, line, text }: UnseenPart): BelayError {
  const what = text.replace(/,? (?:and )?was not (?:looked at|read)$/, '');
  return new BelayError('BAD_MIGRATION', `${file}, line ${line}: Belay cannot run this: ${what}`, {
    hint: 'Nothing was run. Give the command that runs it instead, behind "--", e.g. `-- psql -v ON_ERROR_STOP=1 -f FILE`.',
    details: { file, line },
  });
}

/**
 * What is run, as a report names it.
 *
 * @example
 * describeInput(['a.sql', 'b.sql']); // "a.sql, b.sql"
 */
export function describeInput(input: RehearsalInputOptions['input']): string {
  if (!isNames(input)) return 'standard input';
  return input.length === 0 ? 'pending migrations' : input.join(', ');
}

const isNames = (input: RehearsalInputOptions['input']): input is readonly string[] =>
  Array.isArray(input);
