/** An identifier at the beginning of a text, as `quote_ident` writes it. */
const identifier = /^(?:"(?:[^"]|"")*"|[^."]+)/;

/** The parts of a qualified name of the schema model, as they are written: `public."a.b".c` has three. */
export function nameParts(name: string): string[] {
  const parts: string[] = [];
  for (let rest = name; rest !== ''; ) {
    const part = identifier.exec(rest)?.[0];
    if (part === undefined) return [...parts, rest];
    parts.push(part);
    rest = rest.slice(part.length + 1);
  }
  return parts;
}
