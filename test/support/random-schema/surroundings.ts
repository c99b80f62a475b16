import type { Choices } from './choices.js';
import { literal, oddName, quote } from './names.js';
import { plainText } from './types.js';
import type { World } from './world.js';

/** A schema of its own; "public" is always there. */
export function addSchema(world: World, choices: Choices): void {
  const plain = oddName('s', choices.id % 40);
  const name = quote(world.claim(`schema ${plain}`) ? plain : oddName('s', choices.id + 1000));
  world.run(`CREATE SCHEMA ${name}`);
  world.schemas.push({ id: choices.id, name });
  const grants = { on: `SCHEMA ${name}`, privileges: ['USAGE', 'CREATE'] as [string, string] };
  world.annotate({ choices, target: `SCHEMA ${name}`, ownable: true, grants });
}

/** Extensions that a database without them can be given; they bring types, functions and operator classes. */
const known: readonly [string, ...string[]] = [
  'citext',
  'hstore',
  'btree_gist',
  'pg_trgm',
  'unaccent',
];

/** An extension, where the server has it. */
export function addExtension(world: World, choices: Choices): void {
  const name = choices.pick('which', known);
  if (!world.place.extensions.includes(name) || !world.claim(`extension ${name}`)) return;
  const schema = choices.flag('elsewhere', 3) ? world.schemaFor(choices) : '"public"';
  world.run(`CREATE EXTENSION ${name} SCHEMA ${schema}`);
  world.extensions.add(name);
  world.annotate({ choices, target: `EXTENSION ${name}` });
  if (name === 'citext' || name === 'hstore') {
    const samples: [string] = [name === 'citext' ? `'Ab'` : `'a=>1'`];
    world.types.push({
      id: choices.id,
      sql: `${schema}.${name}`,
      family: 'other',
      samples,
      own: true,
    });
  }
}

/** A collation that every operating system has. */
export function addCollation(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'col');
  world.run(
    `CREATE COLLATION ${name} (provider = libc, locale = '${choices.pick('locale', ['C', 'POSIX'])}')`,
  );
  world.collations.push({ id: choices.id, name });
  world.annotate({ choices, target: `COLLATION ${name}`, ownable: true });
}

function addCast(world: World, choices: Choices): void {
  const type = choices.reference(
    'from',
    world.types.filter(({ family, own, sql }) => own && family === 'enum' && !sql.endsWith(']')),
  );
  if (!type || !world.claim(`cast ${type.sql}`)) return;
  const context = choices.pick('context', ['', 'AS ASSIGNMENT']);
  world.run(`CREATE CAST (${type.sql} AS integer) WITH INOUT ${context}`);
  world.annotate({ choices, target: `CAST (${type.sql} AS integer)` });
}

function addClass(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'ops');
  const compare = choices.pick('compare', ['btint4cmp(integer, integer)', 'btint4cmp']);
  world.run(
    `CREATE OPERATOR CLASS ${name} FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
     OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 ${compare}`,
  );
  world.annotate({ choices, target: `OPERATOR CLASS ${name} USING btree`, ownable: true });
}

const signs: readonly [string, ...string[]] = ['===', '<~>', '@#@', '|&|'];

/** Operators, casts and operator classes. */
export function addOperator(world: World, choices: Choices): void {
  if (choices.flag('cast', 3)) {
    addCast(world, choices);
    return;
  }
  if (choices.flag('class', 4)) {
    addClass(world, choices);
    return;
  }
  const schema = world.schemaFor(choices);
  const sign = choices.pick('sign', signs);
  const name = `${schema}.${sign}`;
  if (!world.claim(`operator ${name}`)) return;
  const commutes = choices.maybe('commutes', 3, `, commutator = OPERATOR(${name})`);
  const called = choices.pick('function', ['int4eq', 'int4ne']);
  world.run(
    `CREATE OPERATOR ${name} (leftarg = integer, rightarg = integer, function = ${called}${commutes})`,
  );
  world.annotate({ choices, target: `OPERATOR ${name} (integer, integer)`, ownable: true });
}

