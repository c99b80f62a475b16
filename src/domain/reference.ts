import { BelayError } from '../errors.js';
import type { Snapshot } from './snapshot.js';

/** Shortest id prefix that counts as a reference: shorter ones are more likely a mistyped tag. */
const minPrefix = 4;

type Candidate = Pick<Snapshot, 'id' | 'tag' | 'createdAt'>;

/**
 * Finds the snapshot that a reference means: a tag, an id, `latest`, `~N` (N before latest),
 * `@TIME` (the newest at or before), or a unique prefix of an id.
 * @param snapshots newest first
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE
 */
export function resolveReference<T extends Candidate>(
  reference: string,
  snapshots: readonly T[],
): T {
  if (reference === '') throw badReference(reference, 'is empty');
  const exact =
    snapshots.find((snapshot) => snapshot.tag === reference) ??
    snapshots.find((snapshot) => snapshot.id === reference);
  if (exact) return exact;
  if (reference === 'latest') return nth(0, reference, snapshots);
  if (reference.startsWith('~')) return nth(stepsBack(reference), reference, snapshots);
  if (reference.startsWith('@')) return atTime(reference, snapshots);
  return byPrefix(reference, snapshots);
}

function stepsBack(reference: string): number {
  if (!/^~\d{1,6}$/.test(reference)) throw badReference(reference, 'is not of the form ~1');
  return Number(reference.slice(1));
}

function nth<T extends Candidate>(index: number, reference: string, snapshots: readonly T[]): T {
  const found = snapshots[index];
  if (found) return found;
  const count = snapshots.length === 1 ? 'is 1 snapshot' : `are ${snapshots.length} snapshots`;
  throw notFound(reference, `there ${count}`);
}

function atTime<T extends Candidate>(reference: string, snapshots: readonly T[]): T {
  const time = parseTime(reference.slice(1));
  const found = snapshots.find((snapshot) => Date.parse(snapshot.createdAt) <= time.getTime());
  if (found) return found;
  throw notFound(reference, `none was taken at or before ${time.toISOString()}`);
}

function byPrefix<T extends Candidate>(reference: string, snapshots: readonly T[]): T {
  const matches =
    reference.length < minPrefix ? [] : snapshots.filter(({ id }) => id.startsWith(reference));
  if (matches.length > 1) {
    throw new BelayError(
      'AMBIGUOUS_REFERENCE',
      `"${reference}" is the start of ${matches.length} ids: ${matches.map(({ id }) => id).join(', ')}`,
      { hint: 'Give more characters of the id, or the tag.' },
    );
  }
  const [match] = matches;
  if (match) return match;
  const similar = snapshots.map(({ tag }) => tag).find((tag) => isSimilar(tag, reference));
  throw notFound(reference, similar ? `did you mean "${similar}"?` : 'no tag or id is like it');
}

function isSimilar(tag: string, reference: string): boolean {
  const [a, b] = [tag.toLowerCase(), reference.toLowerCase()];
  return a === b || a.startsWith(b) || b.startsWith(a) || (b.length > 2 && a.includes(b));
}

/**
 * Reads a time: ISO 8601; without a zone it is local time, a bare date is its midnight.
 * @throws BelayError BAD_TIME
 */
export function parseTime(text: string): Date {
  const isIso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text);
  // A bare date would be read as UTC, unlike a date with a time; people mean their own midnight.
  const time = isIso ? new Date(text.length === 10 ? `${text}T00:00` : text) : undefined;
  if (time && !Number.isNaN(time.getTime()) && isDay(text.slice(0, 10))) return time;
  throw new BelayError('BAD_TIME', `"${text}" is not a time`, {
    hint: 'Write it like 2026-11-20, 2026-11-20T14:30 or 2026-11-20T14:30:00Z.',
  });
}

/** JavaScript takes February 30th for March 2nd. */
function isDay(date: string): boolean {
  const midnight = new Date(`${date}T00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date);
}

function badReference(reference: string, problem: string): BelayError {
  return new BelayError('BAD_REFERENCE', `the reference ${JSON.stringify(reference)} ${problem}`, {
    hint: 'A reference is a tag, an id or the start of one, latest, ~1, or @2026-11-20T14:30.',
  });
}

function notFound(reference: string, why: string): BelayError {
  return new BelayError('SNAPSHOT_NOT_FOUND', `no snapshot "${reference}": ${why}`, {
    hint: '`belay list` shows the timeline.',
  });
}
