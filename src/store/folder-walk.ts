import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BelayError } from '../errors.js';
import { hasCode, isMissing } from './folder-errors.js';

/** A file below the store's folder. */
export interface FoundFile {
  /** Its path below the folder, with "/". */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Only folders that can hold something that begins with `prefix` are read. */
async function* walk(folder: string, below: string, prefix: string): AsyncGenerator<string> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(folder, below), { withFileTypes: true });
  } catch (error) {
    if (below === '' && hasCode(error, 'ENOTDIR')) throw noFolder(folder);
    if (isMissing(error)) return;
    throw error;
  }
  for (const entry of entries) {
    const name = `${below}${entry.name}`;
    if (entry.isFile() && name.startsWith(prefix)) yield name;
    const inside = `${name}/`;
    if (entry.isDirectory() && (inside.startsWith(prefix) || prefix.startsWith(inside))) {
      yield* walk(folder, inside, prefix);
    }
  }
}

/** A file where the store should be would otherwise look like an empty store. */
function noFolder(path: string): BelayError {
  return new BelayError('STORE_MISCONFIGURED', `the store ${path} is a file, not a folder`, {
    hint: 'Name a folder, or s3://bucket/prefix.',
  });
}

/** All files whose names begin with `prefix`, in no order. Those that go while it looks are left out. */
export async function findFiles(
  folder: string,
  prefix: string,
  accepts: (name: string) => boolean,
): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for await (const name of walk(folder, '', prefix)) {
    if (!accepts(name)) continue;
    try {
      const { size, mtime } = await stat(join(folder, name));
      found.push({ name, sizeBytes: size, modifiedAt: mtime });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return found;
}
