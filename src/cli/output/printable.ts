/**
 * Text for a terminal that somebody else wrote, e.g. names from files, other tools' tables or a store: escape sequences in it
 * are shown, not obeyed.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}
