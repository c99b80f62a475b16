import { quotedName, quotedText } from '../quoted-sql.js';
import { type SqlToken, StatementEnds, tokenAt } from '../sql-scanner.js';
import { lineAt } from '../text-place.js';
import { meaningOf, type PsqlCommand, type PsqlVariables, readCommand } from './psql-commands.js';
import type { CopiedData, IncludePart, PsqlNote, PsqlScript, SqlPart } from './psql-parts.js';

/** Letters of words, so that a name such as "copy_stdin" costs nothing more than a look. */
const maybePsql = /\\|\bcopy\b/i;

/**
 * Reads a file as psql does: its own commands, `COPY … FROM stdin` with data, variables. Quotes, comments and
 * brackets are taken for what they are. Plain SQL comes back as it is.
 *
 * @param variables that hold at the beginning; those that the file sets are added
 */
export function readPsqlScript(
  text: string,
  { line = 1, variables = new Map() }: { line?: number; variables?: Map<string, string> } = {},
): PsqlScript {
  if (!maybePsql.test(text) && variables.size === 0) {
    const nothing = { notes: [], copies: [], data: [], needsPsql: [], leaves: null };
    return { parts: [{ kind: 'sql', sql: text, line }], ...nothing };
  }
  return new PsqlReader(text, line, variables).read();
}

/** What is left where something was taken out. */
const onlyLines = (text: string): string => text.replace(/[^\n]+/g, '');

class PsqlReader {
  readonly #parts: (SqlPart | IncludePart)[] = [];
  readonly #notes: PsqlNote[] = [];
  readonly #copies: CopiedData[] = [];
  readonly #data: string[] = [];
  readonly #needsPsql: Omit<PsqlNote, 'isUnseen'>[] = [];
  readonly #ends = new StatementEnds();
  readonly #text: string;
  readonly #variables: Map<string, string>;
  /** Of the current part, and the line on which that begins. */
  #chunks: string[] = [];
  #partLine: number;
  /** Number of chunks at which the statement begins that is not sent yet. */
  #unsent = 0;
  /** Words of the statement outside of brackets: COPY … FROM STDIN has its data after it. */
  #words: string[] = [];
  #brackets = 0;
  /** From where text is copied, and where its line was counted. */
  #from = 0;
  #counted: { index: number; line: number };
  /** The statement before ends with data, which begins on the next line. */
  #copyAt = -1;
  #leaves: PsqlNote | null = null;

  constructor(text: string, line: number, variables: Map<string, string>) {
    this.#text = text;
    this.#partLine = line;
    this.#counted = { index: 0, line };
    this.#variables = variables;
  }

  read(): PsqlScript {
    const text = this.#text;
    for (let at = 0; at < text.length && !this.#leaves; ) at = this.#step(at);
    if (!this.#leaves) this.#take(text.length);
    this.#endPart(text.length);
    return {
      ...{ parts: this.#parts, notes: this.#notes, copies: this.#copies, leaves: this.#leaves },
      ...{ data: this.#data, needsPsql: this.#needsPsql },
    };
  }

  /** @returns the index at which to go on */
  #step(at: number): number {
    const text = this.#text;
    const token = tokenAt(text, at);
    if (token.kind === '\\') return this.#command(at);
    if (token.kind === ':' && this.#variables.size > 0) return this.#variable(at);
    this.#follow(token.kind, at, token.end);
    const ended = this.#ends.follow(text, at, token);
    if (ended) this.#statementEnded(token.end);
    const isLineEnd = token.kind === 'blank' || token.kind === 'comment';
    if (this.#copyAt >= 0 && isLineEnd && text.slice(at, token.end).includes('\n')) {
      return this.#copiedData(text.indexOf('\n', at) + 1);
    }
    return token.end;
  }

  #statementEnded(end: number): void {
    const words = this.#words;
    const from = words.findIndex((one, i) => one === 'from' && isStandardStream(words[i + 1]));
    if (from > 0) this.#copyAt = end;
    this.#sent(end);
  }

  /** Of other statements than COPY only the first word. What is in brackets is a query or a list of columns. */
  #follow(kind: SqlToken['kind'], at: number, end: number): void {
    if (kind === 'blank' || kind === 'comment' || kind === ';') return;
    if (kind === ')') this.#brackets -= 1;
    const isWanted = this.#words.length === 0 || this.#words[0] === 'copy';
    if (isWanted && this.#brackets <= 0) {
      this.#words.push(kind === 'word' ? this.#text.slice(at, end).toLowerCase() : kind);
    }
    if (kind === '(') this.#brackets += 1;
  }

  #sent(end: number): void {
    this.#take(end);
    this.#beginStatement();
    this.#unsent = this.#chunks.length;
  }

  #beginStatement(): void {
    this.#words = [];
    this.#brackets = 0;
  }

  /** Takes the text up to an index as it is. */
  #take(end: number): void {
    if (end > this.#from) this.#chunks.push(this.#text.slice(this.#from, end));
    this.#from = end;
  }

