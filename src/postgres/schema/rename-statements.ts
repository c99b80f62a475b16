import type { Rename } from '../../domain/history.js';
import { namePartsOf } from '../../domain/schema-ddl/ddl-names.js';
import { keywordOf } from '../../domain/schema-ddl/designations.js';
import type { SchemaStatement } from './plan-schema-sql.js';

/** Kinds that are part of a relation, which is named with them. */
const partKinds = ['column', 'constraint', 'trigger', 'policy', 'rule'];

/** The last part of a name, without the arguments of a routine. */
const lastOf = (name: string): string => {
  const last = namePartsOf(name.replace(/\((?=[^"]*(?:"[^"]*"[^"]*)*$).*$/s, '')).at(-1);
  return last ?? name;
};

function renameSql({ object, from, to }: Rename): string {
  if (!partKinds.includes(object)) {
    return `ALTER ${keywordOf(object)} ${from} RENAME TO ${lastOf(to)}`;
  }
  const table = namePartsOf(from).slice(0, -1).join('.');
  if (['trigger', 'policy', 'rule'].includes(object)) {
    return `ALTER ${object.toUpperCase()} ${lastOf(from)} ON ${table} RENAME TO ${lastOf(to)}`;
  }
  return `ALTER TABLE ${table} RENAME ${object.toUpperCase()} ${lastOf(from)} TO ${lastOf(to)}`;
}

/**
 * What has to be renamed before anything else is done, so that a plan finds what it looks for under its new name. Parts of a
 * table that is itself renamed are named with the table's name of before: they come first.
 *
 * @example
 * renameStatements([{ object: 'column', from: 'app.orders.at', to: 'app.orders.made_at' }]);
 * // [{ sql: 'ALTER TABLE app.orders RENAME COLUMN at TO made_at', … }]
 */
export function renameStatements(renames: readonly Rename[]): SchemaStatement[] {
  const ordered = [...renames].sort(
    (a, b) => namePartsOf(b.from).length - namePartsOf(a.from).length,
  );
  return ordered.map((rename) => ({
    sql: renameSql(rename),
    ...{ transactional: true, breaksBefore: false, lock: 'accessExclusive' as const },
    ...{ rewrites: false, destructive: false },
  }));
}
