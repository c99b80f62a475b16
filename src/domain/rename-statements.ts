import type { Rename } from './history.js';
import { namePartsOf, withoutArguments } from './schema-ddl/ddl-names.js';
import { keywordOf } from './schema-ddl/designations.js';

/** Kinds that are renamed at what they are on. */
const parts: Readonly<Record<string, string>> = {
  column: 'COLUMN',
  constraint: 'CONSTRAINT',
};
const onTables: readonly string[] = ['trigger', 'policy', 'rule'];
const routines: readonly string[] = ['function', 'procedure', 'aggregate'];

/** A routine without its arguments, whose types have names of their own. */
const bare = (object: string, name: string): string =>
  routines.includes(object) ? withoutArguments(name) : name;

const lastOf = (name: string): string => namePartsOf(name).at(-1) ?? name;
const holderOf = (name: string): string => namePartsOf(name).slice(0, -1).join('.');

function renameSql({ object, from, to }: Rename): string {
  const part = parts[object];
  if (part) return `ALTER TABLE ${holderOf(from)} RENAME ${part} ${lastOf(from)} TO ${lastOf(to)}`;
  if (onTables.includes(object)) {
    return `ALTER ${object.toUpperCase()} ${lastOf(from)} ON ${holderOf(from)} RENAME TO ${lastOf(to)}`;
  }
  if (routines.includes(object)) {
    return `ALTER ${keywordOf(object)} ${from} RENAME TO ${lastOf(bare(object, to))}`;
  }
  return `ALTER ${keywordOf(object)} ${from} RENAME TO ${lastOf(to)}`;
}

/** Renames of one schema to another are not renames but moves. */
function moveSql({ object, from, to }: Rename): string | undefined {
  const [was, is] = [namePartsOf(bare(object, from)), namePartsOf(bare(object, to))];
  if (object === 'schema' || parts[object] || onTables.includes(object)) return undefined;
  if (was.length !== 2 || is.length !== 2 || was[0] === is[0]) return undefined;
  return `ALTER ${keywordOf(object)} ${from} SET SCHEMA ${is[0]}`;
}

/**
 * The SQL that renames. All names are as in the schema before; what is part of something else is renamed before that is.
 *
 * @example
 * renameStatements([{ object: 'column', from: 'public.t.a', to: 'public.t.b' }]);
 * // ['ALTER TABLE public.t RENAME COLUMN a TO b']
 */
export function renameStatements(renames: readonly Rename[]): string[] {
  const depth = ({ from }: Rename): number => namePartsOf(from).length;
  return [...renames]
    .sort((a, b) => depth(b) - depth(a))
    .flatMap((rename) => {
      const move = moveSql(rename);
      if (move === undefined) return [renameSql(rename)];
      const { object, from, to } = rename;
      const [schema = ''] = namePartsOf(to);
      const moved = `${schema}.${from.slice(holderOf(bare(object, from)).length + 1)}`;
      const isSame = lastOf(bare(object, from)) === lastOf(bare(object, to));
      return isSame ? [move] : [move, renameSql({ ...rename, from: moved })];
    });
}
