import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { inSavepoint } from './apply-refusal.js';
import { changedSince } from './scan-filter.js';

/** An object may have 4 TB, and a value only 1 GB. */
const pieceBytes = 1024 * 1024;
const doing = 'bringing over large objects';

export interface BroughtLargeObjects {
  readonly written: number;
  /** Why they could not be brought over; null: they were, or there are none. */
  readonly problem: string | null;
}

const none: BroughtLargeObjects = { written: 0, problem: null };

/**
 * Makes the large objects of the shadow those of the target: by what was written since a snapshot where the role may read
 * the catalog, else by comparing hashes of all of them. Both sessions are in a transaction. An object that only the shadow
 * has stays: whether the target has deleted it or the migration has made it cannot be told.
 */
export async function bringLargeObjects(
  source: Session,
  shadow: Session,
  since: string,
): Promise<BroughtLargeObjects> {
  const [own, theirs] = [await readOwners(source), await readOwners(shadow)];
  if (own.size === 0 && theirs.size === 0) return none;
  try {
    return await inSavepoint(source, () =>
      inSavepoint(shadow, () => bring(source, shadow, since, own, theirs)),
    );
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    return {
      ...none,
      problem: 'the role may not read or write all large objects: they are not brought over',
    };
  }
}

type Owners = ReadonlyMap<string, string>;

async function readOwners(session: Session): Promise<Owners> {
  const rows = await session.query<{ id: string; owner: string }>(
    `SELECT oid::text AS id, pg_get_userbyid(lomowner)::text AS owner FROM pg_largeobject_metadata`,
    [],
    doing,
  );
  return new Map(rows.map(({ id, owner }) => [id, owner]));
}

async function bring(
  source: Session,
  shadow: Session,
  since: string,
  own: Owners,
  theirs: Owners,
): Promise<BroughtLargeObjects> {
  const changed = (await changedIds(source, since)) ?? (await differingIds(source, shadow));
  const wanted = [...own.keys()].filter((id) => changed.has(id) || !theirs.has(id));
  for (const id of wanted) {
    await copyObject(source, shadow, { id, owner: own.get(id) ?? '', isThere: theirs.has(id) });
  }
  return { ...none, written: wanted.length };
}

/** Null: the catalog is not for this role. */
async function changedIds(source: Session, since: string): Promise<Set<string> | null> {
  const { may } = await source.queryOne<{ may: boolean }>(
    `SELECT has_table_privilege('pg_largeobject', 'SELECT') AS may`,
  );
  if (!may) return null;
  const filter = await changedSince(source, since);
  const rows = await source.query<{ id: string }>(
    `SELECT DISTINCT t.loid::text AS id FROM pg_largeobject t WHERE ${filter}`,
    [],
    doing,
  );
  return new Set(rows.map(({ id }) => id));
}

async function differingIds(source: Session, shadow: Session): Promise<Set<string>> {
  const [own, theirs] = [await hashObjects(source), await hashObjects(shadow)];
  return new Set([...own].filter(([id, hash]) => theirs.get(id) !== hash).map(([id]) => id));
}

/** By its number, what each object holds. */
async function hashObjects(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ id: string; hash: string }>(
    `WITH RECURSIVE pieces (id, number, size, hash) AS (
       SELECT m.oid, 0::bigint, length(p.data), md5(p.data)
         FROM pg_largeobject_metadata m, LATERAL (SELECT lo_get(m.oid, 0, ${pieceBytes}) OFFSET 0) p(data)
       UNION ALL
       SELECT id, number + 1, length(p.data), md5(p.data)
         FROM pieces, LATERAL (SELECT lo_get(id, (number + 1) * ${pieceBytes}, ${pieceBytes}) OFFSET 0) p(data)
        WHERE size = ${pieceBytes})
     SELECT id::text AS id, string_agg(size || '/' || hash, ',' ORDER BY number) AS hash FROM pieces GROUP BY id`,
    [],
    doing,
  );
  return new Map(rows.map(({ id, hash }) => [id, hash]));
}

async function copyObject(
  source: Session,
  shadow: Session,
  { id, owner, isThere }: { id: string; owner: string; isThere: boolean },
): Promise<void> {
  if (isThere) await shadow.query('SELECT lo_unlink($1::oid)', [id], doing);
  await shadow.query('SELECT lo_create($1::oid)', [id], doing);
  for (let at = 0; ; at += pieceBytes) {
    const { piece } = await source.queryOne<{ piece: Buffer }>(
      'SELECT lo_get($1::oid, $2::int8, $3) AS piece',
      [id, at, pieceBytes],
      doing,
    );
    if (piece.length > 0) {
      await shadow.query('SELECT lo_put($1::oid, $2::int8, $3::bytea)', [id, at, piece], doing);
    }
    if (piece.length < pieceBytes) break;
  }
  const { owner: made } = await shadow.queryOne<{ owner: string }>(
    'SELECT pg_get_userbyid(lomowner)::text AS owner FROM pg_largeobject_metadata WHERE oid = $1::oid',
    [id],
  );
  if (made !== owner) {
    await shadow.execute(`ALTER LARGE OBJECT ${id} OWNER TO ${quoteIdentifier(owner)}`, doing);
  }
}
