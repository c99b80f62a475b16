/**
 * Names of tables and sequences as Belay prints, stores and accepts them: `schema.table` as they are, so
 * that a script can put them together. Only a part that would make that ambiguous (it has a dot,
 * a double quote or a control character, is empty, or begins or ends with a blank) is written as a
 * quoted SQL identifier.
 */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a newline in a name is what this looks for
const ambiguous = /[."\u0000-\u001f\u007f]|^$|^\s|\s$/u;

const formatPart = (part: string): string =>
  ambiguous.test(part) ? `"${part.replaceAll('"', '""')}"` : part;

/**
 * @example
 * formatQualifiedName({ schema: 'public', name: 'Order Items' }); // public.Order Items
 * formatQualifiedName({ schema: 'public', name: 'v1.2' }); // public."v1.2"
 */
export function formatQualifiedName({ schema, name }: QualifiedName): string {
  return `${formatPart(schema)}.${formatPart(name)}`;
}

/** Reads what {@link formatQualifiedName} wrote; quotes are also fine where none are needed. Undefined: not a name. */
export function parseQualifiedName(text: string): QualifiedName | undefined {
  const match = /^("(?:[^"]|"")*"|[^".]+)\.("(?:[^"]|"")*"|[^".]+)$/su.exec(text);
  const [schema, name] = (match?.slice(1) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
  return schema === undefined || name === undefined ? undefined : { schema, name };
}
