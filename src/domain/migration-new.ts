import { BelayError } from '../errors.js';
import { compareVersions } from './migration.js';

/** Versions that are as long as this are times. */
const shortestTime = 12;

/** The name of a migration as it stands in the names of its files. */
export function migrationSlug(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/[̀-ͯ]/g, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug !== '' && slug.length <= 100) return slug;
  throw new BelayError('BAD_NAME', `"${name}" cannot be the name of a migration`, {
    hint: 'Say in a few Latin letters and digits what it does, e.g. add_invoices.',
  });
}

function timeVersion(at: Date): string {
  return at.toISOString().replace(/\D/g, '').slice(0, 14);
}

/**
 * The version of a new migration: the next number where the folder counts, else the time in UTC, and in any case one
 * that comes after all others.
 *
 * @example
 * nextVersion(['0001', '0002'], new Date()); // '0003'
 */
export function nextVersion(versions: readonly string[], now: Date): string {
  const last = [...versions].sort(compareVersions).at(-1);
  if (last !== undefined && /^\d+$/.test(last) && last.length < shortestTime) {
    return String(BigInt(last) + 1n).padStart(last.length, '0');
  }
  const time = timeVersion(now);
  if (last === undefined || compareVersions(last, time) < 0) return time;
  // Made in the same second, or by a clock that is ahead.
  return /^\d+$/.test(last) ? String(BigInt(last) + 1n) : time;
}
