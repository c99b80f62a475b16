import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './cluster-folder.js';
import type { ProcessIdentity } from './process-identity.js';

/** Which database a cluster branch belongs to, however its address is spelled. */
export interface BranchRoot {
  /** The same on a server and on everything that was copied from it. */
  readonly systemIdentifier: string | null;
  /** Of the server; tells copies of one server on one machine apart. */
  readonly port: number;
  readonly database: string;
}

/**
 * Where a cluster branch is, kept in Belay's data folder: branches may lie anywhere. Written before anything of the branch
 * exists and removed after everything of it, so that nothing is ever out of sight. It says nothing that the branch's own
 * files say as well.
 */
export interface BranchPointer {
  readonly id: string;
  /** The branch's folder; a half-made one is beside it, see `asidePaths`. */
  readonly folder: string;
  readonly root: BranchRoot;
  /** Who makes it, or made it. */
  readonly owner: ProcessIdentity;
}

const suffix = '.json';

export function branchesFolder(home: string): string {
  return join(home, 'branches');
}

function indexFolder(home: string): string {
  return join(branchesFolder(home), 'index');
}

/** Where a branch is while it is made, and while it is removed. */
export function asidePaths(folder: string): { readonly making: string; readonly removing: string } {
  return { making: `${folder}.new`, removing: `${folder}.gone` };
}

export async function writePointer(home: string, pointer: BranchPointer): Promise<void> {
  await mkdir(indexFolder(home), { recursive: true, mode: 0o755 });
  const text = `${JSON.stringify(pointer, null, 2)}\n`;
  await replaceFile(join(indexFolder(home), pointer.id + suffix), text);
}

export async function removePointer(home: string, id: string): Promise<void> {
  await rm(join(indexFolder(home), id + suffix), { force: true });
}

/** All of this user on this machine, of any target. One that cannot be read is left alone. */
export async function readPointers(home: string): Promise<BranchPointer[]> {
  const names = await readdir(indexFolder(home)).catch(() => []);
  const read = names
    .filter((name) => name.endsWith(suffix))
    .map((name) => readPointer(join(indexFolder(home), name)));
  return (await Promise.all(read)).filter((pointer) => pointer !== undefined);
}

async function readPointer(file: string): Promise<BranchPointer | undefined> {
  try {
    const pointer = JSON.parse(await readFile(file, 'utf8'));
    const isWhole =
      typeof pointer.id === 'string' &&
      typeof pointer.folder === 'string' &&
      typeof pointer.root?.database === 'string' &&
      typeof pointer.owner?.pid === 'number';
    return isWhole ? (pointer as BranchPointer) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a pointer is to a branch of that database. */
export function belongsTo({ root }: BranchPointer, wanted: BranchRoot): boolean {
  return (
    root.database === wanted.database &&
    root.systemIdentifier === wanted.systemIdentifier &&
    root.port === wanted.port
  );
}
