import type { Choices } from './choices.js';
import { conditionOn } from './constraints.js';
import { oddName, quote } from './names.js';
import type { Column, Table, View, World } from './world.js';

const states: readonly [string, ...string[]] = [
  '',
  '',
  '',
  'DISABLE',
  'ENABLE ALWAYS',
  'ENABLE REPLICA',
];

function finish(
  world: World,
  choices: Choices,
  what: 'TRIGGER' | 'RULE',
  name: string,
  on: string,
): void {
  const state = choices.pick('state', states);
  if (state !== '') world.run(`ALTER TABLE ${on} ${state} ${what} ${name}`);
  world.annotate({ choices, target: `${what} ${name} ON ${on}` });
}

/** OLD and NEW in the condition of a trigger; generated columns have no value yet before the row is stored. */
function whenOf(world: World, choices: Choices, table: Table, old: boolean): string {
  const usable = table.columns.filter(({ generated }) => !generated);
  const column = choices.reference('when', usable);
  if (!column || !choices.flag('conditional', 3)) return '';
  const row = old ? 'OLD' : 'NEW';
  const inRow: Column = { ...column, name: `${row}.${column.name}` };
  return `WHEN (${conditionOn(world, choices, inRow, 'when')})`;
}

function rowTrigger(world: World, choices: Choices, table: Table): string {
  const constraint = choices.flag('constraint', 4);
  const timing = constraint ? 'AFTER' : choices.pick('timing', ['BEFORE', 'AFTER']);
  const event = choices.pick('event', ['INSERT', 'UPDATE', 'DELETE', 'INSERT OR UPDATE']);
  const column = choices.reference(
    'of',
    table.columns.filter(({ generated }) => !generated),
  );
  const of =
    column && event.endsWith('UPDATE') && choices.flag('of column', 3) ? ` OF ${column.name}` : '';
  const deferral = constraint
    ? choices.pick('deferral', ['', 'DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED'])
    : '';
  const whole = table.role === 'plain';
  // One event alone, and not of columns.
  const transition =
    whole &&
    timing === 'AFTER' &&
    !constraint &&
    event === 'DELETE' &&
    choices.flag('transition', 2)
      ? 'REFERENCING OLD TABLE AS "gone rows"'
      : '';
  const when = whenOf(world, choices, table, event === 'DELETE');
  return `${constraint ? 'CONSTRAINT' : ''} TRIGGER @ ${timing} ${event}${of} ON ${table.name} ${deferral} ${transition} FOR EACH ROW ${when}`;
}

