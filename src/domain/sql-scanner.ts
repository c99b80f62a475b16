/**
 * The lexical structure of SQL as PostgreSQL and psql see it: where strings, quoted names, dollar quotes and comments begin and
 * end, and where statements do. What statements mean is the parser's business; this is for what comes before it.
 */
export interface SqlToken {
  readonly kind:
    | 'blank'
    | 'comment'
    /** A string, a quoted name or a dollar-quoted text. */
    | 'quoted'
    | 'word'
    | ';'
    | '('
    | ')'
    /** Outside of quotes and comments it begins a command of psql. */
    | '\\'
    | ':'
    | 'other';
  /** Index just after it. */
  readonly end: number;
}

const blank = /\s+/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /\d[\w.]*/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
/** Text goes on in the next line's string, with the same escapes. */
const continuation = /[^\S\n]*\n\s*'/y;

function endOf(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : -1;
}

function afterText(sql: string, text: string, from: number): number {
  const at = sql.indexOf(text, from);
  return at < 0 ? sql.length : at + text.length;
}

function endOfComment(sql: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  let depth = 0;
  for (let match = mark.exec(sql); match; match = mark.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/** A doubled quote is a quote and then another quoted text: for where it ends that is the same. */
function endOfQuoted(sql: string, quote: string, from: number): number {
  return afterText(sql, quote, from + 1);
}

/** E'…' also escapes with a backslash. */
function endOfEscaped(sql: string, from: number): number {
  let at = from + 1;
  for (;;) {
    while (at < sql.length && sql[at] !== "'") at += sql[at] === '\\' ? 2 : 1;
    if (at >= sql.length) return sql.length;
    at += 1;
    if (sql[at] === "'") at += 1;
    else {
      const next = endOf(continuation, sql, at);
      if (next < 0) return at;
      at = next;
    }
  }
}

function wordAt(sql: string, at: number): SqlToken | undefined {
  const end = endOf(word, sql, at);
  if (end < 0) return undefined;
  const isEscaped = end === at + 1 && sql[end] === "'" && /e/i.test(sql[at] ?? '');
  return isEscaped ? { kind: 'quoted', end: endOfEscaped(sql, end) } : { kind: 'word', end };
}

function dollarAt(sql: string, at: number): SqlToken {
  const end = endOf(dollarTag, sql, at);
  if (end < 0) return { kind: 'other', end: at + 1 };
  return { kind: 'quoted', end: afterText(sql, sql.slice(at, end), end) };
}

/** The token that begins at an index. What is never closed goes to the end of the text. */
export function tokenAt(sql: string, at: number): SqlToken {
  const character = sql[at] ?? '';
  switch (character) {
    case "'":
    case '"':
      return { kind: 'quoted', end: endOfQuoted(sql, character, at) };
    case ';':
    case '(':
    case ')':
    case '\\':
      return { kind: character, end: at + 1 };
    case ':':
      // "::" and ":=" are operators.
      return /[:=]/.test(sql[at + 1] ?? '')
        ? { kind: 'other', end: at + 2 }
        : { kind: ':', end: at + 1 };
    case '$':
      return dollarAt(sql, at);
    case '-':
      if (sql[at + 1] !== '-') break;
      return { kind: 'comment', end: afterText(sql, '\n', at) };
    case '/':
      if (sql[at + 1] !== '*') break;
      return { kind: 'comment', end: endOfComment(sql, at) };
    default: {
      const end = endOf(blank, sql, at);
      if (end >= 0) return { kind: 'blank', end };
      const found = wordAt(sql, at);
      if (found) return found;
      return { kind: 'other', end: Math.max(at + 1, endOf(number, sql, at)) };
    }
  }
  return { kind: 'other', end: at + 1 };
}

/** Follows tokens and says which semicolons end a statement, by the rules of psql: not those in brackets, nor in BEGIN ATOMIC … END. */
export class StatementEnds {
  #brackets = 0;
  #blocks = 0;
  #words: string[] = [];

  /** @returns whether the statement ends with this token */
  follow(sql: string, at: number, { kind, end }: SqlToken): boolean {
    if (kind === '(') this.#brackets += 1;
    else if (kind === ')') this.#brackets = Math.max(0, this.#brackets - 1);
    else if (kind === 'word') this.#followWord(sql.slice(at, end).toLowerCase());
    else if (kind === ';' && this.#brackets === 0 && this.#blocks === 0) {
      this.reset();
      return true;
    }
    return false;
  }

  reset(): void {
    this.#brackets = 0;
    this.#blocks = 0;
    this.#words = [];
  }

  #followWord(text: string): void {
    if (this.#words.length < 4) this.#words.push(text);
    if (this.#brackets > 0 || !this.#makesRoutine()) return;
    if (text === 'begin') this.#blocks += 1;
    else if (text === 'case' && this.#blocks > 0) this.#blocks += 1;
    else if (text === 'end' && this.#blocks > 0) this.#blocks -= 1;
  }

  #makesRoutine(): boolean {
    const [first, ...rest] = this.#words;
    const what = rest[0] === 'or' && rest[1] === 'replace' ? rest[2] : rest[0];
    return first === 'create' && (what === 'function' || what === 'procedure');
  }
}

/**
 * Cuts a text into parts of whole statements, each of about a size: a parser needs many times the memory of its text. Only as
 * far as somebody reads on.
 * @returns indexes at which the parts end
 */
export function* batchEnds(sql: string, size: number): Generator<number, void> {
  const statements = new StatementEnds();
  let begin = 0;
  // What is left fits into one part: no need to look.
  for (let at = 0; at < sql.length && sql.length - begin > size; ) {
    const token = tokenAt(sql, at);
    if (statements.follow(sql, at, token) && token.end - begin >= size) {
      yield token.end;
      begin = token.end;
    }
    at = token.end;
  }
  if (begin < sql.length) yield sql.length;
}

export interface SqlComment {
  /** Without its marks. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The comments of a text, in order. */
export function findComments(sql: string): SqlComment[] {
  const found: SqlComment[] = [];
  for (let at = 0; at < sql.length; ) {
    const { kind, end } = tokenAt(sql, at);
    if (kind === 'comment') {
      const isLine = sql[at] === '-';
      const text = sql.slice(at + 2, isLine ? end : end - 2).trim();
      found.push({ text, start: at, end });
    }
    at = end;
  }
  return found;
}
