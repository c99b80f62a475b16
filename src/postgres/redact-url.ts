/**
 * `scheme://user:password@`. Up to the last `@` of the word: a password may hold a raw `@`, `/` or quote,
 * and percent-encoding leaves an apostrophe as it is.
 */
const urlPassword = /([a-z][a-z0-9+.-]{0,40}:\/\/[^\s:@/?#"]*):\S*@/gi;

/**
 * `?password=…` of a URL, `password=…` and `password='…'` of a DSN, `PGPASSWORD=…`. A quote at the
 * beginning may also be just a character of it, so the word that follows goes too.
 */
const namedPassword =
  /((?:^|[^a-z0-9])(?:pg|ssl)?(?:password|passwd|pwd)\s*=\s*)(?=\S)(?:'(?:\\.|[^'\\])*'?|"[^"]*"?)?(?:\\.|[^\s&])*/gi;

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
