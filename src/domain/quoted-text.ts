/** Index just after the quoted text that begins at `at`, where a doubled quote stands for itself. */
export function afterQuoted(text: string, at: number): number {
  const quote = text[at] ?? '';
  // E'…' also escapes with a backslash.
  const escapes = quote === "'" && /(?:^|[^\w$])E$/i.test(text.slice(Math.max(0, at - 2), at));
  for (let i = at + 1; i < text.length; i += 1) {
    if (escapes && text[i] === '\\') i += 1;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i += 1;
    }
  }
  return text.length;
}
