import { tokenAt } from './sql-scanner.js';

/** A part of SQL that is neither blank nor comment. */
export interface TextToken {
  readonly kind: 'name' | 'string' | 'other';
  readonly start: number;
  readonly end: number;
  /** Of a name what it is folded to, of a string its content, else the text. */
  readonly value: string;
  /** Another content in the quotes of this string. */
  quote(content: string): string;
}

const asIs = (content: string): string => content;

/** The name that an identifier stands for. */
export function unquoted(identifier: string): string {
  if (!identifier.startsWith('"')) return identifier;
  return identifier.slice(1, -1).replaceAll('""', '"');
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

function stringToken(start: number, end: number, text: string): TextToken {
  const base = { kind: 'string' as const, start, end };
  if (text.startsWith('$')) {
    const tag = text.slice(0, text.indexOf('$', 1) + 1);
    const quote = (content: string) => tag + content + tag;
    return { ...base, value: text.slice(tag.length, -tag.length), quote };
  }
  if (/^e/i.test(text)) {
    const inner = text.slice(2, -1).replaceAll("''", "'");
    const value = inner.replace(
      /\\(.)/gs,
      (_, character: string) => escapes[character] ?? character,
    );
    const quote = (content: string) =>
      `E'${content.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
    return { ...base, value, quote };
  }
  const quote = (content: string) => `'${content.replaceAll("'", "''")}'`;
  return { ...base, value: text.slice(1, -1).replaceAll("''", "'"), quote };
}

function toToken(kind: string, start: number, end: number, text: string): TextToken {
  const base = { start, end, quote: asIs };
  if (kind === 'word') return { ...base, kind: 'name', value: text.toLowerCase() };
  if (kind !== 'quoted') return { ...base, kind: 'other', value: text };
  if (text.startsWith('"')) return { ...base, kind: 'name', value: unquoted(text) };
  return stringToken(start, end, text);
}

/** Where a quoted text ends: a doubled quote goes on with it. */
function endOfQuoted(sql: string, start: number, end: number): number {
  const quote = sql[start] ?? '';
  if (quote !== '"' && quote !== "'") return end;
  let last = end;
  while (sql[last] === quote) last = tokenAt(sql, last).end;
  return last;
}

/** What a text consists of, without blanks and comments. */
export function significantTokens(sql: string): TextToken[] {
  const tokens: TextToken[] = [];
  for (let at = 0; at < sql.length; ) {
    const token = tokenAt(sql, at);
    const end = token.kind === 'quoted' ? endOfQuoted(sql, at, token.end) : token.end;
    if (token.kind !== 'blank' && token.kind !== 'comment') {
      tokens.push(toToken(token.kind, at, end, sql.slice(at, end)));
    }
    at = end;
  }
  return tokens;
}
