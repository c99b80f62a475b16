import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BelayError } from '../errors.js';
import { FolderStore } from './folder-store.js';
import { parseS3Location } from './s3-location.js';
import type { Store } from './store.js';

export interface OpenStoreOptions {
  /** Where the `AWS_…` variables come from; default: the process's. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What a relative folder is relative to; default: the process's working directory. */
  readonly cwd?: string | undefined;
}

/**
 * Opens a store without connecting to it: a folder's path or `file://` URL, or `s3://bucket/prefix`.
 *
 * @example
 * const store = await openStore('s3://backups/shop');
 * try {
 *   await store.prepare();
 * } finally {
 *   await store.close();
 * }
 *
 * @throws BelayError USAGE; STORE_MISCONFIGURED where the region of a bucket is not known
 */
export async function openStore(location: string, options: OpenStoreOptions = {}): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(location)?.[1]?.toLowerCase();
  if (scheme === 's3') {
    const at = parseS3Location(location);
    // The SDK is slow to load: not for a folder.
    const [{ S3Store }, { openS3 }] = await Promise.all([
      import('./s3-store.js'),
      import('./s3-client.js'),
    ]);
    return new S3Store(await openS3(at, options.env ?? process.env));
  }
  const folder = scheme === 'file' ? pathOf(location) : location;
  if ((scheme && scheme !== 'file') || !folder || folder.includes('\0'))
    throw unknownStore(location);
  return new FolderStore(path.resolve(options.cwd ?? process.cwd(), folder));
}

function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

function unknownStore(location: string): BelayError {
  // What comes before an "@" may be a secret, and so may what comes behind a "?".
  const shown = location.replace(/\/\/[^/]*@/, '//***@').replace(/\?.*$/s, '?***');
  return new BelayError('USAGE', `${JSON.stringify(shown)} is not the location of a store`, {
    hint: 'A store is the path of a folder, or s3://bucket/prefix (with AWS_ENDPOINT_URL for servers other than AWS).',
  });
}
