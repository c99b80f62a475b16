import type { TypeName } from 'libpg-query';
import { contentOf, textsOf } from './grammar.js';
import { qualifiedSql } from './sql-names.js';
import type { World } from './world.js';

/** Names in pg_catalog that `format_type` prints otherwise, and those that people write. */
const printed: Readonly<Record<string, string>> = {
  ...{ int2: 'smallint', int4: 'integer', int8: 'bigint', int: 'integer' },
  ...{ float4: 'real', float8: 'double precision', bool: 'boolean', decimal: 'numeric' },
  ...{ varchar: 'character varying', varbit: 'bit varying', bpchar: 'character' },
  ...{ timestamptz: 'timestamp with time zone', timestamp: 'timestamp without time zone' },
  ...{ timetz: 'time with time zone', time: 'time without time zone', char: '"char"' },
};

/** Numbers for what is no type but a way to write one. */
export const serialTypes: Readonly<Record<string, string>> = {
  ...{ serial: 'integer', serial4: 'integer', bigserial: 'bigint', serial8: 'bigint' },
  ...{ smallserial: 'smallint', serial2: 'smallint' },
};

/** Types of pg_catalog whose names are the same in `format_type`, and that people use in tables. */
const plain = new Set(
  `text numeric uuid date json jsonb jsonpath bytea name oid xid xid8 cid tid inet cidr macaddr macaddr8 money bit
  interval point line lseg box path polygon circle tsvector tsquery xml int4range int8range numrange tsrange
  tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
  pg_lsn regclass regproc regtype regrole regnamespace txid_snapshot pg_snapshot oidvector int2vector
  refcursor smallint integer bigint real boolean`.split(/\s+/),
);

/** How `interval` says which fields it keeps: bits of the fields. */
const intervalFields: Readonly<Record<number, string>> = {
  ...{ 4: 'year', 2: 'month', 8: 'day', 1024: 'hour', 2048: 'minute', 4096: 'second' },
  ...{ 6: 'year to month', 1032: 'day to hour', 3080: 'day to minute', 7176: 'day to second' },
  ...{ 3072: 'hour to minute', 7168: 'hour to second', 6144: 'minute to second' },
};

function integersOf(typmods: readonly unknown[] | undefined): number[] {
  return (typmods ?? []).map((node) => {
    const constant = contentOf<{ ival?: { ival?: number } }>(node, 'A_Const');
    return constant?.ival?.ival ?? 0;
  });
}

function withModifiers(type: string, modifiers: readonly number[], written: string): string {
  if (written === 'interval' && modifiers.length > 0) {
    const [fields = 0, precision] = modifiers;
    const words = intervalFields[fields];
    const digits = precision === undefined ? '' : `(${precision})`;
    return `interval${words ? ` ${words}` : ''}${digits}`;
  }
  // numeric(10) is numeric(10,0).
  const all = type === 'numeric' && modifiers.length === 1 ? [...modifiers, 0] : modifiers;
  if (all.length === 0) {
    if (type === 'bit') return 'bit(1)';
    return written === 'bpchar' ? 'bpchar' : type;
  }
  const zone = /^(time|timestamp)( .*)$/.exec(type);
  return zone ? `${zone[1]}(${all.join(',')})${zone[2]}` : `${type}(${all.join(',')})`;
}

/**
 * A type as a statement names it, in the words of `format_type`, everything of the user's qualified: what the catalog
 * has of live columns, so that the two can be compared.
 */
export function formatTypeName(typeName: TypeName | undefined, world: World): string {
  const names = textsOf(typeName?.names);
  const modifiers = integersOf(typeName?.typmods);
  const brackets = (typeName?.arrayBounds ?? []).length > 0 ? '[]' : '';
  const name = names.at(-1) ?? '';
  const schema = names.length > 1 ? names.at(-2) : undefined;
  // PostgreSQL looks into pg_catalog before anything else.
  const isBuiltIn =
    schema === 'pg_catalog' || (schema === undefined && (name in printed || plain.has(name)));
  if (isBuiltIn) {
    const type = name === 'char' && schema === undefined ? '"char"' : (printed[name] ?? name);
    return `${withModifiers(type, modifiers, name)}${brackets}`;
  }
  const serial = schema === undefined ? serialTypes[name] : undefined;
  if (serial) return serial;
  const found = world.findType({ schema, name });
  const base = found ? qualifiedSql(found) : names.map((part) => part).join('.');
  return `${base}${modifiers.length > 0 ? `(${modifiers.join(',')})` : ''}${brackets}`;
}
