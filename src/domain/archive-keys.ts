/**
 * Where things lie in a store, relative to its prefix. `docs/formats.md` promises these places.
 *
 *   <database>/<cluster>/archives/<id>.dump[.age]   the archive
 *   <database>/<cluster>/manifests/<tag>.json       its manifest: with it the archive exists
 *   <database>/<cluster>/drills/<id>/<time>-<status>.json   drills later than the seal
 *   <database>/<cluster>/protected/<id>.json        until when Belay refuses to delete it
 *   <database>/<cluster>/runs/<id>.json             who is at work on an archive that is not sealed yet
 *   ledger/<number>.json
 */

/** Timeline of one database of one server. */
export interface ArchivePlace {
  readonly database: string;
  /** The server's system identifier, or its address where that cannot be read. */
  readonly cluster: string;
}

/** Letters, digits, "_", "-" and inner dots stay; every other byte becomes "~" and two hexadecimal digits. */
function encodePart(text: string): string {
  const encoded = [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_.-]/.test(character)
        ? character
        : `~${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  // "." and ".." would be other folders, "ledger" is the ledger's.
  return /^(\.|ledger$)/.test(encoded)
    ? `~${encoded.charCodeAt(0).toString(16)}${encoded.slice(1)}`
    : encoded;
}

function decodePart(text: string): string {
  const bytes = Buffer.from(
    text.replace(/~([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  return bytes.toString('utf8');
}

/** Everything of one database name, of whatever server. */
export function databasePrefix(database: string): string {
  return `${encodePart(database)}/`;
}

export function placePrefix({ database, cluster }: ArchivePlace): string {
  return `${databasePrefix(database)}${encodePart(cluster)}/`;
}

export function archiveKey(place: ArchivePlace, id: string, encrypted: boolean): string {
  return `${placePrefix(place)}archives/${id}.dump${encrypted ? '.age' : ''}`;
}

/** A tag has no "~", so it can stand for the "/" that would make folders. */
export function manifestKey(place: ArchivePlace, tag: string): string {
  return `${placePrefix(place)}manifests/${tag.replaceAll('/', '~')}.json`;
}

export function drillKey(
  place: ArchivePlace,
  id: string,
  at: string,
  status: 'proven' | 'failed',
): string {
  return `${placePrefix(place)}drills/${id}/${at.replaceAll(':', '')}-${status}.json`;
}

export function protectionKey(place: ArchivePlace, id: string): string {
  return `${placePrefix(place)}protected/${id}.json`;
}

export function runKey(place: ArchivePlace, id: string): string {
  return `${placePrefix(place)}runs/${id}.json`;
}

/** What an object of a store is by its key; undefined: nothing of Belay's. */
export type ArchiveObject = { readonly place: ArchivePlace } & (
  | { readonly kind: 'archive'; readonly id: string }
  | { readonly kind: 'manifest'; readonly tag: string }
  | {
      readonly kind: 'drill';
      readonly id: string;
      readonly status: 'proven' | 'failed';
    }
  | { readonly kind: 'protection'; readonly id: string }
  | { readonly kind: 'run'; readonly id: string }
);

export function parseKey(key: string): ArchiveObject | undefined {
  const [database, cluster, folder, ...rest] = key.split('/');
  if (!database || !cluster || !folder) return undefined;
  const place = { database: decodePart(database), cluster: decodePart(cluster) };
  const name = rest.join('/');
  const match = patterns[folder]?.exec(name);
  if (!match?.[1]) return undefined;
  const id = match[1];
  switch (folder) {
    case 'archives':
      return { place, kind: 'archive', id };
    case 'manifests':
      return { place, kind: 'manifest', tag: id.replaceAll('~', '/') };
    case 'drills':
      return { place, kind: 'drill', id, status: match[2] as 'proven' | 'failed' };
    case 'protected':
      return { place, kind: 'protection', id };
    default:
      return { place, kind: 'run', id };
  }
}

const patterns: Readonly<Record<string, RegExp>> = {
  archives: /^([0-9a-z]{12})\.dump(?:\.age)?$/,
  manifests: /^([^/]+)\.json$/,
  drills: /^([0-9a-z]{12})\/[^/]+-(proven|failed)\.json$/,
  protected: /^([0-9a-z]{12})\.json$/,
  runs: /^([0-9a-z]{12})\.json$/,
};
