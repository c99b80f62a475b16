import { chmod, readFile, rm } from 'node:fs/promises';
import { BelayError } from '../errors.js';
import { isMissing } from './folder-errors.js';
import { publish, writeAside } from './folder-files.js';
import { lockSuffix } from './key.js';
import type { ObjectLock } from './store.js';

/** The time until which a file is locked, also where that is over. */
async function lockTime(path: string): Promise<Date | undefined> {
  let note: string;
  try {
    note = await readFile(`${path}${lockSuffix}`, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const until = Date.parse(/^\{"until":"([^"]+)"\}\n$/.exec(note)?.[1] ?? '');
  if (!Number.isNaN(until)) return new Date(until);
  throw new BelayError(
    'STORE_MISCONFIGURED',
    `${path}${lockSuffix} cannot be read: it was edited`,
    {
      hint: 'Belay takes the file that it belongs to as locked. Delete it to unlock that.',
      details: { path },
    },
  );
}

export async function readLock(path: string): Promise<ObjectLock | undefined> {
  const until = await lockTime(path);
  return until && until > new Date() ? { until, mode: 'read-only' } : undefined;
}

/** @throws BelayError PROTECTED */
export async function refuseLocked(path: string, key: string): Promise<void> {
  const lock = await readLock(path);
  if (lock) throw lockedError(key, lock);
}

export function lockedError(key: string, { until, mode }: ObjectLock): BelayError {
  const time = until.toISOString();
  return new BelayError('PROTECTED', `${key} is locked in the store until ${time}`, {
    hint: 'It cannot be deleted or replaced before that time.',
    details: { key, until: time, mode },
  });
}

/** Marks the file read-only and writes down until when. A lock is only ever made longer. */
export async function lockFile(path: string, until: Date): Promise<ObjectLock> {
  const present = await readLock(path);
  if (present && present.until >= until) return present;
  const text = `${JSON.stringify({ until: until.toISOString() })}\n`;
  // The note first: a read-only file without one would be deleted all the same.
  await publish(
    await writeAside(`${path}${lockSuffix}`, [Buffer.from(text)]),
    `${path}${lockSuffix}`,
  );
  await chmod(path, 0o400);
  return { until, mode: 'read-only' };
}

export async function removeLock(path: string): Promise<void> {
  await rm(`${path}${lockSuffix}`, { force: true });
}
