import { freeBytes } from '../../postgres/data-directory.js';
import type { Clone } from '../target/timeline.js';
import { dataDirectoryOf, type Work } from '../target/work.js';

/**
 * Runs deletions and says how many bytes they freed: measured on the file system where it can be seen (a reflink
 * shares its blocks, so its size says little), else the logical size of what went.
 */
export async function measureFreed(
  work: Work,
  clones: readonly Clone[],
  drop: () => Promise<void>,
): Promise<number> {
  const [first] = clones;
  const directory = first && (await dataDirectoryOf(work, first.database.tablespace));
  const before = directory?.certain ? await freeBytes(directory.path) : undefined;
  await drop();
  const after = directory?.certain ? await freeBytes(directory.path) : undefined;
  if (before !== undefined && after !== undefined) return Math.max(after - before, 0);
  return clones.reduce((sum, { record }) => sum + record.snapshot.sizeBytes, 0);
}
