import { isDatabaseVariable } from './isolation-variables.js';

/** What a list of words, e.g. a command line, says about a database by its name. */
export interface NamedDatabase {
  /** The words, for people. */
  readonly what: string;
  /** The host that is named with it; null: none. */
  readonly host: string | null;
  readonly port: string | null;
}

/** Programs that take a database's name as an argument and the rest from the environment. */
const libpqPrograms =
  /^(?:psql|pgcli|pgbench|pg_dump|pg_restore|createdb|dropdb|vacuumdb|reindexdb|clusterdb|pg_amcheck|pg_isready)(?:-?\d+(?:\.\d+)?)?(?:\.exe)?$/;
/** Their options whose value is the next word. */
const valued = /^-[cfvoUphdLPRTFjnNtSOElDsG]$/;

/** The words of a text as a shell would have them, roughly: what it computes is not known. */
export function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s;|&()"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

/** Finds where words name this database: as an argument of a program, or as the value of a variable. */
export function findNamedDatabases(words: readonly string[], database: string): NamedDatabase[] {
  const start = words.findIndex((word) => libpqPrograms.test(baseName(word)));
  const own = start === -1 ? [] : ofLibpq(words.slice(start), database);
  return [
    ...own,
    ...(own.length > 0 ? [] : ofOptions(words, database)),
    ...ofVariables(words, database),
  ];
}

const baseName = (word: string) => word.slice(word.lastIndexOf('/') + 1);

function ofLibpq(words: readonly string[], database: string): NamedDatabase[] {
  const program = baseName(words[0] ?? '');
  const [host, port] = [optionValue(words, 'h', 'host'), optionValue(words, 'p', 'port')];
  const named = optionValue(words, 'd', 'dbname');
  if (named === database) return [{ what: `${program} -d ${database}`, host, port }];
  const isPlain = words.some(
    (word, index) => index > 0 && word === database && !valued.test(words[index - 1] ?? ''),
  );
  return isPlain ? [{ what: `${program} ${database}`, host, port }] : [];
}

/** Of any other program only both together are taken for a database: `-d` can mean anything. */
function ofOptions(words: readonly string[], database: string): NamedDatabase[] {
  const named = ['dbname', 'database', 'db', 'db-name'].map((long) =>
    optionValue(words, 'd', long),
  );
  const host = optionValue(words, 'h', 'host');
  if (host === null || !named.includes(database)) return [];
  return [{ what: `--host ${host} … ${database}`, host, port: optionValue(words, 'p', 'port') }];
}

/** `env PGDATABASE=shop …`: it wins over the environment that the command gets. */
function ofVariables(words: readonly string[], database: string): NamedDatabase[] {
  return words.flatMap((word) => {
    const [, name = '', value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (value !== database || !isDatabaseVariable(name)) return [];
    return [
      { what: word, host: assigned(words, /HOST(?:NAME)?$/i), port: assigned(words, /PORT$/i) },
    ];
  });
}

function assigned(words: readonly string[], name: RegExp): string | null {
  for (const word of words) {
    const [, variable = '', value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (name.test(variable)) return value;
  }
  return null;
}

/** `-dNAME`, `-d NAME`, `--dbname NAME`, `--dbname=NAME`; the last one counts. */
function optionValue(words: readonly string[], short: string, long: string): string | null {
  let found: string | null = null;
  words.forEach((word, index) => {
    if (word === `-${short}` || word === `--${long}`) found = words[index + 1] ?? null;
    else if (word.startsWith(`--${long}=`)) found = word.slice(long.length + 3);
    else if (word.startsWith(`-${short}`) && word.length > 2) found = word.slice(2);
  });
  return found;
}

/** Whether words make a program put the values of `.env` files over those of its environment. */
export function overridesEnvironment(words: readonly string[]): boolean {
  const names = words.map(baseName);
  const has = (...options: string[]) => words.some((word) => options.includes(word));
  const after = (program: string) => names.includes(program);
  return (
    (after('dotenv') && has('-o', '--override', '--overload')) ||
    (after('dotenvx') && has('-o', '--overload')) ||
    (after('env-cmd') && !has('--no-override')) ||
    words.includes('DOTENV_CONFIG_OVERRIDE=true')
  );
}

/** A shell that reads a `.env` file itself: `. ./.env`, `source .env`, `export $(cat .env | xargs)`. */
const shellReads = [
  /(?:^|[;&|\n({]|\b(?:then|do|else)\b)\s*(?:\.|source)\s+["']?[^\s;&|"']*\.env(?![\w-]*[/\\])/,
  /(?:\bexport\b|\benv\b|\beval\b)[^\n;]*(?:\$\(|`)[^)`\n]*\.env\b/,
];

export const readsEnvFile = (script: string): boolean =>
  shellReads.some((pattern) => pattern.test(script));
