import { createHash } from 'node:crypto';
import { BelayError } from '../errors.js';
import { isBlankSql, skipBlank } from './blank-sql.js';
import { compareVersions, type MigrationFile, type MigrationScript } from './migration.js';
import { type ScriptSection, splitSections } from './script-sections.js';

/** A file in the folder of the migrations. */
export interface MigrationText {
  /** Relative to that folder, with `/`. */
  readonly path: string;
  /** As it is named in messages and in the history. */
  readonly file: string;
  readonly text: string;
}

type Way = 'up' | 'down';

/** What a path says. */
interface ParsedPath {
  readonly version: string;
  readonly name: string;
  /** "both": one file, with sections or with the way up alone. */
  readonly way: Way | 'both';
  /** The same for the files of one migration: folder, or file without its endings. */
  readonly stem: string;
}

const versioned = /^(\d+(?:\.\d+)*)(?:[_-]+(.*))?$/s;

/** dbmate's. */
const markers = {
  up: /^--\s*migrate:up(?:\s*$|\s+\S+)/m,
  down: /^--\s*migrate:down(?:\s*$|\s+\S+)/m,
};

const outsideTransaction =
  /^\s*--\s*(?:belay:no-transaction\b|migrate:(?:up|down)\b.*\btransaction:false\b)/m;

function bad(file: string, what: string, hint: string): BelayError {
  return new BelayError('BAD_MIGRATION', `${file} ${what}`, { hint, details: { file } });
}

const howToName =
  'Name migrations `<version>_<name>/up.sql` and `down.sql`, `<version>_<name>.sql`, or `<version>_<name>.up.sql` and `.down.sql`.';

/** Undefined: no file of a migration. */
function parsePath({ path, file }: MigrationText): ParsedPath | undefined {
  const parts = path.split('/');
  if (!path.endsWith('.sql') || parts.length > 2 || parts.some((part) => part.startsWith('.'))) {
    return undefined;
  }
  const [folder, inFolder] = parts.length === 2 ? parts : [undefined, undefined];
  const [, base = '', ending] = /^(.*?)(?:\.(up|down))?\.sql$/s.exec(path) ?? [];
  const stem = folder ?? base;
  const [, version, name = ''] = versioned.exec(stem) ?? [];
  if (version === undefined) {
    if (folder !== undefined) return undefined;
    throw bad(file, 'has no version: its name does not begin with a number', howToName);
  }
  if (/^[0.]+$/.test(version)) {
    throw bad(file, 'has the version of the state before the first migration', 'Begin with 1.');
  }
  if (folder === undefined) return { version, name, stem, way: (ending as Way) ?? 'both' };
  const way = /^(up|down)\.sql$/.exec(inFolder ?? '')?.[1];
  if (!way) throw bad(file, 'is neither up.sql nor down.sql', howToName);
  return { version, name, stem: `${folder}/`, way: way as Way };
}

function toScript({ file, text }: MigrationText, section?: ScriptSection): MigrationScript {
  const { sql, line } = section ?? { sql: text, line: 1 };
  const inTransaction = !outsideTransaction.test(sql.slice(0, skipBlank(sql)));
  return { file, line, sql, inTransaction };
}

/** Version and name of each migration, by the names of files alone: they may be empty yet. */
export function migrationNames(paths: readonly string[]): { version: string; name: string }[] {
  return paths.flatMap((path) => {
    const stem = path.includes('/') ? path.split('/')[0] : path.replace(/(\.up|\.down)?\.sql$/, '');
    const [, version, name = ''] = versioned.exec(stem ?? '') ?? [];
    return version === undefined ? [] : [{ version, name }];
  });
}

type Scripts = Partial<Record<Way, MigrationScript>>;

function scriptsOf(text: MigrationText, way: ParsedPath['way']): Scripts {
  if (way !== 'both') return { [way]: toScript(text) };
  const { up, down } = splitSections(text.text, markers);
  if (!up && !down) return { up: toScript(text) };
  if (!up) throw bad(text.file, 'has no `-- migrate:up`', 'Write it above the way up.');
  const first = Math.min(up.line, down?.line ?? up.line);
  const before = text.text.split('\n').slice(0, first - 1);
  if (!isBlankSql(before.join('\n'))) {
    throw bad(text.file, 'has SQL before its first `-- migrate:`', 'It would never run: move it.');
  }
  return { up: toScript(text, up), ...(down ? { down: toScript(text, down) } : {}) };
}

/** The same on every platform: a checkout may change the line ends. */
function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
}

interface Found extends ParsedPath {
  readonly scripts: Record<Way, MigrationScript | undefined>;
  /** Of any of its files, for messages. */
  readonly file: string;
}

function collect(texts: readonly MigrationText[]): Found[] {
  const found = new Map<string, Found>();
  for (const text of texts) {
    const parsed = parsePath(text);
    if (!parsed) continue;
    const { up, down } = scriptsOf(text, parsed.way);
    const before = found.get(parsed.stem);
    if ((before?.scripts.up && up) || (before?.scripts.down && down)) {
      throw bad(text.file, `says the same as ${before.file}`, 'Keep one of the two.');
    }
    const scripts = { up: up ?? before?.scripts.up, down: down ?? before?.scripts.down };
    found.set(parsed.stem, { ...parsed, scripts, file: before?.file ?? text.file });
  }
  return [...found.values()];
}

/** Two versions that differ in leading zeros alone would be the same for whoever names one. */
const sameVersion = (version: string): string => version.replace(/(^|\.)0+(?=\d)/g, '$1');

/**
 * The migrations of a folder, in the order in which they are applied. A way down without a statement counts as none.
 * Files whose names do not end in `.sql`, hidden ones and folders without a number are none.
 * @throws BelayError BAD_MIGRATION: no version or one that two have, no way up
 */
export function readMigrationTexts(texts: readonly MigrationText[]): MigrationFile[] {
  const seen = new Map<string, string>();
  const files = collect(texts).map(({ version, name, scripts, file }): MigrationFile => {
    const { up, down } = scripts;
    const other = seen.get(sameVersion(version));
    if (other !== undefined) {
      const hint = 'Give one of them another version. Nothing was run.';
      throw bad(file, `has version ${version}, and so has ${other}`, hint);
    }
    seen.set(sameVersion(version), file);
    if (!up) throw bad(file, 'has no way up beside it', howToName);
    const hasDown = down !== undefined && !isBlankSql(down.sql);
    return { version, name, up, down: hasDown ? down : null, checksum: checksumOf(up.sql) };
  });
  return files.sort((a, b) => compareVersions(a.version, b.version));
}

/**
 * A migration that was made and not written yet is pending like any other; applying it would mark it as done.
 * @throws BelayError BAD_MIGRATION
 */
export function requireStatements(files: readonly MigrationFile[]): void {
  const empty = files.find(({ up }) => up && isBlankSql(up.sql));
  if (!empty?.up) return;
  const hint = 'Nothing was run. Write the migration, or remove the file.';
  throw bad(empty.up.file, 'has no statement', hint);
}
