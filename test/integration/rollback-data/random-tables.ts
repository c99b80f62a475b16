import fc from 'fast-check';

/** Values of the built-in types as SQL writes them: those that are lost on the way through JSON or JavaScript first. */
const literals: Readonly<Record<string, readonly string[]>> = {
  int: ['0', '-2147483648', '2147483647'],
  bigint: ['9007199254740993', '-9223372036854775808'],
  smallint: ['-32768', '7'],
  numeric: [`'NaN'`, `'1.10'`, `'1.1000'`, `'99999999999999999999.000000000001'`],
  'numeric(8,3)': [`'1.100'`, `'NaN'`, `'-12345.678'`],
  real: [`'NaN'`, `'-0'`, `'1e-45'`, `'Infinity'`],
  'double precision': [`'-0'`, `'0.1'`, `'1.7976931348623157e308'`, `'-Infinity'`],
  money: [`'-92233720368547758.08'`, `'1.05'`],
  text: [`''`, `'a''b\\c'`, `E'\\n\\t"'`, `'😀 ä'`, `repeat('long', 3000)`],
  'varchar(9)': [`''`, `'  x '`, `'ünï'`],
  'char(4)': [`'a'`, `'  b'`, `''`],
  '"char"': [`'x'`, `''`],
  name: [`'pg'`],
  bytea: [`'\\x'`, `'\\x00ff5c'`],
  boolean: ['true', 'false'],
  date: [`'infinity'`, `'4713-01-01 BC'`, `'2020-02-29'`],
  time: [`'24:00'`, `'00:00:00.000001'`],
  timetz: [`'10:00+14'`, `'10:00-03:30'`],
  timestamp: [`'-infinity'`, `'2020-02-29 23:59:59.999999'`],
  timestamptz: [`'infinity'`, `'2020-06-01 12:00+02'`],
  interval: [`'1 mon -1 day'`, `'24:00:00'`, `'1 day'`],
  uuid: [`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`],
  json: [`'{"b":1, "a":2,  "b":3}'`, `'null'`, `'[1e400]'`],
  jsonb: [`'{"b":1,"a":[null,1.10]}'`, `'null'`, `'12345678901234567890.1'`],
  xml: [`'<a>x</a>'`],
  inet: [`'10.0.0.1/8'`, `'::1'`],
  cidr: [`'10.0.0.0/8'`],
  macaddr: [`'08:00:2b:01:02:03'`],
  'bit(3)': [`B'101'`],
  'bit varying': [`B''`, `B'1101'`],
  point: [`'(1,-0)'`, `'(NaN,Infinity)'`],
  box: [`'(1,1),(0,0)'`],
  path: [`'[(0,0),(1,1)]'`],
  circle: [`'<(0,0),2>'`],
  tsvector: [`'a:1A fat:2 cat'`],
  tsquery: [`'a & !b'`],
  int4range: [`'[1,5)'`, `'empty'`, `'(,)'`],
  tstzrange: [`'[2020-01-01 00:00+00,)'`],
  nummultirange: [`'{[1,2),[3.50,4]}'`, `'{}'`],
  'int[]': [`'{1,NULL,3}'`, `'{}'`, `'[2:3]={1,2}'`, `'{{1,2},{3,4}}'`],
  'text[]': [`'{"a,b","",NULL,"NULL"}'`],
  jsonpath: [`'$.a[*] ? (@ > 1)'`],
  pg_lsn: [`'16/B374D848'`],
  oid: ['4294967295'],
  regtype: [`'int4'`],
  mood: [`'good'`, `'b''ad'`],
  pair: [`ROW(1, 'x,"y')`, `ROW(NULL, NULL)`, `ROW(2, '')`],
  code: [`'c'`, `''`],
  'mood[]': [`'{good,NULL}'`],
  'pair[]': [`ARRAY[ROW(1, 'a')::pair, NULL]`],
  span: [`'[1.5,2.5]'`],
};

export const typesSql = `
  CREATE TYPE mood AS ENUM ('good', 'b''ad');
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN code AS varchar(5) CHECK (value <> 'never');
  CREATE TYPE span AS RANGE (subtype = float8);`;

export const kinds = [
  'drop column',
  'drop table',
  'convert',
  'update',
  'delete',
  'truncate',
] as const;

export interface RandomTable {
  readonly types: readonly string[];
  /** Indexes of literals; null: NULL. */
  readonly rows: readonly (readonly (number | null)[])[];
  readonly hasKey: boolean;
  readonly kind: (typeof kinds)[number];
  /** Which rows are deleted, changed and added since. */
  readonly deleted: readonly number[];
  readonly changed: readonly number[];
  readonly added: number;
}

const cell = fc.option(fc.nat(9), { freq: 4 });

/** The first column is the one that a migration drops, converts or updates; the last one is what is changed since. */
export const randomTable: fc.Arbitrary<RandomTable> = fc
  .array(fc.constantFrom(...Object.keys(literals)), { minLength: 2, maxLength: 5 })
  .chain((types) =>
    fc.record({
      types: fc.constant(types),
      rows: fc.array(fc.tuple(...types.map(() => cell)), { minLength: 1, maxLength: 9 }),
      hasKey: fc.boolean(),
      kind: fc.constantFrom(...kinds),
      deleted: fc.array(fc.nat(8), { maxLength: 2 }),
      changed: fc.array(fc.nat(8), { maxLength: 3 }),
      added: fc.nat(3),
    }),
  );

export function literalOf(type: string, index: number | null): string {
  const list = literals[type] ?? [];
  return index === null ? 'NULL' : `(${list[index % list.length]})::${type}`;
}
