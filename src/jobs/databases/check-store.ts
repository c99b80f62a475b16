import path from 'node:path';
import { BelayError } from '../../errors.js';

/**
 * Checks a store that somebody names over HTTP: a bucket, or a folder below the server's own for that. Nobody may point the server
 * at other folders of its machine, or at other URLs; the endpoint of buckets comes from the server's environment alone.
 * @param root folder below which such stores lie
 * @returns as it is kept: `s3://bucket/prefix`, or an absolute path
 * @throws BelayError USAGE
 */
export function checkRequestedStore(store: string, root: string): string {
  if (/^s3:\/\/[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](?:\/[\w!.*'()/=+@-]*)?$/i.test(store)) {
    if (!store.split('/').some((part) => part === '..' || part === '.')) return store;
    throw refused('it leads upwards');
  }
  if (store.includes('\0') || /^[a-z][a-z0-9+.-]*:/i.test(store)) {
    throw refused('only s3://bucket/prefix and the name of a folder are allowed');
  }
  const folder = path.resolve(root, store);
  const inside = path.relative(root, folder);
  if (inside !== '' && !inside.startsWith('..') && !path.isAbsolute(inside)) return folder;
  throw refused('it lies outside of the folder for stores');
}

function refused(why: string): BelayError {
  // What was sent may hold a secret, so it is not repeated.
  return new BelayError('USAGE', `the store cannot be used: ${why}`, {
    hint: 'Give s3://bucket/prefix, or a name such as "orders", which becomes a folder in the server’s own folder of stores. Other places are for the configuration of the server.',
    details: { field: 'store' },
  });
}
