import { madeByBelayConnectionLimit, sealedConnectionLimit } from '../../domain/clone-name.js';
import {
  parseTestRecord,
  type TestDatabaseRecord,
  type TestTemplateRecord,
  testDatabasePattern,
  testTemplatePattern,
} from '../../domain/test-database.js';
import type { Session } from '../../postgres/session.js';

interface Row {
  readonly oid: number;
  readonly name: string;
  readonly owner: string;
  readonly connectionLimit: number;
  readonly comment: string | null;
}

export interface FoundTemplate extends Row {
  readonly record: TestTemplateRecord;
}

export interface FoundTestDatabase extends Row {
  /** Undefined: it is being made, or whoever made it was killed. */
  readonly record: TestDatabaseRecord | undefined;
}

/** PostgreSQL's mark of a database whose removal was interrupted. */
const halfDropped = -2;

/** Two marks, as for everything that Belay may remove: the name, and a connection limit that only Belay sets. */
function readMarked(session: Session, pattern: string, limit: number): Promise<Row[]> {
  return session.query<Row>(
    `SELECT d.oid::int8::float8 AS oid, d.datname::text AS name, pg_get_userbyid(d.datdba)::text AS owner,
            d.datconnlimit AS "connectionLimit", shobj_description(d.oid, 'pg_database') AS comment
       FROM pg_database d
      WHERE d.datname ~ $1 AND d.datconnlimit IN ($2, ${halfDropped}) ORDER BY d.oid`,
    [pattern, limit],
    'listing test databases',
  );
}

/** Test databases of all projects, and templates that are being made. */
export async function readTestDatabases(session: Session): Promise<FoundTestDatabase[]> {
  const rows = await readMarked(session, testDatabasePattern, madeByBelayConnectionLimit);
  return rows.map((row) => {
    const record = parseTestRecord(row.comment);
    return { ...row, record: record?.kind === 'test-database' ? record : undefined };
  });
}

/** Templates of all projects, whole ones only. */
export async function readTemplates(session: Session): Promise<FoundTemplate[]> {
  const rows = await readMarked(session, testTemplatePattern, sealedConnectionLimit);
  return rows.flatMap((row) => {
    const record = parseTestRecord(row.comment);
    const isWhole = record?.kind === 'test-template' && row.connectionLimit !== halfDropped;
    return isWhole ? [{ ...row, record }] : [];
  });
}

/** Templates whose removal was interrupted. */
export async function readHalfDroppedTemplates(session: Session): Promise<string[]> {
  const rows = await readMarked(session, testTemplatePattern, sealedConnectionLimit);
  return rows
    .filter(({ connectionLimit }) => connectionLimit === halfDropped)
    .map(({ name }) => name);
}
