import type { MappedTable } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, type Session } from '../session.js';

/** A foreign key by OIDs and column numbers, which say whether it is the same on both sides. */
export interface PlacedForeignKey {
  readonly name: string;
  readonly child: number;
  readonly parent: number;
  readonly childNumbers: readonly number[];
  readonly parentNumbers: readonly number[];
  /** Quoted, with ONLY where the table is no partitioned one. */
  readonly childSql: string;
  readonly parentSql: string;
  readonly childColumns: readonly string[];
  readonly parentColumns: readonly string[];
  /** The parent's value on the left. */
  readonly operators: readonly string[];
  readonly matchFull: boolean;
  readonly validated: boolean;
}

const relation = (oid: string): string =>
  `(SELECT CASE WHEN r.relkind = 'p' THEN '' ELSE 'ONLY ' END || quote_ident(n.nspname) || '.' || quote_ident(r.relname)
      FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = ${oid})`;
const columns = (numbers: string, oid: string): string =>
  `(SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(${numbers}) WITH ORDINALITY u(attnum, place)
      JOIN pg_attribute a ON a.attrelid = ${oid} AND a.attnum = u.attnum)`;

/** Foreign keys that are enforced and compare values. Those of partitions that follow from their parent's are left out. */
function readPlacedForeignKeys(session: Session): Promise<PlacedForeignKey[]> {
  return session.query<PlacedForeignKey>(
    `SELECT k.conname::text AS name, k.conrelid::int8::float8 AS child, k.confrelid::int8::float8 AS parent,
            to_json(k.conkey) AS "childNumbers", to_json(k.confkey) AS "parentNumbers",
            ${relation('k.conrelid')} AS "childSql", ${relation('k.confrelid')} AS "parentSql",
            ${columns('k.conkey', 'k.conrelid')} AS "childColumns", ${columns('k.confkey', 'k.confrelid')} AS "parentColumns",
            (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY u.place)
               FROM unnest(k.conpfeqop) WITH ORDINALITY u(oid, place)
               JOIN pg_operator o ON o.oid = u.oid JOIN pg_namespace n ON n.oid = o.oprnamespace) AS operators,
            k.confmatchtype = 'f' AS "matchFull", k.convalidated AS validated
       FROM pg_constraint k
      WHERE k.contype = 'f' AND k.conparentid = 0
        AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
        AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::bool, false)
      ORDER BY k.conrelid, k.conname`,
    [],
    'reading the foreign keys',
  );
}

const address = (
  child: number | null,
  childNumbers: readonly (number | null)[],
  parent: number | null,
  parentNumbers: readonly (number | null)[],
): string => JSON.stringify([child, childNumbers, parent, parentNumbers]);

/**
 * Foreign keys of the shadow that the target does not have in the same way: what is brought over may break them. One that
 * both have holds in the shadow because it holds in the target, unless the migration has done something to the rows.
 */
export async function unprovenForeignKeys(
  source: Session,
  shadow: Session,
  tables: readonly MappedTable[],
): Promise<PlacedForeignKey[]> {
  const [inSource, inShadow] = await Promise.all([
    readPlacedForeignKeys(source),
    readPlacedForeignKeys(shadow),
  ]);
  const byOid = new Map(tables.map(({ table }) => [table.oid, table]));
  const numbersIn = (oid: number, numbers: readonly number[]) =>
    numbers.map(
      (number) =>
        byOid.get(oid)?.columns.find((one) => one.number === number)?.shadowNumber ?? null,
    );
  const proven = new Set(
    inSource.flatMap((key) => {
      const [child, parent] = [byOid.get(key.child), byOid.get(key.parent)];
      if (!child || !parent || child.transformed || parent.transformed) return [];
      const [left, right] = [
        numbersIn(key.child, key.childNumbers),
        numbersIn(key.parent, key.parentNumbers),
      ];
      return [address(child.shadowOid, left, parent.shadowOid, right)];
    }),
  );
  const shadows = new Set(tables.flatMap(({ table }) => table.shadowOid ?? []));
  return inShadow.filter(
    (key) =>
      (shadows.has(key.child) || shadows.has(key.parent)) &&
      !proven.has(address(key.child, key.childNumbers, key.parent, key.parentNumbers)),
  );
}

/**
 * Whether rows refer to others that are there.
 * @param where condition on the child's row (c)
 * @throws BelayError SHADOW_ROW_REFUSED with the number of rows and one of them
 */
export async function checkForeignKey(
  shadow: Session,
  key: PlacedForeignKey,
  where: string,
): Promise<void> {
  const own = key.childColumns.map((name) => `c.${quoteIdentifier(name)}`);
  const refers = key.matchFull
    ? `NOT (${own.map((value) => `${value} IS NULL`).join(' AND ')})`
    : own.map((value) => `${value} IS NOT NULL`).join(' AND ');
  const found = key.parentColumns.map(
    (name, place) => `p.${quoteIdentifier(name)} ${key.operators[place] ?? '='} ${own[place]}`,
  );
  const [broken] = await shadow.query<{ rows: number; example: string }>(
    `SELECT count(*)::float8 AS rows, min(ARRAY[${own.map((value) => `${value}::text`).join(', ')}]::text) AS example
       FROM ${key.childSql} c
      WHERE ${where} AND ${refers} AND NOT EXISTS (SELECT FROM ${key.parentSql} p WHERE ${found.join(' AND ')})`,
    [],
    `checking the foreign key "${key.name}"`,
  );
  if (!broken || broken.rows === 0) return;
  const child = key.childSql.replace(/^ONLY /, '');
  const many = broken.rows === 1 ? 'a row' : `${broken.rows} rows`;
  throw new BelayError(
    'SHADOW_ROW_REFUSED',
    `${many} of ${child} in the shadow would break its foreign key "${key.name}": (${key.childColumns.join(', ')})=${broken.example} is not in ${key.parentSql.replace(/^ONLY /, '')}`,
    {
      hint: 'Nothing was brought over. Change the rows in the target, or the migration, and make the shadow anew.',
      details: { table: child, constraint: key.name, rows: broken.rows },
    },
  );
}
