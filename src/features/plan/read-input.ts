import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationScript } from '../../domain/migration.js';
import { readMigrationTexts } from '../../domain/migration-files.js';
import { BelayError } from '../../errors.js';
import { cannotRead, decodeSql, readSqlFile } from './decode-sql.js';
import {
  type CopiedRows,
  type CopiedText,
  expandScript,
  type UnseenPart,
} from './expand-script.js';
import { readSqlFolder } from './read-folder.js';

export type { CopiedRows, CopiedText, UnseenPart } from './expand-script.js';

/** SQL to be planned: that of a file, or a part of it around what another file gives. */
export interface PlanScript extends MigrationScript {
  /** The migration that it belongs to, where files have versions; null otherwise. */
  readonly version: string | null;
  readonly name: string | null;
}

export interface PlanInput {
  readonly kind: 'files' | 'folder' | 'declarative';
  readonly scripts: readonly PlanScript[];
  /** The two schemas of a declarative input, whose SQL `declarativeScript` finds; null otherwise. */
  readonly sides: { readonly old: string; readonly new: string } | null;
  /** What somebody should know of how files were read. */
  readonly notes: readonly string[];
  /** Parts that may change data and were not looked at: a plan with one is not safe. */
  readonly unseen: readonly UnseenPart[];
  readonly copies: readonly CopiedRows[];
  /** For whoever runs the scripts: the data of `copies`, and what psql alone can run. */
  readonly data: readonly CopiedText[];
  readonly needsPsql: readonly UnseenPart[];
  /** Files that are written for psql. */
  readonly forPsql: readonly string[];
}

export interface ReadInputOptions {
  /** The project's folder: names of files are relative to it. */
  readonly cwd: string;
  /** Variables of psql. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Asked for a folder: versions that are applied, whose files are left out and not even read as psql would. */
  readonly appliedVersions?: (() => Promise<ReadonlySet<string>>) | undefined;
}

/**
 * Reads what `belay plan` is given: files of SQL, a folder of migrations, `OLD.sql:NEW.sql`, or text. Files for psql are understood:
 * `\i` is followed, data of COPY is counted, what cannot be looked at is named.
 *
 * @param input names, or the text of the standard input
 * @example
 * const { scripts } = await readPlanInput(['migrations/0007_drop_email/up.sql'], { cwd: '.' });
 * @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR, BAD_MIGRATION with file and line, USAGE
 */
export async function readPlanInput(
  input: readonly string[] | { readonly stdin: string | Uint8Array },
  options: ReadInputOptions,
): Promise<PlanInput> {
  if ('stdin' in input) {
    const { stdin } = input;
    const text = typeof stdin === 'string' ? stdin : decodeSql(stdin, standardInput);
    return expanded('files', [scriptOf(standardInput, text.replace(/^\uFEFF/, ''))], options);
  }
  const [first, ...more] = input;
  if (first === undefined) throw usage('there is nothing to plan');
  const sides = await sidesOf(first, options.cwd);
  if (sides) {
    if (more.length > 0) throw usage(`${first} is planned by itself`);
    const nothing = { notes: [], unseen: [], copies: [], data: [], needsPsql: [], forPsql: [] };
    return { kind: 'declarative', scripts: [], sides, ...nothing };
  }
  const kinds = await Promise.all(input.map((name) => kindOf(name, options.cwd)));
  if (!kinds.includes('folder')) {
    const scripts = input.map(async (name) => fileScript(name, options.cwd));
    return expanded('files', await Promise.all(scripts), options);
  }
  if (more.length > 0) throw usage('a folder is planned by itself');
  return readFolder(first, options);
}

const standardInput = '<stdin>';

function usage(what: string): BelayError {
  return new BelayError('USAGE', what, {
    hint: 'Give files of SQL, one folder of migrations, OLD.sql:NEW.sql, or `-` for the standard input.',
  });
}

/** A file with both ways has its way up alone planned. */
function scriptOf(file: string, text: string): PlanScript {
  const [migration] = readMigrationTexts([{ path: '1.sql', file, text }]);
  const up = migration?.up ?? { file, line: 1, sql: text, inTransaction: true };
  return { ...up, version: null, name: null };
}

async function fileScript(name: string, cwd: string): Promise<PlanScript> {
  return scriptOf(name.replaceAll(path.sep, '/'), await readSqlFile(cwd, name));
}

async function kindOf(name: string, cwd: string): Promise<'file' | 'folder'> {
  const found = await stat(path.resolve(cwd, name)).catch((error: unknown) => {
    throw cannotRead(name, error);
  });
  return found.isDirectory() ? 'folder' : 'file';
}

/** `OLD:NEW`, of which each may be what `belay schema diff` takes; a file whose name has a colon is that file. */
async function sidesOf(name: string, cwd: string): Promise<PlanInput['sides']> {
  if (!name.includes(':')) return null;
  const isThere = await stat(path.resolve(cwd, name)).catch(() => undefined);
  if (isThere) return null;
  const colons = [...name.matchAll(/:/g)].map(({ index }) => index);
  const candidates = colons.map((at) => ({ old: name.slice(0, at), new: name.slice(at + 1) }));
  return candidates.find((one) => isSide(one.old) && isSide(one.new)) ?? null;
}

/** A file or "live"; also a database's URL. */
const isSide = (name: string): boolean =>
  name === 'live' ||
  /^postgres(?:ql)?:\/\/./.test(name) ||
  /^(?:[A-Za-z]:[\\/])?[^:]+\.(?:sql|json)$/.test(name);

async function readFolder(directory: string, options: ReadInputOptions): Promise<PlanInput> {
  const folder = await readSqlFolder(options.cwd, directory);
  if (folder.kind === 'files') {
    const scripts = folder.files.map((file) => fileScript(file, options.cwd));
    return expanded('files', await Promise.all(scripts), options);
  }
  const applied = await (options.appliedVersions?.() ?? new Set<string>());
  const pending = folder.files.filter(({ version }) => !applied.has(version));
  const scripts = pending.flatMap(({ up, version, name }) =>
    up ? [{ ...up, version, name }] : [],
  );
  const input = await expanded('folder', scripts, options);
  const unseen = pending
    .filter(({ up }) => !up)
    .map(({ version, name }) => ({
      ...{ file: [version, name].filter(Boolean).join('_'), line: 1 },
      text: 'the migration is a program, not SQL, and was not looked at',
    }));
  const left = folder.files.length - pending.length;
  const note = `${left} of ${folder.files.length} migrations are applied, and were left out`;
  const notes = left === 0 ? input.notes : [...input.notes, note];
  const needsPsql = [...input.needsPsql, ...unseen];
  return { ...input, notes, unseen: [...input.unseen, ...unseen], needsPsql };
}

async function expanded(
  kind: PlanInput['kind'],
  scripts: readonly PlanScript[],
  options: ReadInputOptions,
): Promise<PlanInput> {
  const all = [];
  for (const script of scripts) all.push(await expandScript(script, options));
  return {
    ...{ kind, sides: null, scripts: all.flatMap((one) => one.scripts) },
    notes: all.flatMap((one) => one.notes),
    unseen: all.flatMap((one) => one.unseen),
    copies: all.flatMap((one) => one.copies),
    data: all.flatMap((one) => one.data),
    needsPsql: all.flatMap((one) => one.needsPsql),
    forPsql: all.flatMap((one) => one.forPsql),
  };
}
