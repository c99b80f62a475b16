import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BelayError } from '../errors.js';
import { runProgram } from './run.js';

/** Who runs a PostgreSQL server: the caller, or, because the server refuses root, somebody else. */
export interface ServerUser {
  readonly name: string;
  /** Undefined where the server runs as the caller. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

async function idOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  const result = await runProgram('id', [flag, name], { timeoutMs: 5_000 }).catch(() => undefined);
  const id = Number.parseInt(result?.stdout ?? '', 10);
  return result?.exitCode === 0 && Number.isInteger(id) ? id : undefined;
}

/**
 * The user that servers run as: for root `postgres` if there is one, else `nobody`; otherwise the
 * caller.
 *
 * @throws BelayError LOCAL_SERVER_FAILED where root has neither
 */
export async function findServerUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { name: 'the current user', uid: undefined, gid: undefined };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid };
  }
  throw new BelayError('LOCAL_SERVER_FAILED', 'PostgreSQL does not run as root', {
    hint: 'Run the command as another user, or create a user named postgres.',
  });
}

function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...parents(parent), path];
}

/**
 * The first folder on the way to a path, the path included, that the server's user cannot enter, or
 * undefined where it can enter all. Group membership beyond the user's own group is not counted.
 */
export async function findBarrier(path: string, user: ServerUser): Promise<string | undefined> {
  if (user.uid === undefined) return undefined;
  for (const folder of parents(await realpath(path))) {
    const { mode, uid, gid } = await stat(folder);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return folder;
  }
  return undefined;
}
