import type { CodeName, Confidence } from './code-name.js';
import { looksLikeSql } from './sql-mentions.js';
import type { StringLiteral } from './string-literals.js';

/** A place that names something, by its index in the text. */
export interface Found {
  readonly index: number;
  readonly what: string;
  readonly confidence: Confidence;
  readonly name: CodeName;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A word of its own: not a part of a longer name. */
const wordPattern = (word: string, flags = 'i'): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped(word)}(?![\\p{L}\\p{N}_])`, `${flags}u`);

export const hasWord = (text: string, word: string): boolean => wordPattern(word).test(text);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const camelCase = (name: string): string =>
  name.replace(/_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());

export const namesOf = (name: string): string[] => [...new Set([name, camelCase(name)])];

/** By the convention of most ORMs: "order_items" is of OrderItem. */
export function modelName(table: string): string {
  const one = table
    .replace(/ies$/i, 'y')
    .replace(/(ss|x|ch|sh)es$/i, '$1')
    .replace(/([^s])s$/i, '$1');
  return capital(camelCase(one));
}

export function indexOfWord(
  text: string,
  word: string,
  { start, end }: Pick<StringLiteral, 'start' | 'end'>,
): number | undefined {
  const match = wordPattern(word).exec(text.slice(start, end));
  return match ? start + match.index : undefined;
}

/** What stands before a table's name in a program that uses it as one. */
const tableKeys =
  /(?:\b(?:tableName|table_name|__tablename__|db_table|from|into|table|join|knex|db|trx|name)|@(?:Table|Entity)|\$table)\s*(?:=>|[:=(]+)\s*(?:\(|\{\s*name\s*:)?\s*$/i;

/** Lines between a table's name and a column's that may belong together. */
const nearLines = 15;

export function byWords(
  literals: readonly StringLiteral[],
  text: string,
  names: readonly CodeName[],
): Found[] {
  const exact = new Map<string, StringLiteral[]>();
  for (const literal of literals) {
    const value = literal.value.replaceAll('"', '');
    if (value.length <= 200) exact.set(value, [...(exact.get(value) ?? []), literal]);
  }
  const at = (value: string) => exact.get(value) ?? [];
  return names.flatMap((name) => {
    const { schema, table, column } = name;
    const qualified = schema === null ? [] : at(`${schema}.${table}`);
    const tables = [...at(table), ...qualified];
    if (column === null) return tableWords(name, tables, text);
    const pairs = at(`${table}.${column}`).map((literal) => ({
      ...{ index: literal.start, what: `the string ${table}.${column}`, name },
      confidence: 'high' as const,
    }));
    return [...pairs, ...columnWords(name, column, { literals, tables, text })];
  });
}

function tableWords(name: CodeName, tables: readonly StringLiteral[], text: string): Found[] {
  const strings = tables.map(({ start }): Found => {
    const isKeyed = tableKeys.test(text.slice(Math.max(0, start - 60), start));
    const confidence = isKeyed ? 'high' : 'medium';
    return { index: start, what: 'the name in a string', confidence, name };
  });
  const model = new RegExp(`\\bclass\\s+(${escaped(modelName(name.table))})\\b`, 'g');
  const classes = [...text.matchAll(model)].map(({ index, 1: called }): Found => {
    return { index, what: `the class ${called}`, confidence: 'low', name };
  });
  return [...strings, ...classes];
}

interface ColumnContext {
  readonly literals: readonly StringLiteral[];
  /** Strings that are the table's name. */
  readonly tables: readonly StringLiteral[];
  readonly text: string;
}

function columnWords(
  name: CodeName,
  column: string,
  { literals, tables, text }: ColumnContext,
): Found[] {
  const hasModel = new RegExp(`\\b${escaped(modelName(name.table))}\\b`).test(text);
  if (tables.length === 0 && !hasModel) return [];
  const lineStarts = tables.map(({ start }) => start);
  const isNear = (index: number) =>
    lineStarts.some((start) => {
      const [from, to] = start < index ? [start, index] : [index, start];
      return text.slice(from, to).split('\n').length <= nearLines;
    });
  const strings = literals
    .filter(({ value }) => value.length <= 100 && !looksLikeSql(value) && hasWord(value, column))
    .map((literal): Found => {
      const index = indexOfWord(text, column, literal) ?? literal.start;
      const confidence = isNear(index) ? 'medium' : 'low';
      return { index, what: 'the name in a string', confidence, name };
    });
  return [...strings, ...identifiers(name, column, { literals, isNear, text })];
}

function identifiers(
  name: CodeName,
  column: string,
  {
    literals,
    isNear,
    text,
  }: {
    readonly literals: readonly StringLiteral[];
    readonly isNear: (index: number) => boolean;
    readonly text: string;
  },
): Found[] {
  const inLiteral = (index: number) =>
    literals.some(({ start, end }) => start <= index && index < end);
  return namesOf(column).flatMap((word) =>
    [...text.matchAll(wordPattern(word, 'g'))].flatMap(({ index }): Found[] => {
      if (inLiteral(index) || isCommented(text, index)) return [];
      const confidence = isNear(index) ? 'medium' : 'low';
      return [{ index, what: `the word ${word} beside ${name.table}`, confidence, name }];
    }),
  );
}

/** By the beginning of the line alone: enough for a hint. */
function isCommented(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index - 1) + 1, index);
  return /^\s*(?:\/\/|#|\*|\/\*)/.test(line) || /\s\/\/\s/.test(line);
}
