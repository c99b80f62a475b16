import { describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import { type Scene, useScene } from './scene.js';

/** Values of every built-in type that are easily lost on the way through another form. */
const values: readonly (readonly [type: string, ...literals: string[]])[] = [
  ['boolean', 'true', 'false'],
  ['smallint', '-32768', '32767'],
  ['integer', '-2147483648'],
  ['bigint', '9007199254740993', '-9223372036854775808'],
  [
    'numeric',
    'NaN',
    '1.10',
    '1.1',
    '-0.00',
    '123456789012345678901234567890.123456789012345678901234567890',
  ],
  ['numeric(10,2)', '12345678.90'],
  ['real', '3.4028235e38', '1e-45', '-0', 'NaN', '0.1'],
  [
    'double precision',
    '0.1',
    '5e-324',
    '1.7976931348623157e308',
    '-0',
    'Infinity',
    '-Infinity',
    'NaN',
  ],
  ['money', '-92233720368547758.08'],
  ['text', '', ' a ', 'line\nbreak\ttab\\', '日本 😀 e\u0301', "quote's"],
  ['character varying(9)', 'a ', ''],
  ['character(5)', 'ab'],
  ['"char"', 'x'],
  ['name', 'a name'],
  ['bytea', '\\x', '\\x00ff275c', '\\xdeadbeef'],
  ['date', 'infinity', '-infinity', '0044-03-15 BC', '5874897-12-31'],
  ['time', '24:00:00', '00:00:00.000001'],
  ['time with time zone', '12:34:56.789+05:30'],
  ['timestamp', 'infinity', '-infinity', '4713-01-01 00:00:00 BC', '2026-11-20 12:00:00.123456'],
  [
    'timestamp with time zone',
    'infinity',
    '2026-03-29 02:30:00.000001+02',
    '0001-01-01 00:00:00+00 BC',
  ],
  ['interval', '1 month -1 day 24:00:00.000001', '-178000000 years', '30 days', '1 mon'],
  ['interval day to second(3)', '1 day 00:00:01.234'],
  ['bit(5)', '10101'],
  ['bit varying', '', '1'],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['json', '{"b":1, "a":2,"b":3}', '1.10', 'null', '  [1,\n2]'],
  ['jsonb', '{"b":1,"a":1.10}', 'null'],
  ['jsonpath', '$.a[*] ? (@ > 1)'],
  ['xml', '<a b="1"><![CDATA[<x>]]></a>'],
  ['inet', '192.168.1.5/24', '::1'],
  ['cidr', '10.0.0.0/8'],
  ['macaddr', '08:00:2b:01:02:03'],
  ['macaddr8', '08:00:2b:01:02:03:04:05'],
  ['point', '(1.1,-0)', '(NaN,Infinity)'],
  ['line', '{1,2,3}'],
  ['lseg', '[(0,0),(1,1)]'],
  ['box', '(1,1),(0,0)'],
  ['path', '((0,0),(1,1))', '[(0,0),(1,1)]'],
  ['polygon', '((0,0),(1,1),(1,0))'],
  ['circle', '<(0,0),1.5>'],
  ['tsvector', "'a':1A,3 'b':2"],
  ['tsquery', "'a' & !'b' <-> 'c':*"],
  ['int4range', 'empty', '[1,10)', '(,)'],
  ['numrange', '[1.10,2.0]', '(,5)'],
  ['tstzrange', '[2026-01-01 00:00:00+00,infinity)', '[2026-01-01 00:00:00+00,)'],
  ['daterange', '[2026-01-01,2026-02-01)'],
  ['int8multirange', '{[1,2),[5,6)}', '{}'],
  ['pg_lsn', '16/B374D848'],
  ['oid', '4294967295'],
  ['regclass', 'pg_class'],
  ['xid8', '18446744073709551615'],
  ['pg_snapshot', '10:20:10,14,15'],
  ['integer[]', '{}', '{1,NULL,3}', '[0:1]={5,6}', '{{1,2},{3,4}}'],
  ['text[]', '{"",NULL,"NULL","a,b","\\\\x"}'],
  ['numeric(5,1)[]', '{NaN,1.0}'],
  ['jsonb[]', '{"{\\"a\\": 1}"}'],
  // Of the user's own making.
  ['types.mood', 'sad', "it's"],
  ['types.mood[]', '{sad,NULL}'],
  ['types.pair', '(1,"a ""q"", b")', '(,)', '(,"")'],
  ['types.pair[]', '{"(1,x)",NULL}'],
  ['types.short', 'ab'],
  ['types.shorter', 'a'],
  ['types.many', '{1,2}'],
  ['types.shorts', '{ab,c}'],
  ['types.moody', 'sad'],
  ['types.floats', '[1e-300,0.1)', 'empty'],
  ['types.mixed', '(0.1,"2026-01-01 00:00:00+00","\\\\xff","1 mon","{""b"":1,""b"":2}")'],
];

const types = `
  CREATE SCHEMA types;
  CREATE TYPE types.mood AS ENUM ('sad', 'it''s');
  CREATE TYPE types.pair AS (a int, b text);
  CREATE TYPE types.mixed AS (a float8, b timestamptz, c bytea, d interval, e json);
  CREATE DOMAIN types.short AS varchar(3) CHECK (value <> 'bad');
  CREATE DOMAIN types.shorter AS types.short;
  CREATE DOMAIN types.many AS int[];
  CREATE DOMAIN types.moody AS types.mood;
  CREATE TYPE types.floats AS RANGE (subtype = float8);
  CREATE DOMAIN types.word AS text;
  CREATE DOMAIN types.shorts AS types.short[];
  -- A cast of the user's own is no form to keep values in.
  CREATE FUNCTION types.lie(types.mood) RETURNS text LANGUAGE sql AS $$ SELECT 'lie' $$;
  CREATE CAST (types.mood AS text) WITH FUNCTION types.lie(types.mood) AS ASSIGNMENT;`;

const quote = (literal: string) => `'${literal.replaceAll("'", "''")}'`;

const columns = values.map(([type], index) => `c${index} ${type}`);

/** One row for each value, and one of NULLs. */
function insert(table: string): string {
  const longest = Math.max(...values.map(({ length }) => length - 1));
  const rows = Array.from({ length: longest + 1 }, (_, row) => {
    const cells = values.map(([type, ...literals]) => {
      const literal = literals[row];
      return literal === undefined ? 'NULL' : `${quote(literal)}::${type}`;
    });
    return `(${[row + 1, ...cells].join(', ')})`;
  });
  return `INSERT INTO ${table} VALUES ${rows.join(', ')}`;
}

/** Values of a version's backups that differ in any byte from those of a copy that was made before. */
async function differing(scene: Scene, version: string, original: string): Promise<unknown[]> {
  const wrong: unknown[] = [];
  for (const backup of await scene.backups(version)) {
    const key = backup.columns.find(({ name }) => name === 'id');
    const looks = backup.columns.flatMap(({ name, before, form, type }) => {
      if (name === 'id') return [];
      const value = form === 'text' ? `b.${before}::${type}` : `b.${before}`;
      return `SELECT '${type}' AS type, o.id, o.${name}::text AS was, b.${before}::text AS kept
                FROM ${original} o LEFT JOIN belay.${backup.dataTable} b ON b.${key?.before} = o.id
               WHERE ROW(${value}::${type})::record *<> ROW(o.${name})::record`;
    });
    wrong.push(...(await scene.rows(looks.join(' UNION ALL '))));
  }
  return wrong;
}

describe.each(testServers())('types in record backups on $name', (server) => {
  const scene = useScene(server, 'kept_types', types);
  const create = (table: string) =>
    scene.run(
      `CREATE TABLE ${table} (id int PRIMARY KEY, ${columns.join(', ')}); ${insert(table)}; CREATE TABLE ${table}_was AS TABLE ${table}`,
    );
  /** What a script may set, and what would change the text of values. */
  const settings = `SET DateStyle = 'German'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -5; SET bytea_output = 'escape'; SET TimeZone = 'Asia/Tokyo';
    SET search_path = types`;
  const noLosses = [[], [], [], [], [], []];

  it('come out of a dropped column as they were, bit for bit', async () => {
    await create('public.a');
    const drops = columns.map((_, index) => `DROP c${index}`).join(', ');
    await scene.migrate(
      `${settings}; ALTER TABLE public.a ${drops}`,
      [...noLosses, columns.map((_, index) => `column public.a.c${index}`)],
      { version: 'columns' },
    );
    expect(await scene.backups('columns')).toHaveLength(columns.length);
    expect(await differing(scene, 'columns', 'public.a_was')).toEqual([]);
  });

  it('come out of rows that were dropped, deleted, truncated and updated as they were', async () => {
    await create('public.b');
    await create('public.c');
    await create('public.d');
    await create('public.e');
    const nulls = columns.map((_, index) => `c${index} = NULL`).join(', ');
    await scene.migrate(
      `${settings}; DROP TABLE public.b; DELETE FROM public.c; TRUNCATE public.d; UPDATE public.e SET ${nulls}`,
      [
        ...noLosses,
        ['table public.b'],
        ['DELETE public.c'],
        ['TRUNCATE public.d'],
        ['UPDATE public.e'],
      ],
      { version: 'rows' },
    );
    const backups = await scene.backups('rows');
    expect(backups.map(({ kind }) => kind)).toEqual(['table', 'delete', 'truncate', 'update']);
    expect(await differing(scene, 'rows', 'public.b_was')).toEqual([]);
  });

  it('do not keep a type, a domain, a collation or an extension from being dropped', async () => {
    await scene.run(`CREATE COLLATION types.own (provider = libc, locale = 'C');
      CREATE TABLE public.f (id types.short PRIMARY KEY, m types.mood, s types.short, p types.pair[], t text COLLATE types.own, ts text[] COLLATE types.own,
        w types.word COLLATE types.own);
      INSERT INTO public.f VALUES ('a', 'sad', 'x', NULL, 'y', '{z}', 'w')`);
    await scene.migrate(
      `UPDATE public.f SET id = 'b', t = 'q'; ALTER TABLE public.f DROP m, DROP t; DROP TABLE public.f`,
      [['UPDATE public.f'], ['column public.f.m', 'column public.f.t'], ['table public.f']],
      { version: 'drops' },
    );
    const rows = (await scene.backups('drops')).map(({ id }) => id);
    const before = await scene.rows(
      'SELECT count(*)::int AS n FROM belay.backed_up_records WHERE backup_id = ANY ($1)',
      [rows],
    );
    await scene.run(
      `DROP TABLE public.a_was, public.b_was, public.c_was, public.d_was, public.e_was, public.a, public.c, public.d, public.e; DROP SCHEMA types CASCADE`,
    );
    expect(
      await scene.rows(
        'SELECT count(*)::int AS n FROM belay.backed_up_records WHERE backup_id = ANY ($1)',
        [rows],
      ),
    ).toEqual(before);
    expect(before).toEqual([{ n: 4 }]);
  });
});
