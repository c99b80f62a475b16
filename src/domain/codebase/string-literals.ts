/** A string in a program's text; several that are put together count as one. */
export interface StringLiteral {
  /** What is in it, placeholders included. */
  readonly value: string;
  /** Where it begins and ends in the text, quotes included. */
  readonly start: number;
  readonly end: number;
}

interface Language {
  readonly line: readonly string[];
  readonly block: readonly (readonly [begin: string, end: string])[];
  /** Longer ones first. */
  readonly quotes: readonly Quote[];
}

interface Quote {
  readonly begin: string;
  readonly end: string;
  readonly isMultiline: boolean;
  readonly escapes: boolean;
}

const quote = (
  mark: string,
  { isMultiline = mark.length > 1 || mark === '`', escapes = true } = {},
): Quote => ({ begin: mark, end: mark, isMultiline, escapes });

const single = quote("'");
const double = quote('"');
const multilineDouble = quote('"', { isMultiline: true });
const cComments = { line: ['//'], block: [['/*', '*/']] } as const;

const families: readonly (readonly [string, Language])[] = [
  [
    'js jsx ts tsx mjs cjs mts cts vue svelte astro',
    { ...cComments, quotes: [quote('`'), single, double] },
  ],
  ['go', { ...cComments, quotes: [quote('`', { escapes: false }), double] }],
  [
    'java kt kts scala groovy swift dart cs',
    { ...cComments, quotes: [quote('"""'), double, single] },
  ],
  [
    'rs',
    {
      ...cComments,
      quotes: [{ begin: 'r#"', end: '"#', isMultiline: true, escapes: false }, multilineDouble],
    },
  ],
  [
    'php',
    {
      line: ['//', '#'],
      block: cComments.block,
      quotes: [multilineDouble, quote("'", { isMultiline: true })],
    },
  ],
  ['py pyi', { line: ['#'], block: [], quotes: [quote('"""'), quote("'''"), double, single] }],
  [
    'rb rake erb',
    {
      line: ['#'],
      block: [],
      quotes: [multilineDouble, quote("'", { isMultiline: true }), quote('`')],
    },
  ],
  ['ex exs', { line: ['#'], block: [], quotes: [quote('"""'), double] }],
];

const byExtension: ReadonlyMap<string, Language> = new Map(
  families.flatMap(([extensions, language]) =>
    extensions.split(' ').map((extension): [string, Language] => [extension, language]),
  ),
);

/** Extensions of programs in which strings are looked for. */
export function isProgram(extension: string): boolean {
  return byExtension.has(extension);
}

/** The strings of a program, in order. What looks like a string in an odd place may be taken for one: these are hints. */
export function findLiterals(text: string, extension: string): StringLiteral[] {
  const language = byExtension.get(extension);
  if (!language) return [];
  const found: StringLiteral[] = [];
  for (let at = 0; at < text.length; ) {
    const heredoc = hasHeredocs(extension) ? heredocAt(text, at) : undefined;
    const literal = heredoc ?? literalAt(text, at, language);
    if (literal) found.push(literal);
    at = literal?.end ?? afterComment(text, at, language) ?? at + 1;
  }
  return joined(found, text);
}

const hasHeredocs = (extension: string): boolean => /^(?:rb|rake|erb|php)$/.test(extension);

function heredocAt(text: string, at: number): StringLiteral | undefined {
  if (text[at] !== '<') return undefined;
  const begin = /<<[<~-]?\s*(['"]?)([A-Z]\w*)\1[^\n]*\n/y;
  begin.lastIndex = at;
  const match = begin.exec(text);
  if (!match) return undefined;
  const start = begin.lastIndex;
  const end = new RegExp(`^\\s*${match[2]}\\b`, 'm').exec(text.slice(start));
  if (!end) return undefined;
  return {
    value: text.slice(start, start + end.index),
    start: at,
    end: start + end.index + end[0].length,
  };
}

function afterComment(text: string, at: number, { line, block }: Language): number | undefined {
  // "://" of a URL outside of a string is rare; "#{" is Ruby's placeholder.
  if (line.some((mark) => text.startsWith(mark, at)) && !text.startsWith('#{', at)) {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end;
  }
  const found = block.find(([begin]) => text.startsWith(begin, at));
  if (!found) return undefined;
  const end = text.indexOf(found[1], at + found[0].length);
  return end < 0 ? text.length : end + found[1].length;
}

function literalAt(text: string, at: number, { quotes }: Language): StringLiteral | undefined {
  const found = quotes.find(({ begin }) => text.startsWith(begin, at));
  if (!found) return undefined;
  const from = at + found.begin.length;
  for (let i = from; i < text.length; i += 1) {
    if (found.escapes && text[i] === '\\') i += 1;
    else if (text[i] === '\n' && !found.isMultiline) return undefined;
    else if (found.begin === '`' && text.startsWith('${', i)) i = afterPlaceholder(text, i + 2) - 1;
    else if (text.startsWith(found.end, i)) {
      return { value: text.slice(from, i), start: at, end: i + found.end.length };
    }
  }
  return undefined;
}

function afterPlaceholder(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === '{') depth += 1;
    else if (text[i] === '}') depth -= 1;
    if (depth === 0) return i + 1;
  }
  return text.length;
}

/** `'a' + 'b'`, `'a' . 'b'`, and strings that stand side by side. */
function joined(literals: readonly StringLiteral[], text: string): StringLiteral[] {
  const result: StringLiteral[] = [];
  for (const literal of literals) {
    const before = result.at(-1);
    const between = before ? text.slice(before.end, literal.start) : '';
    if (
      before &&
      /^[ \t]*(?:[+.&]|\\?\r?\n|[+.&][ \t]*\r?\n|\r?\n[ \t]*[+.&])[ \t]*[a-z]?$/.test(between)
    ) {
      result[result.length - 1] = {
        ...{ value: `${before.value}${literal.value}`, start: before.start, end: literal.end },
      };
    } else result.push(literal);
  }
  return result;
}
