import { significantTokens, type TextToken, unquoted } from './schema-branch-tokens.js';

/** From which schema to which a text is led. */
export interface SchemaNames {
  readonly from: string;
  readonly to: string;
  /** The new name as it is written in SQL. */
  readonly quotedTo: string;
  /** Names in the old schema that stay there: what extensions made. */
  readonly kept: ReadonlySet<string>;
}

/** A text that names a schema, led to another one. */
export interface LedText {
  readonly text: string;
  /** Mentions that were left as they are, and do no harm: nothing runs them. */
  readonly notes: readonly string[];
  /** Mentions of which nobody can say what they do: they may lead to the old schema. */
  readonly doubts: readonly string[];
}

/** Functions whose first argument is the name of an object, as a text. */
const takesName =
  /^(?:nextval|currval|setval|to_reg\w+|pg_get_serial_sequence|pg_\w*size|has_\w+_privilege|pg_sequence_last_value)$/;
const regTypes = /^reg(?:class|type|proc|procedure|oper|operator|config|dictionary|collation)$/;
/** What runs a text, or takes one for a name. */
const runsText =
  /^(?:execute|query_to_xml\w*|cursor_to_xml\w*|table_to_xml\w*|schema_to_xml\w*|dblink\w*|ts_stat|crosstab\w*|connectby|to_reg\w+|reg(?:class|type|proc|procedure))$/;
const raising = /^(?:raise|notice|warning|exception|log|info|debug)$/;
const afterWhole = /^(?:;|into|using|loop)$/;

const isLanguageOfServer = (language: string): boolean => /^(?:c|internal)$/.test(language);

/**
 * Leads the body of a routine from one schema to another: PostgreSQL keeps it as a text, so that it does not follow a rename.
 * By tokens: names are changed where they can only mean the schema, and strings only where they are SQL or a name for certain.
 *
 * @example
 * leadBody({ language: 'sql', body: 'SELECT * FROM app.orders', arguments: [], name: 'f' }, names).text;
 * // 'SELECT * FROM app_invoices.orders'
 */
export function leadBody(
  routine: {
    readonly language: string;
    readonly body: string;
    readonly name: string;
    readonly arguments: readonly string[];
  },
  names: SchemaNames,
): LedText {
  const { language, body } = routine;
  if (isLanguageOfServer(language)) return { text: body, notes: [], doubts: [] };
  if (language !== 'sql' && language !== 'plpgsql') {
    const doubts = mentions(body, names.from) ? [`its ${language} code names the schema`] : [];
    return { text: body, notes: [], doubts };
  }
  const led = leadSql(body, names);
  const own = [routine.name, ...routine.arguments];
  if (led.text === body || !own.includes(names.from)) return led;
  return {
    ...led,
    doubts: [...led.doubts, 'an argument, or the routine itself, is called like the schema'],
  };
}

/** Leads SQL, of a body or of a string that is run. */
export function leadSql(sql: string, names: SchemaNames): LedText {
  return new Leading(sql, names, true).run();
}

/**
 * Leads the strings in an expression that PostgreSQL printed: its names have followed the rename, but the name of a sequence
 * in `nextval('app.seq'::text)` has not.
 */
