import type { ArchivePlace } from '../../domain/archive-keys.js';
import { readSystemIdentifier } from '../../postgres/requirements.js';
import type { Target } from '../target/open-target.js';

const places = new WeakMap<Target, Promise<ArchivePlace>>();

/** Where the archives of a target lie in the store. */
export function archivePlace(target: Target): Promise<ArchivePlace> {
  const known = places.get(target);
  if (known) return known;
  const place = readSystemIdentifier(target.main).then((id) => ({
    database: target.database,
    cluster: id ?? target.server,
  }));
  places.set(target, place);
  return place;
}
