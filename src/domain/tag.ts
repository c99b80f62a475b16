import { BelayError } from '../errors.js';

const allowed = /^[A-Za-z0-9_-][A-Za-z0-9._/-]*$/;
const maxLength = 128;

/** Words that mean something else where a reference is expected. */
const reserved = new Set(['latest', 'live']);

/**
 * Checks a tag: letters, digits, `.`, `_`, `-`, `/`, at most 128 characters, not starting with `-`,
 * `.` or `/`, no `..`.
 * @throws BelayError BAD_TAG
 */
export function validateTag(tag: string): string {
  const problem = problemOf(tag);
  if (problem === undefined) return tag;
  throw new BelayError('BAD_TAG', `the tag ${JSON.stringify(tag)} ${problem}`, {
    hint: 'Use letters, digits, ".", "_", "-" and "/", e.g. feature/invoices-2.',
  });
}

function problemOf(tag: string): string | undefined {
  if (tag === '') return 'is empty';
  if (tag.length > maxLength)
    return `has ${tag.length} characters; at most ${maxLength} are allowed`;
  if (/^[-./]/.test(tag)) return `starts with "${tag[0]}"`;
  if (tag.includes('..')) return 'contains ".."';
  if (!allowed.test(tag)) return 'has a character that is not allowed';
  if (reserved.has(tag)) return 'is a word that Belay uses itself';
  return undefined;
}

/** A tag for what Belay keeps on its own, e.g. "before-restore-20261121-065143". */
export function automaticTag(reason: string, at: Date, taken: ReadonlySet<string>): string {
  const stamp = at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const base = `${reason}-${stamp}`;
  for (let n = 1; ; n += 1) {
    const tag = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(tag)) return tag;
  }
}
