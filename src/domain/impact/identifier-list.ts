/** Names of a list such as `search_path` has: `"$user", public` gives "$user" and "public". */
export function readIdentifierList(list: string): string[] {
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^",\s][^",]*))\s*(?:,|$)/gy;
  return [...list.matchAll(pattern)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain.trim().toLowerCase() : quoted.replaceAll('""', '"'),
  );
}
