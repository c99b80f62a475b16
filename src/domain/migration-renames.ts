import type { Rename } from './history.js';

/** An object of a schema model and where it is in the catalogs. */
export interface IdentifiedObject {
  readonly kind: string;
  readonly name: string;
  /** The same for as long as the object lives, whatever its name. */
  readonly identity: string;
}

const renamedKinds = new Set([
  ...['schema', 'table', 'foreign table', 'view', 'materialized view', 'column', 'sequence'],
  ...['index', 'constraint', 'enum', 'domain', 'composite type', 'range type'],
  ...['function', 'procedure', 'aggregate'],
]);

/** Without its arguments: their types may have been renamed, and that is told of the types. */
const withoutArguments = (name: string): string => name.replace(/\(.*$/s, '');

/** Without its schema: an index is always in that of its table. */
const lastPart = (name: string): string => /("(?:[^"]|"")+"|[^.]+)$/.exec(name)?.[0] ?? name;

/**
 * The objects that kept their identity and got another name or another schema. What only followed (the columns of a
 * renamed table) is left out.
 */
export function findRenames(
  before: readonly IdentifiedObject[],
  after: readonly IdentifiedObject[],
): Rename[] {
  const names = new Map(after.map((object) => [object.identity, object]));
  const moved = before.flatMap((object): Rename[] => {
    const now = names.get(object.identity);
    const isMoved = now?.kind === object.kind && now.name !== object.name;
    return isMoved && renamedKinds.has(object.kind)
      ? [{ object: object.kind, from: object.name, to: now.name }]
      : [];
  });
  return moved.filter((rename) => !moved.some((outer) => isImplied(rename, outer)));
}

/** Whether the one has another name only because the other has. */
function isImplied(rename: Rename, outer: Rename): boolean {
  if (withoutArguments(rename.from) === withoutArguments(rename.to)) return true;
  if (rename.object === 'index' && lastPart(rename.from) === lastPart(rename.to)) return true;
  const prefix = `${outer.from}.`;
  if (rename === outer || !rename.from.startsWith(prefix)) return false;
  const rest = withoutArguments(rename.from.slice(prefix.length));
  return withoutArguments(rename.to) === `${outer.to}.${rest}`;
}
