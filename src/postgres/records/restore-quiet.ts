import type { Placement } from '../../domain/data-rollback.js';
import { quoteIdentifier as quote, type Session } from '../session.js';

const doing = 'keeping triggers from firing while records are put back';

interface Noise {
  /** Statement that silences it, and the one that puts it back as it was. */
  readonly off: string;
  readonly on: string;
}

const modes: Readonly<Record<string, string>> = {
  O: 'ENABLE',
  R: 'ENABLE REPLICA',
  A: 'ENABLE ALWAYS',
};

/**
 * The tables, what is below them, and what a foreign key changes along with them. Triggers of partitions come after those of
 * their parents, as switching a parent's may switch theirs.
 */
const reachedSql = `
  WITH RECURSIVE reached AS (
    SELECT t.oid::oid AS oid, 0 AS depth FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t (oid)
    UNION
    SELECT n.oid, r.depth + 1 FROM reached r CROSS JOIN LATERAL (
      SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent = r.oid
      UNION ALL
      SELECT k.conrelid FROM pg_catalog.pg_constraint k
       WHERE k.confrelid = r.oid AND k.contype = 'f' AND k.confupdtype IN ('c', 'n', 'd') AND k.conrelid <> r.oid) AS n (oid)
     WHERE r.depth < 20)
  SELECT c.oid, max(r.depth) AS depth,
         quote_ident(s.nspname) || '.' || quote_ident(c.relname) AS "table", c.relforcerowsecurity AS forced
    FROM reached r JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
   GROUP BY c.oid, s.nspname, c.relname, c.relforcerowsecurity`;

interface Row {
  readonly table: string;
  readonly name: string;
  readonly mode: string;
  readonly what: 'TRIGGER' | 'RULE';
}

/**
 * Switches the user's triggers and rules off, and row-level security for the owner, so that what is put back is put back once
 * and as it was. Foreign keys stay on: PostgreSQL checks them itself. Takes no rights beyond the owner's.
 * @returns puts everything back exactly as it was
 */
export async function beQuiet(
  session: Session,
  placements: readonly Placement[],
): Promise<() => Promise<void>> {
  const names = [...new Set(placements.map(({ table }) => table.sql))];
  const { oids } = await session.queryOne<{ oids: string[] }>(
    `SELECT pg_catalog.array_agg(n.name::pg_catalog.regclass::pg_catalog.oid::text) AS oids FROM pg_catalog.unnest($1::text[]) AS n (name)`,
    [names],
    doing,
  );
  const rows = await session.query<Row>(
    `SELECT * FROM (
       SELECT r.depth, r."table", g.tgname AS name, g.tgenabled AS mode, 'TRIGGER' AS what
         FROM (${reachedSql}) r JOIN pg_catalog.pg_trigger g ON g.tgrelid = r.oid
        WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
       UNION ALL
       SELECT r.depth, r."table", w.rulename, w.ev_enabled, 'RULE'
         FROM (${reachedSql}) r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid WHERE w.ev_enabled <> 'D') found
      ORDER BY depth, "table", name`,
    [oids],
    doing,
  );
  const forced = await session.query<{ table: string }>(
    `SELECT r."table" FROM (${reachedSql}) r WHERE r.forced ORDER BY 1`,
    [oids],
    doing,
  );
  const noise: Noise[] = [
    ...rows.map(({ table, name, mode, what }) => {
      const only = what === 'TRIGGER' ? 'ONLY ' : '';
      const end = `${what} ${quote(name)}`;
      return {
        off: `ALTER TABLE ${only}${table} DISABLE ${end}`,
        on: `ALTER TABLE ${only}${table} ${modes[mode] ?? 'ENABLE'} ${end}`,
      };
    }),
    ...forced.map(({ table }) => ({
      off: `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`,
      on: `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
    })),
    ...(await keysThatWait(session, placements)),
  ];
  await session.execute('SET CONSTRAINTS ALL IMMEDIATE', doing);
  for (const { off } of noise) await session.execute(off, doing);
  await session.execute('SET CONSTRAINTS ALL DEFERRED', doing);
  return async () => {
    // Checks what was deferred, and lets the tables be altered again.
    await session.execute('SET CONSTRAINTS ALL IMMEDIATE', doing);
    for (const { on } of noise) await session.execute(on, doing);
  };
}

/** Foreign keys to rows that come back only later, as in a circle of tables: they wait until all are there. */
async function keysThatWait(session: Session, placements: readonly Placement[]): Promise<Noise[]> {
  const places = new Map<string, { first: number; last: number }>();
  placements.forEach(({ table }, index) => {
    const found = places.get(table.sql);
    places.set(table.sql, { first: found?.first ?? index, last: index });
  });
  if (places.size < 2) return [];
  const keys = await session.query<{ child: string; parent: string; name: string }>(
    `SELECT quote_ident(cs.nspname) || '.' || quote_ident(c.relname) AS child,
            quote_ident(ps.nspname) || '.' || quote_ident(p.relname) AS parent, k.conname AS name
       FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace cs ON cs.oid = c.relnamespace
       JOIN pg_catalog.pg_class p ON p.oid = k.confrelid JOIN pg_catalog.pg_namespace ps ON ps.oid = p.relnamespace
      WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT k.condeferrable AND k.conrelid <> k.confrelid
      ORDER BY 1, 3`,
    [],
    doing,
  );
  return keys.flatMap(({ child, parent, name }) => {
    const [own, other] = [places.get(child), places.get(parent)];
    if (!own || !other || own.first > other.last) return [];
    const constraint = `ALTER TABLE ${child} ALTER CONSTRAINT ${quote(name)}`;
    return [
      {
        off: `${constraint} DEFERRABLE INITIALLY DEFERRED`,
        on: `${constraint} NOT DEFERRABLE`,
      },
    ];
  });
}
