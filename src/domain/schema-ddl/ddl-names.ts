/**
 * Names as the schema model has them: quoted where they have to be, qualified unless they are PostgreSQL's own.
 */

/** A text as a constant of SQL, whatever is in it. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** A name as it is written in SQL; a plain one stays as it is. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Index of the first of the characters that is in no quotes; -1: none is. */
function indexOutsideQuotes(text: string, characters: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (char === '"') quoted = !quoted;
    else if (!quoted && characters.includes(char)) return i;
  }
  return -1;
}

/** The parts of a qualified name, quotes kept: "public", "t" of `public.t`. */
export function namePartsOf(name: string): string[] {
  const parts: string[] = [];
  let rest = name;
  for (;;) {
    const dot = indexOutsideQuotes(rest, '.');
    if (dot < 0) return [...parts, rest];
    parts.push(rest.slice(0, dot));
    rest = rest.slice(dot + 1);
  }
}

/** "app.f" of "app.f(integer)". */
export function withoutArguments(routine: string): string {
  const open = indexOutsideQuotes(routine, '(');
  return open < 0 ? routine : routine.slice(0, open);
}

/** "(integer)" of "app.f(integer)". */
export function argumentsOf(routine: string): string {
  const open = indexOutsideQuotes(routine, '(');
  return open < 0 ? '()' : routine.slice(open);
}

/** "app.===" of "app.===(integer,integer)": operators are never quoted, their schemas may be. */
export function operatorOf(signature: string): string {
  return withoutArguments(signature);
}

/** Splits "a: b" at the first separator outside of quotes. */
export function splitOutsideQuotes(text: string, separator: string): [string, string] {
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '"') quoted = !quoted;
    else if (!quoted && text.startsWith(separator, i)) {
      return [text.slice(0, i), text.slice(i + separator.length)];
    }
  }
  return [text, ''];
}
