import fc from 'fast-check';
import type pg from 'pg';
import { quoteIdentifier } from '../../src/postgres/session.js';
import { mix, pickFrom, randomValue } from './rehearsal-random-database.js';
import { columnNames, randomTypes } from './rehearsal-values.js';

/** A table as it is at this point of a migration; names are quoted. */
interface LiveTable {
  readonly sql: string;
  readonly schema: string;
  readonly name: string;
  readonly isPartitioned: boolean;
  readonly columns: readonly LiveColumn[];
}
interface LiveColumn {
  readonly sql: string;
  /** Of {@link randomTypes}; -1: none of them. */
  readonly type: number;
  readonly isGenerated: boolean;
}

/** What a step is made of: a table, one of its columns, and numbers to choose by. */
interface Place {
  readonly table: LiveTable;
  readonly column: LiveColumn;
  readonly other: LiveTable;
  readonly number: number;
}

const someRows = (number: number) =>
  `abs(hashtext(t::text)::bigint) % ${2 + (number % 3)} = ${(number >>> 2) % 2}`;

const literalFor = ({ type }: LiveColumn, number: number) =>
  type < 0 ? 'NULL' : randomValue(type, number);

const typeSql = ({ type }: LiveColumn) => (type < 0 ? undefined : pickFrom(randomTypes, type));

const newName = (number: number, word: string) =>
  quoteIdentifier(`${word} ${pickFrom(columnNames, number)}`);

