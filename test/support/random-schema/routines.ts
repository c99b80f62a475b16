import type { Choices } from './choices.js';
import { literal } from './names.js';
import { anyType } from './types.js';
import type { Routine, World } from './world.js';

const dollar = (body: string): string => `AS $body$${body}$body$`;

/** Properties of a function that do not change what it gives. */
function flags(choices: Choices): string {
  return [
    choices.maybe('strict', 4, 'STRICT'),
    choices.maybe('leakproof', 8, 'LEAKPROOF'),
    choices.maybe('definer', 5, 'SECURITY DEFINER'),
    choices.maybe('cost', 5, 'COST 250'),
    choices.pick('parallel', ['', '', 'PARALLEL SAFE', 'PARALLEL RESTRICTED']),
  ].join(' ');
}

const settings: readonly [string, ...string[]] = [
  '',
  '',
  '',
  'SET search_path = pg_catalog, pg_temp',
  `SET search_path = ''`,
  `SET work_mem = '4MB' SET "my.setting" = 'it''s'`,
];

interface Simple {
  readonly takes: string;
  readonly gives: string;
  readonly bodies: readonly [string, ...string[]];
}

/** Functions of a number or text that checks, defaults, indexes and views may call. */
const simple: readonly [Simple, ...Simple[]] = [
  { takes: 'integer', gives: 'integer', bodies: ['$1 + 1', '$1 * 2', 'abs($1)'] },
  { takes: 'text', gives: 'text', bodies: ['lower($1)', `$1 || 'x'`, `replace($1, '''', '"')`] },
  { takes: 'integer', gives: 'boolean', bodies: ['$1 > -100', '$1 IS NOT NULL'] },
  { takes: 'text', gives: 'boolean', bodies: ['length($1) < 100', '$1 IS NOT NULL'] },
];

function bodyOf(choices: Choices, expression: string): { language: string; body: string } {
  switch (choices.number('language', 4)) {
    case 1:
      return {
        language: 'plpgsql',
        body: dollar(`\nBEGIN\n  -- counts: 'not' a "string"\n  RETURN ${expression};\nEND\n`),
      };
    case 2:
      return { language: 'sql', body: `RETURN ${expression}` };
    case 3:
      return { language: 'sql', body: `BEGIN ATOMIC\n  SELECT ${expression};\nEND` };
    default:
      return { language: 'sql', body: dollar(`SELECT ${expression}`) };
  }
}

function register(world: World, choices: Choices, routine: Omit<Routine, 'id'>, list: Routine[]) {
  list.push({ ...routine, id: choices.id });
  const target = `FUNCTION ${routine.name}(${routine.takes})`;
  const grants = { on: target, privileges: ['EXECUTE'] as [string] };
  world.annotate({ choices, target, ownable: true, grants });
}

function addTriggerFunction(world: World, choices: Choices, schema: string, name: string): void {
  const event = choices.flag('event trigger', 5);
  const result = event ? '' : choices.pick('result', ['NULL', 'NEW', 'OLD']);
  world.run(
    `CREATE FUNCTION ${name}() RETURNS ${event ? 'event_trigger' : 'trigger'} LANGUAGE plpgsql ${choices.pick('settings', settings)}
     ${dollar(`\nBEGIN\n  RETURN ${result};\nEND;\n`)}`,
  );
  const gives = event ? 'event_trigger' : 'trigger';
  const routine = { name, schema, takes: '', gives, immutable: false };
  register(world, choices, routine, world.triggerFunctions);
}

/** A function that nothing but types that every database has is needed for. */
export function addFunction(world: World, choices: Choices): void {
  const { schema, name: own } = world.nameFor(choices, 'fn');
  if (choices.flag('trigger', 3)) {
    addTriggerFunction(world, choices, schema, own);
    return;
  }
  const { takes, gives, bodies } = choices.pick('signature', simple);
  const overloaded = choices.flag('overload', 4)
    ? choices.reference('overload of', world.functions)
    : undefined;
  const shared = overloaded && world.claim(`overload ${overloaded.name}(${takes})`);
  const name = shared ? overloaded.name : own;
  // Two functions may not differ in what they give alone.
  world.claim(`overload ${name}(${takes})`);
  const { language, body } = bodyOf(choices, choices.pick('body', bodies));
  const immutable = !choices.flag('volatile', 4);
  const argument = choices.maybe('named', 2, '"the value" ');
  const given = choices.flag('argument default', 5)
    ? ` DEFAULT ${takes === 'text' ? `'a,b'` : '7'}`
    : '';
  world.run(
    `CREATE FUNCTION ${name}(${argument}${takes}${given}) RETURNS ${gives} LANGUAGE ${language}
     ${immutable ? 'IMMUTABLE' : choices.pick('volatility', ['VOLATILE', 'STABLE'])} ${flags(choices)}
     ${choices.pick('settings', settings)} ${body}`,
  );
  const routine = { name, schema: overloaded?.schema ?? schema, takes, gives, immutable };
  register(world, choices, routine, world.functions);
}

/** Routines that may use anything there is: types of the schema, tables and views. */
export function addRoutine(world: World, choices: Choices): void {
  const { name } = world.nameFor(choices, 'rt');
  const makers = [
    addReader,
    addReader,
    addTyped,
    addProcedure,
    addAggregate,
    addRowFunction,
  ] as const;
  choices.pick('what', makers)(world, choices, name);
}