  #cut(end: number, instead = ''): void {
    this.#chunks.push(instead + onlyLines(this.#text.slice(this.#from, end)));
    this.#from = end;
  }

  #line(index: number): number {
    const { index: before, line } = this.#counted;
    if (index >= before) {
      this.#counted = {
        index,
        line: lineAt(this.#text.slice(before, index), index - before, line),
      };
    }
    return this.#counted.line;
  }

  #endPart(end: number): void {
    const sql = this.#chunks.join('');
    if (sql !== '') this.#parts.push({ kind: 'sql', sql, line: this.#partLine });
    this.#chunks = [];
    this.#unsent = 0;
    this.#partLine = this.#line(end);
  }

  /** Up to a line with `\.`, as psql reads it whatever the format. */
  #copiedData(from: number): number {
    const text = this.#text;
    this.#take(from);
    const mark = /^\\\.\r?$/gm;
    mark.lastIndex = from;
    const end = mark.exec(text)?.index ?? text.length;
    const data = text.slice(from, end);
    const rows = data === '' ? 0 : lineAt(data, data.length) - 1 + (data.endsWith('\n') ? 0 : 1);
    this.#copies.push({ line: this.#line(this.#copyAt), rows });
    this.#data.push(data);
    this.#copyAt = -1;
    const after = text.indexOf('\n', end);
    const next = end === text.length || after < 0 ? text.length : after;
    this.#cut(next);
    this.#unsent = this.#chunks.length;
    return next;
  }

  #variable(at: number): number {
    const match = /:(?:(\w+)|'(\w+)'|"(\w+)"|\{\?(\w+)\})/y;
    match.lastIndex = at;
    const [whole = ':', plain, literal, name, tested] = match.exec(this.#text) ?? [];
    const value = this.#variables.get(plain ?? literal ?? name ?? '');
    const isTest = tested !== undefined;
    if (value === undefined && !isTest) return at + 1;
    this.#take(at);
    const text = value ?? '';
    if (isTest) this.#chunks.push(this.#variables.has(tested) ? 'TRUE' : 'FALSE');
    else if (plain !== undefined) this.#chunks.push(text);
    else this.#chunks.push(literal === undefined ? quotedName(text) : quotedText(text));
    this.#follow('other', at, at);
    this.#from = at + whole.length;
    return this.#from;
  }

  #note(at: number, text: string, isUnseen = false): void {
    this.#notes.push({ line: this.#line(at), text, isUnseen });
    if (isUnseen) this.#only(at, text);
  }

  #only(at: number, text: string): void {
    this.#needsPsql.push({ line: this.#line(at), text });
  }

  #command(at: number): number {
    const command = readCommand(this.#text, at, this.#variables as PsqlVariables);
    const { name, end } = command;
    const shown = this.#text.slice(at, end).trim();
    this.#take(at);
    const meaning = meaningOf(name);
    switch (meaning) {
      case 'sends':
      case 'sends-unseen':
        this.#cut(end, ';');
        this.#ends.reset();
        this.#sent(end);
        if (meaning === 'sends-unseen') this.#note(at, `${shown} runs what its query gives`, true);
        if (name === 'gset') {
          this.#note(at, `${shown} sets variables, which are not known here`);
          this.#only(at, `${shown} sets variables to what its query gives`);
        }
        break;
      case 'discards':
        this.#discard();
        this.#cut(end);
        break;
      case 'ends':
        this.#note(at, `${shown}: what follows is not read`);
        this.#cut(this.#text.length);
        return this.#text.length;
      case 'leaves':
        this.#leaves = { line: this.#line(at), text: shown, isUnseen: true };
        return end;
      case 'include':
      case 'include-relative':
        this.#include(command, at, meaning === 'include-relative');
        break;
      default:
        this.#apply(command, meaning, { at, shown });
        this.#cut(end);
    }
    return end;
  }

  #apply(
    command: PsqlCommand,
    meaning: string,
    { at, shown }: { readonly at: number; readonly shown: string },
  ): void {
    const [name = '', ...values] = command.arguments;
    if (meaning === 'set' && name !== '') this.#variables.set(name, values.join(''));
    if (meaning === 'unset') this.#variables.delete(name);
    if (command.name === 'if') {
      this.#note(at, `${shown}: both ways are looked at, as if both ran`);
      this.#only(at, `${shown} decides what is run`);
    }
    if (meaning === 'unseen') this.#note(at, `${shown} was not looked at`, true);
  }

  #discard(): void {
    const discarded = this.#chunks.splice(this.#unsent);
    this.#chunks.push(onlyLines(discarded.join('')));
    this.#ends.reset();
    this.#beginStatement();
  }

  #include({ arguments: [path = ''], end }: PsqlCommand, at: number, isRelative: boolean): void {
    if (path === '') {
      this.#note(at, 'a command that reads a file names none');
      this.#cut(end);
      return;
    }
    // What stands before it in the same statement goes on in the other file: such files are not looked at as one.
    if (this.#words.length > 0) this.#note(at, `${path} begins within a statement`, true);
    this.#endPart(at);
    this.#parts.push({ kind: 'include', path, isRelative, line: this.#line(at) });
    this.#from = end;
    this.#partLine = this.#line(end);
  }
}

const isStandardStream = (word: string | undefined): boolean =>
  word === 'stdin' || word === 'stdout';
