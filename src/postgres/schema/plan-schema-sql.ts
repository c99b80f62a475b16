import type { Pool } from 'pg';
import { mapPostgresError } from '../pg-error.js';
import type { Session } from '../session.js';

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
  const { actions } = plan(source, await read(to), { scope: 'database' });
  return {
    statements: actions.map((action) => ({
      sql: action.sql.replace(/[;\s]+$/, ''),
      transactional: action.transactionality !== 'nonTransactional',
      breaksBefore: action.newSegmentBefore,
      lock: action.lockClass,
      rewrites: action.rewriteRisk,
      destructive: action.dataLoss === 'destructive',
    })),
  };
}

/** pg-delta takes one connection of a pool and gives it back; the session's own is as good. */
function poolOf({ client }: Session): Pool {
  const query = client.query.bind(client);
  return { connect: async () => ({ query, release: () => {} }) } as unknown as Pool;
}
