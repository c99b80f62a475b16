import { createHash } from 'node:crypto';
import { BelayError } from '../errors.js';
import { liveReference } from './branch.js';
import { maxNameBytes, shortenName } from './clone-name.js';

/** What git allows on common file systems. */
const maxBranchNameBytes = 250;

/**
 * Checks the name of a branch: any that git allows, and more.
 * @throws BelayError BAD_NAME
 */
export function validateBranchName(name: string): string {
  const problem = problemOf(name);
  if (problem === undefined) return name;
  throw new BelayError('BAD_NAME', `the branch name ${JSON.stringify(name)} ${problem}`, {
    hint: 'Choose another name: letters, digits, ".", "_", "-" and "/" are safe everywhere.',
  });
}

function problemOf(name: string): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (name === '') return 'is empty';
  if (name === liveReference) return 'means the target itself';
  if (name.startsWith('-')) return 'begins with "-", like an option';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'contains a control character';
  if (name.trim() !== name) return 'begins or ends with a space';
  if (bytes > maxBranchNameBytes) return `has ${bytes} bytes; ${maxBranchNameBytes} are the most`;
  return undefined;
}

const longestWord = 40;

/**
 * A word of lower-case letters, digits and "_" for a branch's name. A name that is not such a word already gets a hash of
 * the exact name, so that two names which differ in case, a slash or an accent never meet.
 */
function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug === name && slug.length <= longestWord) return slug;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return slug === '' ? hash : `${slug.slice(0, longestWord)}_${hash}`;
}

/**
 * Name of a branch's database: the target's name, "_", and a word for the branch.
 *
 * @example
 * branchDatabaseName('shop', 'feature/Invoices'); // 'shop_feature_invoices_41b0cd'
 */
export function branchDatabaseName(root: string, branch: string): string {
  const slug = `_${slugOf(branch)}`;
  const name = root + slug;
  if (Buffer.byteLength(name) <= maxNameBytes) return name;
  // Both parts stay recognisable, and the hash that `shortenName` adds keeps long ones apart.
  const half = Math.floor(maxNameBytes / 2);
  const tail = shortenName(slug, maxNameBytes - Math.min(Buffer.byteLength(root), half));
  return shortenName(root, maxNameBytes - Buffer.byteLength(tail)) + tail;
}

/** Name of a branch's schema: the source schema's name, "_", and a word for the branch. */
export function branchSchemaName(sourceSchema: string, branch: string): string {
  return branchDatabaseName(sourceSchema, branch);
}