function statementTrigger(choices: Choices, table: Table): string {
  const timing = choices.pick('timing', ['AFTER', 'BEFORE']);
  const event = choices.pick('event', ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']);
  const tables = {
    INSERT: 'NEW TABLE AS added',
    UPDATE: 'OLD TABLE AS "before" NEW TABLE AS "after"',
    DELETE: 'OLD TABLE AS gone',
  };
  const known = tables[event as keyof typeof tables];
  const transition =
    timing === 'AFTER' && known && table.role !== 'partition' && choices.flag('transition')
      ? `REFERENCING ${known}`
      : '';
  return `TRIGGER @ ${timing} ${event} ON ${table.name} ${transition} FOR EACH STATEMENT`;
}

/** Triggers on tables of all kinds, and INSTEAD OF ones on views. */
export function addTrigger(world: World, choices: Choices): void {
  const called = choices.reference(
    'function',
    world.triggerFunctions.filter(({ gives }) => gives === 'trigger'),
  );
  if (!called) return;
  const name = quote(oddName('tr', choices.id + 1000));
  const args = choices.pick('arguments', ['', '', `'one', 'it''s'`]);
  const execute = `EXECUTE FUNCTION ${called.name}(${args})`;
  const view = choices.reference(
    'view',
    world.views.filter(({ materialized }) => !materialized),
  );
  if (view && choices.flag('on view', 6)) {
    const event = choices.pick('event', ['INSERT', 'UPDATE OR DELETE']);
    world.run(`CREATE TRIGGER ${name} INSTEAD OF ${event} ON ${view.name} FOR EACH ROW ${execute}`);
    world.annotate({ choices, target: `TRIGGER ${name} ON ${view.name}` });
    return;
  }
  const table = choices.reference('on', world.tables);
  if (!table) return;
  const head = choices.flag('statement', 3)
    ? statementTrigger(choices, table)
    : rowTrigger(world, choices, table);
  world.run(`CREATE ${head.replace('@', () => name)} ${execute}`);
  finish(world, choices, 'TRIGGER', name, table.name);
}

/** Rules on plain tables and views. */
export function addRule(world: World, choices: Choices): void {
  const tables = world.tables.filter(({ role }) => role === 'plain');
  const views = world.views.filter(({ materialized }) => !materialized);
  const on: Table | View | undefined = choices.reference('on', [...tables, ...views]);
  if (!on) return;
  const name = quote(oddName('ru', choices.id + 1000));
  const event = choices.pick('event', ['DELETE', 'INSERT', 'UPDATE']);
  const isTable = 'keys' in on;
  const other = choices.reference('other', tables);
  const what = choices.pick('what', [
    'DO ALSO NOTHING',
    'DO INSTEAD NOTHING',
    `DO ALSO NOTIFY "a channel"`,
    other ? `DO ALSO (DELETE FROM ${other.name} WHERE false; NOTIFY again)` : 'DO INSTEAD NOTHING',
  ]);
  world.run(`CREATE RULE ${name} AS ON ${event} TO ${on.name} ${what}`);
  if (isTable) {
    finish(world, choices, 'RULE', name, on.name);
    return;
  }
  world.annotate({ choices, target: `RULE ${name} ON ${on.name}` });
}

/** Policies for row level security, whether or not their table has it enabled. */
export function addPolicy(world: World, choices: Choices): void {
  const table = choices.reference('on', world.tables);
  const column = table && choices.reference('column', table.columns);
  if (!table || !column) return;
  const name = quote(oddName('po', choices.id + 1000));
  const command = choices.pick('command', ['ALL', 'SELECT', 'INSERT', 'UPDATE', 'DELETE']);
  const to = choices.pick('to', ['PUBLIC', 'PUBLIC', world.role(choices, 'role'), 'CURRENT_USER']);
  const others = choices.reference('asks', world.tables);
  const asked =
    others && choices.flag('subquery', 4) ? ` AND EXISTS (SELECT FROM ${others.name})` : '';
  const using =
    command === 'INSERT' ? '' : `USING (${conditionOn(world, choices, column, 'using')}${asked})`;
  const checked =
    command !== 'SELECT' &&
    command !== 'DELETE' &&
    (command === 'INSERT' || choices.flag('checked'));
  const check = checked ? `WITH CHECK (${conditionOn(world, choices, column, 'with check')})` : '';
  world.run(
    `CREATE POLICY ${name} ON ${table.name} AS ${choices.pick('as', ['PERMISSIVE', 'PERMISSIVE', 'RESTRICTIVE'])}
     FOR ${command} TO ${to} ${using} ${check}`,
  );
  world.annotate({ choices, target: `POLICY ${name} ON ${table.name}` });
}

/** An event trigger whose function does nothing. */
export function addEventTrigger(world: World, choices: Choices): void {
  const called = choices.reference(
    'function',
    world.triggerFunctions.filter(({ gives }) => gives === 'event_trigger'),
  );
  if (!called) return;
  const name = quote(oddName('ev', choices.id + 1000));
  const event = choices.pick('event', [
    'ddl_command_end',
    'sql_drop',
    'ddl_command_start',
    'table_rewrite',
  ]);
  const tags =
    event !== 'table_rewrite' && choices.flag('tags')
      ? `WHEN TAG IN ('CREATE TABLE', 'DROP TABLE')`
      : '';
  world.run(`CREATE EVENT TRIGGER ${name} ON ${event} ${tags} EXECUTE FUNCTION ${called.name}()`);
  const state = choices.pick('state', states);
  if (state !== '') world.run(`ALTER EVENT TRIGGER ${name} ${state}`);
  world.annotate({ choices, target: `EVENT TRIGGER ${name}` });
}

function publishedTable(world: World, choices: Choices, table: Table): string {
  // Those that inherit would have to be narrowed alike.
  const alone = table.role === 'plain' && !world.tables.some(({ parent }) => parent === table);
  const narrow = alone && choices.flag(`narrow ${table.id}`, 3);
  const [first] = table.columns;
  if (!narrow || !first || first.generated) return table.name;
  const usual = first.type.family === 'int' && !first.type.own;
  return `${table.name} (${first.name})${usual ? ` WHERE (${first.name} > ${choices.number('above', 50)})` : ''}`;
}

/** Publications of all tables, of schemas or of some tables and columns. */
export function addPublication(world: World, choices: Choices): void {
  const name = quote(oddName('pub', choices.id + 1000));
  const tables = world.tables.filter(
    ({ id, unlogged }) => !unlogged && choices.flag(`publish ${id}`, 3),
  );
  const schema = choices.reference('schema', world.schemas)?.name;
  const listed =
    tables.length > 0
      ? `FOR TABLE ${tables.map((table) => publishedTable(world, choices, table)).join(', ')}`
      : '';
  const what = choices.pick('what', [
    listed,
    listed,
    'FOR ALL TABLES',
    `FOR TABLES IN SCHEMA ${schema}`,
    '',
  ]);
  const publish = choices.pick('publish', [
    '',
    '',
    `publish = 'insert, update'`,
    `publish = 'delete'`,
  ]);
  const root = choices.maybe('root', 5, 'publish_via_partition_root = true');
  const options = [publish, root].filter((option) => option !== '').join(', ');
  world.run(`CREATE PUBLICATION ${name} ${what} ${options && `WITH (${options})`}`);
  const target = `PUBLICATION ${name}`;
  world.annotate({
    choices,
    target,
    ownable: !what.includes('ALL TABLES') && !what.includes('SCHEMA'),
  });
}
