import type { CodeName } from './code-name.js';

/** A column or table that an ORM's schema declares, and the names that the program has for it. */
export interface Declared {
  /** Index in the text. */
  readonly index: number;
  readonly what: string;
  readonly name: CodeName;
}

const lineOf = /[^\n]*/y;

/** The text between a bracket and the one that closes it; strings are skipped. */
function bodyAfter(text: string, open: number): string {
  const close = text[open] === '(' ? ')' : '}';
  const begin = text[open] ?? '{';
  let depth = 0;
  for (let i = open; i < text.length; i += 1) {
    const character = text[i];
    if (character === "'" || character === '"' || character === '`') {
      const end = text.indexOf(character, i + 1);
      if (end > 0) i = end;
    } else if (character === begin) depth += 1;
    else if (character === close) depth -= 1;
    if (depth === 0) return text.slice(open + 1, i);
  }
  return text.slice(open + 1);
}

const mapped = (attribute: string, text: string): string | undefined =>
  new RegExp(`(?<![\\w@])${attribute}\\(\\s*(?:name:\\s*)?"([^"]+)"`).exec(text)?.[1];

const withoutComment = (line: string): string => line.replace(/\/\/.*$/, '');

/** The tables and columns of a Prisma schema, under the names that they have in the database. */
export function prismaDeclarations(text: string): Declared[] {
  const found: Declared[] = [];
  for (const match of text.matchAll(/^[ \t]*(?:model|view)\s+(\w+)\s*\{/gm)) {
    const model = match[1] ?? '';
    const open = match.index + match[0].length - 1;
    const body = bodyAfter(text, open);
    const table = mapped('@@map', body) ?? model;
    const schema = mapped('@@schema', body) ?? null;
    const kind = `Prisma model ${model}`;
    found.push({
      ...{ index: text.indexOf(model, match.index), what: kind },
      name: { schema, table, column: null },
    });
    let at = open + 1;
    for (const line of body.split('\n')) {
      const [, field] = /^\s*(\w+)\s+\w/.exec(line) ?? [];
      if (field !== undefined) {
        const column = mapped('@map', withoutComment(line)) ?? field;
        const index = at + line.indexOf(field);
        found.push({ index, what: `${kind}, field ${field}`, name: { schema, table, column } });
      }
      at += line.length + 1;
    }
  }
  return found;
}

const drizzleTable =
  /\b(?:pgTable|pgView|pgMaterializedView|\w+\.(?:table|view))\(\s*(['"`])([^'"`\n]+)\1\s*,\s*(?:\(?\w*\)?\s*=>\s*\(?\s*)?\{/g;

const snakeCase = (name: string): string =>
  name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();

/** Tables and columns that a program declares for Drizzle. */
export function drizzleDeclarations(text: string): Declared[] {
  const found: Declared[] = [];
  for (const match of text.matchAll(drizzleTable)) {
    const table = match[2] ?? '';
    const open = match.index + match[0].length - 1;
    const what = `Drizzle table ${table}`;
    const name = { schema: null, table };
    found.push({ index: match.index, what, name: { ...name, column: null } });
    const body = bodyAfter(text, open);
    for (const property of body.matchAll(
      /(?<=^|[,{\n])\s*['"]?(\w+)['"]?\s*:\s*[\w.]+\s*\((?=([^\n]*))/g,
    )) {
      const key = property[1] ?? '';
      const [, , called] = /^\s*(['"`])([^'"`]+)\1/.exec(property[2] ?? '') ?? [];
      const index = open + 1 + property.index + property[0].indexOf(key);
      const columns = called === undefined ? new Set([key, snakeCase(key)]) : [called];
      for (const column of columns) {
        found.push({ index, what: `${what}, property ${key}`, name: { ...name, column } });
      }
    }
  }
  return found;
}

/** The line that holds an index, without the white space around it. */
export function lineText(text: string, index: number): string {
  lineOf.lastIndex = text.lastIndexOf('\n', index - 1) + 1;
  return (lineOf.exec(text)?.[0] ?? '').trim();
}
