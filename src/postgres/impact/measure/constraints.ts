import type { Measure } from '../../../domain/impact/measure.js';
import { type Keys, keySql, shortened } from './keys.js';
import { source } from './reading.js';

type Duplicates = Extract<Measure, { what: 'duplicates' }>;
type Orphans = Extract<Measure, { what: 'orphans' }>;
type Exclusion = Extract<Measure, { what: 'exclusion' }>;

/** A query of its own, for what has to look at other rows. */
export interface CountingQuery {
  /** One row: `rows`, and `samples` where they come along. */
  readonly sql: string;
  /** Rows to show, where there are any; each has `sample`. */
  readonly samplesSql: ((samples: number) => string) | null;
}

const and = (conditions: readonly string[]): string =>
  conditions.length === 0 ? 'true' : conditions.map((one) => `(${one})`).join(' AND ');

/**
 * Groups of more than one row. They are found once; which rows they are is remembered by where these lie, since the least and
 * the greatest place cost next to nothing, and keys of all rows would.
 */
export function duplicatesQuery(measure: Duplicates, keys: Keys, samples: number): CountingQuery {
  const { table, by, where, nullsNotDistinct, notNull } = measure;
  const hasNull = by.map((one) => `(${one}) IS NULL`).join(' OR ');
  const isSet = and(by.map((one) => `(${one}) IS NOT NULL`));
  const conditions = where === null ? [] : [where];
  // NULLs are each unlike the other; of a primary key they are counted by themselves.
  if (!nullsNotDistinct) conditions.push(isSet);
  const nulls = notNull
    ? `+ (SELECT count(*) FROM ${source(table)} WHERE ${and([...(where === null ? [] : [where]), hasNull])})`
    : '';
  const key = keySql(keys, table);
  const places = table.only
    ? 'min(ctid) AS low, max(ctid) AS high'
    : `min(${key}) AS low, max(${key}) AS high`;
  const first = `SELECT low, high FROM found LIMIT ${samples}`;
  const shown = table.only
    ? `SELECT ${shortened(key)} AS sample FROM ${source(table)}
        WHERE ctid = ANY (ARRAY(SELECT p FROM (${first}) f, LATERAL (VALUES (low), (high)) AS v (p)))`
    : `SELECT ${shortened('p')} AS sample FROM (${first}) f, LATERAL (VALUES (low), (high)) AS v (p)`;
  return {
    sql: `WITH found AS MATERIALIZED (
            SELECT count(*) AS n, ${places} FROM ${source(table)} WHERE ${and(conditions)}
             GROUP BY ${by.map((one) => `(${one})`).join(', ')} HAVING count(*) > 1)
          SELECT coalesce((SELECT sum(n) FROM found), 0) ${nulls} AS rows,
                 ARRAY(SELECT sample FROM (${shown}) s LIMIT ${samples}) AS samples`,
    samplesSql: notNull
      ? (limit) =>
          `SELECT ${shortened(key)} AS sample FROM ${source(table)} WHERE ${hasNull} LIMIT ${limit}`
      : null,
  };
}

/** Rows of a foreign key that find nothing. A row with a NULL refers to nothing, but MATCH FULL wants all NULL or none. */
export function orphansQuery(measure: Orphans, keys: Keys): CountingQuery {
  const { table, columns, references, match } = measure;
  const own = columns.map((name) => `own.${name}`);
  const pairs = own.map((name, index) => `other.${references.columns[index]} = ${name}`);
  const misses = and([
    ...own.map((name) => `${name} IS NOT NULL`),
    `NOT EXISTS (SELECT FROM ${source(references.table)} AS other WHERE ${and(pairs)})`,
  ]);
  const mixed = and([
    own.map((name) => `${name} IS NULL`).join(' OR '),
    own.map((name) => `${name} IS NOT NULL`).join(' OR '),
  ]);
  const isMixed = match === 'full' && own.length > 1;
  const from = `FROM ${source(table)} AS own`;
  const count = (condition: string) => `SELECT count(*) ${from} WHERE ${condition}`;
  // Apart, so that each of them can be a join instead of a filter.
  const rows = isMixed ? `(${count(misses)}) + (${count(mixed)})` : `(${count(misses)})`;
  const condition = isMixed ? `(${misses}) OR (${mixed})` : misses;
  return {
    sql: `SELECT ${rows} AS rows`,
    samplesSql: (limit) =>
      `SELECT ${shortened(keySql(keys, table))} AS sample ${from} WHERE ${condition} LIMIT ${limit}`,
  };
}

/** Rows for which another one is in conflict. The table is named, not a subquery of it, so that its indexes help. */
export function exclusionQuery(measure: Exclusion, keys: Keys): CountingQuery {
  const { table, elements, where } = measure;
  const list = elements.map(({ expression }, index) => `(${expression}) AS e${index}`).join(', ');
  const side = `(SELECT tableoid AS lies_in, ctid AS place, ${list}, ${shortened(keySql(keys, table))} AS sample
                   FROM ${source(table)}${where === null ? '' : ` WHERE ${where}`})`;
  const conflicts = elements.map(({ operator }, index) => `a.e${index} ${operator} b.e${index}`);
  const condition = `EXISTS (SELECT FROM ${side} AS b
    WHERE (a.lies_in <> b.lies_in OR a.place <> b.place) AND ${and(conflicts)})`;
  return {
    sql: `SELECT count(*) AS rows FROM ${side} AS a WHERE ${condition}`,
    samplesSql: (limit) => `SELECT sample FROM ${side} AS a WHERE ${condition} LIMIT ${limit}`,
  };
}
