import { keepsRows, type Placement } from '../../domain/data-rollback.js';
import { quoteIdentifier as quote, type Session } from '../session.js';

const doing = 'moving sequences past the rows that came back';

interface OwnedSequence {
  readonly sequence: string;
  readonly column: string;
}

/**
 * Lets no sequence hand out a number that a row has which came back: each is moved on to the greatest of what it was, what it
 * is and what the rows have. None is moved back.
 */
export async function moveSequences(
  session: Session,
  placements: readonly Placement[],
): Promise<void> {
  for (const { backup, table } of placements.filter((one) => keepsRows(one.backup))) {
    for (const [name, value] of Object.entries(backup.sequences)) {
      await moveTo(session, name, value);
    }
    const owned = await session.query<OwnedSequence>(
      `SELECT f.sequence, f.attname AS "column"
         FROM (SELECT a.attnum, a.attname, pg_catalog.pg_get_serial_sequence($1, a.attname) AS sequence
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = $1::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
                  AND a.atttypid IN (20, 21, 23)) f
        WHERE f.sequence IS NOT NULL ORDER BY f.attnum`,
      [table.sql],
      doing,
    );
    for (const { sequence, column } of owned) {
      const { most } = await session.queryOne<{ most: string | null }>(
        `SELECT CASE WHEN q.seqincrement > 0 THEN max(p.${quote(column)}) ELSE min(p.${quote(column)}) END::text AS most
           FROM pg_catalog.pg_sequence q LEFT JOIN ${table.sql} p ON true
          WHERE q.seqrelid = $1::pg_catalog.regclass GROUP BY q.seqincrement`,
        [sequence],
        doing,
      );
      if (most !== null) await moveTo(session, sequence, most);
    }
  }
}

/** @param sequence quoted and qualified */
async function moveTo(session: Session, sequence: string, value: string): Promise<void> {
  // A row may have a number that its sequence never gives.
  await session.query(
    `SELECT pg_catalog.setval(q.seqrelid, $2::bigint)
       FROM pg_catalog.pg_sequence q CROSS JOIN LATERAL pg_catalog.pg_sequence_last_value(q.seqrelid) AS l (now)
      WHERE q.seqrelid = pg_catalog.to_regclass($1) AND $2::bigint BETWEEN q.seqmin AND q.seqmax
        AND (l.now IS NULL OR CASE WHEN q.seqincrement > 0 THEN $2::bigint > l.now ELSE $2::bigint < l.now END)`,
    [sequence, value],
    doing,
  );
}
