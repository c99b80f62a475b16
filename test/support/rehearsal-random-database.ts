import fc from 'fast-check';
import { quoteIdentifier } from '../../src/postgres/session.js';
import { columnNames, randomTypes, tableNames } from './rehearsal-values.js';

const keyKinds = ['primary', 'composite', 'text', 'unique', 'date', 'none', 'none'] as const;
type KeyKind = (typeof keyKinds)[number];

const shapes = ['plain', 'plain', 'plain', 'unlogged', 'partitioned', 'inherited'] as const;

const table = fc.record({
  key: fc.constantFrom(...keyKinds),
  shape: fc.constantFrom(...shapes),
  isOdd: fc.boolean(),
  types: fc.array(fc.nat(randomTypes.length - 1), { minLength: 1, maxLength: 5 }),
  isGenerated: fc.boolean(),
  rows: fc.nat(14),
  seed: fc.nat(1000),
});

/** A few tables with rows of all kinds, as numbers that {@link databaseSql} turns into statements. */
export const randomDatabase = fc.array(table, { minLength: 2, maxLength: 4 });

export type RandomDatabase = typeof randomDatabase extends fc.Arbitrary<infer T> ? T : never;
type RandomTable = RandomDatabase[number];

/** A number that looks random and depends on nothing but what is given. */
export function mix(...numbers: number[]): number {
  let state = 0x9e3779b9;
  for (const number of numbers) {
    state = Math.imul(state ^ (number + 0x6d2b79f5), 0x85ebca6b);
    state ^= state >>> 13;
    state = Math.imul(state, 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state >>> 0;
}

export const pickFrom = <T>(from: readonly T[], number: number): T => {
  const one = from[number % from.length];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
};

const keyColumns: Readonly<Record<KeyKind, readonly string[]>> = {
  primary: ['id int PRIMARY KEY'],
  composite: ['id int', '"id 2" text', 'PRIMARY KEY ("id 2", id)'],
  text: ['id text PRIMARY KEY'],
  unique: ['id bigint NOT NULL UNIQUE'],
  date: ['id date PRIMARY KEY'],
  none: ['id int'],
};

/** Of a row with this number; tables without a key have each number twice now and then. */
function keyValues(kind: KeyKind, row: number, seed: number): string[] {
  switch (kind) {
    case 'composite':
      return [`${Math.floor(row / 3)}`, `'k ${row % 3}'`];
    case 'text':
      return [`'${row % 2 ? 'Ä' : 'z '}${row}'`];
    case 'date':
      return [`'2024-01-01'::date + ${row}`];
    case 'none':
      return [mix(seed, row) % 3 === 0 ? 'NULL' : `${Math.floor(row / 2)}`];
    default:
      return [`${row}`];
  }
}

/** A literal of a random type, or NULL. @param number picks one */
export function randomValue(type: number, number: number): string {
  return number % 4 === 0 ? 'NULL' : pickFrom(pickFrom(randomTypes, type).values, number >>> 2);
}

function tableSql(given: RandomTable, index: number): string {
  const { key, types, seed } = given;
  const schema = given.isOdd ? '"Odd schema"' : 'public';
  const name = `${schema}.${quoteIdentifier(pickFrom(tableNames, index * 2 + (seed % 2)))}`;
  const columns = types.map((type, i) => {
    const name = quoteIdentifier(pickFrom(columnNames, i + seed));
    return `${name} ${pickFrom(randomTypes, type).sql}`;
  });
  if (given.isGenerated) {
    columns.push(`computed int GENERATED ALWAYS AS (length(id::text) + 1) STORED`);
  }
  // A cast of a date to text depends on settings: PostgreSQL computes nothing from it.
  const usable = columns.filter((text) => key !== 'date' || !text.startsWith('computed '));
  const isPartitioned = given.shape === 'partitioned' && key !== 'none' && key !== 'unique';
  const create = `CREATE ${given.shape === 'unlogged' ? 'UNLOGGED ' : ''}TABLE ${name} (${[...keyColumns[key], ...usable].join(', ')})`;
  const lines = [isPartitioned ? `${create} PARTITION BY HASH (id)` : create];
  if (isPartitioned) {
    for (const part of [0, 1]) {
      const partition = `${schema}.${quoteIdentifier(`part ${index}.${part}`)}`;
      lines.push(
        `CREATE TABLE ${partition} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER ${part})`,
      );
    }
  }
  const target = [...(key === 'composite' ? ['id', '"id 2"'] : ['id'])];
  target.push(...types.map((_, i) => quoteIdentifier(pickFrom(columnNames, i + seed))));
  for (let row = 0; row < given.rows; row++) {
    const values = types.map((type, i) => randomValue(type, mix(seed, row, i)));
    const all = [...keyValues(key, row, seed), ...values].join(', ');
    lines.push(`INSERT INTO ${name} (${target.join(', ')}) VALUES (${all})`);
  }
  if (given.shape === 'inherited') {
    const child = `${schema}.${quoteIdentifier(`child of ${index}`)}`;
    lines.push(`CREATE TABLE ${child} (own text) INHERITS (${name})`);
    const columns = key === 'composite' ? 'id, "id 2"' : 'id';
    lines.push(`INSERT INTO ${child} (${columns}, own) SELECT ${columns}, 'x' FROM ONLY ${name}`);
  }
  return lines.join(';\n');
}

/** What else a database has: types, a sequence, a foreign key, large values, rows deleted before, tables of many blocks. */
const surroundingsSql = `
  CREATE SCHEMA "Odd schema";
  CREATE TYPE "Odd schema".mood AS ENUM ('sad', 'so so', 'glad');
  CREATE DOMAIN "Odd schema".positive AS int CHECK (VALUE > 0);
  CREATE SEQUENCE public.tickets;
  SELECT setval('public.tickets', 41);
  CREATE TABLE public.owners (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bio text);
  INSERT INTO public.owners (bio) SELECT repeat(md5(n::text), 120) FROM generate_series(1, 8) n;
  CREATE TABLE public.pets (id int PRIMARY KEY, owner int REFERENCES public.owners ON DELETE CASCADE, weight numeric(5,2));
  INSERT INTO public.pets SELECT n, 1 + n % 8, n * 1.25 FROM generate_series(1, 20) n;
  CREATE TABLE public.events (id bigint PRIMARY KEY, kind text, amount numeric(8,2), note text);
  INSERT INTO public.events
    SELECT n, 'kind ' || n % 5, n % 40 * 0.25, CASE WHEN n % 3 > 0 THEN repeat('x', n % 50) END FROM generate_series(1, 2500) n;
  CREATE TABLE public.log (id int, line text);
  INSERT INTO public.log SELECT n / 2, 'line ' || n / 4 FROM generate_series(1, 1500) n;
  DELETE FROM public.pets WHERE id % 7 = 0;
  UPDATE public.pets SET weight = NULL WHERE id % 5 = 0`;

/** All of a random database as one script. */
export function databaseSql(database: RandomDatabase): string {
  const tables = database.map(tableSql);
  return [surroundingsSql, ...tables].join(';\n');
}
