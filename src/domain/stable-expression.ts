import { afterQuoted } from './quoted-text.js';
import { flattenConjunctions } from './stable-conjunction.js';

/**
 * PostgreSQL prints `x IN ('a', 'b')` on a varchar as `(ARRAY['a'::character varying, …])::text[]`,
 * but after a dump and a restore as `ARRAY[('a'::character varying)::text, …]`: the same meaning in
 * two texts. Comparing the texts as they are would find a difference in nearly every restored database.
 */

/** A type name as PostgreSQL prints it, between `)::` and `[]`. */
const castToArray =
  /^\)::((?:"(?:[^"]|"")*"|[\w.$ ])+(?:\([\d,]+\))?(?: with(?:out)? time zone)?)\[\]/;

const openers = '([{';
const closers = ')]}';

/** The elements of the array whose `[` is just before `start`, and the index of its `]`. */
function readElements(text: string, start: number): { elements: string[]; end: number } {
  const elements: string[] = [];
  let depth = 0;
  let from = start;
  for (let i = start; i < text.length; ) {
    const char = text[i] ?? '';
    if (char === "'" || char === '"') {
      i = afterQuoted(text, i);
      continue;
    }
    if (depth === 0 && (char === ',' || char === ']')) {
      elements.push(text.slice(from, i).trim());
      from = i + 1;
      if (char === ']') return { elements, end: i };
    }
    if (openers.includes(char)) depth += 1;
    if (closers.includes(char)) depth -= 1;
    i += 1;
  }
  return { elements: [], end: -1 };
}

/** The cast array that begins at `at`, rewritten with the cast at its elements; undefined: none there. */
function readCastArray(text: string, at: number): { text: string; end: number } | undefined {
  const opening = '(ARRAY[';
  if (!text.startsWith(opening, at)) return undefined;
  const { elements, end } = readElements(text, at + opening.length);
  if (end < 0 || elements.some((element) => element === '' || element.startsWith('ARRAY['))) {
    return undefined;
  }
  const cast = castToArray.exec(text.slice(end + 1, end + 300));
  if (!cast) return undefined;
  const items = elements.map((element) => `(${stableArrays(element)})::${cast[1]}`);
  return { text: `ARRAY[${items.join(', ')}]`, end: end + 1 + cast[0].length };
}

/** Brings an expression, or SQL that contains some, into the form that a dump and restore keeps. */
export function stableExpression(sql: string): string {
  return flattenConjunctions(stableArrays(sql));
}

function stableArrays(sql: string): string {
  if (!sql.includes('(ARRAY[')) return sql;
  let result = '';
  for (let i = 0; i < sql.length; ) {
    const char = sql[i] ?? '';
    const quoted = char === "'" || char === '"';
    const array = quoted ? undefined : readCastArray(sql, i);
    const end = array?.end ?? (quoted ? afterQuoted(sql, i) : i + 1);
    result += array?.text ?? sql.slice(i, end);
    i = end;
  }
  return result;
}
