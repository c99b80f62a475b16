import type { Node } from 'libpg-query';
import { skipBlank } from '../domain/blank-sql.js';
import { BelayError } from '../errors.js';

/** One statement of a script. */
export interface Statement {
  /** Without what stands before it and without its semicolon. */
  readonly sql: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
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
}

/** What PostgreSQL's own grammar (18) says; messages are its own. */
interface SyntaxProblem {
  readonly message: string;
  /** From 0, in code points. */
  readonly cursorPosition: number;
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
export async function splitStatements(
  sql: string,
  { file = 'the SQL', line = 1 }: SqlOrigin = {},
): Promise<Statement[]> {
  // The parser calls a text without any statement an error.
  if (skipBlank(sql) === sql.length) return [];
  if (sql.includes('\0')) {
    throw badSql('it has a zero byte', lineAt(sql, sql.indexOf('\0'), line), { file });
  }
  const { parse, hasSqlDetails } = await import('libpg-query');
  const parsed = await parse(sql).catch((error: unknown) => {
    throw hasSqlDetails(error) && error.sqlDetails
      ? syntaxError(sql, error.sqlDetails, { file, line })
      : error;
  });
  const bytes = Buffer.from(sql);
  const lines = lineCounter(sql, line);
  // Statements are found by bytes; the text between two of them is decoded once.
  let at = { byte: 0, index: 0 };
  return (parsed.stmts ?? []).map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    const index = at.index + bytes.toString('utf8', at.byte, start).length;
    const text = bytes.toString('utf8', start, length ? start + length : undefined);
    at = { byte: start, index };
    const begin = skipBlank(text);
    const [kind, tree] = nodeOf(stmt);
    const statement = {
      sql: withoutEnd(text.slice(begin)),
      line: lines(index + begin),
      kind,
      tree,
    };
    refuseCopiedData(statement, file);
    return statement;
  });
}

/** Lines of positions that only grow. */
function lineCounter(text: string, first: number): (index: number) => number {
  let at = 0;
  let line = first;
  return (index) => {
    line += text.slice(at, index).split('\n').length - 1;
    at = index;
    return line;
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

function lineAt(text: string, index: number, first: number): number {
  return first + text.slice(0, index).split('\n').length - 1;
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
  { message, cursorPosition }: SyntaxProblem,
  { file, line: first }: { file: string; line: number },
): BelayError {
  const index = [...sql].slice(0, cursorPosition).join('').length;
  const line = lineAt(sql, index, first);
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
  return badSql(message, line, { file });
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
