import type { SharedColumn, StateColumn } from '../../domain/state-comparison.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';

/**
 * Types of PostgreSQL's own of which equal values are the same value for a key, by OID (they are fixed): their names, which
 * without the quotes would mean other types ("bit" is bit(1), "char" is char(1)).
 */
const keyTypes: ReadonlyMap<number, string> = new Map<number, string>([
  ...([
    [16, 'bool'],
    [17, 'bytea'],
    [18, 'char'],
    [19, 'name'],
    [20, 'int8'],
    [21, 'int2'],
  ] as const),
  ...([
    [23, 'int4'],
    [25, 'text'],
    [26, 'oid'],
    [700, 'float4'],
    [701, 'float8'],
  ] as const),
  ...([
    [650, 'cidr'],
    [829, 'macaddr'],
    [869, 'inet'],
    [1042, 'bpchar'],
    [1043, 'varchar'],
  ] as const),
  ...([
    [1082, 'date'],
    [1083, 'time'],
    [1114, 'timestamp'],
    [1184, 'timestamptz'],
  ] as const),
  ...([
    [1186, 'interval'],
    [1266, 'timetz'],
    [1560, 'bit'],
    [1562, 'varbit'],
    [1700, 'numeric'],
  ] as const),
  ...([
    [2950, 'uuid'],
    [3802, 'jsonb'],
  ] as const),
]);
/** Those of which the same hash also means the same text: no 1.0 beside 1.00, no -0 beside 0, no blanks at the end. */
const hashedAsIs = new Set([
  ...[16, 17, 18, 19, 20, 21, 23, 25, 26, 829, 1043, 1082, 1083, 1114, 1184, 2950],
]);
const collatable = new Set([19, 25, 1042, 1043]);
const numericType = 1700;

/** A column on both sides, and how its values before and after are put into the same form in SQL. */
export interface ComparedColumn {
  readonly pair: SharedColumn;
  /** The new type's values as the old one has them, as text; null: they are as they were, or there is no way back. */
  readonly castBack: ((value: string) => string) | null;
}

/** Values are of one type, and of one form, before and after. */
function isSameType({ before, after }: SharedColumn): boolean {
  return before.typeId === after.typeId && before.typeModifier === after.typeModifier;
}

export const columnOf = (alias: string, { name }: StateColumn): string =>
  `${alias}.${quoteIdentifier(name)}`;

/** A value as PostgreSQL prints it. A row of nulls "IS NULL" without being it; casts to text may drop blanks. */
export const printed = (value: string): string =>
  `CASE WHEN ${value} IS DISTINCT FROM NULL THEN format('%s', ${value}) END`;

/** A value after, as text in the form that it had before. */
export function printedAsBefore({ pair, castBack }: ComparedColumn, alias: string): string {
  const value = columnOf(alias, pair.after);
  return castBack === null ? printed(value) : castBack(value);
}

/**
 * A value of before, as text, in the form in which {@link printedAsBefore} gives those of after: a numeric that went through
 * another type has lost its zeros at the end, and no more than them.
 */
export function inComparedForm({ pair }: ComparedColumn, text: string): string {
  return hasLostZeros(pair) ? `trim_scale(${text}::numeric)::text` : text;
}

const hasLostZeros = (pair: SharedColumn): boolean =>
  pair.before.typeId === numericType && !isSameType(pair);

/** What is hashed of a column: the same on both sides exactly where the value is unchanged. */
export function hashedValue(
  column: ComparedColumn,
  side: 'before' | 'after',
  alias: string,
): string {
  const { pair } = column;
  const { typeId, typeModifier, typeKind } = pair.before;
  const value = columnOf(alias, pair[side]);
  const asIs =
    hashedAsIs.has(typeId) || typeKind === 'e' || (typeId === numericType && typeModifier >= 0);
  if (isSameType(pair) && asIs) return collatable.has(typeId) ? `${value} COLLATE "C"` : value;
  return side === 'before'
    ? inComparedForm(column, `(${printed(value)})`)
    : printedAsBefore(column, alias);
}

/** Type, quoted, by which keys are joined: their own where both sides have the same; undefined: their texts decide. */
export function typedKey({ before, after }: SharedColumn): string | undefined {
  const name = before.typeId === after.typeId ? keyTypes.get(before.typeId) : undefined;
  return name === undefined ? undefined : `pg_catalog.${quoteIdentifier(name)}`;
}

/** The value after by which a row is found again. */
export function keyAfter(column: ComparedColumn, alias: string): string {
  const { pair } = column;
  return typedKey(pair)
    ? keyBefore(column, columnOf(alias, pair.after))
    : `(${printedAsBefore(column, alias)}) COLLATE "C"`;
}

