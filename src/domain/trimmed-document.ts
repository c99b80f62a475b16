/** A document that was made small enough, and what was left out for it. */
export interface TrimmedDocument {
  readonly document: unknown;
  /** For people and assistants: "statements: 20 of 350"; empty where nothing was left out. */
  readonly leftOut: readonly string[];
}

interface Limits {
  readonly items: number;
  readonly characters: number;
}

/** From generous to meagre; the first under which the document fits is taken. */
const ladder: readonly Limits[] = [
  { items: 500, characters: 20_000 },
  { items: 200, characters: 8_000 },
  { items: 100, characters: 4_000 },
  { items: 50, characters: 2_000 },
  { items: 20, characters: 1_000 },
  { items: 10, characters: 500 },
  { items: 5, characters: 300 },
  { items: 2, characters: 200 },
  { items: 0, characters: 200 },
];

/** Objects with more members than this are tables of names, and are cut like lists. */
const largestRecord = 60;
/** More would be a list of its own. */
const mostNotes = 20;

/**
 * Makes a document fit: long lists, tables of names and texts are cut, the same everywhere, as little as is enough. What is left
 * keeps its shape.
 * @param bytes of the JSON that may come out
 */
export function trimDocument(document: unknown, bytes: number): TrimmedDocument {
  if (sizeOf(document) <= bytes) return { document, leftOut: [] };
  let trimmed: TrimmedDocument = { document: null, leftOut: ['everything: it is too large'] };
  for (const limits of ladder) {
    trimmed = cut(document, limits);
    if (sizeOf(trimmed.document) <= bytes) return trimmed;
  }
  return sizeOf(trimmed.document) <= bytes
    ? trimmed
    : { document: null, leftOut: ['everything: it is too large'] };
}

const sizeOf = (document: unknown): number => Buffer.byteLength(JSON.stringify(document) ?? '');

function cut(document: unknown, limits: Limits): TrimmedDocument {
  const notes: string[] = [];
  const note = (path: string, kept: number, all: number) => {
    notes.push(`${path || 'the whole'}: ${kept} of ${all}`);
  };
  const walk = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return cutText(value, limits.characters, path, note);
    if (Array.isArray(value)) {
      if (value.length > limits.items) note(path, limits.items, value.length);
      return value.slice(0, limits.items).map((one) => walk(one, `${path}[]`));
    }
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value);
    const isTable = members.length > largestRecord && members.length > limits.items;
    if (isTable) note(path, limits.items, members.length);
    return Object.fromEntries(
      (isTable ? members.slice(0, limits.items) : members).map(([name, member]) => [
        name,
        walk(member, path === '' ? name : `${path}.${name}`),
      ]),
    );
  };
  const shortened = walk(document, '');
  return { document: shortened, leftOut: summarise(notes) };
}

function cutText(
  text: string,
  characters: number,
  path: string,
  note: (path: string, kept: number, all: number) => void,
): string {
  if (text.length <= characters) return text;
  note(`${path} (characters)`, characters, text.length);
  // Not in the middle of a character of two units.
  const end = /[\ud800-\udbff]/.test(text.charAt(characters - 1)) ? characters - 1 : characters;
  return `${text.slice(0, end)}…`;
}

/** Each place once. */
function summarise(notes: readonly string[]): string[] {
  const unique = [...new Set(notes)];
  if (unique.length <= mostNotes) return unique;
  return [...unique.slice(0, mostNotes), `and ${unique.length - mostNotes} more places`];
}
