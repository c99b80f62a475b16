const firstEntry = '\n--\n-- Name: ';

/**
 * What can be sent to a server of the SQL that pg_dump and pg_restore print as text: without the settings before the
 * first object (of which an older server may not know all) and without psql's own commands around it.
 */
export function statementsOf(script: string): string {
  const start = script.indexOf(firstEntry);
  if (start < 0) return '';
  const token = /^\\restrict (\S+)$/m.exec(script.slice(0, start))?.[1];
  const end = token === undefined ? -1 : script.lastIndexOf(`\n\\unrestrict ${token}\n`);
  return end < 0 ? script.slice(start) : script.slice(start, end + 1);
}
