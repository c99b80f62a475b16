import type { Action } from '@supabase/pg-delta/plan';
import type { Pool } from 'pg';
import { mapPostgresError } from '../pg-error.js';
import type { Session } from '../session.js';
import { isHistorySchema } from '../sql/schema-scope.js';

/** A statement of a plan that turns one schema into another. */
export interface SchemaStatement {
  readonly sql: string;
  /** False for what PostgreSQL runs outside of a transaction only. */
  readonly transactional: boolean;
  /** What came before has to be committed first, e.g. a new label of an enum before its use. */
  readonly breaksBefore: boolean;
  /** The strongest lock that it takes on tables that are there, as PostgreSQL's documentation says. */
  readonly lock:
    | 'none'
    | 'share'
    | 'shareRowExclusive'
    | 'shareUpdateExclusive'
    | 'accessExclusive';
  /** It may rewrite a whole table. */
  readonly rewrites: boolean;
  /** It takes rows or values away. */
  readonly destructive: boolean;
}

/** Statements that should turn one schema into another; nobody has tried them yet. */
export interface PlannedSql {
  readonly statements: readonly SchemaStatement[];
  /** Plans once more, where the plan makes tables or columns anew that both sides have. */
  readonly again?: (() => Promise<PlannedSql>) | undefined;
}

/**
 * Plans the SQL that turns the schema of one database into that of another, with pg-delta. What that does not know, or gets
 * wrong, is found and mended by `proveSchemaSql`.
 * @param from database with the schema that is there; only read
 * @param to database with the schema that is wanted; only read
 */
export async function planSchemaSql(from: Session, to: Session): Promise<PlannedSql> {
  const [{ extract }, { plan }] = await Promise.all([
    import('@supabase/pg-delta/extract'),
    import('@supabase/pg-delta/plan'),
  ]);
  const doing = 'reading a schema for a plan';
  const read = async (session: Session) => {
    try {
      return (await extract(poolOf(session))).factBase;
    } catch (error) {
      throw mapPostgresError(error, doing);
    }
  };
  const source = await read(from);
  const desired = await read(to);
  // Else it refuses to grant to a role and to take away from one, as roles are no part of a database.
  const assumedRoles = await rolesOf(to);
  let actions: readonly Action[];
  try {
    actions = plan(source, desired, { scope: 'database', assumedRoles }).actions;
  } catch {
    // It refuses what it cannot do. Statements of Belay's own then do what they can, and what is left is named.
    return { statements: [] };
  }
  const histories = [...(await historySchemasOf(from)), ...(await historySchemasOf(to))];
  const isOurs = (action: Action) => !isForeign(action, histories);
  return {
    statements: actions.filter(isOurs).map((action) => ({
      sql: action.sql.replace(/[;\s]+$/, ''),
      transactional: action.transactionality !== 'nonTransactional',
      breaksBefore: action.newSegmentBefore,
      lock: action.lockClass,
      rewrites: action.rewriteRisk,
      destructive: action.dataLoss === 'destructive',
    })),
    ...(makesAnew(actions) ? { again: () => planSchemaSql(from, to) } : {}),
  };
}

/** Whether a table or a column is taken away and made again, with which its rows or values would go. */
function makesAnew(actions: readonly Action[]): boolean {
  const kinds = ['table', 'foreignTable', 'column'];
  const keys = (ids: readonly ObjectId[]) =>
    ids.filter(({ kind }) => kinds.includes(kind)).map((id) => JSON.stringify(id));
  const gone = new Set(actions.flatMap(({ destroys }) => keys(destroys)));
  return actions.some(({ produces }) => keys(produces).some((key) => gone.has(key)));
}

type ObjectId = Action['produces'][number];

/** A comment or a grant is an object with a target. */
const baseOf = (id: ObjectId): ObjectId => ('target' in id ? baseOf(id.target) : id);

/**
 * Whether an action is about what a schema model leaves out: the history that Belay keeps, and subscriptions, which would
 * begin to fetch rows into a throwaway database.
 */
function isForeign(
  { produces, destroys, consumes }: Action,
  histories: readonly string[],
): boolean {
  return [...produces, ...destroys, ...consumes].map(baseOf).some((id) => {
    if (id.kind === 'subscription') return true;
    const home = id.kind === 'schema' ? id.name : 'schema' in id ? id.schema : null;
    return home !== null && histories.includes(home);
  });
}

async function historySchemasOf(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE ${isHistorySchema('oid')}`,
    [],
    'reading the schemas',
  );
  return rows.map(({ name }) => name);
}

async function rolesOf(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles',
    [],
    'reading the roles',
  );
  return rows.map(({ name }) => name);
}

/** pg-delta takes one connection of a pool and gives it back; the session's own is as good. */
function poolOf({ client }: Session): Pool {
  const query = client.query.bind(client);
  return { connect: async () => ({ query, release: () => {} }) } as unknown as Pool;
}
