import { columnClause, columnDrafts, columnExtras } from './columns-ddl.js';
import { type Alterer, type Creator, type Draft, draft, draftIf } from './ddl-statement.js';
import { KnownObject, type KnownSchema } from './known-schema.js';
import { changedForeignOptions, changedOptions, foreignOptions, optionList } from './options.js';

/** The columns that a table has of its own, in their order. */
function ownColumns(table: KnownObject, schema: KnownSchema): KnownObject[] {
  const order = table.list('column order');
  const columns =
    order.length > 0
      ? order.flatMap((name) => schema.find('column', `${table.name}.${name}`) ?? [])
      : [...schema.partsOf('column', table.name)];
  return columns.filter((column) => !schema.inheritedColumn(table, column.ownName));
}

/** What a table's columns from elsewhere have that those do not. */
function inheritedDrafts(table: KnownObject, schema: KnownSchema): Draft[] {
  return schema.partsOf('column', table.name).flatMap((column) => {
    const source = schema.inheritedColumn(table, column.ownName);
    if (!source) return [];
    const inherited = new KnownObject(column, passedOn(table, source));
    return columnDrafts(inherited, column, schema, table);
  });
}

/** What a column hands down, to a partition or to a table that inherits. */
function passedOn(table: KnownObject, { attributes, ...source }: KnownObject) {
  const { identity, options: _, statistics: _statistics, ...kept } = attributes;
  const isPartition = table.has('partition of') && identity !== undefined && 'on' in attributes;
  return { ...kept, on: table.name, ...(isPartition && source ? { identity } : {}) };
}

function withClause(table: KnownObject): string {
  const items = [
    optionList(table.list('options')),
    optionList(table.list('toast options'), 'toast.'),
  ].filter((item) => item !== '');
  return items.length === 0 ? '' : ` WITH (${items.join(', ')})`;
}

/** Where the columns come from: a list, a type, or the table that this is a partition of. */
function body(table: KnownObject, schema: KnownSchema): string {
  const parent = table.text('partition of');
  if (parent !== undefined) {
    return ` PARTITION OF ${parent} ${table.text('partition bound') ?? 'DEFAULT'}`;
  }
  const type = table.text('of type');
  if (type !== undefined) return ` OF ${type}`;
  const columns = ownColumns(table, schema).map((column) => columnClause(column, schema));
  const inherits = table.list('inherits');
  const list = columns.length === 0 ? ' ()' : ` (\n  ${columns.join(',\n  ')}\n)`;
  return list + (inherits.length === 0 ? '' : ` INHERITS (${inherits.join(', ')})`);
}

const clause = (table: KnownObject, key: string, keyword: string): string => {
  const value = table.text(key);
  return value === undefined ? '' : ` ${keyword} ${value}`;
};

const table: Creator = (object, schema) => {
  const isForeign = object.kind === 'foreign table';
  const prefix = isForeign ? 'FOREIGN ' : object.has('unlogged') ? 'UNLOGGED ' : '';
  const rest = isForeign
    ? ` SERVER ${object.need('server')}${foreignOptions(object.list('foreign options'))}`
    : clause(object, 'partition by', 'PARTITION BY') +
      clause(object, 'access method', 'USING') +
      withClause(object);
  const isLater = object.has('partition of') || object.has('inherits');
  return [
    draft(
      isLater ? 'partition' : 'table',
      `CREATE ${prefix}TABLE ${object.name}${body(object, schema)}${rest}`,
    ),
    ...ownColumns(object, schema).flatMap(columnExtras),
    ...inheritedDrafts(object, schema),
    ...securityDrafts(new KnownObject(object, {}), object),
  ];
};

/** Row level security and replica identity, which CREATE TABLE knows nothing of. */
function securityDrafts(before: KnownObject, after: KnownObject): Draft[] {
  const verbs = [
    ['row level security', 'ENABLE', 'DISABLE'],
    ['force row level security', 'FORCE', 'NO FORCE'],
  ] as const;
  const actions = verbs.flatMap(([key, on, off]) =>
    before.has(key) === after.has(key) ? [] : [`${after.has(key) ? on : off} ROW LEVEL SECURITY`],
  );
  const identity = after.text('replica identity');
  // An index says itself that it is the replica identity.
  if (identity !== before.text('replica identity') && identity !== 'index') {
    actions.push(`REPLICA IDENTITY ${identity?.toUpperCase() ?? 'DEFAULT'}`);
  }
  return draftIf(
    actions.length > 0,
    'enabling',
    () => `ALTER TABLE ONLY ${after.name} ${actions.join(', ')}`,
  );
}

/** Which tables it inherits from, where that changes. */
function inheritance(before: KnownObject, after: KnownObject): string[] {
  const [was, is] = [before.list('inherits'), after.list('inherits')];
  return [
    ...was.filter((name) => !is.includes(name)).map((name) => `NO INHERIT ${name}`),
    ...is.filter((name) => !was.includes(name)).map((name) => `INHERIT ${name}`),
  ];
}

/** A partition leaves its table and comes back with other bounds, or to another table; its rows stay where they are. */
function partitioning(before: KnownObject, after: KnownObject): Draft[] {
  const keys = ['partition of', 'partition bound'];
  if (keys.every((key) => before.text(key) === after.text(key))) return [];
  const [was, is] = [before.text('partition of'), after.text('partition of')];
  return [
    ...draftIf(was, 'clear', () => `ALTER TABLE ${was} DETACH PARTITION ${after.name}`),
    ...draftIf(
      is,
      'partition',
      () =>
        `ALTER TABLE ${is} ATTACH PARTITION ${after.name} ${after.text('partition bound') ?? 'DEFAULT'}`,
    ),
  ];
}

function actionsOf(before: KnownObject, after: KnownObject): string[] {
  const actions = [
    ...changedOptions(before.list('options'), after.list('options')),
    ...changedOptions(before.list('toast options'), after.list('toast options'), 'toast.'),
    ...inheritance(before, after),
  ];
  if (before.has('unlogged') !== after.has('unlogged')) {
    actions.push(after.has('unlogged') ? 'SET UNLOGGED' : 'SET LOGGED');
  }
  const type = after.text('of type');
  if (before.text('of type') !== type) actions.push(type === undefined ? 'NOT OF' : `OF ${type}`);
  const method = after.text('access method') ?? 'heap';
  if ((before.text('access method') ?? 'heap') !== method) {
    actions.push(`SET ACCESS METHOD ${method}`);
  }
  return actions;
}

const alterTable: Alterer = (before, after) => {
  if (before.text('partition by') !== after.text('partition by')) return undefined;
  if (before.text('server') !== after.text('server')) return undefined;
  const options = changedForeignOptions(before, after, 'foreign options');
  return [
    ...partitioning(before, after),
    // One statement each: not all of them can stand beside others.
    ...actionsOf(before, after).map((action) =>
      draft('table', `ALTER TABLE ${after.name} ${action}`),
    ),
    ...draftIf(options, 'table', () => `ALTER FOREIGN TABLE ${after.name}${options}`),
    ...securityDrafts(before, after),
  ];
};

export const tableCreators: Readonly<Record<string, Creator>> = {
  table,
  'foreign table': table,
  // Made with the table, the view or the type.
  column: () => [],
};

export const tableAlterers: Readonly<Record<string, Alterer>> = {
  table: alterTable,
  'foreign table': alterTable,
};
