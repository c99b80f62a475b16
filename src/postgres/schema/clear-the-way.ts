import type { DdlStatement } from '../../domain/schema-ddl/ddl-statement.js';
import type { SchemaChange } from '../../domain/schema-model.js';
import type { Session } from '../session.js';

const routinesSql = `
  SELECT DISTINCT d.objid::regprocedure::text AS name
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     AND d.refobjid::regclass::text || '.' || quote_ident(a.attname) = ANY ($1)
   ORDER BY 1`;

/**
 * The removal of routines that keep columns from getting another type, as their bodies are kept parsed (BEGIN ATOMIC). They
 * hold nothing, and are made again afterwards.
 */
export async function routinesInTheWay(
  session: Session,
  differences: readonly SchemaChange[],
): Promise<DdlStatement[]> {
  const columns = differences.filter(
    ({ kind, object, detail }) =>
      kind === 'changed' && object === 'column' && /^(?:type|collation):/m.test(detail),
  );
  if (columns.length === 0) return [];
  const names = columns.map(({ name }) => name);
  const rows = await session.query<{ name: string }>(routinesSql, [names], 'mending a plan');
  return rows.map(({ name }) => ({
    sql: `DROP ROUTINE ${name}`,
    ...{ object: { kind: 'function', name }, phase: 'clear' as const },
  }));
}
