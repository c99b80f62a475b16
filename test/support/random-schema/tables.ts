import type { Choices } from './choices.js';
import { alterationsOf, keyColumn, makeColumn } from './columns.js';
import { literal } from './names.js';
import type { Column, Table, World } from './world.js';

const tablePrivileges: [string, ...string[]] = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'TRIGGER',
  'TRUNCATE',
];

const options: readonly [string, ...string[]] = [
  '',
  '',
  'WITH (fillfactor = 70)',
  'WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)',
  'WITH (autovacuum_vacuum_scale_factor = 0.05, fillfactor = 90)',
];

function rolesOf(choices: Choices, parents: readonly Table[]): Table['role'] {
  const role = choices.pick('role', ['plain', 'plain', 'partitioned', 'child', 'plain'] as const);
  return role === 'child' && parents.length === 0 ? 'plain' : role;
}

/** A table with its columns: those that refer to it, and mostly a key of its own. */
export function addTable(world: World, choices: Choices, columns: readonly Choices[]): void {
  const { schema, name } = world.nameFor(choices, 't');
  const parents = world.tables.filter(({ role }) => role === 'plain' || role === 'child');
  const role = rolesOf(choices, parents);
  const parent = role === 'child' ? choices.reference('parent', parents) : undefined;
  const inherited = parent?.columns ?? [];
  const unlogged = role === 'plain' && choices.flag('unlogged', 8);
  const partitioned = role === 'partitioned';
  const keyed = partitioned || (role === 'plain' && !choices.flag('no key', 10));
  const local: Column[] = keyed ? [keyColumn(choices, partitioned)] : [];
  for (const column of columns) {
    const made = makeColumn(world, column, [...inherited, ...local]);
    // Before 17, no partitioned table has an identity column.
    const fits = !partitioned || !made.definition.includes('AS IDENTITY');
    if (fits) local.push(made);
  }
  const strategy = partitioned
    ? choices.pick('strategy', ['RANGE', 'LIST', 'HASH'] as const)
    : undefined;
  const listed = local.map((column) => `${column.name} ${column.definition}`).join(',\n  ');
  world.run(
    `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE ${name} (\n  ${listed})
     ${parent ? `INHERITS (${parent.name})` : ''}
     ${strategy ? `PARTITION BY ${strategy} (${local[0]?.name})` : choices.pick('options', options)}`,
  );
  const table: Table = {
    ...{ id: choices.id, schema, name, role, unlogged, parent, strategy, keys: [] },
    columns: [...inherited, ...local],
  };
  world.tables.push(table);
  finishTable(world, choices, table, columns, local);
}

function finishTable(
  world: World,
  choices: Choices,
  { name, role }: Table,
  specs: readonly Choices[],
  local: readonly Column[],
): void {
  for (const spec of specs) {
    const column = local.find(({ id }) => id === spec.id);
    if (!column) continue;
    for (const alteration of alterationsOf(spec, column)) {
      world.run(`ALTER TABLE ${name} ALTER COLUMN ${column.name} ${alteration}`);
    }
    world.annotate({
      ...{ choices: spec, target: `COLUMN ${name}.${column.name}` },
      grants: { on: `(${column.name}) ON ${name}`, privileges: ['SELECT', 'UPDATE', 'REFERENCES'] },
    });
  }
  if (role !== 'partitioned' && choices.flag('identity of rows', 6)) {
    world.run(
      `ALTER TABLE ${name} REPLICA IDENTITY ${choices.pick('identity', ['FULL', 'NOTHING'])}`,
    );
  }
  if (choices.flag('guarded', 4)) world.run(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`);
  if (choices.flag('forced', 8)) world.run(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`);
  const grants = { on: `TABLE ${name}`, privileges: tablePrivileges };
  world.annotate({ choices, target: `TABLE ${name}`, ownable: true, grants });
}

/** The bound of a partition: no two of one table overlap, as the numbers of objects are all different. */
function boundOf(world: World, choices: Choices, parent: Table): string | undefined {
  if (choices.flag('rest', 6) && parent.strategy !== 'HASH') {
    return world.claim(`default of ${parent.name}`) ? 'DEFAULT' : undefined;
  }
  const from = choices.id * 10;
  if (parent.strategy === 'RANGE') {
    return `FOR VALUES FROM ('${from}') TO ('${from + 1 + choices.number('width', 9)}')`;
  }
  if (parent.strategy === 'LIST') {
    const more = choices.flag('null', 5) && world.claim(`null of ${parent.name}`) ? ', NULL' : '';
    return `FOR VALUES IN ('${from}', '${from + 1 + choices.number('width', 9)}'${more})`;
  }
  const remainder = choices.id % 7;
  const free = world.claim(`remainder ${remainder} of ${parent.name}`);
  return free ? `FOR VALUES WITH (modulus 7, remainder ${remainder})` : undefined;
}

