import type { RehearsedColumn, RehearsedTable } from '../../src/domain/rehearsal.js';
import {
  type CompareStatesOptions,
  compareStates,
  type StateComparison,
} from '../../src/postgres/rehearsal/compare-states.js';
import { readStartMark, type StartMark } from '../../src/postgres/rehearsal/start-mark.js';
import type { Session } from '../../src/postgres/session.js';
import { openSession } from './open-session.js';
import { rowsOf } from './targets.js';
import {
  createTestDatabase,
  type TestDatabase,
  withDatabase,
  withSession,
} from './test-database.js';
import type { TestServer } from './throwaway-server.js';

/** A database, and its copy on which a migration ran. Drop it. */
export interface StateCase {
  readonly before: TestDatabase;
  readonly afterUrl: string;
  readonly afterOid: number;
  readonly mark: StartMark;
  drop(): Promise<void>;
}

/** @param migration statements, each run on its own and in one session; a failing one is the test's failure */
export async function makeStateCase(
  server: TestServer,
  setup: string,
  migration: readonly string[],
): Promise<StateCase> {
  const before = await createTestDatabase(server, { sql: setup });
  const name = `${before.name}_after`;
  const afterUrl = withDatabase(server.adminUrl, name);
  const drop = async () => {
    await withSession(server.adminUrl, (client) =>
      client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
    );
    await before.drop();
  };
  try {
    await untilUnused(server, before.name);
    await withSession(server.adminUrl, (client) =>
      client.query(`CREATE DATABASE "${name}" TEMPLATE "${before.name}"`),
    );
    const [row] = await rowsOf(server.adminUrl, 'SELECT oid FROM pg_database WHERE datname = $1', [
      name,
    ]);
    const mark = await withBelaySession(server.adminUrl, (session) =>
      readStartMark(session, row.oid),
    );
    await withSession(afterUrl, async (client) => {
      for (const statement of migration) await client.query(statement);
    });
    await untilUnused(server, name);
    return { before, afterUrl, afterOid: row.oid, mark, drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** A session that was closed is still there for a moment. */
async function untilUnused(server: TestServer, database: string): Promise<void> {
  const sql = `SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`;
  while ((await rowsOf(server.adminUrl, sql, [database])).length > 0);
}

async function withBelaySession<T>(url: string, work: (session: Session) => Promise<T>) {
  const session = await openSession(url);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Compares the two databases of a case, and closes what it opened. */
export async function compareCase(
  { before, afterUrl, afterOid, mark }: StateCase,
  options: Partial<CompareStatesOptions> = {},
): Promise<StateComparison> {
  const sessions: Session[] = [];
  const opener = (url: string) => async () => {
    const session = await openSession(url);
    sessions.push(session);
    return session;
  };
  try {
    const open = { before: opener(before.url), after: opener(afterUrl) };
    return await compareStates(open, { mark, afterOid, ...options });
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** What a migration does to some tables, and what {@link describeTable} says of them afterwards. */
export interface TableCase {
  readonly name: string;
  readonly setup: string;
  /** Statements, each run on its own. */
  readonly migration: readonly string[];
  readonly expected: readonly string[];
  /** Server version, where older ones do not have it. */
  readonly since?: number;
}

/** All cases in one pair of databases, each in a schema c0, c1, … of its own, which is the search_path. */
export function makeTableCases(
  server: TestServer,
  cases: readonly TableCase[],
): Promise<StateCase> {
  const setup = cases.map(
    (one, index) => `CREATE SCHEMA c${index}; SET search_path = c${index}; ${one.setup};`,
  );
  const migration = cases.flatMap((one, index) => [
    `SET search_path = c${index}`,
    ...one.migration,
    'DISCARD TEMP',
  ]);
  return makeStateCase(server, setup.join('\n'), migration);
}

/** The tables of one of the cases. */
export function tablesOf({ tables }: StateComparison, index: number): string[] {
  const schema = `c${index}.`;
  return tables.filter(({ table }) => table.startsWith(schema)).map(describeTable);
}

/** "t (whole row): 10 > 9, 1 inserted, 2 deleted; a: 2 lost; b > c: retyped, 1 changed". */
export function describeTable(table: RehearsedTable): string {
  const name = shortName(table.table);
  const to = table.renamedTo === null ? '' : ` > ${shortName(table.renamedTo)}`;
  const about = [
    ...(table.identity === 'primary key' ? [] : [table.identity]),
    ...(table.change === 'kept' ? [] : [table.change]),
  ];
  const rows = [
    `${table.rowsBefore} > ${table.rowsAfter}`,
    ...[`${table.rowsInserted} inserted`, `${table.rowsDeleted} deleted`],
    `${table.rowsUpdated} updated`,
  ].filter((text) => !text.startsWith('0 ') || text.includes('>'));
  const parts = [rows.join(', '), ...table.columns.map(describeColumn)].join('; ');
  return `${name}${to}${about.length > 0 ? ` (${about.join(', ')})` : ''}: ${parts}`;
}

const shortName = (name: string): string => name.replace(/^(public|c\d+)\./, '');

function describeColumn(column: RehearsedColumn): string {
  const to = column.renamedTo === null ? '' : ` > ${column.renamedTo}`;
  const facts = [
    ...(column.change === 'kept' ? [] : [column.change]),
    ...(column.valuesLost > 0 ? [`${column.valuesLost} lost`] : []),
    ...(column.valuesChanged > 0 ? [`${column.valuesChanged} changed`] : []),
    ...(column.valuesSet > 0 ? [`${column.valuesSet} set`] : []),
  ];
  return `${column.column}${to}${facts.length > 0 ? `: ${facts.join(', ')}` : ''}`;
}
