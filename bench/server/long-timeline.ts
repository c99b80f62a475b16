import { link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { archiveKey, manifestKey } from '../../src/domain/archive-keys.js';
import { encodeManifest, parseManifest } from '../../src/domain/manifest.js';
import { openTarget, takeCheckpoint } from '../../src/index.js';

/**
 * Makes a timeline of so many archives: one that is real, and others that differ from it in name and time. Their files are the
 * same on the disk: what is measured is the list, and 1,000 dumps would take an hour.
 */
export async function makeLongTimeline(
  url: string,
  folder: string,
  env: NodeJS.ProcessEnv,
  count: number,
): Promise<void> {
  const store = path.join(folder, 'store');
  await mkdir(store);
  const target = await openTarget({ url, store, env, cwd: folder, action: 'bench' });
  try {
    await takeCheckpoint(target, { tag: 'first', description: 'Before everything' });
  } finally {
    await target.close();
  }
  const manifestFile = await findManifest(store);
  const parsed = parseManifest(await readFile(manifestFile));
  if (parsed.type !== 'manifest') throw new Error(`${manifestFile} is no manifest`);
  const { manifest } = parsed;
  const place = { database: manifest.snapshot.target.database, cluster: manifest.cluster };
  const source = path.join(store, manifest.archive.key);
  for (let index = 1; index < count; index += 1) {
    const id = `${manifest.snapshot.id.slice(0, -4)}${String(index).padStart(4, '0')}`;
    const tag = `release-${index}`;
    const createdAt = new Date(Date.parse(manifest.snapshot.createdAt) - index * 3_600_000);
    const key = archiveKey(place, id, false);
    await link(source, path.join(store, key));
    const copy = {
      ...manifest,
      snapshot: { ...manifest.snapshot, id, tag, createdAt: createdAt.toISOString() },
      archive: { ...manifest.archive, key },
    };
    await writeFile(path.join(store, manifestKey(place, tag)), encodeManifest(copy));
  }
}

async function findManifest(store: string): Promise<string> {
  const names = await readdir(store, { recursive: true });
  const found = names.find((name) => /\/manifests\/[^/]+\.json$/.test(name));
  if (!found) throw new Error('the checkpoint has left no manifest');
  return path.join(store, found);
}
