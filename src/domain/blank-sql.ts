/** White space, comments and stray semicolons, up to the first word. Comments nest. */
export function skipBlank(sql: string, from = 0): number {
  let at = from;
  while (at < sql.length) {
    if (sql.startsWith('--', at)) at = endOfLine(sql, at);
    else if (sql.startsWith('/*', at)) at = endOfComment(sql, at);
    else if (/[\s;]/.test(sql[at] ?? '')) at += 1;
    else break;
  }
  return at;
}

function endOfLine(sql: string, from: number): number {
  const end = sql.indexOf('\n', from);
  return end < 0 ? sql.length : end + 1;
}

function endOfComment(sql: string, from: number): number {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(from).matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return from + index + 2;
  }
  return sql.length;
}

/** Whether there is nothing to run: white space and comments at the most. */
export function isBlankSql(sql: string): boolean {
  return skipBlank(sql) === sql.length;
}
