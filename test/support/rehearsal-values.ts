/** A type of a column of a random table: values of it as SQL literals, and types that it may be changed to. */
export interface RandomType {
  readonly sql: string;
  readonly values: readonly string[];
  /** Types, each with how a value is converted; "$" is the column. */
  readonly retypes: readonly (readonly [type: string, using: string])[];
}

const plain = (...types: string[]) => types.map((type) => [type, `$::${type}`] as const);

/** Alike ones stand side by side, so that a conversion finds values that it loses and others that it keeps. */
export const randomTypes: readonly RandomType[] = [
  {
    sql: 'int',
    values: ['0', '1', '-7', '42', '32767', '2147483647'],
    retypes: [...plain('bigint', 'text', 'numeric', 'smallint', 'float8', 'bool')],
  },
  {
    sql: 'bigint',
    values: ['0', '5', '9007199254740993', '-9223372036854775808'],
    retypes: plain('int', 'text', 'numeric(20,1)', 'float8'),
  },
  {
    sql: 'numeric',
    values: ['1.50', '1.5', '-0.001', '2', "'NaN'", '12345678901234567890'],
    retypes: plain('numeric(10,1)', 'int', 'text', 'float8', 'varchar(3)'),
  },
  {
    sql: 'numeric(10,2)',
    values: ['1.50', '2.00', '-3.14', '100'],
    retypes: plain('int', 'numeric(12,4)', 'float8', 'numeric'),
  },
  {
    sql: 'text',
    values: ["''", "'7'", "' 7'", "'ünï cödé'", "E'line\\nbreak\\t\\\\'", "'NULL'", "'{}'"],
    retypes: [...plain('varchar(2)', 'char(9)'), ['int', 'length($)'], ['text', 'upper($)']],
  },
  {
    sql: 'varchar(20)',
    values: ["'a'", "'abcdef'", "'  x '", "'it''s'"],
    retypes: [...plain('text', 'varchar(3)', 'varchar(40)'), ['bool', 'length($) > 3']],
  },
  { sql: 'char(5)', values: ["'ab'", "'abcde'", "''"], retypes: plain('text', 'char(2)') },
  { sql: 'bool', values: ['true', 'false'], retypes: plain('int', 'text') },
  {
    sql: 'date',
    values: ["'2024-02-29'", "'0044-03-15 BC'", "'infinity'"],
    retypes: plain('timestamp', 'text', 'timestamptz'),
  },
  {
    sql: 'timestamp',
    values: ["'2024-05-06 07:08:09.123456'", "'2024-05-06'", "'-infinity'"],
    retypes: plain('date', 'text', 'timestamp(0)'),
  },
  {
    sql: 'timestamptz',
    values: ["'2024-05-06 00:00:00+00'", "'2024-05-06 07:08:09.5+02'"],
    retypes: [['timestamp', "$ AT TIME ZONE 'UTC'"], ...plain('date', 'text')],
  },
  {
    sql: 'float8',
    values: ['0.1', "'NaN'", "'-0'", '1e300', '3'],
    retypes: plain('numeric', 'int', 'text'),
  },
  { sql: 'real', values: ['0.1', '16777216', '2'], retypes: plain('float8', 'int') },
  {
    sql: 'jsonb',
    values: [`'{"a": [1, null], "b": "x"}'`, "'1.50'", "'null'", "'[]'"],
    retypes: plain('json', 'text'),
  },
  {
    sql: 'json',
    values: [`'{"b":1, "a":2, "a":3}'`, "'[1, 2]'", "'null'"],
    retypes: plain('jsonb', 'text'),
  },
  {
    sql: 'uuid',
    values: ["'11111111-2222-3333-4444-555555555555'", "'00000000-0000-0000-0000-000000000000'"],
    retypes: plain('text'),
  },
  { sql: 'bytea', values: ["'\\x'", "'\\xdeadbeef00'"], retypes: plain('text') },
  {
    sql: 'int[]',
    values: ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'"],
    retypes: plain('bigint[]', 'text[]', 'text'),
  },
  { sql: 'text[]', values: [`'{a,"b c",NULL}'`, "'{}'"], retypes: plain('text', 'varchar(1)[]') },
  { sql: 'point', values: ["'(1,2)'", "'(0.1,-3)'"], retypes: plain('text') },
  { sql: 'interval', values: ["'1 mon 2 days'", "'-03:04:05.6'"], retypes: plain('text') },
  { sql: 'inet', values: ["'10.0.0.1'", "'::1/64'"], retypes: plain('text', 'cidr') },
  { sql: 'int4range', values: ["'[1,5)'", "'empty'"], retypes: plain('text') },
  {
    sql: '"Odd schema".mood',
    values: ["'sad'", "'so so'", "'glad'"],
    retypes: plain('text', 'varchar(3)'),
  },
  {
    sql: '"Odd schema".positive',
    values: ['1', '200'],
    retypes: plain('int', 'text', 'smallint'),
  },
];

/** Names as people should not choose them, and may. */
export const tableNames = [
  'plain',
  'Weird "name"',
  'a b; c',
  "it's",
  'naïve–ü',
  '-dash',
  'dot.ted',
  'line\nbreak',
];
export const columnNames = ['a', 'B', 'c d', 'e"f', "g'h", 'i.j', '-k', 'ł', 'xmin_', 'key', 'n'];
