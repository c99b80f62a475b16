import type pg from 'pg';
import { type LockMode, lockModes } from '../../src/domain/impact.js';
import type { ExpectedImpact } from './impact-case.js';

/** What is to be seen of a statement in the catalogs after it. */
interface Handling {
  readonly object: string;
  /** The strongest lock that the transaction has. */
  readonly lock?: LockMode | null;
  /** It has another file. */
  readonly rewrite?: boolean;
}

export interface WatchedTable {
  readonly oid: number;
  readonly file: number;
  readonly expected: Handling;
}

const fileOf =
  'SELECT oid::int, pg_relation_filenode(oid)::int AS file FROM pg_class WHERE oid = $1';

/** Finds the tables of impacts for which a lock or a rewrite is expected, before the statement runs. */
export async function watchTables(
  client: pg.Client,
  impacts: readonly ExpectedImpact[],
): Promise<WatchedTable[]> {
  const tables: WatchedTable[] = [];
  for (const { object, lock, rewrite } of impacts) {
    if (lock === undefined && rewrite === undefined) continue;
    const found = await client.query(
      `SELECT oid::int, pg_relation_filenode(oid)::int AS file FROM pg_class
        WHERE oid = (SELECT to_regclass(format('%I.%I', part[1], part[2])) FROM parse_ident($1) AS part)`,
      [object],
    );
    const [table] = found.rows;
    if (!table) throw new Error(`there is no table for ${object}`);
    const expected = {
      ...{ object, ...(lock === undefined ? {} : { lock }) },
      ...(rewrite === undefined ? {} : { rewrite }),
    };
    tables.push({ ...table, expected });
  }
  return tables;
}

/** The same as it really is, in the transaction of the statement. */
export async function happenedTo(
  client: pg.Client,
  tables: readonly WatchedTable[],
): Promise<Handling[]> {
  const happened: Handling[] = [];
  for (const { oid, file, expected } of tables) {
    const locks = await client.query<{ mode: string }>(
      `SELECT mode FROM pg_locks WHERE locktype = 'relation' AND relation = $1 AND pid = pg_backend_pid()`,
      [oid],
    );
    const held = locks.rows.map(({ mode }) =>
      mode
        .replace(/Lock$/, '')
        .replace(/(?<=.)(?=[A-Z])/g, ' ')
        .toUpperCase(),
    );
    const now = (await client.query(fileOf, [oid])).rows[0];
    happened.push({
      object: expected.object,
      ...('lock' in expected
        ? { lock: lockModes.findLast((mode) => held.includes(mode)) ?? null }
        : {}),
      ...('rewrite' in expected ? { rewrite: now !== undefined && now.file !== file } : {}),
    });
  }
  return happened;
}
