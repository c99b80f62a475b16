import type { ArchivePlace } from '../../domain/archive-keys.js';
import { readClusterBranch, readSystemIdentifier } from '../../postgres/requirements.js';
import type { Target } from '../target/open-target.js';

const places = new WeakMap<Target, Promise<ArchivePlace>>();

/** Where the archives of a target lie in the store. */
export function archivePlace(target: Target): Promise<ArchivePlace> {
  const known = places.get(target);
  if (known) return known;
  const place = readPlace(target);
  places.set(target, place);
  return place;
}

/** A branch with a server of its own has the system identifier of its source, and must not prune that one's archives. */
async function readPlace({ main, database, server }: Target): Promise<ArchivePlace> {
  const id = (await readSystemIdentifier(main)) ?? server;
  const branch = await readClusterBranch(main);
  return { database, cluster: branch === null ? id : `${id}-${branch}` };
}