export function leadStrings(expression: string, names: SchemaNames): LedText {
  return new Leading(expression, names, false).run();
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** Whether a text has the schema's name where an object's may follow, or nothing at all. */
function mentions(text: string, schema: string): boolean {
  const flags = schema === schema.toLowerCase() ? 'iu' : 'u';
  const name = escaped(schema.replaceAll('"', '""'));
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${name}"?\\s*(?:\\.|$|'|,)`, flags).test(text);
}

class Leading {
  readonly #sql: string;
  readonly #names: SchemaNames;
  readonly #tokens: readonly TextToken[];
  readonly #leadsNames: boolean;
  readonly #runsTexts: boolean;
  readonly #edits: { start: number; end: number; text: string }[] = [];
  readonly #notes: string[] = [];
  readonly #doubts: string[] = [];
  #others = 0;
  #inPath = false;

  constructor(sql: string, names: SchemaNames, leadsNames: boolean) {
    this.#sql = sql;
    this.#names = names;
    this.#leadsNames = leadsNames;
    this.#tokens = significantTokens(sql);
    this.#runsTexts = this.#tokens.some(
      (token) => token.kind === 'name' && runsText.test(token.value),
    );
  }

  run(): LedText {
    for (let at = 0; at < this.#tokens.length; at += 1) {
      const token = this.#tokens[at];
      if (!token) continue;
      this.#followPath(at);
      if (token.kind === 'name' && this.#leadsNames) this.#leadName(at, token);
      else if (token.kind === 'string') this.#leadString(at, token);
    }
    const isChanged = this.#edits.some(({ text }) => text.endsWith('.'));
    if (isChanged && this.#others > 0) {
      this.#doubts.push('something else in it is called like the schema');
    }
    return { text: this.#edited(), notes: this.#notes, doubts: this.#doubts };
  }

  #word(at: number): string {
    const token = this.#tokens[at];
    return token && token.kind !== 'string' ? token.value : '';
  }

  /** `SET search_path TO app, public`: up to the statement's end. */
  #followPath(at: number): void {
    const word = this.#word(at);
    if (word === 'search_path' && /^(?:to|=)$/.test(this.#word(at + 1))) this.#inPath = true;
    else if (word === ';' || word === ')') this.#inPath = false;
  }

  #leadName(at: number, token: TextToken): void {
    const { from, quotedTo } = this.#names;
    if (token.value !== from || this.#word(at - 1) === '.') return;
    if (this.#word(at + 1) === '.') {
      const dot = this.#tokens[at + 1];
      if (dot && !this.#isKept(at + 2)) this.#edit(token.start, dot.end, `${quotedTo}.`);
    } else if (this.#inPath || this.#word(at - 1) === 'schema') {
      this.#edit(token.start, token.end, quotedTo);
    } else if (!(from === 'public' && /^(?:to|from|,)$/.test(this.#word(at - 1)))) {
      // PUBLIC is also everybody, to whom rights are given.
      this.#others += 1;
    }
  }

  /** Whether what the name stands before was made by an extension. */
  #isKept(at: number): boolean {
    const token = this.#tokens[at];
    if (!token) return false;
    const operator = /^[-+*/<>=~!@#%^&|`?]+/.exec(this.#sql.slice(token.start))?.[0];
    return this.#names.kept.has(operator ?? token.value);
  }

  #leadString(at: number, token: TextToken): void {
    const content = token.value;
    if (!mentions(content, this.#names.from)) return;
    const led = this.#ledContent(at, content);
    if (led?.doubts.length === 0) {
      if (led.text !== content) this.#edit(token.start, token.end, token.quote(led.text));
      this.#notes.push(...led.notes);
      return;
    }
    if (raising.test(this.#word(at - 1))) return;
    const shown = content.replace(/\s+/g, ' ').trim().slice(0, 60);
    const what = `the text '${shown}' names the schema`;
    (this.#runsTexts ? this.#doubts : this.#notes).push(what);
  }

  /** What the string is led to where it is certain what it means. */
  #ledContent(at: number, content: string): LedText | undefined {
    const { from, to } = this.#names;
    const whole = (text: string): LedText => ({ text, notes: [], doubts: [] });
    const [before, second, third] = [1, 2, 3].map((back) => this.#word(at - back));
    const isName = (before === '(' && takesName.test(second ?? '')) || this.#isCastToName(at);
    if (isName) return this.#ledObjectName(content);
    const isSchema = before === 'schema' || this.#inPath;
    if (isSchema && content === from) return whole(to);
    const setsPath = before === ',' && this.#tokens[at - 2]?.value === 'search_path';
    if (setsPath && this.#word(at - 4) === 'set_config') return whole(leadPath(content, from, to));
    if (!this.#leadsNames) return undefined;
    const isWhole = before === 'execute' && afterWhole.test(this.#word(at + 1));
    const isTemplate = before === '(' && second === 'format' && third === 'execute';
    return isWhole || isTemplate ? leadSql(content, this.#names) : undefined;
  }

  /** `'app.seq'::regclass`, and as PostgreSQL prints what was a text before: `('app.seq'::text)::regclass`. */
  #isCastToName(at: number): boolean {
    let [begin, end] = [at - 1, at + 1];
    if (this.#word(end) === '::' && this.#word(end + 1) === 'text') end += 2;
    for (; this.#word(begin) === '(' && this.#word(end) === ')'; begin -= 1) end += 1;
    return this.#word(end) === '::' && regTypes.test(this.#word(end + 1));
  }

  #ledObjectName(content: string): LedText | undefined {
    const led = leadSql(content, this.#names);
    const [first, dot] = significantTokens(content);
    const isQualified = first?.value === this.#names.from && dot?.value === '.';
    return isQualified && led.doubts.length === 0 ? led : undefined;
  }

  #edit(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  #edited(): string {
    let [text, at] = ['', 0];
    for (const edit of this.#edits) {
      text += this.#sql.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return text + this.#sql.slice(at);
  }
}

/** The items of a search_path as it is stored or shown. What is not in quotes is folded, as the server does. */
export function pathItems(path: string): string[] {
  const items = path.match(/\s*"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return items
    .map((item) => item.trim())
    .map((item) => (item.startsWith('"') ? unquoted(item) : item.toLowerCase()))
    .filter((item) => item !== '');
}

/** A search_path of such items. */
export function formatPath(items: readonly string[], separator = ', '): string {
  const format = (item: string) =>
    /^[a-z_][a-z0-9_]*$/.test(item) ? item : `"${item.replaceAll('"', '""')}"`;
  return items.map(format).join(separator);
}

const leadPath = (path: string, from: string, to: string): string =>
  formatPath(pathItems(path).map((item) => (item === from ? to : item)));
