import type pg from 'pg';
import { type LockMode, lockModes } from '../../src/domain/impact.js';
import { formatQualifiedName } from '../../src/domain/qualified-name.js';
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
  /** Null: it is a partitioned table or a view. */
  readonly file: number | null;
  readonly expected: Handling;
}

const fileOf =
  'SELECT oid::int, pg_relation_filenode(oid)::int AS file FROM pg_class WHERE oid = $1';

/** All relations of the user, under the names that plans print. */
async function relationsOf(client: pg.Client) {
  const { rows } = await client.query<{
    oid: number;
    file: number | null;
    schema: string;
    name: string;
  }>(
    `SELECT c.oid::int, pg_relation_filenode(c.oid)::int AS file, nspname AS schema, relname AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE c.oid >= 16384 AND nspname !~ '^pg_' ORDER BY length(relname) DESC`,
  );
  return rows.map(({ oid, file, ...name }) => ({ oid, file, name: formatQualifiedName(name) }));
}

/** Finds the tables of impacts for which a lock or a rewrite is expected, before the statement runs. */
export async function watchTables(
  client: pg.Client,
  impacts: readonly ExpectedImpact[],
): Promise<WatchedTable[]> {
  const tables: WatchedTable[] = [];
  const all = await relationsOf(client);
  for (const { object, lock, rewrite } of impacts) {
    if (lock === undefined && rewrite === undefined) continue;
    const table = all.find(({ name }) => object === name || object.startsWith(`${name}.`));
    if (!table) throw new Error(`there is no table for ${object}`);
    const expected = {
      ...{ object, ...(lock === undefined ? {} : { lock }) },
      ...(rewrite === undefined ? {} : { rewrite }),
    };
    tables.push({ oid: table.oid, file: table.file, expected });
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
