/**
 * libpq's `options` by which every connection begins in a schema: in `PGOPTIONS`, or as a parameter of a URL.
 * @param others schemas behind it, e.g. the one that has the extensions
 *
 * @example
 * searchPathOption('app_invoices'); // '-c search_path=app_invoices'
 * searchPathOption('My app', ['public']); // '-c search_path="My\\ app",public'
 */
export function searchPathOption(schema: string, others: readonly string[] = []): string {
  const value = [schema, ...others].map(quoteName).join(',');
  // The server splits at white space, and takes a backslash for "the next character as it is".
  return `-c search_path=${value.replace(/[\s\\]/g, '\\$&')}`;
}

/** Words of SQL need quotes too, but none of them is a problem in a list of schemas. */
function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Options without the search path that they began with: what was set for a schema branch, and for nothing else. */
export function withoutSearchPath(
  options: string | undefined,
  schemaOption: string,
): string | undefined {
  if (options === undefined) return undefined;
  const rest = options.replace(schemaOption, '').replace(/ {2,}/g, ' ').trim();
  return rest === '' ? undefined : rest;
}