function annotate(world: World, choices: Choices, what: string, grantAs: string, name: string) {
  const grants = { on: `${grantAs} ${name}`, privileges: ['EXECUTE'] as [string] };
  world.annotate({ choices, target: `${what} ${name}`, ownable: true, grants });
}

/** A function with an SQL body, which PostgreSQL keeps parsed: it depends on what it reads. */
function addReader(world: World, choices: Choices, name: string): void {
  const read = choices.reference('reads', [...world.tables, ...world.views]);
  const column = read && choices.reference('column', read.columns);
  const from = read ? ` FROM ${read.name} r` : '';
  const counted = column ? `count(r.${column.name})` : 'count(*)';
  const body = choices.flag('atomic')
    ? `BEGIN ATOMIC\n SELECT ${counted}${from};\nEND`
    : dollar(`SELECT ${counted}${from}`);
  world.run(
    `CREATE FUNCTION ${name}() RETURNS bigint LANGUAGE sql STABLE ${flags(choices)} ${body}`,
  );
  annotate(world, choices, 'FUNCTION', 'FUNCTION', `${name}()`);
}

/** Arguments of all modes, with types of the schema and defaults. */
function addTyped(world: World, choices: Choices, name: string): void {
  const first = anyType(world, choices, 'first');
  const second = anyType(world, choices, 'second');
  const given = choices.flag('given', 3)
    ? ` DEFAULT ${choices.pick('sample', second.samples)}`
    : '';
  const variadic = given === '' && choices.flag('variadic', 5);
  const mode = choices.pick('mode', ['plain', 'out', 'table', 'setof'] as const);
  const args = [`a ${first.sql}`, `"B b" ${second.sql}${given}`];
  if (variadic) args.push('VARIADIC rest text[]');
  if (mode === 'out') args.unshift(`OUT c ${first.sql}`, 'OUT d integer');
  const returns = {
    plain: `RETURNS ${first.sql}`,
    out: '',
    table: `RETURNS TABLE (c ${first.sql}, d integer)`,
    setof: `RETURNS SETOF ${first.sql} ROWS 7`,
  }[mode];
  const wide = mode === 'out' || mode === 'table';
  world.run(
    `CREATE FUNCTION ${name}(${args.join(', ')}) ${returns} LANGUAGE sql ${flags(choices)}
     ${choices.pick('settings', settings)} ${dollar(wide ? 'SELECT a, 1' : 'SELECT a')}`,
  );
  const signature = `${first.sql}, ${second.sql}${variadic ? ', text[]' : ''}`;
  annotate(world, choices, 'FUNCTION', 'FUNCTION', `${name}(${signature})`);
}

function addProcedure(world: World, choices: Choices, name: string): void {
  const type = anyType(world, choices, 'type');
  const atomic = choices.flag('atomic', 3);
  const body = atomic
    ? 'BEGIN ATOMIC\n SELECT 1;\nEND'
    : dollar(choices.pick('body', ['SELECT 1', 'SELECT 2']));
  world.run(
    `CREATE PROCEDURE ${name}(a ${type.sql}, INOUT b integer DEFAULT 3) LANGUAGE ${atomic ? 'sql' : 'sql'}
     ${choices.maybe('definer', 3, 'SECURITY DEFINER')} ${body}`,
  );
  annotate(world, choices, 'PROCEDURE', 'PROCEDURE', `${name}(${type.sql}, integer)`);
}

const aggregates: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ['integer', `sfunc = int4pl, stype = integer, initcond = '0'`],
  ['integer', `sfunc = int4larger, stype = integer, combinefunc = int4larger, parallel = safe`],
  ['integer', `sfunc = int4larger, stype = integer, sortop = >`],
  ['text', `sfunc = textcat, stype = text, initcond = 'it''s'`],
  [
    'double precision',
    `sfunc = float8_accum, stype = double precision[], finalfunc = float8_avg, initcond = '{0,0,0}'`,
  ],
  [
    'integer',
    `sfunc = int4pl, stype = integer, msfunc = int4pl, minvfunc = int4mi, mstype = integer, minitcond = '1'`,
  ],
];

function addAggregate(world: World, choices: Choices, name: string): void {
  const [takes, how] = choices.pick('how', aggregates);
  world.run(`CREATE AGGREGATE ${name}(${takes}) (${how})`);
  annotate(world, choices, 'AGGREGATE', 'FUNCTION', `${name}(${takes})`);
}

/** A function whose argument is the row type of a table. */
function addRowFunction(world: World, choices: Choices, name: string): void {
  const table = choices.reference('table', world.tables);
  if (!table) {
    addReader(world, choices, name);
    return;
  }
  const set = choices.flag('set');
  world.run(
    `CREATE FUNCTION ${name}(r ${table.name}) RETURNS ${set ? `SETOF ${table.name}` : 'text'} LANGUAGE sql STABLE
     ${dollar(set ? 'SELECT r.*' : `SELECT ${literal('row')}::text`)}`,
  );
  annotate(world, choices, 'FUNCTION', 'FUNCTION', `${name}(${table.name})`);
}
