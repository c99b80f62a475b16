import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Digits and lower-case letters without i, l, o, u: easy to read out, no words by accident. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const idLength = 12;
const checksumLength = 7;
const tokenPattern = new RegExp(
  `^bly_([${alphabet}]{${idLength}})([A-Za-z0-9_-]{43})([0-9a-z]{${checksumLength}})$`,
);

export interface TokenText {
  /** "tok_…" */
  readonly id: string;
  /** What is shown once. */
  readonly token: string;
}

/**
 * A new token: `bly_`, its id, 256 random bits, and a checksum. Scanners that look for leaked secrets know it by the beginning
 * and, without asking anybody, by the checksum.
 */
export function newToken(): TokenText {
  const id = randomId();
  const body = `bly_${id}${newSecret()}`;
  return { id: `tok_${id}`, token: body + checksum(body) };
}

/**
 * @returns its id, or undefined where it is not even the text of a token: then nothing need be looked up
 */
export function parseToken(text: string): Pick<TokenText, 'id'> | undefined {
  const [, id, , end] = tokenPattern.exec(text) ?? [];
  if (id === undefined || checksum(text.slice(0, -checksumLength)) !== end) return undefined;
  return { id: `tok_${id}` };
}

/** 60 random bits, to be shown: `per_4f3a…`. */
export function randomId(): string {
  return Array.from(randomBytes(idLength), (byte) => alphabet[byte & 31]).join('');
}

/** Whether a text can be an id at all: what cannot is not asked for, NUL and all. */
export function isId(prefix: 'tok' | 'per', text: string): boolean {
  return /^[a-z]{3}_[0-9a-z]{12}$/.test(text) && text.startsWith(`${prefix}_`);
}

/** 256 random bits as 43 characters. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Enough for what has 256 random bits: nobody can try them all, so the hash need not be slow. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function checksum(text: string): string {
  return crc32(text).toString(36).padStart(checksumLength, '0');
}
