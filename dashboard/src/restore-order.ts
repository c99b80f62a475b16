import type { Snapshot } from '../../src/domain/snapshot';

/** What somebody wants of a restore. */
export interface RestoreOrder {
  /** "here": in the database's place. "new": into a database of its own. "tables": only some tables, here. */
  readonly way: 'here' | 'new' | 'tables';
  /** Name of the new database. */
  readonly to: string;
  readonly tables: readonly string[];
  /** Tag for what is there now; empty: one with the time. */
  readonly save: string;
}

/** A name that says what it is, within the 63 bytes that PostgreSQL takes. */
export function newDatabaseName(database: string, tag: string): string {
  return `${database}_${tag}`
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '_')
    .replace(/_+/g, '_')
    .slice(0, 60)
    .replace(/_$/, '');
}

/** What is wrong with the order, in words that stand beside the field; undefined: nothing that can be seen from here. */
export function orderProblem({ way, to, tables }: RestoreOrder): string | undefined {
  if (way === 'new' && to.trim() === '') return 'Give the new database a name.';
  if (way === 'new' && new TextEncoder().encode(to.trim()).length > 63) {
    return 'PostgreSQL takes names of at most 63 bytes.';
  }
  if (way === 'tables' && tables.length === 0) return 'Choose at least one table.';
  return undefined;
}

/** What the preview is asked. */
export function previewBody(database: string, snapshot: Pick<Snapshot, 'id'>, order: RestoreOrder) {
  return {
    ...{ database, reference: snapshot.id },
    ...(order.way === 'new' ? { to: order.to.trim() } : {}),
    ...(order.way === 'tables' ? { tables: order.tables } : {}),
  };
}

/** The call that does it. Keeping what is there under a tag of one's own is a switch. */
export function restoreCall(
  database: string,
  snapshot: Pick<Snapshot, 'id'>,
  order: RestoreOrder,
  confirm: string | undefined,
) {
  const body = { ...previewBody(database, snapshot, order), ...(confirm ? { confirm } : {}) };
  const save = order.save.trim();
  return order.way === 'here' && save !== ''
    ? { path: '/api/switches', body: { ...body, save } }
    : { path: '/api/restores', body };
}

/** What the button does, in its own words. */
export function restoreAction(database: string, tag: string, order: RestoreOrder): string {
  if (order.way === 'new') return `Create ${order.to.trim()} from ${tag}`;
  if (order.way === 'here') return `Replace ${database} with ${tag}`;
  const [first = ''] = order.tables;
  const what = order.tables.length === 1 ? first : `${order.tables.length} tables`;
  return `Replace ${what} with the state of ${tag}`;
}
