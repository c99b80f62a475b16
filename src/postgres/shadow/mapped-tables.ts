import type { MappedColumn, MappedTable, ShadowTable } from '../../domain/shadow.js';
import type { Session } from '../session.js';

interface ColumnNow {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly isGenerated: boolean;
  readonly isIdentityAlways: boolean;
  /** Operator of its type's own, for types outside of pg_catalog. */
  readonly equals: string | null;
}

interface RelationNow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly ColumnNow[];
}

/** Type and operators below a domain, which has none of its own. */
const baseType = (oid: string): string => `
  (WITH RECURSIVE below AS (
     SELECT oid, typbasetype FROM pg_type WHERE oid = ${oid}
     UNION ALL
     SELECT p.oid, p.typbasetype FROM below b JOIN pg_type p ON p.oid = b.typbasetype)
   SELECT oid FROM below WHERE typbasetype = 0)`;

/**
 * The "=" of a type that an extension or a user has made is not on Belay's search path: there citext would be compared as
 * text, without the key's index.
 */
const equalsOf = `
  SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
    FROM pg_type y JOIN pg_opclass p ON p.opcintype = y.oid AND p.opcdefault AND p.opcmethod = 403
    JOIN pg_amop m ON m.amopfamily = p.opcfamily AND m.amopstrategy = 3
                  AND m.amoplefttype = y.oid AND m.amoprighttype = y.oid
    JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace
   WHERE y.oid = ${baseType('a.atttypid')} AND y.typnamespace <> 'pg_catalog'::regnamespace LIMIT 1`;

function readRelations(session: Session, oids: readonly number[]): Promise<RelationNow[]> {
  return session.query<RelationNow>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
            coalesce((SELECT json_agg(json_build_object(
                        'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                        'isGenerated', a.attgenerated <> '', 'isIdentityAlways', a.attidentity = 'a',
                        'equals', (${equalsOf})) ORDER BY a.attnum)
                        FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'::json) AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'p')`,
    [oids],
    'reading the tables',
  );
}

/**
 * The tables of a target with today's names on both sides. What holds no rows of its own (views, foreign tables, the roots
 * of partitioned tables) is left out, and so is what the target has no longer.
 */
export async function mapTables(
  source: Session,
  shadow: Session,
  tables: readonly ShadowTable[],
): Promise<MappedTable[]> {
  const [left, right] = await Promise.all([
    readRelations(
      source,
      tables.map(({ oid }) => oid),
    ),
    readRelations(
      shadow,
      tables.flatMap(({ shadowOid }) => shadowOid ?? []),
    ),
  ]);
  const inSource = new Map(left.map((relation) => [relation.oid, relation]));
  const inShadow = new Map(right.map((relation) => [relation.oid, relation]));
  const mapped = tables.flatMap((table) => {
    const own = inSource.get(table.oid);
    const other = table.shadowOid === null ? undefined : inShadow.get(table.shadowOid);
    return own?.kind === 'r' ? [mapTable(table, own, other)] : [];
  });
  return withAssignable(shadow, mapped);
}

function mapTable(
  table: ShadowTable,
  own: RelationNow,
  other: RelationNow | undefined,
): MappedTable {
  const { schema, name } = own;
  if (!other) return { table, source: { schema, name }, shadow: null, columns: [], key: null };
  const pairs = table.columns.flatMap(({ number, shadowNumber }) => {
    const from = own.columns.find((column) => column.number === number);
    const to = other.columns.find((column) => column.number === shadowNumber);
    return from && to && !from.isGenerated && !to.isGenerated ? [{ number, from, to }] : [];
  });
  const key = table.key?.map((number) => pairs.findIndex((pair) => pair.number === number)) ?? null;
  return {
    table,
    source: { schema, name },
    shadow: { schema: other.schema, name: other.name },
    columns: pairs.map(({ from, to }) => mapColumn(from, to)),
    key: key === null || key.length === 0 || key.includes(-1) ? null : key,
    isShadowPartitioned: other.kind === 'p',
  };
}

function mapColumn(from: ColumnNow, to: ColumnNow): MappedColumn {
  return {
    ...{ source: from.name, shadow: to.name, shadowType: to.type },
    isIdentityAlways: to.isIdentityAlways,
    ...(from.type === to.type ? {} : { sourceType: from.type }),
    ...(to.equals === null ? {} : { equals: to.equals }),
  };
}

/** Whether the shadow can assign values of the one type to the other, as an ALTER without USING does. */
const assignableSql = `
  SELECT u.place::int AS place, coalesce(f.oid = t.oid OR y.typcategory = 'S' OR EXISTS (
           SELECT FROM pg_cast k WHERE k.castsource = f.oid AND k.casttarget = t.oid AND k.castcontext IN ('a', 'i')), false) AS possible
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(source, shadow, place)
    CROSS JOIN LATERAL (SELECT ${baseType('to_regtype(u.source)::oid')}) AS f(oid)
    CROSS JOIN LATERAL (SELECT ${baseType('to_regtype(u.shadow)::oid')}) AS t(oid)
    LEFT JOIN pg_type y ON y.oid = t.oid`;

async function withAssignable(
  shadow: Session,
  tables: readonly MappedTable[],
): Promise<MappedTable[]> {
  const retyped = tables.flatMap(({ columns }) => columns.filter((column) => column.sourceType));
  if (retyped.length === 0) return [...tables];
  const rows = await shadow.query<{ place: number; possible: boolean }>(
    assignableSql,
    [retyped.map((column) => column.sourceType), retyped.map((column) => column.shadowType)],
    'comparing the types of columns',
  );
  const possible = new Set(
    rows.filter((row) => row.possible).map(({ place }) => retyped[place - 1]),
  );
  return tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) =>
      possible.has(column) ? { ...column, isAssignable: true } : column,
    ),
  }));
}
