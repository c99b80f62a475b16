import { quoteLiteral } from '../../session.js';
import { builtIn, type TypedBy, type Types } from './types.js';

/** A conversion of which one wants to know, without trying, which values it fails on. */
export interface ValueConversion {
  /** Expression for the value, and its type. */
  readonly value: string;
  readonly from: TypedBy;
  readonly to: TypedBy;
  /** The type as SQL names it. */
  readonly toSql: string;
  /** By `::`, which cuts strings where an assignment fails. */
  readonly isExplicit: boolean;
  readonly isDomain: boolean;
  readonly serverVersion: number;
}

/** Condition under which a value fails; null: none does; undefined: one has to try. */
export type FailingValues = string | null | undefined;

const { int2, int4, int8, float4, float8, numeric, bpchar, varchar, bit, varbit, text, name } =
  builtIn;

const integers = new Map<number, readonly [from: string, to: string]>([
  [int2, ['-32768', '32767']],
  [int4, ['-2147483648', '2147483647']],
  [int8, ['-9223372036854775808', '9223372036854775807']],
]);

const widths: readonly number[] = [int2, int4, int8];

/**
 * Trying a cast ends the query at the first value that fails, and counting the others costs a subtransaction for each row. What
 * can be said in a condition is counted in the same scan as all else.
 */
export function failingValues(conversion: ValueConversion, types: Types): FailingValues {
  // Its CHECKs are whatever somebody wrote.
  if (conversion.isDomain) return undefined;
  const { to } = conversion;
  if (to.oid === text || to.oid === name) return null;
  if (to.oid === varchar || to.oid === bpchar) return tooLong(conversion);
  if (to.oid === bit || to.oid === varbit) return wrongBits(conversion);
  if (types.isString(conversion.from.oid)) return unreadable(conversion, types);
  if (integers.has(to.oid)) return beyondInteger(conversion);
  if (to.oid === numeric) return beyondNumeric(conversion);
  return undefined;
}

/** Blanks at the end are cut without a word, as the SQL standard has it. */
function tooLong({ value, to, isExplicit }: ValueConversion): FailingValues {
  if (to.modifier < 0 || isExplicit) return null;
  const most = to.modifier - 4;
  const read = `(${value})::pg_catalog.text`;
  // Most values are short even in bytes, which is known without looking at them.
  return `pg_catalog.octet_length(${read}) > ${most} AND pg_catalog.char_length(pg_catalog.rtrim(${read}, ' ')) > ${most}`;
}

function wrongBits({ value, from: { oid: from }, to, isExplicit }: ValueConversion): FailingValues {
  if (from !== bit && from !== varbit) return undefined;
  if (to.modifier < 0 || isExplicit) return null;
  return `pg_catalog.length(${value}) ${to.oid === bit ? '<>' : '>'} ${to.modifier}`;
}

/** Digits before the point that a numeric type has at most; none: as many as one likes. */
function wholeDigits({ oid, modifier }: TypedBy): number | undefined {
  if (oid !== numeric || modifier < 0) return undefined;
  const { precision, scale } = digitsOf(modifier);
  return precision - scale;
}

function beyondInteger({ value, from: source, to }: ValueConversion): FailingValues {
  const from = source.oid;
  // Nothing but NaN could fail then: trying costs nothing.
  if ((wholeDigits(source) ?? 99) < (integers.get(to.oid)?.[1].length ?? 0)) return undefined;
  const [least, most] = integers.get(to.oid) ?? ['0', '0'];
  if (widths.includes(from)) {
    if (widths.indexOf(from) <= widths.indexOf(to.oid)) return null;
    return `(${value}) NOT BETWEEN ${least} AND ${most}`;
  }
  // NaN is greater than all numbers; so it is beyond, as are infinities.
  if (from === numeric) return `pg_catalog.round(${value}) NOT BETWEEN ${least} AND ${most}`;
  if (from !== float4 && from !== float8) return undefined;
  const rounded = `pg_catalog.round((${value})::pg_catalog.float8)`;
  // As a float the greatest integer is one too many.
  if (to.oid === int8)
    return `NOT (${rounded} >= ${least}::float8 AND ${rounded} < -(${least}::float8))`;
  return `${rounded} NOT BETWEEN ${least} AND ${most}`;
}

function digitsOf(modifier: number): { readonly precision: number; readonly scale: number } {
  const packed = modifier - 4;
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}

function beyondNumeric({ value, from: source, to }: ValueConversion): FailingValues {
  const from = source.oid;
  if (!widths.includes(from) && ![numeric, float4, float8].includes(from as never))
    return undefined;
  if (to.modifier < 0) return null;
  const { precision, scale } = digitsOf(to.modifier);
  const digits = wholeDigits(source);
  // One digit more than it has, for what rounding may add.
  if (digits !== undefined && digits < precision - scale) return null;
  const exact = from === numeric ? `(${value})` : `(${value})::pg_catalog.numeric`;
  const limit = `'1e${precision - scale}'::pg_catalog.numeric`;
  const isNumber = from === numeric || from === float4 || from === float8;
  const beyond = `pg_catalog.abs(pg_catalog.round(${exact}, ${scale})) >= ${limit}`;
  // NaN fits everywhere.
  return isNumber ? `${exact} <> 'NaN'::pg_catalog.numeric AND ${beyond}` : beyond;
}

const softErrorsSince = 160_000;

function unreadable(conversion: ValueConversion, types: Types): FailingValues {
  const { value, to, toSql, isExplicit, serverVersion } = conversion;
  if (!isExplicit) return undefined;
  const read = `(${value})::pg_catalog.text`;
  if (types.isEnum(to.oid)) {
    // A subquery of its own is asked once.
    return `${read} <> ALL ((SELECT pg_catalog.enum_range(NULL::${toSql})::pg_catalog.text[])::pg_catalog.text[])`;
  }
  if (serverVersion < softErrorsSince) return undefined;
  return `NOT pg_catalog.pg_input_is_valid(${read}, ${quoteLiteral(toSql)})`;
}
