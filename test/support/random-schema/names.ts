import pg from 'pg';

/** Words that mean something in SQL, so that a name without quotes would be something else. */
const keywords = ['select', 'user', 'table', 'order', 'group', 'check', 'default', 'end', 'all'];

/** Manners of naming that have broken tools. */
const manners: readonly ((plain: string) => string)[] = [
  (plain) => plain,
  (plain) => plain,
  (plain) => plain,
  (plain) => `${plain.toUpperCase()}`,
  (plain) => `with blank ${plain}`,
  (plain) => `quote"${plain}`,
  (plain) => `${plain}'s`,
  (plain) => `naïve_Größe_${plain}`,
  (plain) => `dot.${plain}`,
  (plain) => `${plain}_${'long'.repeat(12)}`.slice(0, 58),
  (plain) => `表_${plain}`,
  (plain) => `$${plain}\\n-- ;`,
];

/** The name of an object, before quoting: always the same for the same beginning and number. */
export function oddName(beginning: string, id: number): string {
  const keyword = keywords[id];
  if (keyword !== undefined) return keyword;
  const manner = manners[(id * 7) % manners.length] ?? ((plain: string) => plain);
  return manner(`${beginning}${id}`);
}

export const quote = (name: string): string => pg.escapeIdentifier(name);
export const literal = (text: string): string => pg.escapeLiteral(text);
