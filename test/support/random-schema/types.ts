import type { Choices } from './choices.js';
import { literal } from './names.js';
import type { TypeFamily, TypeUse, World } from './world.js';

const builtIn = (sql: string, family: TypeFamily, ...samples: [string, ...string[]]): TypeUse => ({
  id: sql.length * 31 + sql.charCodeAt(0),
  ...{ sql, family, samples },
});

export const integer = builtIn('integer', 'int', '0', '-7', '(1 + 2)');
export const plainText = builtIn('text', 'text', `''`, `'it''s'`, `('a'::text || 'b')`, `E'x\\ny'`);

/** Types that every database has; the first are the commonest. */
export const builtInTypes: readonly [TypeUse, ...TypeUse[]] = [
  integer,
  plainText,
  builtIn('bigint', 'int', '0', '9000000000'),
  builtIn('boolean', 'bool', 'false', 'true'),
  builtIn('character varying(40)', 'text', `'none'`, `CURRENT_USER`),
  builtIn('numeric(12,2)', 'numeric', '0', '1.50'),
  builtIn('timestamp with time zone', 'time', 'now()', 'CURRENT_TIMESTAMP'),
  builtIn('uuid', 'uuid', 'gen_random_uuid()'),
  builtIn('jsonb', 'json', `'{}'`, `'{"a": [1, "it''s"]}'`),
  builtIn('text[]', 'array', `'{}'`, `ARRAY['a'::text, 'b'::text]`),
  builtIn('smallint', 'int', '3'),
  builtIn('date', 'time', `'2026-01-31'`, 'CURRENT_DATE'),
  builtIn('double precision', 'numeric', '0.5', 'random()'),
  builtIn('numeric', 'numeric', `'NaN'`),
  builtIn('character(3)', 'text', `'abc'`),
  builtIn('integer[]', 'array', `'{1,2}'`),
  builtIn('int4range', 'range', `'[1,5)'`, `'empty'`),
  builtIn('tstzrange', 'range', `'empty'`),
  builtIn('timestamp(3) without time zone', 'time', `'2026-01-31 10:00:00'`),
  builtIn('time without time zone', 'time', `'10:00'`),
  builtIn('interval day to second', 'other', `'1 day'`),
  builtIn('bytea', 'other', `'\\x00ff'`),
  builtIn('inet', 'other', `'10.0.0.1'`),
  builtIn('point', 'other', `'(1,2)'`),
  builtIn('bit varying(9)', 'other', `B'101'`),
  builtIn('json', 'other', `'[]'`),
  builtIn('xml', 'other', `'<a/>'`),
  builtIn('tsvector', 'other', `'a b'`),
  builtIn('int4multirange', 'other', `'{}'`),
  builtIn('"char"', 'other', `'x'`),
  builtIn('money', 'other', `'1'`),
  builtIn('oid', 'other', '1'),
  builtIn('regclass', 'other', `'pg_class'`),
];

/** A type for a column, an attribute or a domain; the schema's own types too. */
export function anyType(world: World, choices: Choices, label: string): TypeUse {
  const own = world.types.length > 0 && choices.flag(`${label} own`, 4);
  const chosen = own
    ? (choices.reference(`${label} which`, world.types) ?? integer)
    : choices.pick(`${label} built in`, builtInTypes);
  if (!chosen.own || !choices.flag(`${label} array`, 6)) return chosen;
  return { ...chosen, sql: `${chosen.sql}[]`, family: 'array', samples: [`'{}'`] };
}

function register(world: World, choices: Choices, type: Omit<TypeUse, 'id' | 'own'>): void {
  world.types.push({ ...type, id: choices.id, own: true });
}

/** "USAGE" is all that there is to grant on a type. */
function annotateType(world: World, choices: Choices, what: 'TYPE' | 'DOMAIN', name: string): void {
  const grants = { on: `${what} ${name}`, privileges: ['USAGE'] as [string] };
  world.annotate({ choices, target: `${what} ${name}`, ownable: true, grants });
}

const labels = ['new', 'open', `it's`, 'Größe', 'closed', 'with blank', '', 'x"y', 'end'] as const;