/** The same of a key that was loaded from before. */
export function keyBefore(column: ComparedColumn, value: string): string {
  const { pair } = column;
  if (!typedKey(pair)) return `(${inComparedForm(column, value)}) COLLATE "C"`;
  return collatable.has(pair.before.typeId) ? `${value} COLLATE "C"` : value;
}

/** There is no cast between the types. */
const noCast = new Set(['42846', '42883', '42725', '42804']);

/**
 * Finds for each column how its values are put back into the form that they had.
 * @param isCareful a value that cannot be cast back counts as it reads, instead of failing the query
 */
export async function prepareColumns(
  sides: { readonly before: Session; readonly after: Session },
  shared: readonly SharedColumn[],
  isCareful: boolean,
): Promise<ComparedColumn[]> {
  const result: ComparedColumn[] = [];
  for (const pair of shared) {
    const castBack = isSameType(pair)
      ? await findFormerLabels(sides, pair)
      : await findCastBack(sides.after, pair, isCareful);
    result.push({ pair, castBack });
  }
  return result;
}

/** Values of an enum that have another name now are the same values: they stand in the rows as numbers. */
async function findFormerLabels(
  sides: { readonly before: Session; readonly after: Session },
  { before }: SharedColumn,
): Promise<ComparedColumn['castBack']> {
  if (before.typeKind !== 'e') return null;
  const read = async (session: Session) => {
    const rows = await session.query<{ oid: number; label: string }>(
      'SELECT oid::int8::float8 AS oid, enumlabel::text AS label FROM pg_enum WHERE enumtypid = $1',
      [before.typeId],
      `reading the values of ${before.type}`,
    );
    return new Map(rows.map(({ oid, label }) => [oid, label]));
  };
  const former = await read(sides.before);
  const renamed = [...(await read(sides.after))].flatMap(([oid, label]) => {
    const then = former.get(oid);
    if (then === undefined || then === label) return [];
    return [`WHEN ${quoteLiteral(label)} THEN ${quoteLiteral(then)}`];
  });
  if (renamed.length === 0) return null;
  return (value) => `CASE (${printed(value)}) ${renamed.join(' ')} ELSE ${printed(value)} END`;
}

async function findCastBack(
  session: Session,
  { before, after }: SharedColumn,
  isCareful: boolean,
): Promise<ComparedColumn['castBack']> {
  const doing = `looking how ${before.type} was made of ${after.type}`;
  // By its number: the type may have another name now, or another type its name.
  const [row] = await session.query<{ type: string }>(
    'SELECT format_type(oid, $2) AS type FROM pg_type WHERE oid = $1',
    [before.typeId, before.typeModifier],
    doing,
  );
  if (!row) return null;
  const type = row.type;
  const isDirect = await canCast(session, after.type, type);
  const cast = (value: string) => {
    const result = `CAST(${isDirect ? value : `format('%s', ${value})`} AS ${type})`;
    return hasLostZeros({ before, after }) ? `trim_scale(${result})` : result;
  };
  if (!isCareful) {
    return (value) =>
      `CASE WHEN ${value} IS DISTINCT FROM NULL THEN format('%s', ${cast(value)}) END`;
  }
  const name = `pg_temp.${quoteIdentifier(`belay_cast_${before.number}`)}`;
  await session.execute(
    `CREATE OR REPLACE FUNCTION ${name}(value ${after.type}) RETURNS text LANGUAGE plpgsql AS $belay$
     BEGIN RETURN format('%s', ${cast('value')}); EXCEPTION WHEN OTHERS THEN RETURN NULL; END $belay$`,
    doing,
  );
  return (value) =>
    `CASE WHEN ${value} IS DISTINCT FROM NULL THEN coalesce(${name}(${value}), format('%s', ${value})) END`;
}

async function canCast(session: Session, from: string, to: string): Promise<boolean> {
  try {
    await session.query(`SELECT CAST(NULL::${from} AS ${to})`);
    return true;
  } catch (error) {
    if (noCast.has(sqlStateOf(error) ?? '')) return false;
    // A domain that takes no null: there is a cast, and values have to go through it.
    if (sqlStateOf(error)?.startsWith('23')) return true;
    throw error;
  }
}

/** Not a matter of values: rights, resources, the server going away, a cancelled query. */
const unrelated = /^(42501|08|40|53|54|57|58|XX)/;

/** An error that casting may have caused: a value that the old type refuses, or a function of somebody's that failed. */
export function isRefusedValue(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState !== undefined && !unrelated.test(sqlState);
}
