import { createHash, randomBytes } from 'node:crypto';
import { BelayError } from '../errors.js';

/** PostgreSQL's NAMEDATALEN - 1: longer names are cut by the server in silence. */
export const maxNameBytes = 63;

/** Digits and lower-case letters without i, l, o, u: easy to read out, no words by accident. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const idLength = 12;
const checkLength = 4;

function toBase32(bytes: Uint8Array, length: number): string {
  return Array.from(bytes.subarray(0, length), (byte) => alphabet[byte & 31]).join('');
}

/** A new snapshot id: 12 characters, 60 random bits. */
export function newSnapshotId(): string {
  return toBase32(randomBytes(idLength), idLength);
}

/**
 * The connection limit that every database made by Belay is created with ("BELY" in ASCII). Together
 * with the check in the name it marks, from the instant CREATE DATABASE commits and before a record
 * can be written, that Belay made the database. Without it a crash in between would leave a
 * database that nobody could safely remove.
 */
export const madeByBelayConnectionLimit = 0x42454c59;

/**
 * The connection limit of a sealed clone ("BELS"). With the first one it would look half-made, and be removed, as soon as
 * somebody cleared its comment.
 */
export const sealedConnectionLimit = 0x42454c53;

function check(target: string, id: string): string {
  const digest = createHash('sha256').update(`${target}\0${id}`).digest();
  return toBase32(digest, checkLength);
}

/**
 * Name of the database that is a clone: the target's name, `_belay_`, the id and four characters
 * that prove which target it belongs to. A target's name that does not fit is cut at a character
 * and gets a hash, so that two long names never meet.
 */
export function cloneName(target: string, id: string): string {
  const suffix = `_belay_${id}${check(target, id)}`;
  return shortenName(target, maxNameBytes - suffix.length) + suffix;
}

/** A name that fits into so many bytes: one that does not is cut at a character and gets a hash. */
export function shortenName(name: string, bytes: number): string {
  if (Buffer.byteLength(name) <= bytes) return name;
  const hash = `~${createHash('sha256').update(name).digest('hex').slice(0, 6)}`;
  let cut = '';
  for (const character of name) {
    if (Buffer.byteLength(cut + character) > bytes - hash.length) break;
    cut += character;
  }
  return cut + hash;
}

/** The id in the name of a clone of this target, or undefined if the name is not one. */
export function idFromCloneName(target: string, database: string): string | undefined {
  const match = /_belay_([0-9a-z]{12})[0-9a-z]{4}$/.exec(database);
  const id = match?.[1];
  return id !== undefined && cloneName(target, id) === database ? id : undefined;
}

/**
 * Checks a name for a new database.
 * @throws BelayError BAD_NAME
 */
export function validateDatabaseName(name: string): string {
  const bytes = Buffer.byteLength(name);
  const problem =
    name === ''
      ? 'is empty'
      : name.includes('\0')
        ? 'contains a NUL character'
        : bytes > maxNameBytes
          ? `has ${bytes} bytes; PostgreSQL keeps only ${maxNameBytes}`
          : undefined;
  if (problem === undefined) return name;
  throw new BelayError('BAD_NAME', `the database name ${JSON.stringify(name)} ${problem}`, {
    hint: 'Choose another name.',
  });
}