/** A partition of a table that is there; sometimes it is partitioned itself. */
export function addPartition(world: World, choices: Choices): void {
  const parents = world.tables.filter(({ strategy }) => strategy !== undefined);
  const parent = choices.reference('parent', parents);
  const bound = parent && boundOf(world, choices, parent);
  if (!parent || bound === undefined) return;
  const { schema, name } = world.nameFor(choices, 'part');
  const strategy =
    parent.role === 'partitioned' && choices.flag('partitioned', 6) ? ('HASH' as const) : undefined;
  const by = strategy
    ? `PARTITION BY HASH (${parent.columns[0]?.name})`
    : choices.pick('options', options);
  if (choices.flag('attached', 3) && !strategy) {
    const listed = [...parent.columns]
      .reverse()
      .map(({ name: column, core }) => `${column} ${core}`);
    world.run(`CREATE TABLE ${name} (${listed.join(', ')}) ${by}`);
    world.run(`ALTER TABLE ${parent.name} ATTACH PARTITION ${name} ${bound}`);
  } else {
    world.run(`CREATE TABLE ${name} PARTITION OF ${parent.name} ${bound} ${by}`);
  }
  const own = choices.reference(
    'own default',
    parent.columns.filter(({ generated }) => !generated),
  );
  if (own && choices.flag('default of its own', 4)) {
    world.run(`ALTER TABLE ${name} ALTER COLUMN ${own.name} SET DEFAULT ${own.type.samples[0]}`);
  }
  world.tables.push({
    ...{
      id: choices.id,
      schema,
      name,
      role: 'partition' as const,
      unlogged: false,
      parent,
      strategy,
    },
    ...{ columns: [...parent.columns], keys: [] },
  });
  const grants = { on: `TABLE ${name}`, privileges: tablePrivileges };
  world.annotate({ choices, target: `TABLE ${name}`, ownable: true, grants });
}

const sequenceRanges: readonly [string, ...string[]] = [
  '',
  'AS integer START 5',
  'AS smallint MAXVALUE 300 CYCLE',
  'INCREMENT BY -1 MINVALUE -1000 MAXVALUE 10 START 0',
  'MINVALUE 10 START 100 INCREMENT BY 5 CACHE 20',
];

/** A sequence that stands alone; {@link ownSequence} may give it to a column later. */
export function addSequence(world: World, choices: Choices): void {
  const { schema, name } = world.nameFor(choices, 'seq');
  const unlogged = choices.flag('unlogged', 8) ? 'UNLOGGED ' : '';
  world.run(`CREATE ${unlogged}SEQUENCE ${name} ${choices.pick('range', sequenceRanges)}`);
  world.sequences.push({ id: choices.id, schema, name });
  // One that is owned has its table's owner.
  const ownable = !choices.flag('owned', 3);
  const grants = {
    on: `SEQUENCE ${name}`,
    privileges: ['USAGE', 'SELECT', 'UPDATE'] as [string, ...string[]],
  };
  world.annotate({ choices, target: `SEQUENCE ${name}`, ownable, grants });
}

/** Binds a sequence to a column, with which it goes. */
export function ownSequence(world: World, choices: Choices): void {
  if (!choices.flag('owned', 3)) return;
  const sequence = world.sequences.find(({ id }) => id === choices.id);
  const near = world.tables.filter(
    ({ role, schema }) => role === 'plain' && schema === sequence?.schema,
  );
  const table = choices.reference('of table', near);
  const column = table && choices.reference('of column', table.columns);
  if (!sequence || !table || !column) return;
  world.run(`ALTER SEQUENCE ${sequence.name} OWNED BY ${table.name}.${column.name}`);
}

/** A foreign data wrapper that reaches nothing, a server and a table of it. */
export function addForeign(world: World, choices: Choices): void {
  const wrapper = `"wrapper ${choices.id}"`;
  world.run(
    `CREATE FOREIGN DATA WRAPPER ${wrapper} ${choices.maybe('debug', 2, `OPTIONS (debug 'true')`)}`,
  );
  const server = `"server ${choices.id}"`;
  const host = choices.pick('host', ['db.example', 'other.example']);
  world.run(
    `CREATE SERVER ${server} TYPE 'x' FOREIGN DATA WRAPPER ${wrapper} OPTIONS (host ${literal(host)})`,
  );
  const grants = { on: `FOREIGN SERVER ${server}`, privileges: ['USAGE'] as [string] };
  world.annotate({ choices, target: `SERVER ${server}`, ownable: true, grants });
  const { name } = world.nameFor(choices, 'remote');
  const type = choices.pick('type', ['integer', 'text']);
  world.run(
    `CREATE FOREIGN TABLE ${name} (a ${type} OPTIONS (column_name 'A'), b text ${choices.maybe('required', 2, 'NOT NULL')})
     SERVER ${server} OPTIONS (table_name ${literal(choices.pick('remote name', ['T', `it's`]))})`,
  );
}
