const mostShown = 500;

/**
 * A statement as reports show it: passwords hidden, control characters shown, not obeyed, at most 500 characters. Lines stay lines.
 *
 * @example
 * statementText("ALTER ROLE app PASSWORD 'x'"); // ALTER ROLE app PASSWORD '***'
 */
export function statementText(sql: string): string {
  const text = withoutSecrets(sql.trim()).replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, '\ufffd');
  // Of a text of megabytes only what may be shown is taken apart: a letter is at most two units.
  const letters = [...text.slice(0, 2 * mostShown + 2)];
  return letters.length <= mostShown ? text : `${letters.slice(0, mostShown - 1).join('')}…`;
}

/** `PASSWORD '…'` of a role or user mapping, also where the text was cut; `password=…` of a connection string; a URL's. */
function withoutSecrets(sql: string): string {
  return sql
    .replace(/(\bpassword"?\s*=?\s*)(?:[EU]&?)?'(?:[^']|'')*(?:'|$)/gi, "$1'***'")
    .replace(/(\bpassword"?\s*=?\s*)(\$\w*\$)[\s\S]*?(?:\2|$)/gi, "$1'***'")
    .replace(/(\bpassword\s*=\s*)(?!'\*\*\*')(?:''(?:[^']|\\.)*''|[^\s'"]+)/gi, '$1***')
    .replace(/(\b[a-z][a-z0-9+]*:\/\/[^\s:/@'"]*:)[^\s@'"]+(?=@)/gi, '$1***');
}
