/**
 * What is wrong with a tag, in words that stand beside its field; undefined: nothing that can be seen from here. The server
 * has the last word.
 */
export function tagProblem(tag: string): string | undefined {
  if (tag === '') return 'Give it a tag: the name by which you will find it again.';
  if (tag.length > 128) return `It has ${tag.length} characters; at most 128 are allowed.`;
  if (/^[-./]/.test(tag)) return `It cannot start with “${tag.charAt(0)}”.`;
  if (tag.includes('..')) return 'It cannot contain “..”.';
  if (/\s/.test(tag)) return 'It cannot contain spaces: use “-” instead.';
  if (!/^[A-Za-z0-9._/-]+$/.test(tag)) {
    return 'Use letters, digits, “.”, “_”, “-” and “/”, e.g. feature/invoices-2.';
  }
  if (tag === 'latest' || tag === 'live') return `“${tag}” means something else: choose another.`;
  return undefined;
}
