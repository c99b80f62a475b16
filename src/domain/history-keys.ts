import { type ArchivePlace, placePrefix } from './archive-keys.js';

/**
 * Where a history lies in a store, beside the archives of the same database. `docs/formats.md` promises these places.
 *
 *   <database>/<cluster>/history/<number>.json          an entry
 *   <database>/<cluster>/models/<checksum>.json.gz      the schema of a version
 */
const digits = 12;

export function historyPrefix(place: ArchivePlace): string {
  return `${placePrefix(place)}history/`;
}

export function historyKey(place: ArchivePlace, number: number): string {
  return `${historyPrefix(place)}${String(number).padStart(digits, '0')}.json`;
}

/** Undefined: not an entry. */
export function parseHistoryKey(key: string): number | undefined {
  const match = /\/history\/(\d{12})\.json$/.exec(key);
  return match && Number(match[1]) > 0 ? Number(match[1]) : undefined;
}

export function modelPrefix(place: ArchivePlace): string {
  return `${placePrefix(place)}models/`;
}

export function modelKey(place: ArchivePlace, checksum: string): string {
  return `${modelPrefix(place)}${checksum}.json.gz`;
}

/** The checksum; undefined: not a model. */
export function parseModelKey(key: string): string | undefined {
  return /\/models\/([0-9a-f]{64})\.json\.gz$/.exec(key)?.[1];
}
