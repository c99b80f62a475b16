import { batchEnds, findComments } from '../sql-scanner.js';
import { type CodeMention, type CodeName, type Confidence, describeName } from './code-name.js';
import { type Declared, drizzleDeclarations, lineText, prismaDeclarations } from './orm-schemas.js';
import { looksLikeSql, type SqlMentions } from './sql-mentions.js';
import { findLiterals, isProgram, type StringLiteral } from './string-literals.js';
import { byWords, type Found, hasWord, indexOfWord, modelName, namesOf } from './word-mentions.js';

export interface CodeFile {
  /** Relative, with `/`. */
  readonly file: string;
  readonly text: string;
}

/** Reads a piece of SQL by PostgreSQL's grammar; null where it is none. */
export type ReadSql = (sql: string) => Promise<SqlMentions | null>;

/** Whether a file is of a kind that may name tables. */
export function isSearched(file: string): boolean {
  const extension = extensionOf(file);
  return isProgram(extension) || extension === 'prisma' || extension === 'sql';
}

const extensionOf = (file: string): string => /\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase() ?? '';

/**
 * Finds where a file still names tables and columns: in SQL by the parser, in the schemas of Prisma and Drizzle, and by the words
 * themselves. What stands in comments is left out.
 */
export async function findMentions(
  { file, text }: CodeFile,
  names: readonly CodeName[],
  readSql: ReadSql,
): Promise<CodeMention[]> {
  const wanted = names.filter(({ table, column }) => mayName(text, table, column));
  if (wanted.length === 0) return [];
  const extension = extensionOf(file);
  const found: Found[] = [];
  if (extension === 'sql') {
    const sql = withoutComments(text);
    for (const statement of statementsOf(sql)) {
      found.push(...(await inSql(statement, sql, wanted, readSql)));
    }
  } else if (extension === 'prisma') found.push(...declared(prismaDeclarations(text), wanted));
  else {
    const literals = findLiterals(text, extension);
    for (const literal of literals) {
      if (looksLikeSql(literal.value)) found.push(...(await inSql(literal, text, wanted, readSql)));
    }
    const declarations = drizzleDeclarations(text);
    found.push(...declared(declarations, wanted), ...byWords(literals, text, wanted));
  }
  return sifted(found, file, text);
}

/** What is left stays where it is. */
function withoutComments(sql: string): string {
  let text = '';
  let at = 0;
  for (const { start, end } of findComments(sql)) {
    text += sql.slice(at, start) + sql.slice(start, end).replace(/[^\n]/g, ' ');
    at = end;
  }
  return text + sql.slice(at);
}

function statementsOf(sql: string): StringLiteral[] {
  let start = 0;
  return [...batchEnds(sql, 1)].map((end) => {
    const statement = { value: sql.slice(start, end), start, end };
    start = end;
    return statement;
  });
}

/** Cheap, as most files name nothing. */
function mayName(text: string, table: string, column: string | null): boolean {
  if (column !== null) return namesOf(column).some((name) => hasWord(text, name));
  return [table, modelName(table)].some((name) => hasWord(text, name));
}

function declared(declarations: readonly Declared[], names: readonly CodeName[]): Found[] {
  return declarations.flatMap((one) => {
    const name = names.find((wanted) => isSame(wanted, one.name));
    return name ? [{ index: one.index, what: one.what, confidence: 'high' as const, name }] : [];
  });
}

function isSame(wanted: CodeName, { schema, table, column }: CodeName): boolean {
  const isSchema = schema === null || wanted.schema === null || schema === wanted.schema;
  return isSchema && table === wanted.table && column === wanted.column;
}

async function inSql(
  literal: StringLiteral,
  text: string,
  names: readonly CodeName[],
  readSql: ReadSql,
): Promise<Found[]> {
  const wanted = names.filter(({ table }) => hasWord(literal.value, table));
  if (wanted.length === 0) return [];
  const mentions = await readSql(literal.value);
  return wanted.flatMap((name) => {
    const confidence = mentions ? confidenceOf(name, mentions) : byWordsAlone(name, literal.value);
    if (confidence === null) return [];
    const index = indexOfWord(text, name.column ?? name.table, literal);
    return [{ index: index ?? literal.start, what: 'SQL', confidence, name }];
  });
}

function byWordsAlone({ column }: CodeName, sql: string): Confidence | null {
  return column === null || hasWord(sql, column) ? 'medium' : null;
}

/** @returns null where the SQL does not name it */
function confidenceOf(
  name: CodeName,
  { tables, columns, takesAll }: SqlMentions,
): Confidence | null {
  const own = tables.filter(
    ({ schema, name: table }) =>
      table === name.table && (schema === null || name.schema === null || schema === name.schema),
  );
  if (own.length === 0) return null;
  if (name.column === null) return 'high';
  const named = columns.filter((column) => column.name === name.column);
  const isOwn = (of: string | null) => own.some((table) => (table.alias ?? table.name) === of);
  if (named.some(({ of }) => isOwn(of))) return 'high';
  const isOnly = tables.length === own.length;
  if (named.some(({ of }) => of === null)) return isOnly ? 'high' : 'medium';
  return takesAll ? 'low' : null;
}

const ranks: Readonly<Record<Confidence, number>> = { high: 0, medium: 1, low: 2 };

/** One for each line and name: the surest. */
function sifted(found: readonly Found[], file: string, text: string): CodeMention[] {
  const starts = [...text.matchAll(/\n/g)].map(({ index }) => index);
  const best = new Map<string, CodeMention>();
  for (const { index, what, confidence, name } of found) {
    const line = lineOf(starts, index);
    const key = `${line} ${describeName(name)}`;
    const before = best.get(key);
    if (before && ranks[before.confidence] <= ranks[confidence]) continue;
    best.set(key, {
      file,
      line,
      text: lineText(text, index).slice(0, 200),
      what,
      confidence,
      name,
    });
  }
  return [...best.values()].sort((a, b) => a.line - b.line);
}

function lineOf(newlines: readonly number[], index: number): number {
  let [low, high] = [0, newlines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((newlines[middle] ?? 0) < index) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}

/** The surest first, then by file and line. */
export function byConfidence(a: CodeMention, b: CodeMention): number {
  const order = ranks[a.confidence] - ranks[b.confidence];
  return order || (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
}
