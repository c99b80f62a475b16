import type { SeenStatement } from '../domain/ddl-statement.js';
import { sqlStateOf } from './pg-error.js';
import type { CatalogAddress } from './schema/read-schema-model.js';
import { quoteIdentifier, type Session } from './session.js';
import {
  activitySql,
  droppedAtSql,
  statementsSql,
  traceSourcesSql,
  writtenAtSql,
} from './sql/ddl-traces.js';

const doing = 'looking for who changed the schema';

/** What a server can say about changes of its schema. */
export interface TraceSources {
  /** `track_commit_timestamp` is on. */
  readonly keepsTimes: boolean;
  /** The role sees the statements of others. */
  readonly mayReadAll: boolean;
  /** `pg_stat_statements` is loaded by the server. */
  readonly isLoaded: boolean;
  /** The schema of the extension of that name in this database; null where it has none. */
  readonly extensionSchema: string | null;
}

/** Reads what the server keeps of changes. */
export function readTraceSources(session: Session): Promise<TraceSources> {
  return session.queryOne<TraceSources>(traceSourcesSql, [], doing);
}

const isoOf = (at: Date | null): string | null => at?.toISOString() ?? null;

/**
 * When each object was last written in the catalogs, ISO 8601; null where the server has forgotten.
 * Only where it {@link TraceSources.keepsTimes keeps times}.
 */
export async function readWrittenAt(
  session: Session,
  addresses: readonly CatalogAddress[],
): Promise<(string | null)[]> {
  const result = addresses.map((): string | null => null);
  if (addresses.length === 0) return result;
  const columns = [
    addresses.map((one) => one.class),
    addresses.map(({ id }) => id),
    addresses.map(({ sub }) => sub),
  ];
  const rows = await session.query<{ index: number; at: Date | null }>(
    writtenAtSql,
    columns,
    doing,
  );
  for (const { index, at } of rows) result[index] = isoOf(at);
  return result;
}

/** When a column of each table was last dropped, by the table's OID. */
export async function readDroppedAt(
  session: Session,
  tables: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  if (tables.length === 0) return new Map();
  const sql = droppedAtSql;
  const rows = await session.query<{ id: string; at: Date | null }>(sql, [tables], doing);
  return new Map(rows.map(({ id, at }) => [String(id), isoOf(at)]));
}

interface StatementRow {
  readonly sql: string;
  readonly at: Date | null;
  readonly role: string;
  readonly place: string;
}

const toStatement = ({ sql, at, role, place }: StatementRow): SeenStatement => ({
  ...{ sql, at: isoOf(at) },
  by: place === '' ? role : `${role} (${place})`,
});

/** Missing, unreadable, or of a version with other columns: then there is nothing to be learned from it. */
const unreadable = ['42501', '42703', '42P01', '55000'];

/** Statements that change schemas which the server still knows, of other sessions and of the past. */
export async function readDdlStatements(
  session: Session,
  { isLoaded, extensionSchema }: TraceSources,
): Promise<SeenStatement[]> {
  const running = await session.query<StatementRow>(activitySql, [], doing);
  const past: StatementRow[] = [];
  if (isLoaded && extensionSchema !== null) {
    const sql = statementsSql(quoteIdentifier(extensionSchema), session.serverVersion >= 170000);
    try {
      past.push(...(await session.query<StatementRow>(sql, [], doing)));
    } catch (error) {
      if (!unreadable.includes(sqlStateOf(error) ?? '')) throw error;
    }
  }
  return [...running, ...past].map(toStatement);
}
