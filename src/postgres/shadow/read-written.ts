import { setTimeout as sleep } from 'node:timers/promises';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** What the server's statistics say was written to a table since its database was made. */
export interface WrittenRows {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** PostgreSQL 14 sends them to a process that tells of them half a second later. */
const collectorMs = 1100;
const sessionsPatienceMs = 5000;

/**
 * The counts of the session's database by the table's OID. Other sessions tell of what they wrote when they end, at the latest:
 * they have to be closed before, and are waited for.
 */
export async function readWritten(session: Session): Promise<Map<number, WrittenRows>> {
  const deadline = performance.now() + sessionsPatienceMs;
  while ((await countOthers(session)) > 0 && performance.now() < deadline) await sleep(20);
  if (session.serverVersion < 150000) await sleep(collectorMs);
  const rows = await session.query<WrittenRows & { oid: number }>(
    `SELECT relid::int8::float8 AS oid, n_tup_ins::float8 AS inserted,
            n_tup_upd::float8 AS updated, n_tup_del::float8 AS deleted
       FROM pg_stat_all_tables WHERE schemaname !~ '^pg_'`,
    [],
    'reading what was written',
  );
  return new Map(rows.map(({ oid, ...written }) => [oid, written]));
}

async function countOthers(session: Session): Promise<number> {
  const { others } = await session.queryOne<{ others: number }>(
    `SELECT count(*)::int AS others FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return others;
}

/** A value that is the same for every row, whenever it is computed. */
const constant =
  /^(?:NULL|true|false|-?[\d.]+|\(-[\d.]+\)|E?'(?:[^'\\]|'')*')(?:::[\w ."[\](),]+)?$/u;

/**
 * Whether rows have other values in a new column than the next row would get by itself. A default that is computed anew for each
 * row (a sequence, the time) cannot be compared: then it counts only that rows were updated.
 * @param wasUpdated false: all rows have the value that the column was added with, so that looking at one is enough
 */
export async function isFilled(
  session: Session,
  table: { readonly schema: string; readonly name: string },
  column: { readonly name: string; readonly default: string | null; readonly isIdentity: boolean },
  wasUpdated: boolean,
): Promise<boolean> {
  if (column.isIdentity) return false;
  const expression = column.default ?? 'NULL';
  if (!constant.test(expression)) return wasUpdated;
  const rows = wasUpdated ? '' : 'LIMIT 1';
  const { filled } = await session.queryOne<{ filled: boolean }>(
    `SELECT EXISTS (
       SELECT FROM (SELECT ${quoteIdentifier(column.name)} AS value FROM ${quoteQualifiedName(table)} ${rows}) r
        WHERE r.value IS DISTINCT FROM (${expression})) AS filled`,
    [],
    'looking at new columns',
  );
  return filled;
}
