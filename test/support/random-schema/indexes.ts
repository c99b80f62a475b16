import type { Choices } from './choices.js';
import { expressionOf } from './columns.js';
import { canBeKey, conditionOn } from './constraints.js';
import { oddName, quote } from './names.js';
import type { Column, Table, View, World } from './world.js';

interface Holder {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly table?: Table | undefined;
}

const asHolder = (table: Table): Holder => ({ ...table, table });

function orderOf(choices: Choices, column: Column): string {
  const text = column.type.sql === 'text' || column.type.sql === 'character varying(40)';
  return [
    text ? choices.pick('collation', ['', '', 'COLLATE "C"']) : '',
    column.type.sql === 'text' ? choices.pick('class', ['', '', 'text_pattern_ops']) : '',
    choices.pick('direction', ['', '', 'DESC', 'DESC NULLS LAST', 'NULLS FIRST']),
  ].join(' ');
}

const families: Readonly<Record<string, readonly [string, ...string[]]>> = {
  json: ['gin (@)', 'gin (@ jsonb_path_ops)', 'gin (@) WITH (fastupdate = off)'],
  range: ['gist (@)', 'gist (@)'],
  array: ['gin (@)', 'btree (@)'],
  int: ['brin (@)', 'brin (@) WITH (pages_per_range = 16)', 'hash (@)'],
  time: ['brin (@)', 'hash (@)'],
  uuid: ['hash (@)', 'hash (@) WITH (fillfactor = 50)'],
};

/** An index by another method than btree, where the column has one. */
function otherMethod(choices: Choices, { type, name }: Column): string | undefined {
  const known = type.own ? undefined : families[type.family];
  return known && choices.pick('method', known).replace('@', name);
}

function treeIndex(
  world: World,
  choices: Choices,
  holder: Holder,
  usable: readonly Column[],
): string | undefined {
  const first = choices.reference('first', usable);
  if (!first) return undefined;
  const stored = holder.columns.filter(({ generated }) => generated !== 'VIRTUAL');
  const expression = choices.flag('expression', 3)
    ? expressionOf(world, choices, stored, 'index', true)
    : undefined;
  const second = choices.flag('two', 3) ? choices.reference('second', usable) : undefined;
  const parts = [
    expression ? `(${expression.sql})` : `${first.name} ${orderOf(choices, first)}`,
    ...(second && second !== first ? [second.name] : []),
  ];
  const spare = stored.filter((column) => column !== first && column !== second);
  const included = choices.flag('include', 5) ? choices.reference('included', spare) : undefined;
  return `btree (${parts.join(', ')}) ${included ? `INCLUDE (${included.name})` : ''}`;
}

/** Indexes of tables, partitioned ones and partitions, and of materialized views. */
export function addIndex(world: World, choices: Choices): void {
  const views: Holder[] = world.views
    .filter(({ materialized }) => materialized)
    .map((view: View) => view);
  const holders = [...world.tables.map(asHolder), ...views];
  const holder = choices.reference('on', holders);
  if (!holder) return;
  const usable = holder.columns.filter(canBeKey);
  const column = choices.reference(
    'first',
    holder.columns.filter(({ generated }) => generated !== 'VIRTUAL'),
  );
  const other =
    column && choices.flag('other method', 3) ? otherMethod(choices, column) : undefined;
  const tree = other === undefined ? treeIndex(world, choices, holder, usable) : undefined;
  const how = other ?? tree;
  if (how === undefined) return;
  const plain = holder.table?.role === 'plain' || holder.table?.role === 'child' || !holder.table;
  const unique = tree !== undefined && plain && choices.flag('unique', 4);
  const distinct = unique && choices.flag('nulls', 3) ? 'NULLS NOT DISTINCT' : '';
  const fill = tree !== undefined ? choices.maybe('fill', 6, 'WITH (fillfactor = 55)') : '';
  const filtered = choices.reference(
    'where',
    holder.columns.filter(({ generated }) => generated !== 'VIRTUAL'),
  );
  const where =
    filtered && choices.flag('partial', 3)
      ? `WHERE ${conditionOn(world, choices, filtered, 'where')}`
      : '';
  const only = holder.table?.role === 'partitioned' && choices.flag('only', 6) ? 'ONLY ' : '';
  const name = quote(oddName('i', choices.id + 1000));
  world.run(
    `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${name} ON ${only}${holder.name} USING ${how} ${distinct} ${fill} ${where}`,
  );
  finish(world, choices, holder, `${holder.schema}.${name}`, `${how}${where}`);
}

function finish(world: World, choices: Choices, holder: Holder, index: string, how: string): void {
  world.annotate({ choices, target: `INDEX ${index}` });
  const table = holder.table;
  if (how.startsWith('btree ((') && table?.role === 'plain' && choices.flag('statistics', 3)) {
    world.run(
      `ALTER INDEX ${index} ALTER COLUMN 1 SET STATISTICS ${100 + choices.number('target', 100)}`,
    );
  }
  const whole = how.startsWith('btree') && !how.includes('WHERE');
  if (whole && table?.role === 'plain' && choices.flag('clustered', 6)) {
    if (world.claim(`cluster ${holder.name}`))
      world.run(`ALTER TABLE ${holder.name} CLUSTER ON ${quote(oddName('i', choices.id + 1000))}`);
  }
}

/** Statistics objects over two columns or an expression. */
export function addStatistics(world: World, choices: Choices): void {
  const table = choices.reference(
    'on',
    world.tables.filter(({ role }) => role !== 'partition'),
  );
  const usable = table?.columns.filter(canBeKey) ?? [];
  const [first, second] = [choices.reference('first', usable), choices.reference('second', usable)];
  if (!table || !first || !second) return;
  const { name } = world.nameFor(choices, 'st');
  const expression = choices.flag('expression', 3)
    ? expressionOf(world, choices, table.columns.filter(canBeKey), 'of', true)
    : undefined;
  const kinds = choices.pick('kinds', ['', '(ndistinct)', '(dependencies, mcv)', '(mcv)']);
  const parts =
    first !== second
      ? `${first.name}, ${second.name}`
      : expression
        ? `${first.name}, (${expression.sql})`
        : undefined;
  if (parts === undefined) return;
  world.run(`CREATE STATISTICS ${name} ${kinds} ON ${parts} FROM ${table.name}`);
  if (choices.flag('target', 4))
    world.run(`ALTER STATISTICS ${name} SET STATISTICS ${choices.number('how much', 300)}`);
  world.annotate({ choices, target: `STATISTICS ${name}`, ownable: true });
}
