import { access } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/**
 * The folders in which a project's files are looked for, nearest first: from `cwd` up to the root of
 * its git repository, or to the home directory, or to the root of the file system.
 */
export async function projectFolders(
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  const home = path.resolve(env.HOME || os.homedir());
  const folders: string[] = [];
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    folders.push(folder);
    // A work tree's `.git` is a file, so existence is all that counts.
    const isLast = folder === home || folder === path.dirname(folder);
    if (isLast || (await exists(path.join(folder, '.git')))) return folders;
  }
}