/** Steps by name. Those that are refused by PostgreSQL, such as a key with values twice, change nothing. */
const makers: Readonly<Record<string, (place: Place) => readonly string[]>> = {
  'add column': ({ table, number }) => {
    const type = pickFrom(randomTypes, number >>> 3);
    const literal = pickFrom(type.values, number >>> 8);
    const add = `ALTER TABLE ${table.sql} ADD COLUMN ${newName(number, 'new')} ${type.sql}`;
    return [number % 2 ? add : `${add} NOT NULL DEFAULT ${literal}`];
  },
  'drop column': ({ table, column }) => [
    `ALTER TABLE ${table.sql} DROP COLUMN ${column.sql} CASCADE`,
  ],
  'rename column': ({ table, column, number }) => [
    `ALTER TABLE ${table.sql} RENAME COLUMN ${column.sql} TO ${newName(number, 'renamed')}`,
  ],
  'retype column': ({ table, column, number }) => {
    const [type, using] = pickFrom(typeSql(column)?.retypes ?? [['text', '$::text']], number);
    const expression = using.replaceAll('$', () => column.sql);
    return [`ALTER TABLE ${table.sql} ALTER COLUMN ${column.sql} TYPE ${type} USING ${expression}`];
  },
  'replace column': ({ table, column, number }) => {
    const name = newName(number, 'next');
    return [
      `ALTER TABLE ${table.sql} ADD COLUMN ${name} ${typeSql(column)?.sql ?? 'text'}`,
      `UPDATE ${table.sql} t SET ${name} = ${column.sql} WHERE ${someRows(number)}`,
      `ALTER TABLE ${table.sql} DROP COLUMN ${column.sql} CASCADE`,
      `ALTER TABLE ${table.sql} RENAME COLUMN ${name} TO ${column.sql}`,
    ];
  },
  'set values': ({ table, column, number }) => [
    `UPDATE ${table.sql} t SET ${column.sql} = ${literalFor(column, number)} WHERE ${someRows(number)}`,
  ],
  'empty values': ({ table, column, number }) => [
    `UPDATE ${table.sql} t SET ${column.sql} = NULL WHERE ${someRows(number)}`,
  ],
  'touch rows': ({ table, column, number }) => [
    `UPDATE ${table.sql} t SET ${column.sql} = ${column.sql} WHERE ${someRows(number)}`,
  ],
  'move keys': ({ table, number }) => [
    `UPDATE ${table.sql} t SET id = id + ${number % 2 ? 1000 : 1} WHERE ${someRows(number)}`,
  ],
  'there and back': ({ table, column, number }) => [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT DISTINCT ON (id) id AS key_kept, ${column.sql} AS value_kept FROM ONLY ${table.sql}`,
    `UPDATE ONLY ${table.sql} SET ${column.sql} = ${literalFor(column, number)}`,
    `UPDATE ONLY ${table.sql} SET ${column.sql} = value_kept FROM kept WHERE id = key_kept`,
  ],
  'delete rows': ({ table, number }) => [`DELETE FROM ${table.sql} t WHERE ${someRows(number)}`],
  'delete and put back': ({ table }) => [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ONLY ${table.sql}`,
    `DELETE FROM ONLY ${table.sql}`,
    `INSERT INTO ${table.sql} SELECT * FROM kept`,
  ],
  truncate: ({ table, number }) => [`TRUNCATE ${table.sql}${number % 2 ? ' CASCADE' : ''}`],
  'truncate and load': ({ table, number }) => [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ONLY ${table.sql} t WHERE ${someRows(number)}`,
    `TRUNCATE ONLY ${table.sql} CASCADE`,
    `INSERT INTO ${table.sql} SELECT * FROM kept`,
  ],
  'insert rows': ({ table, number }) => insertRows(table, number),
  'copy rows': ({ table }) => [`INSERT INTO ${table.sql} SELECT * FROM ONLY ${table.sql} LIMIT 2`],
  'drop table': ({ table }) => [`DROP TABLE ${table.sql} CASCADE`],
  'create table': ({ number, table }) => [
    `CREATE TABLE public.${newName(number, 'made')} AS SELECT * FROM ${table.sql}`,
  ],
  'remake table': ({ table, number }) => [
    `CREATE TABLE public.remade AS SELECT * FROM ${table.sql} t WHERE NOT (${someRows(number)})`,
    `DROP TABLE ${table.sql} CASCADE`,
    ...(table.schema === 'public' ? [] : [`ALTER TABLE public.remade SET SCHEMA ${table.schema}`]),
    `ALTER TABLE ${table.schema}.remade RENAME TO ${table.name}`,
    ...(number % 2 ? [`ALTER TABLE ${table.sql} ADD PRIMARY KEY (id)`] : []),
  ],
  'rename table': ({ table, number }) => [
    `ALTER TABLE ${table.sql} RENAME TO ${newName(number, 'table')}`,
  ],
  'swap tables': ({ table, other }) => [
    `ALTER TABLE ${table.sql} RENAME TO "between"`,
    `ALTER TABLE ${other.sql} SET SCHEMA ${table.schema}`,
    `ALTER TABLE ${table.schema}.${other.name} RENAME TO ${table.name}`,
    `ALTER TABLE ${table.schema}."between" RENAME TO ${other.name}`,
  ],
  'move table': ({ table }) => [
    'CREATE SCHEMA IF NOT EXISTS "new home"',
    `ALTER TABLE ${table.sql} SET SCHEMA "new home"`,
  ],
  'rename schema': () => ['ALTER SCHEMA "Odd schema" RENAME TO "odd; schema"'],
  'rename type': ({ number }) => [`ALTER TYPE "Odd schema".mood RENAME TO "mood ${number % 9}"`],
  'rename value': ({ number }) => [
    `ALTER TYPE "Odd schema".mood RENAME VALUE '${number % 2 ? 'sad' : 'glad'}' TO 'blue ${number % 9}'`,
  ],
  // Neither writes a row; from 18 and 17.
  'add computed column': ({ table, number }) => [
    `ALTER TABLE ${table.sql} ADD computed_when_read int GENERATED ALWAYS AS (id + ${number % 9}) VIRTUAL`,
  ],
  'compute otherwise': ({ table, number }) => [
    `ALTER TABLE ${table.sql} ALTER computed_when_read SET EXPRESSION AS (id * ${number % 9})`,
  ],
  'detach partition': ({ table, other }) => [
    `ALTER TABLE ${table.sql} DETACH PARTITION ${other.sql}`,
  ],
  'back to a savepoint': (place) => [
    ...(makers['set values']?.(place) ?? []),
    'SAVEPOINT here',
    ...(makers['delete rows']?.(place) ?? []),
    ...(makers['empty values']?.(place) ?? []),
    'ROLLBACK TO here',
    ...insertRows(place.table, place.number),
  ],
  'drop key': ({ table }) => [
    `DO $do$ DECLARE key name; BEGIN
       SELECT conname INTO STRICT key FROM pg_constraint WHERE conrelid = ${regclass(table)} AND contype IN ('p', 'u');
       EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', ${regclass(table)}, key);
     END $do$`,
  ],
  'add key': ({ table }) => [`ALTER TABLE ${table.sql} ADD PRIMARY KEY (id)`],
  'roll back': (place) => [
    ...(makers['delete rows']?.(place) ?? []),
    ...insertRows(place.table, place.number),
    'ROLLBACK',
  ],
  'cluster or repack': ({ table, number }) => [
    number % 2 ? `VACUUM FULL ${table.sql}` : `VACUUM (FREEZE, ANALYZE) ${table.sql}`,
  ],
  'reset statistics': () => ['SELECT pg_stat_reset()'],
  'move sequence': ({ number }) => [`SELECT setval('public.tickets', ${50 + (number % 50)})`],
};

const regclass = ({ sql }: LiveTable) => `'${sql.replaceAll("'", "''")}'::regclass`;

function insertRows(table: LiveTable, number: number): string[] {
  const columns = table.columns.filter(({ isGenerated }) => !isGenerated);
  const names = columns.map(({ sql }) => sql).join(', ');
  return [0, 1].map((row) => {
    const values = columns.map((column, i) => {
      const isKey = column.sql === '"id"';
      return isKey ? `${500 + (mix(number, row) % 400)}` : literalFor(column, mix(number, row, i));
    });
    return `INSERT INTO ${table.sql} (${names}) VALUES (${values.join(', ')})`;
  });
}

const step = fc.record({
  kind: fc.constantFrom(...Object.keys(makers)),
  table: fc.nat(50),
  column: fc.nat(50),
  other: fc.nat(50),
  number: fc.nat(1_000_000),
});

/** Steps of a migration, as numbers that mean something only in the database as it is then. */
export const randomMigration = fc.array(step, { minLength: 1, maxLength: 9 });

export type RandomMigration = typeof randomMigration extends fc.Arbitrary<infer T> ? T : never;

async function readLiveTables(client: pg.Client): Promise<LiveTable[]> {
  const { rows } = await client.query(
    `SELECT quote_ident(n.nspname) AS schema, quote_ident(c.relname) AS name, c.relkind = 'p' AS "isPartitioned",
            json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
              'isGenerated', a.attgenerated <> '' OR a.attidentity <> '') ORDER BY a.attnum) AS columns
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      GROUP BY 1, 2, 3 ORDER BY 1, 2`,
  );
  const types = await typeNames(client);
  return rows.map(({ schema, name, isPartitioned, columns }) => ({
    ...{ schema, name, isPartitioned, sql: `${schema}.${name}` },
    columns: (columns as { name: string; type: string; isGenerated: boolean }[]).map((column) => ({
      sql: quoteIdentifier(column.name),
      type: types.indexOf(column.type),
      isGenerated: column.isGenerated,
    })),
  }));
}

/** As PostgreSQL prints them, e.g. "integer" of "int". */
async function typeNames(client: pg.Client): Promise<string[]> {
  const names = randomTypes.map(({ sql }) => `to_regtype('${sql.replace(/\(.*\)/, '')}')`);
  const { rows } = await client.query(`SELECT ${names.map((n, i) => `${n}::text AS c${i}`)}`);
  return randomTypes.map(({ sql }, i) => `${rows[0][`c${i}`]}${/\(.*\)/.exec(sql)?.[0] ?? ''}`);
}

function statementsOf(given: RandomMigration[number], tables: readonly LiveTable[]): string[] {
  const table = pickFrom(tables, given.table);
  const columns = table.columns.length > 0 ? table.columns : [{ sql: 'id', type: 0 }];
  const place = {
    ...{ table, number: given.number, other: pickFrom(tables, given.other) },
    column: { isGenerated: false, ...pickFrom(columns, given.column) },
  };
  return [...(makers[given.kind]?.(place) ?? [])];
}

/** So that a script chooses the same rows whoever runs it. */
const settings = [
  "SET TimeZone = 'UTC'",
  'SET DateStyle = ISO',
  'SET IntervalStyle = postgres',
  'SET extra_float_digits = 1',
  'SET bytea_output = hex',
];

/** Runs what PostgreSQL takes of a migration. @returns that as statements, which do the same anywhere else */
export async function runMigration(client: pg.Client, steps: RandomMigration): Promise<string[]> {
  const script = [...settings];
  for (const statement of settings) await client.query(statement);
  for (const given of steps) {
    const tables = await readLiveTables(client);
    if (tables.length === 0) break;
    const statements = statementsOf(given, tables);
    const alone = statements.length === 1 && /^VACUUM/.test(statements[0] ?? '');
    const ends = statements.at(-1) === 'ROLLBACK' ? [] : ['COMMIT'];
    const all = alone ? statements : ['BEGIN', ...statements, ...ends];
    try {
      for (const statement of all) await client.query(statement);
      script.push(...all);
    } catch {
      await client.query('ROLLBACK');
    }
  }
  return script;
}
