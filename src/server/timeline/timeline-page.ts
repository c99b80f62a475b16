import type { Inventory } from '../../contract/inventory.js';
import { parseTime } from '../../domain/reference.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { leanSnapshot } from './lean-snapshot.js';

export interface TimelineQuery {
  /** Looked for in tag, description, commit and git branch. */
  readonly q?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Default 20. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface Entry {
  readonly database: string;
  readonly snapshot: Snapshot;
}

/**
 * One page of the snapshots of some databases, newest first, as the API gives it.
 * @throws BelayError BAD_TIME, BAD_REQUEST for a cursor that is none
 */
export function timelinePage(inventories: readonly Inventory[], query: TimelineQuery): object {
  const { limit = 20 } = query;
  const isWanted = filterOf(query);
  const entries: Entry[] = [];
  for (const { database, snapshots } of inventories) {
    for (const snapshot of snapshots) if (isWanted(snapshot)) entries.push({ database, snapshot });
  }
  entries.sort((a, b) => compare(placeOf(b), placeOf(a)));
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
  const start =
    after === undefined ? 0 : entries.findIndex((one) => compare(placeOf(one), after) < 0);
  const page = start < 0 ? [] : entries.slice(start, start + limit);
  const last = page.at(-1);
  const isEnd = start < 0 || start + limit >= entries.length;
  return {
    snapshots: page.map(({ database, snapshot }) => leanSnapshot(database, snapshot)),
    current: Object.fromEntries(
      inventories.map(({ database, basedOn, undo, problem, at }) => [
        database,
        { basedOn, undo, problem, at },
      ]),
    ),
    next: isEnd || !last ? null : writeCursor(placeOf(last)),
  };
}

function filterOf({ q, from, to }: TimelineQuery): (snapshot: Snapshot) => boolean {
  const words = q?.toLowerCase();
  const since = from === undefined ? undefined : parseTime(from).toISOString();
  const until = to === undefined ? undefined : parseTime(to).toISOString();
  return ({ createdAt, tag, description, git }) => {
    if (since !== undefined && createdAt < since) return false;
    if (until !== undefined && createdAt > until) return false;
    if (words === undefined) return true;
    const texts = [tag, description, git?.commit ?? '', git?.branch ?? ''];
    return texts.some((text) => text.toLowerCase().includes(words));
  };
}

/** Where an entry stands: two snapshots may have been taken in the same millisecond. */
type Place = readonly [createdAt: string, database: string, id: string];

const placeOf = ({ database, snapshot }: Entry): Place => [
  snapshot.createdAt,
  database,
  snapshot.id,
];

function compare(a: Place, b: Place): number {
  for (const [index, one] of a.entries()) {
    const other = b[index] as string;
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

function writeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readCursor(cursor: string): Place {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const isPlace =
      Array.isArray(value) && value.length === 3 && value.every((one) => typeof one === 'string');
    if (isPlace) return value as unknown as Place;
  } catch {
    // Told below.
  }
  throw new BelayError('BAD_REQUEST', 'the cursor is none that the page before gave', {
    hint: 'Send `next` of the page before as it was.',
  });
}
