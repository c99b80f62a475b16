import type { Choices } from './choices.js';
import { conditionOn } from './constraints.js';
import { oddName, quote } from './names.js';
import { builtInTypes, integer, plainText } from './types.js';
import type { Column, Table, View, World } from './world.js';

interface Source {
  readonly id: number;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly table?: Table | undefined;
}

interface Query {
  readonly sql: string;
  readonly columns: readonly Column[];
  /** One table or updatable view, so that a check option is possible. */
  readonly updatable: boolean;
}

const bigint = builtInTypes.find(({ sql }) => sql === 'bigint') ?? integer;

const plainColumn = (id: number, name: string, type: Column['type']): Column => ({
  ...{ id, name, type, definition: type.sql, core: type.sql },
});

/** Some of the columns of a source, under other names, and sometimes one that is computed. */
function selected(world: World, choices: Choices, source: Source, alias: string) {
  const shown = source.columns.filter(({ id }) => !choices.flag(`hide ${id}`, 3));
  const columns = shown.map((column, at) => {
    const name = choices.flag(`renamed ${column.id}`, 3)
      ? quote(oddName(`v${choices.id}_`, column.id + 2000))
      : column.name;
    return {
      text: `${alias}.${column.name} AS ${name}`,
      made: plainColumn(2000 + at, name, column.type),
    };
  });
  const text = source.columns.find(({ type }) => type.sql === 'text');
  const callable = world.functions.filter(
    ({ takes, gives }) => takes === 'text' && gives === 'text',
  );
  const called = choices.reference('calls', callable);
  if (text && called && choices.flag('call', 3)) {
    const made = plainColumn(2500, '"called it"', plainText);
    columns.push({ text: `${called.name}(${alias}.${text.name}) AS "called it"`, made });
  }
  return columns;
}

function simpleQuery(world: World, choices: Choices, source: Source): Query {
  const columns = selected(world, choices, source, 's');
  const filtered = choices.reference('where', source.columns);
  const condition = filtered && { ...filtered, name: `s.${filtered.name}` };
  const where =
    condition && choices.flag('filter')
      ? ` WHERE ${conditionOn(world, choices, condition, 'where')}`
      : '';
  const list = columns.map(({ text }) => text).join(', ') || '1 AS one';
  return {
    sql: `SELECT ${list} FROM ${source.name} s${where}`,
    columns: columns.map(({ made }) => made),
    updatable: source.table !== undefined && columns.length > 0,
  };
}

/** Grouped by the primary key, so that the view depends on that constraint, or by a column. */
function groupedQuery(choices: Choices, source: Source): Query | undefined {
  const key = source.table?.primaryKey;
  const grouped =
    key ??
    choices.reference(
      'group',
      source.columns.filter(({ type }) => type.family === 'int'),
    );
  if (!grouped) return undefined;
  const dependent = key && choices.reference('also', source.columns);
  const list = [
    `s.${grouped.name} AS g`,
    ...(dependent ? [`s.${dependent.name} AS "also"`] : []),
    'count(*) AS n',
  ];
  return {
    sql: `SELECT ${list.join(', ')} FROM ${source.name} s GROUP BY s.${grouped.name} HAVING count(*) > ${choices.number('more', 3)}`,
    columns: [plainColumn(1, 'g', grouped.type), plainColumn(2, 'n', bigint)],
    updatable: false,
  };
}

function joinQuery(world: World, choices: Choices, source: Source, other: Source): Query {
  const columns = selected(world, choices, source, 's');
  const list = [...columns.map(({ text }) => text), 'o.n AS "number of others"'];
  const [mine] = source.columns;
  const kind = choices.pick('join', ['CROSS JOIN', 'LEFT JOIN']);
  const on = kind === 'LEFT JOIN' ? (mine ? `ON s.${mine.name} IS NOT NULL` : 'ON true') : '';
  return {
    sql: `WITH o AS (SELECT count(*) AS n FROM ${other.name}) SELECT ${list.join(', ')} FROM ${source.name} s ${kind} o ${on}
          ORDER BY o.n DESC NULLS LAST LIMIT ${10 + choices.number('limit', 50)}`,
    columns: [...columns.map(({ made }) => made), plainColumn(2900, '"number of others"', bigint)],
    updatable: false,
  };
}

function queryOf(world: World, choices: Choices, sources: readonly Source[]): Query {
  const source = choices.reference('source', sources);
  const other = choices.reference('other', sources);
  const fixed = choices.number('fixed', 50);
  const without: Query = {
    sql: `SELECT ${fixed} AS one`,
    columns: [plainColumn(1, 'one', integer)],
    updatable: false,
  };
  if (!source || !other) return without;
  switch (choices.number('query', 5)) {
    case 1:
      return joinQuery(world, choices, source, other);
    case 2:
      return groupedQuery(choices, source) ?? without;
    case 3: {
      const one = simpleQuery(world, choices, source);
      return {
        ...one,
        updatable: false,
        sql: `SELECT DISTINCT ON (1) 1 AS "only one", u.* FROM (${one.sql}) u`,
      };
    }
    default:
      return simpleQuery(world, choices, source);
  }
}

const viewOptions: readonly [string, ...string[]] = [
  '',
  '',
  'WITH (security_barrier = true)',
  'WITH (security_invoker = true)',
];

/** A view or materialized view over tables and the views that are there. */
export function addView(world: World, choices: Choices): void {
  const { schema, name } = world.nameFor(choices, 'vw');
  const tables: Source[] = world.tables.map((table) => ({
    ...table,
    table: table.role === 'partition' ? undefined : table,
  }));
  const query = queryOf(world, choices, [...tables, ...world.views]);
  // Its columns are one more than those that the source says; nobody refers to it then.
  const columns = query.sql.startsWith('SELECT DISTINCT') ? [] : query.columns;
  const materialized = choices.flag('materialized', 4);
  const view: View = {
    id: choices.id + 100_000,
    schema,
    name,
    columns,
    materialized,
    updatable: query.updatable,
  };
  if (materialized) {
    world.run(
      `CREATE MATERIALIZED VIEW ${name} ${choices.maybe('fill', 5, 'WITH (fillfactor = 80)')} AS ${query.sql}`,
    );
  } else {
    const check = query.updatable
      ? choices.pick('check', ['', '', 'WITH LOCAL CHECK OPTION', 'WITH CASCADED CHECK OPTION'])
      : '';
    world.run(
      `CREATE VIEW ${name} ${choices.pick('options', viewOptions)} AS ${query.sql} ${check}`,
    );
    addDefault(world, choices, view);
  }
  world.views.push(view);
  const what = materialized ? 'MATERIALIZED VIEW' : 'VIEW';
  const grants = {
    on: `TABLE ${name}`,
    privileges: ['SELECT', 'INSERT', 'UPDATE'] as [string, ...string[]],
  };
  world.annotate({ choices, target: `${what} ${name}`, ownable: true, grants });
}

function addDefault(world: World, choices: Choices, { name, columns, updatable }: View): void {
  const column = choices.reference('with default', columns);
  if (!column || !updatable || !choices.flag('default', 5)) return;
  world.run(`ALTER VIEW ${name} ALTER COLUMN ${column.name} SET DEFAULT ${column.type.samples[0]}`);
}
