import type { Session } from '../session.js';

/** An object may have 4 TB, and a value only 1 GB. */
const pieceBytes = 1024 * 1024;

/** Pieces of all large objects, with their hashes; an object without bytes has one. */
const piecesSql = `
  RECURSIVE pieces (id, number, size, hash) AS (
    SELECT m.oid, 0::bigint, length(p.data), md5(p.data)
      FROM pg_largeobject_metadata m, LATERAL (SELECT lo_get(m.oid, 0, ${pieceBytes}) OFFSET 0) p(data)
    UNION ALL
    SELECT id, number + 1, length(p.data), md5(p.data)
      FROM pieces,
           LATERAL (SELECT lo_get(id, (number + 1) * ${pieceBytes}, ${pieceBytes}) OFFSET 0) p(data)
     WHERE size = ${pieceBytes})`;

/** A hash of the content of each large object, by its OID. */
export async function hashEachLargeObject(session: Session): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query<{ id: string; hash: string }>(
    `WITH ${piecesSql}
     SELECT id::text, md5(string_agg(hash, '' ORDER BY number)) AS hash FROM pieces GROUP BY id`,
    [],
    'hashing the large objects',
  );
  return new Map(rows.map(({ id, hash }) => [id, hash]));
}

/**
 * Number of pieces and sum of their hashes of all large objects, as one text to compare; null where there are none.
 * Read as a client does: the table itself is for superusers, and leaves out the holes of an object that a dump fills.
 */
export async function hashLargeObjects(session: Session): Promise<string | null> {
  const { pieces, hash } = await session.queryOne<{ pieces: string; hash: string }>(
    `WITH ${piecesSql}
     SELECT count(*) AS pieces,
            sum(hashtextextended(concat_ws(',', id, number, size, hash) COLLATE "C", 0)) AS hash
       FROM pieces`,
    [],
    'hashing the large objects',
  );
  return pieces === '0' ? null : `${pieces}/${hash}`;
}
