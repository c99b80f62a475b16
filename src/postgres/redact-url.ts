/** `scheme://user:password@`. Up to the last `@` of the word: a password may hold a raw `@` or `/`. */
const urlPassword = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/?#'"]*):[^\s"'<>]*@/gi;

/** `?password=…` of a URL, `password=…` and `password='…'` of a DSN, `PGPASSWORD=…`. */
const namedPassword =
  /((?:^|[^a-z0-9])(?:pg|ssl)?(?:password|passwd|pwd)\s*=\s*)('(?:\\.|[^'\\])*'?|"[^"]*"?|(?:\\.|[^\s&'"])+)/gi;

/**
 * Removes passwords from anything that looks like a URL or a DSN. Rather removes too much: what it
 * leaves may be printed.
 *
 * @example
 * redactUrl('postgres://app:hunter2@db/shop'); // 'postgres://app:***@db/shop'
 */
export function redactUrl(text: string): string {
  return text.replace(urlPassword, '$1:***@').replace(namedPassword, '$1***');
}
