/** What a command of psql means for somebody who wants to know what a file does to a database. */
export type PsqlMeaning =
  /** Only about output: nothing to know. */
  | 'nothing'
  /** Sends what was written before it, as a semicolon does. */
  | 'sends'
  /** Sends what was written before it, and then SQL or values that only the server knows. */
  | 'sends-unseen'
  /** Throws away what was written before it. */
  | 'discards'
  | 'include'
  | 'include-relative'
  | 'set'
  | 'unset'
  /** \if and its kin: both ways are looked at. */
  | 'condition'
  /** The rest of the file is not read. */
  | 'ends'
  /** Leads to another database. */
  | 'leaves'
  /** May change data, and is not SQL that could be looked at. */
  | 'unseen';

const meanings: readonly (readonly [PsqlMeaning, string])[] = [
  [
    'nothing',
    'echo qecho warn timing pset x t a f H C T o w p s h help ? errverbose conninfo encoding restrict unrestrict ' +
      'copyright prompt getenv setenv l list z dp watch sf sv ef ev e edit cd getresults flush startpipeline endpipeline ' +
      'syncpipeline parse bind bind_named close_prepared flushrequest',
  ],
  ['sends', 'g gx gset crosstabview sendpipeline ;'],
  ['sends-unseen', 'gexec'],
  ['discards', 'r reset gdesc'],
  ['include', 'i include'],
  ['include-relative', 'ir include_relative'],
  ['set', 'set'],
  ['unset', 'unset'],
  ['condition', 'if elif else endif'],
  ['ends', 'q quit'],
  ['leaves', 'c connect'],
];

const byName: ReadonlyMap<string, PsqlMeaning> = new Map(
  meanings.flatMap(([meaning, names]) =>
    names.split(' ').map((name): [string, PsqlMeaning] => [name, meaning]),
  ),
);

/** Commands that are not known may do anything. Those that describe objects begin with `d`. */
export function meaningOf(name: string): PsqlMeaning {
  return byName.get(name) ?? (/^d[A-Za-z]*[S+x]*$/.test(name) ? 'nothing' : 'unseen');
}

/** A command with its arguments. */
export interface PsqlCommand {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Index just after it: the end of its line, or a `\\` that ends it. */
  readonly end: number;
}

export type PsqlVariables = ReadonlyMap<string, string>;

const endOfLine = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
};

/** Reads the command whose backslash is at an index. */
export function readCommand(text: string, at: number, variables: PsqlVariables): PsqlCommand {
  const lineEnd = endOfLine(text, at);
  const line = text.slice(at + 1, lineEnd).replace(/\r$/, '');
  const [name = ''] = /^(?:;|\?|!|[^\s\\]+)/.exec(line) ?? [];
  // "\;" stands within a line of SQL.
  if (name === ';' || name === '') {
    const length = name === '' ? 1 : 2;
    return { name, arguments: [], end: at + length };
  }
  const { values, length } = readArguments(line.slice(name.length), variables);
  const isWholeLine = length === line.length - name.length;
  return { name, arguments: values, end: isWholeLine ? lineEnd : at + 1 + name.length + length };
}

const argumentPart =
  /'((?:[^'\\]|''|\\.)*)'|"((?:[^"]|"")*)"|:\{\?(\w+)\}|:'(\w+)'|:(\w+)|([^\s'":\\]+|[:'"\\])/y;

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

function unquoted(text: string): string {
  return text
    .replaceAll("''", "'")
    .replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}

function readArguments(
  text: string,
  variables: PsqlVariables,
): { values: string[]; length: number } {
  const values: string[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at += 1;
    if (at >= text.length) return { values, length: at };
    // A lone "\\" ends the command; another backslash begins the next one.
    if (text[at] === '\\') return { values, length: text[at + 1] === '\\' ? at + 2 : at };
    let value = '';
    while (at < text.length && !/[\s\\]/.test(text[at] ?? '')) {
      argumentPart.lastIndex = at;
      const match = argumentPart.exec(text);
      if (!match) break;
      value += partOf(match, variables);
      at = argumentPart.lastIndex;
    }
    values.push(value);
  }
}

function partOf(match: RegExpExecArray, variables: PsqlVariables): string {
  const [whole, single, double, tested, literal, plain] = match;
  if (single !== undefined) return unquoted(single);
  if (double !== undefined) return double.replaceAll('""', '"');
  if (tested !== undefined) return variables.has(tested) ? 'TRUE' : 'FALSE';
  const name = literal ?? plain;
  return name === undefined ? whole : (variables.get(name) ?? whole);
}