/** Each label is there or not, and sometimes the order is another. */
export function addEnum(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'mood');
  const chosen = labels.filter((_, at) => at < 2 || choices.flag(`label ${at}`));
  if (choices.flag('turned', 5)) chosen.reverse();
  const texts = chosen.map(literal) as [string, ...string[]];
  world.run(`CREATE TYPE ${name} AS ENUM (${texts.join(', ')})`);
  const samples = ['new', 'open'].map((label) => `${literal(label)}::${name}`);
  register(world, choices, { sql: name, family: 'enum', samples: samples as [string, string] });
  annotateType(world, choices, 'TYPE', name);
}

function domainCheck(family: TypeFamily, bound: number): string {
  if (family === 'text') return `length(VALUE) < ${1000 + bound}`;
  if (family === 'int') return `VALUE > -${1000 + bound}`;
  return bound % 2 === 0 ? 'VALUE IS NOT NULL OR true' : 'NOT (VALUE IS NULL AND false)';
}

/** A domain over a type, with a default and checks, some of which have names. */
export function addDomain(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'dom');
  const base = anyType(world, choices, 'type');
  const collated = base.family === 'text' && choices.flag('collated', 4);
  const collation = choices.reference('collation', world.collations)?.name ?? '"C"';
  const given = choices.flag('default', 3)
    ? ` DEFAULT ${choices.pick('sample', base.samples)}`
    : '';
  const checks = [0, 1, 2]
    .filter((at) => choices.flag(`check ${at}`, 3))
    .map((at) => {
      const named = choices.flag(`named ${at}`) ? ` CONSTRAINT "check ${at}"` : '';
      return `${named} CHECK (${domainCheck(base.family, choices.number(`bound ${at}`, 50))})`;
    });
  world.run(
    `CREATE DOMAIN ${name} AS ${base.sql}${collated ? ` COLLATE ${collation}` : ''}${given}
     ${choices.maybe('not null', 6, 'NOT NULL')} ${checks.join(' ')}`,
  );
  if (choices.flag('not valid', 6)) {
    const check = domainCheck(base.family, 77);
    world.run(`ALTER DOMAIN ${name} ADD CONSTRAINT later CHECK (${check}) NOT VALID`);
  }
  const samples = base.samples.map((sample) => `(${sample})::${name}`) as [string, ...string[]];
  register(world, choices, { sql: name, family: base.family, samples });
  annotateType(world, choices, 'DOMAIN', name);
}

/** A composite type with up to four attributes. */
export function addComposite(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'pair');
  const attributes = ['x', 'Y y', 'select', 'z'].filter(
    (_, at) => at < 1 || choices.flag(`a${at}`),
  );
  if (choices.flag('turned', 5)) attributes.reverse();
  const listed = attributes.map((attribute) => {
    const type = anyType(world, choices, `type ${attribute}`);
    const collated = type.family === 'text' && choices.flag(`c ${attribute}`, 5);
    return `"${attribute}" ${type.sql}${collated ? ' COLLATE "C"' : ''}`;
  });
  world.run(`CREATE TYPE ${name} AS (${listed.join(', ')})`);
  if (choices.flag('attribute comment', 4)) {
    world.run(`COMMENT ON COLUMN ${name}."x" IS 'part of it'`);
  }
  register(world, choices, { sql: name, family: 'composite', samples: ['NULL'] });
  annotateType(world, choices, 'TYPE', name);
}

const subtypes: readonly [string, ...string[]] = [
  'subtype = integer',
  'subtype = double precision, subtype_diff = float8mi',
  'subtype = text, collation = "C"',
  'subtype = text',
  'subtype = numeric',
  'subtype = time without time zone',
];

/** A range type; its multirange has a name of its own or the one that PostgreSQL gives it. */
export function addRange(world: World, choices: Choices): void {
  const { schema, name } = world.nameFor(choices, 'span');
  const subtype = choices.pick('subtype', subtypes);
  // Two names that are cut to 63 bytes, or that hold "range" where PostgreSQL replaces it, may be the same.
  const multirange = `multirange_type_name = ${schema}."spans ${choices.id}"`;
  world.run(`CREATE TYPE ${name} AS RANGE (${subtype}, ${multirange})`);
  register(world, choices, { sql: name, family: 'range', samples: [`'empty'::${name}`] });
  annotateType(world, choices, 'TYPE', name);
}
