import { type Finding, finding } from '../../finding.js';
import type { World, WorldRelation } from '../../world.js';
import { columnsOf, type Reference, referencesTo, refersTo } from './references.js';
import { both, countingQuery, countRows, type MatchedRows, type Rows, selectFrom } from './rows.js';
import { nameOf, rowLock } from './target.js';

/** The new value of an assigned column, by its live name, as SQL for the live database; null: it cannot be said. */
export type Assigned = ReadonlyMap<string, string | null>;

const deepest = 8;

/** What a change of columns that others refer to does to the rows that refer to them. */
export function updateCascades(
  world: World,
  relation: WorldRelation,
  matched: MatchedRows,
  assigned: Assigned,
): readonly Finding[] {
  return followed(world, { relation, matched, assigned, depth: 0 });
}

interface Change {
  readonly relation: WorldRelation;
  readonly matched: MatchedRows;
  readonly assigned: Assigned;
  readonly depth: number;
}

function followed(world: World, change: Change): readonly Finding[] {
  const { relation, matched, assigned, depth } = change;
  const hasTree = 'table' in matched && !matched.table.only;
  return referencesTo(world, relation, hasTree).flatMap((reference) => {
    const { key, from } = reference;
    const changed = keyOf(world, reference).filter((name) => assigned.has(name));
    if (changed.length === 0 || depth > deepest) return [];
    const rows = referring(world, change, reference);
    const found = describe(world, reference, rows);
    if (key.onUpdate === 'a' || key.onUpdate === 'r' || from.id === relation.id) return [found];
    const own = columnsOf(world, key.relation, key.columns);
    return [
      found,
      ...followed(world, {
        ...{ relation: from, matched: rows, depth: depth + 1 },
        assigned: new Map(own.map((name) => [name, null])),
      }),
    ];
  });
}

const keyOf = (world: World, { key }: Reference): readonly string[] =>
  columnsOf(world, key.referenced, key.referencedColumns);

/** Rows that refer to a key that gets another value. */
function referring(world: World, change: Change, reference: Reference): MatchedRows {
  const { matched, assigned, depth } = change;
  if ('unmeasured' in matched) return matched;
  const table = world.measured(reference.from);
  if (!table) return { unmeasured: 'the script makes the table' };
  const names = keyOf(world, reference);
  const values = names.map((name) => (assigned.has(name) ? assigned.get(name) : name));
  // What a foreign key itself has changed does change: its values are those of the rows above.
  const isKnown = values.every((value) => value != null);
  if (!isKnown && depth === 0) return { unmeasured: 'the new values of the key are not known' };
  const differs = names.map((name, index) => `${name} IS DISTINCT FROM (${values[index]})`);
  const changed: Rows = {
    ...matched,
    condition: isKnown ? both(matched.condition, differs.join(' OR ')) : matched.condition,
    isSimple: false,
  };
  const refers = refersTo(world, reference, changed);
  const { key } = reference;
  if (key.onUpdate !== 'a' || !isKnown)
    return { table, condition: refers, isSimple: false, matched: matched.matched };
  // NO ACTION is content where another row has got the value: ids that move up by one.
  const own = columnsOf(world, key.relation, key.columns);
  const news = values.map((value) => `(${value})`);
  const isSet = news.map((value) => `${value} IS NOT NULL`).join(' AND ');
  const taken = selectFrom(
    { ...matched, condition: both(matched.condition, isSet) },
    news.join(', '),
  );
  const condition = both(refers, `(${own.join(', ')}) NOT IN (${taken})`);
  return { table, condition, isSimple: false, matched: matched.matched };
}

const actions: Readonly<Record<string, readonly [operation: string, words: string]>> = {
  c: ['UPDATE', 'get its new value (ON UPDATE CASCADE)'],
  n: ['SET NULL', 'lose their reference (ON UPDATE SET NULL)'],
  d: ['SET DEFAULT', 'get the default instead (ON UPDATE SET DEFAULT)'],
};

function describe(world: World, { key, from, to }: Reference, rows: MatchedRows): Finding {
  const object = nameOf(from);
  const because = nameOf(to);
  const live = from.live?.oid ?? null;
  const unmeasured = 'unmeasured' in rows ? rows.unmeasured : null;
  const common = {
    ...{ object, because, unmeasured, table: live, after: world.touchedBefore(from) },
  };
  const action = actions[key.onUpdate ?? 'a'];
  if (!action) {
    const late = key.deferrable ? '; it may be checked only when the transaction ends' : '';
    return finding({
      ...{ ...common, rule: 'rows-in-the-way', operation: 'UPDATE', safety: 'SAFE' },
      reason: `it fails where rows of ${object} refer to a key of ${because} that changes (foreign key ${key.name})${late}`,
      measure: 'unmeasured' in rows ? null : countRows(rows),
      counts: key.deferrable ? 'rows-touched' : 'failures',
    });
  }
  const [operation, words] = action;
  const names = columnNames(world, from, key.columns);
  world.touch(from, names);
  return finding({
    ...{ ...common, rule: 'cascade-update', operation, safety: 'DATA_LOSS', lock: rowLock },
    reason: `rows that refer to changed ones of ${because} ${words}`,
    measure: 'unmeasured' in rows ? null : countReferring(rows),
    counts: 'rows-changed',
    loss: live === null ? null : { what: 'rows', table: live, events: ['UPDATE'] },
  });
}

/** Rows that refer have a value in the column, all of them. */
export function countReferring(rows: Rows): Finding['measure'] {
  return countingQuery(rows, selectFrom(rows, 'count(*) AS rows, count(*) AS values'));
}

/** Present names of columns, by their numbers in the live database. */
export function columnNames(
  world: World,
  relation: WorldRelation,
  numbers: readonly number[],
): readonly string[] {
  return world
    .columnsOf(relation)
    .filter(({ live }) => live !== null && numbers.includes(live.number))
    .map(({ name }) => name);
}
