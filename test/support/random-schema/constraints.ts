import type { Choices } from './choices.js';
import { oddName, quote } from './names.js';
import type { Column, Table, World } from './world.js';

/** Families whose values can be sorted, so that keys can be made of them. */
const sortable = new Set([
  'int',
  'text',
  'numeric',
  'bool',
  'time',
  'uuid',
  'enum',
  'array',
  'range',
]);

export const canBeKey = ({ type, generated }: Column): boolean =>
  sortable.has(type.family) && generated !== 'VIRTUAL';

const constraintName = (choices: Choices): string => quote(oddName('k', choices.id + 1000));

/** A condition on a column that holds for its default. */
export function conditionOn(world: World, choices: Choices, column: Column, label: string): string {
  const { name, type } = column;
  const callable = world.functions.filter(
    ({ takes, gives, immutable }) => gives === 'boolean' && immutable && takes === type.sql,
  );
  const called = choices.reference(`${label} calls`, callable);
  if (called && column.generated !== 'VIRTUAL' && choices.flag(`${label} call`, 3)) {
    return `${called.name}(${name})`;
  }
  const bound = choices.number(`${label} bound`, 90);
  if (type.family === 'text') {
    return choices.pick(`${label} text`, [
      `length(${name}::text) < ${100 + bound}`,
      `${name} IN ('a', 'b''c', 'd') OR ${name} IS NOT NULL`,
      `${name}::text !~ '^\\d{${bound}}$'`,
    ]);
  }
  if (type.family === 'int') {
    return choices.pick(`${label} int`, [
      `${name} > -${100 + bound}`,
      `${name} <> ALL (ARRAY[${bound + 10}, 11])`,
      `${name} BETWEEN -1000 AND 10000000000 + ${bound}`,
    ]);
  }
  return choices.pick(`${label} other`, [`${name} IS NOT NULL`, `${name} IS NULL OR true`]);
}

function deferral(choices: Choices): string {
  return choices.pick('deferral', ['', '', '', 'DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED']);
}

function add(world: World, choices: Choices, table: Table, definition: string): void {
  const name = constraintName(choices);
  world.run(`ALTER TABLE ${table.name} ADD CONSTRAINT ${name} ${definition}`);
  world.annotate({ choices, target: `CONSTRAINT ${name} ON ${table.name}` });
}

function addCheck(world: World, choices: Choices, table: Table): void {
  const column = choices.reference('column', table.columns);
  if (!column) return;
  const condition = conditionOn(world, choices, column, 'check');
  const alone = (table.role === 'plain' || table.role === 'child') && choices.flag('no inherit', 5);
  const ending = choices.pick('state', [
    '',
    '',
    '',
    'NOT VALID',
    world.place.major >= 18 ? 'NOT ENFORCED' : '',
  ]);
  add(world, choices, table, `CHECK (${condition})${alone ? ' NO INHERIT' : ''} ${ending}`);
}

/** Keys of a partitioned table must have the columns it is partitioned by. */
function keyColumns(choices: Choices, table: Table): Column[] {
  const usable = table.columns.filter(canBeKey);
  const chosen = [
    choices.reference('first', usable),
    choices.flag('two', 3) ? choices.reference('second', usable) : undefined,
  ];
  const key =
    table.role === 'partitioned' || table.role === 'partition' ? table.columns[0] : undefined;
  return [...new Set([...chosen, key])].filter((column) => column !== undefined);
}

function addKey(world: World, choices: Choices, table: Table): void {
  const columns = keyColumns(choices, table);
  const [first] = columns;
  if (!first) return;
  const primary =
    choices.flag('primary') && table.role !== 'partition' && world.claim(`key of ${table.name}`);
  const spare = table.columns.filter(
    (column) => !columns.includes(column) && column.generated !== 'VIRTUAL',
  );
  const included = choices.flag('include', 5) ? choices.reference('included', spare) : undefined;
  const late = deferral(choices);
  const distinct = !primary && choices.flag('nulls', 5) ? 'NULLS NOT DISTINCT' : '';
  const options = choices.maybe('fill', 8, 'WITH (fillfactor = 60)');
  const listed = columns.map(({ name }) => name).join(', ');
  const include = included ? `INCLUDE (${included.name})` : '';
  // Its columns are NOT NULL from now on.
  if (primary) for (const { name } of columns) world.claim(`not null ${table.name}.${name}`);
  const kind = primary ? 'PRIMARY KEY' : `UNIQUE ${distinct}`;
  add(world, choices, table, `${kind} (${listed}) ${include} ${options} ${late}`);
  if (late === '' && columns.length === 1) table.keys.push(first);
  if (primary && late === '' && columns.length === 1) table.primaryKey = first;
}

