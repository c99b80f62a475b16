import { formatQualifiedName } from '../../qualified-name.js';

/** A name of one part as it is printed for people: as it is, quoted where it would be ambiguous. */
export function printedPart(name: string): string {
  return formatQualifiedName({ schema: 'x', name }).slice(2);
}

/** `schema.table`, `schema.table.column`. */
export function printedName(...parts: readonly string[]): string {
  return parts.map(printedPart).join('.');
}

export const kindNames = {
  r: 'table',
  p: 'table',
  v: 'view',
  m: 'materialized view',
  S: 'sequence',
  f: 'foreign table',
  c: 'type',
  t: 'table',
} as const;
