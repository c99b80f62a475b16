import { quotedName } from '../../../quoted-sql.js';
import type { LiveCatalog, LiveConstraint } from '../../live-catalog.js';
import type { World, WorldRelation } from '../../world.js';
import { type Rows, selectFrom, sourceSql } from './rows.js';

/** A foreign key that refers to a table, with the table that has it. */
export interface Reference {
  readonly key: LiveConstraint;
  readonly from: WorldRelation;
  readonly to: WorldRelation;
}

// A script may have a hundred thousand statements: what they all ask of the catalog is looked up once.
const keysByCatalog = new WeakMap<LiveCatalog, ReadonlyMap<number, readonly LiveConstraint[]>>();

function keysTo(catalog: LiveCatalog, oid: number): readonly LiveConstraint[] {
  const known = keysByCatalog.get(catalog) ?? readKeys(catalog);
  keysByCatalog.set(catalog, known);
  return known.get(oid) ?? [];
}

function readKeys({ constraints }: LiveCatalog): ReadonlyMap<number, readonly LiveConstraint[]> {
  const keys = new Map<number, LiveConstraint[]>();
  for (const key of constraints) {
    if (key.kind !== 'f') continue;
    keys.set(key.referenced, [...(keys.get(key.referenced) ?? []), key]);
  }
  return keys;
}

/** Foreign keys that refer to the table or, where rows of these are meant too, to what inherits from it. */
export function referencesTo(
  world: World,
  relation: WorldRelation,
  withDescendants: boolean,
): readonly Reference[] {
  const all = withDescendants ? [relation, ...world.descendantsOf(relation)] : [relation];
  const byOid = new Map(all.flatMap((one) => (one.live ? [[one.live.oid, one] as const] : [])));
  const { constraints } = world.catalog;
  const keys = [...byOid.keys()].flatMap((oid) => keysTo(world.catalog, oid));
  return keys.flatMap((key) => {
    const to = byOid.get(key.referenced);
    if (!to || key.enforced === false) return [];
    // Copies for partitions check nothing that the key of the whole table does not.
    const original = key.parent ? constraints.find(({ oid }) => oid === key.parent) : undefined;
    if (original && (original.relation !== key.relation || byOid.has(original.referenced)))
      return [];
    const from = world.relationByOid(key.relation);
    const isThere = from && world.constraintsOf(from).some(({ oid }) => oid === key.oid);
    return isThere ? [{ key, from, to }] : [];
  });
}

/** Columns in the names of the live database, quoted. */
export function columnsOf(
  world: World,
  oid: number,
  numbers: readonly number[],
): readonly string[] {
  return numbers.map((number) => {
    const column = world.catalog.columns.find(
      (one) => one.relation === oid && one.number === number,
    );
    return quotedName(column?.name ?? '');
  });
}

const tuple = (columns: readonly string[]): string =>
  columns.length === 1 ? columns.join() : `(${columns.join(', ')})`;

/** Condition of a referring table: its row refers to one of these rows. */
export function refersTo(world: World, { key, to }: Reference, rows: Rows): string {
  const own = columnsOf(world, key.relation, key.columns);
  const theirs = columnsOf(world, key.referenced, key.referencedColumns);
  const measured = world.measured(to) ?? rows.table;
  const table = { ...measured, only: measured.only || rows.table.only };
  const referenced = selectFrom({ ...rows, table }, theirs.join(', '));
  return `${tuple(own)} IN (${referenced})`;
}

/**
 * Condition for the rows and all that refer to them within their own table, over as many levels as there are.
 * @param keys foreign keys of the table to itself
 */
export function withFollowers(world: World, keys: readonly Reference[], rows: Rows): string {
  const oid = rows.table.oid;
  const numbers = [...new Set(keys.flatMap(({ key }) => key.referencedColumns))];
  const names = columnsOf(world, oid, numbers);
  const from = sourceSql(rows.table);
  const links = keys.map(({ key }) =>
    key.columns
      .map((number, index) => {
        const [own = ''] = columnsOf(world, oid, [number]);
        const at = numbers.indexOf(key.referencedColumns[index] ?? 0);
        return `own.${own} = gone.k${at}`;
      })
      .join(' AND '),
  );
  const first = names.map((name, index) => `${name} AS k${index}`).join(', ');
  const next = names.map((name) => `own.${name}`).join(', ');
  return `(tableoid, ctid) IN (WITH RECURSIVE gone AS (
    ${selectFrom(rows, `tableoid AS place_in, ctid AS place, ${first}`)}
    UNION SELECT own.tableoid, own.ctid, ${next} FROM ${from} AS own
      JOIN gone ON ${links.map((link) => `(${link})`).join(' OR ')})
    SELECT place_in, place FROM gone)`;
}
