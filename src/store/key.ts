import { BelayError } from '../errors.js';

/**
 * Keys are the same in every store, so that one can be copied to another: a part of a key has to be a file's name, with
 * room for what a folder appends to it.
 */
const maxPartBytes = 200;
const maxKeyBytes = 800;

/** What a folder keeps beside an object: an unfinished upload, a lock. */
export const unfinishedName = /\.part-([0-9a-f]{16})$/;
export const lockSuffix = '.lock';

function isPart(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= maxPartBytes;
}

function isReserved(key: string): boolean {
  return unfinishedName.test(key) || key.endsWith(lockSuffix);
}

/** Whether an object can have this key. */
export function isKey(key: string): boolean {
  // Control characters survive neither XML nor a log line; a backslash separates folders on Windows; a lone surrogate is no text.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in it
  const isText = !/[\u0000-\u001f\u007f\\]/.test(key) && Buffer.from(key).toString() === key;
  const isShort = Buffer.byteLength(key) <= maxKeyBytes;
  return isText && isShort && key.split('/').every(isPart) && !isReserved(key);
}

/**
 * @throws BelayError STORE_OBJECT_MISSING: a manifest that somebody else wrote may name "../../elsewhere"
 */
export function checkKey(key: string): void {
  if (isKey(key)) return;
  throw new BelayError(
    'STORE_OBJECT_MISSING',
    `no object in a store can have the key ${JSON.stringify(key)}`,
    {
      hint: 'Belay has not written what names it. A key has no empty parts, no "..", no control characters.',
      details: { key },
    },
  );
}

/** The order of keys, in every store: of their bytes in UTF-8, which is how S3 sorts. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
