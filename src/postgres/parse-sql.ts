import { setImmediate } from 'node:timers/promises';
import type { Node, ParseResult } from 'libpg-query';
import { skipBlank } from '../domain/blank-sql.js';
import { batchEnds } from '../domain/sql-scanner.js';
import { lineAt, placeInText } from '../domain/text-place.js';
import { BelayError } from '../errors.js';

/** One statement of a script. */
export interface Statement {
  /** Without what stands before it and without its semicolon. */
  readonly sql: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
  /** Of that line, from 1, in characters. */
  readonly column: number;
  /** Where in the text that was split it begins and ends, in UTF-16 code units; the semicolon is not part of it. */
  readonly start: number;
  readonly end: number;
  /** Name of its node in PostgreSQL's grammar, e.g. "CreateStmt", "DeleteStmt". */
  readonly kind: string;
  /** The content of that node, as `libpg-query` gives it. */
  readonly tree: Readonly<Record<string, unknown>>;
}

export interface SqlOrigin {
  /** For messages; default "the SQL". */
  readonly file?: string | undefined;
  /** Line of the file on which the text begins; default 1. */
  readonly line?: number | undefined;
  /** `COPY … FROM stdin` is let through: for a look at what a file for psql does, its data cut out. Default: refused. */
  readonly allowCopiedData?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Of 20 MB of INSERTs (150,000 statements) at once the process grows to 950 MB and hears no Ctrl-C for 5 s; in parts to
 * 480 MB, most of it the trees, and 0.3 s. One INSERT of 20 MB cannot be cut: 740 MB, 3 s.
 */
const batchLength = 512 * 1024;

/** What PostgreSQL's own grammar (18) says; messages are its own. */
interface SyntaxProblem {
  readonly message: string;
  /** In UTF-16 code units of the whole text. */
  readonly index: number;
}

/**
 * Splits SQL into its statements by PostgreSQL's own grammar, so that bodies of functions, quotes and comments are
 * what the server takes them for. Nothing is run.
 *
 * @example
 * await splitStatements('CREATE TABLE a (); DROP TABLE b;');
 * // [{ sql: 'CREATE TABLE a ()', line: 1, kind: 'CreateStmt', tree: {…} }, { …, kind: 'DropStmt', … }]
 * @throws BelayError BAD_MIGRATION with file and line: no SQL, commands of psql, data of COPY
 */
export async function splitStatements(sql: string, origin: SqlOrigin = {}): Promise<Statement[]> {
  const { file = 'the SQL', line = 1, signal } = origin;
  // The parser calls a text without any statement an error.
  if (skipBlank(sql) === sql.length) return [];
  if (sql.includes('\0')) {
    throw badSql('it has a zero byte', lineAt(sql, sql.indexOf('\0'), line), { file });
  }
  const placeOf = placeCounter(sql, line);
  const statements: Statement[] = [];
  let start = 0;
  for (const end of batchEnds(sql, batchLength)) {
    if (signal?.aborted) throw new BelayError('INTERRUPTED', `interrupted while reading ${file}`);
    for (const parsed of await parseBatch(sql, start, end, { file, line })) {
      const statement = { ...parsed, ...placeOf(parsed.start) };
      if (!origin.allowCopiedData) refuseCopiedData(statement, file);
      statements.push(statement);
    }
    start = end;
    if (end < sql.length) await setImmediate();
  }
  return statements;
}

type Batch = readonly Omit<Statement, 'line' | 'column'>[];

async function parseBatch(
  sql: string,
  from: number,
  to: number,
  origin: { readonly file: string; readonly line: number },
): Promise<Batch> {
  const text = sql.slice(from, to);
  if (skipBlank(text) === text.length) return [];
  const { parse, hasSqlDetails } = await import('libpg-query');
  try {
    return statementsOf(await parse(text), text, from);
  } catch (error) {
    if (!hasSqlDetails(error) || !error.sqlDetails) throw error;
    const { message, cursorPosition } = error.sqlDetails;
    const index = from + indexOfCodePoint(text, cursorPosition);
    throw syntaxError(sql, { message, index }, origin);
  }
}

function statementsOf({ stmts = [] }: ParseResult, text: string, from: number): Batch {
  const bytes = Buffer.from(text);
  // Statements are found by bytes; the text between two of them is decoded once.
  let at = { byte: 0, index: 0 };
  return stmts.map(({ stmt, stmt_location: first = 0, stmt_len: length }) => {
    const index = at.index + bytes.toString('utf8', at.byte, first).length;
    const whole = bytes.toString('utf8', first, length ? first + length : undefined);
    at = { byte: first, index };
    const begin = skipBlank(whole);
    const [kind, tree] = nodeOf(stmt);
    const sql = withoutEnd(whole.slice(begin));
    const start = from + index + begin;
    return { sql, start, end: start + sql.length, kind, tree };
  });
}

function indexOfCodePoint(text: string, position: number): number {
  let index = 0;
  for (let left = position; left > 0 && index < text.length; left -= 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

/** Lines and columns of positions that only grow. */
function placeCounter(text: string, first: number) {
  let at = 0;
  let place = { line: first, column: 1 };
  return (index: number): { readonly line: number; readonly column: number } => {
    const passed = text.slice(at, index).split('\n');
    const last = [...(passed.at(-1) ?? '')].length;
    place = {
      line: place.line + passed.length - 1,
      column: last + (passed.length === 1 ? place.column : 1),
    };
    at = index;
    return place;
  };
}

function nodeOf(node: Node | undefined): [string, Record<string, unknown>] {
  const [entry] = Object.entries(node ?? {});
  return entry ? [entry[0], entry[1] as Record<string, unknown>] : ['', {}];
}

/** What follows the last statement of a text without a semicolon belongs to it, as far as the parser is concerned. */
function withoutEnd(sql: string): string {
  return sql.replace(/[;\s]+$/, '');
}

function badSql(
  what: string,
  line: number,
  { file, hint }: { file: string; hint?: string | undefined },
): BelayError {
  return new BelayError('BAD_MIGRATION', `${file}, line ${line}: ${what}`, {
    hint: hint ?? 'Nothing was run. Correct the file and run it again.',
    details: { file, line },
  });
}

const copyData = {
  what: 'COPY … FROM stdin has its data in the file, which only psql can read',
  hint: 'Nothing was run. Write INSERT statements instead (`pg_dump --inserts` does).',
};

/** There is nobody to send data: the statement would wait for ever. */
function refuseCopiedData({ kind, tree, line }: Statement, file: string): void {
  if (kind !== 'CopyStmt' || tree.filename !== undefined) return;
  if (tree.is_from) throw badSql(copyData.what, line, { file, hint: copyData.hint });
  const hint = 'Nothing was run. Take the statement out: a migration has nowhere to write to.';
  throw badSql('COPY … TO stdout gives rows to nobody', line, { file, hint });
}

function syntaxError(
  sql: string,
  { message, index }: SyntaxProblem,
  { file, line: first }: { file: string; line: number },
): BelayError {
  const { line, column, pointer } = placeInText(sql, index, first);
  const copied = /\bcopy\b[^;]*\bfrom\s+stdin\b[^;]*;\s*$/i.exec(
    sql.slice(0, startOfLine(sql, index)),
  );
  if (copied) return badSql(copyData.what, line, { file, hint: copyData.hint });
  const text = sql.slice(index).split(/\r?\n/, 1)[0] ?? '';
  if (text.startsWith('\\')) {
    return badSql(`"${shorten(text)}" is a command of psql, not SQL`, line, {
      file,
      hint: 'Nothing was run. Take the line out, or run the file with psql instead.',
    });
  }
  return new BelayError('BAD_MIGRATION', `${file}, line ${line}, column ${column}: ${message}`, {
    hint: `${pointer}\nNothing was run. Correct the file and run it again.`,
    details: { file, line, column },
  });
}

function startOfLine(text: string, index: number): number {
  return text.lastIndexOf('\n', index - 1) + 1;
}

const mostShown = 200;

/** A statement in one line, for messages. */
export function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > mostShown ? `${line.slice(0, mostShown - 1)}…` : line;
}