/** Dictionaries and configurations of text search. */
export function addTextSearch(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'ts');
  if (choices.flag('dictionary', 3)) {
    world.run(
      `CREATE TEXT SEARCH DICTIONARY ${name} (TEMPLATE = pg_catalog.simple, accept = ${choices.pick('accept', ['false', 'true'])})`,
    );
    world.annotate({ choices, target: `TEXT SEARCH DICTIONARY ${name}`, ownable: true });
    return;
  }
  const copied = choices.pick('copied', ['english', 'simple', 'german']);
  world.run(`CREATE TEXT SEARCH CONFIGURATION ${name} (COPY = pg_catalog.${copied})`);
  if (choices.flag('mapping')) {
    world.run(
      `ALTER TEXT SEARCH CONFIGURATION ${name} ALTER MAPPING FOR asciiword, word WITH simple`,
    );
  }
  if (choices.flag('dropped', 3))
    world.run(`ALTER TEXT SEARCH CONFIGURATION ${name} DROP MAPPING FOR url, host`);
  world.annotate({ choices, target: `TEXT SEARCH CONFIGURATION ${name}`, ownable: true });
}

const remarks: readonly [string, ...string[]] = [
  plainText.sql,
  `it's "quoted"`,
  'two\nlines\n',
  'Größe: 表',
  '\\back; -- slash',
];

/** Comments, owners and grants, for whatever may have them. */
export function annotateAll(world: World): void {
  for (const { choices, target, ownable, grants } of world.annotated) {
    if (choices.flag(`comment ${target.slice(0, 3)}`, 4)) {
      world.run(`COMMENT ON ${target} IS ${literal(choices.pick('remark', remarks))}`);
    }
    if (ownable && choices.flag('owned by role', 5)) {
      world.run(`ALTER ${target} OWNER TO ${world.role(choices, 'owner')}`);
    }
    if (grants) grant(world, choices, grants);
  }
}

function grant(
  world: World,
  choices: Choices,
  { on, privileges }: { on: string; privileges: readonly [string, ...string[]] },
): void {
  const privilege = choices.pick('privilege', privileges);
  // Of columns the privilege stands before the list of them.
  const what = on.startsWith('(') ? `${privilege} ${on}` : `${privilege} ON ${on}`;
  if (choices.flag('granted', 4)) {
    const to = choices.pick('to', [
      'PUBLIC',
      world.role(choices, 'grantee'),
      world.role(choices, 'grantee'),
    ]);
    const option = to !== 'PUBLIC' && choices.flag('grant option', 5) ? ' WITH GRANT OPTION' : '';
    world.run(`GRANT ${what} TO ${to}${option}`);
  }
  const everybodys = /^(?:FUNCTION|PROCEDURE|TYPE|DOMAIN)/.test(on);
  if (everybodys && choices.flag('revoked', 5)) world.run(`REVOKE ${what} FROM PUBLIC`);
}

const defaults: readonly [string, ...string[]] = [
  'GRANT SELECT ON TABLES TO @',
  'GRANT USAGE ON SEQUENCES TO @',
  'GRANT EXECUTE ON FUNCTIONS TO @',
  'GRANT ALL ON TYPES TO @',
  'REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC',
];

/** What objects that are made later are granted by themselves. */
export function addPrivileges(world: World, choices: Choices): void {
  const within = choices.flag('within') ? `IN SCHEMA ${world.schemaFor(choices)}` : '';
  const role = choices.flag('for role', 3) ? `FOR ROLE ${world.role(choices, 'of')}` : '';
  const what = choices.pick('what', defaults).replace('@', () => world.role(choices, 'to'));
  world.run(`ALTER DEFAULT PRIVILEGES ${role} ${within} ${what}`);
}
