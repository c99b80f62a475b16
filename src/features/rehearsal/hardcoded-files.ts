import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { wordsOf } from '../../domain/isolation-arguments.js';

/** A file, or a script in one, that a command may take an address from. */
export interface ProjectText {
  /** Relative to cwd; null: the command itself. */
  readonly file: string | null;
  /** The line of the file at which the text begins. */
  readonly line: number;
  readonly text: string;
  /** The words of a command line; null: a file of settings or code. */
  readonly words: readonly string[] | null;
}

/** Larger ones are data. */
const maxFileBytes = 256 * 1024;
/** No project keeps its settings in so many; a folder of generated code does not have to be read. */
const maxFiles = 2_000;

const folders = [
  ...[
    '.',
    '.config',
    'config',
    'conf',
    'db',
    'database',
    'prisma',
    'drizzle',
    'migrations',
    'alembic',
  ],
  ...['src', 'src/config', 'src/db', 'src/database', 'src/main/resources'],
];
const settings =
  /\.(?:[cm]?[jt]s|json5?|ya?ml|toml|ini|conf|cfg|properties|hcl|py|rb|php|xml|prisma|exs?|go|plan)$|^\.(?:sequelizerc|gmrc|dbmaterc|pgmigraterc)$/i;
/** They are others' business: Belay's own, what containers get, services of libpq, tests, and what is generated. */
const skipped =
  /^(?:package(?:-lock)?|composer|tsconfig.*|deno|belay\.config)\.(?:json|lock)$|^(?:docker-)?compose[^/]*\.ya?ml$|\.(?:test|spec|d)\.[cm]?[jt]s$|^\.pg_service\.conf$|^pnpm-(?:lock|workspace)\.yaml$/i;

/** The texts of a project's settings, of the files that the command names, and of the command itself. */
export async function readProjectTexts(
  cwd: string,
  command: readonly [string, ...string[]],
): Promise<ProjectText[]> {
  const lines = await commandLines(cwd, command);
  const named = new Set<string>();
  for (const { words } of lines) {
    for (const word of words ?? []) for (const file of filesIn(word)) named.add(file);
  }
  const found = [...named, ...(await settingFiles(cwd))];
  const texts: ProjectText[] = [];
  for (const file of new Set(found.map((name) => path.relative(cwd, path.resolve(cwd, name))))) {
    const text = await readText(path.resolve(cwd, file));
    if (text !== null) texts.push({ file, line: 1, text, words: null });
  }
  return [...lines, ...texts];
}

/** What a word may name: `x.sql`, `--file=x.sql`, `-fx.sql`. */
function filesIn(word: string): string[] {
  if (word.length > 1_000 || word.includes('\0')) return [];
  const parts = [word, word.slice(word.indexOf('=') + 1), word.replace(/^-\w/, '')];
  return parts.filter((part) => part !== '' && !/(?:^|\/)\.env(?:\.|$)/.test(part));
}

async function settingFiles(cwd: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    const names = await readdir(path.join(cwd, folder)).catch(() => []);
    const wanted = names.filter((name) => settings.test(name) && !skipped.test(name)).sort();
    found.push(...wanted.map((name) => path.join(folder, name)));
  }
  return found.slice(0, maxFiles);
}

async function readText(file: string): Promise<string | null> {
  try {
    const info = await stat(file);
    if (!info.isFile() || info.size > maxFileBytes) return null;
    const text = await readFile(file, 'utf8');
    // A program, not a script.
    return text.includes('\0') ? null : text.replace(/^\uFEFF/, '');
  } catch {
    return null;
  }
}

/** The command, and the scripts of package.json that it runs, as lines of words. */
async function commandLines(
  cwd: string,
  command: readonly [string, ...string[]],
): Promise<ProjectText[]> {
  const own: ProjectText = { file: null, line: 1, text: command.join(' '), words: command };
  // `sh -c "…"`: one word that is a script.
  const scripts = command.filter((word, index) => index > 0 && /\s/.test(word));
  const inner = scripts.map((text) => ({ file: null, line: 1, text, words: wordsOf(text) }));
  const packageJson = await readText(path.join(cwd, 'package.json'));
  const all = [own, ...inner];
  if (packageJson === null) return all;
  const seen = new Set<string>();
  for (const { words } of all) {
    for (const name of scriptNames(words ?? [])) {
      if (seen.has(name)) continue;
      seen.add(name);
      all.push(...scriptsOf(packageJson, name));
    }
  }
  return all;
}

/** Names of scripts that a package manager is told to run. */
function scriptNames(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (!/^(?:.*\/)?(?:npm|pnpm|yarn|bun)(?:\.cmd)?$/.test(word)) return [];
    const rest = words.slice(index + 1).filter((one) => !one.startsWith('-'));
    const isRun = rest[0] === 'run' || rest[0] === 'run-script';
    const name = isRun ? rest[1] : rest[0];
    return name === undefined ? [] : [`pre${name}`, name, `post${name}`];
  });
}

function scriptsOf(packageJson: string, name: string): ProjectText[] {
  try {
    const text: unknown = JSON.parse(packageJson).scripts?.[name];
    if (typeof text !== 'string') return [];
    const at = packageJson.indexOf(JSON.stringify(name));
    const line = packageJson.slice(0, Math.max(0, at)).split('\n').length;
    return [{ file: 'package.json', line, text, words: wordsOf(text) }];
  } catch {
    return [];
  }
}
