import { BelayError } from '../errors.js';

const denied = new Set(['EACCES', 'EPERM', 'EROFS']);
const full = new Set(['ENOSPC', 'EDQUOT']);

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** Names what a file system refused. Anything that is not a failure of the file system stays what it is. */
function folderError(error: unknown, path: string): unknown {
  const failure = error as NodeJS.ErrnoException;
  if (error instanceof BelayError || !failure.syscall || !failure.code) return error;
  const details = { path, code: failure.code };
  if (denied.has(failure.code)) {
    return new BelayError('STORE_DENIED', `${path} is not accessible (${failure.code})`, {
      hint: 'Give the user that runs Belay the right to read and write there, or use another folder as the store.',
      details,
      cause: error,
    });
  }
  if (full.has(failure.code)) {
    return new BelayError('DISK_FULL', `the disk of ${path} is full (${failure.code})`, {
      hint: 'Make room, or use a store elsewhere. What was half-written is removed.',
      details,
      cause: error,
    });
  }
  return new BelayError('STORE_UNAVAILABLE', `${path} does not work (${failure.code})`, {
    hint: 'Look at the disk or the mount that the folder is on.',
    details,
    cause: error,
  });
}

/** Runs file operations of one path, and names their failures. */
export async function onPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw folderError(error, path);
  }
}