function addExclusion(world: World, choices: Choices, table: Table): void {
  if (table.strategy) {
    addCheck(world, choices, table);
    return;
  }
  const ranges = table.columns.filter(
    ({ type, generated }) => type.family === 'range' && !generated,
  );
  const range = choices.reference('range', ranges);
  const column = range ?? choices.reference('column', table.columns.filter(canBeKey));
  if (!column) return;
  const where = choices.flag('where', 3) ? `WHERE (${column.name} IS NOT NULL)` : '';
  const how = range ? `gist (${column.name} WITH &&)` : `btree (${column.name} WITH =)`;
  add(world, choices, table, `EXCLUDE USING ${how} ${where} ${deferral(choices)}`);
}

/** PostgreSQL 18 keeps NOT NULL as a constraint with a name, and may leave it unchecked. */
function addNotNull(world: World, choices: Choices, table: Table): void {
  const columns = table.columns.filter(
    ({ core, generated }) => !core.includes('NOT NULL') && !generated,
  );
  const column = choices.reference('column', columns);
  const free =
    column && table.role === 'plain' && world.claim(`not null ${table.name}.${column.name}`);
  if (!column || !free || world.place.major < 18) {
    addCheck(world, choices, table);
    return;
  }
  // A primary key could not have such a column.
  const weak = !canBeKey(column);
  const inherited = world.tables.some(({ parent }) => parent === table);
  const alone = weak && !inherited && choices.flag('no inherit', 2) ? ' NO INHERIT' : '';
  const unchecked = weak && choices.flag('not valid', 3) ? ' NOT VALID' : '';
  add(world, choices, table, `NOT NULL ${column.name}${alone}${unchecked}`);
}

/** Constraints of one table; foreign keys come later, when all keys are there. */
export function addConstraint(world: World, choices: Choices): void {
  const table = choices.reference('table', world.tables);
  if (!table || isForeignKey(choices)) return;
  const makers = [addKey, addCheck, addKey, addCheck, addExclusion, addNotNull] as const;
  choices.pick('what', makers)(world, choices, table);
}

const isForeignKey = (choices: Choices): boolean => choices.flag('foreign key', 3);

const actions: readonly [string, ...string[]] = [
  '',
  '',
  'CASCADE',
  'SET NULL',
  'RESTRICT',
  'SET DEFAULT',
];

function actionsOf(choices: Choices, column: Column): string {
  if (column.generated) return '';
  const onDelete = choices.pick('on delete', actions);
  const onUpdate = choices.pick('on update', actions);
  const listed = onDelete === 'SET NULL' && choices.flag('listed') ? ` (${column.name})` : '';
  return `${onDelete && `ON DELETE ${onDelete}${listed}`} ${onUpdate && `ON UPDATE ${onUpdate}`}`;
}

/** A foreign key to any table with a fitting key, itself included. */
export function addForeignKey(world: World, choices: Choices): void {
  const tables = world.tables.filter(
    ({ role, columns }) => role !== 'partition' && columns.length > 0,
  );
  const table = choices.reference('table', tables);
  if (!table || !isForeignKey(choices)) return;
  const targets = world.tables.filter(
    ({ role, unlogged }) => role !== 'partition' && (!unlogged || table.unlogged),
  );
  const pairs = targets.flatMap((target) =>
    target.keys.flatMap((key) =>
      table.columns
        .filter(({ type, generated }) => type.sql === key.type.sql && generated !== 'VIRTUAL')
        .map((column) => ({ id: target.id * 5000 + key.id + column.id * 3, target, key, column })),
    ),
  );
  const pair = choices.reference('pair', pairs);
  if (!pair) return;
  const { target, key, column } = pair;
  const unchecked = table.role !== 'partitioned' && choices.flag('not valid', 5);
  const free =
    world.place.major >= 18 &&
    choices.flag('not enforced', 6) &&
    table.role === 'plain' &&
    target.role === 'plain';
  add(
    world,
    choices,
    table,
    `FOREIGN KEY (${column.name}) REFERENCES ${target.name} (${key.name}) ${choices.maybe('full', 6, 'MATCH FULL')}
     ${actionsOf(choices, column)} ${deferral(choices)} ${free ? 'NOT ENFORCED' : unchecked ? 'NOT VALID' : ''}`,
  );
}
