import { namePartsOf } from './ddl-names.js';
import type { DdlStatement } from './ddl-statement.js';
import { dropStatement } from './drop-statements.js';
import type { KnownObject, KnownSchema } from './known-schema.js';

/** What is renamed, and what needs nothing else. */
export interface RenamedAttached {
  readonly statements: DdlStatement[];
  /** Keys and indexes of either side. */
  readonly settled: ReadonlySet<KnownObject>;
}

const isAttached = ({ kind, attributes }: KnownObject): boolean =>
  (kind === 'constraint' || (kind === 'index' && attributes['owned by'] === undefined)) &&
  attributes['attached to'] !== undefined;

/** The index that a key has, or the index itself. */
const indexOf = (object: KnownObject, schema: KnownSchema): KnownObject | undefined =>
  schema.partsOf('index', object.on).find((index) => index.text('owned by') === object.name);

function renameSql(object: KnownObject, to: KnownObject): string {
  if (object.kind === 'constraint') {
    return `ALTER TABLE ${object.on} RENAME CONSTRAINT ${object.ownName} TO ${to.ownName}`;
  }
  return `ALTER INDEX ${object.name} RENAME TO ${namePartsOf(to.name).at(-1)}`;
}

/**
 * A key of a partitioned table that is made where partitions are gives each of them one of its own, with a name that
 * PostgreSQL finds; it cannot be dropped, nor another attached in its place. So it gets the name that is wanted.
 */
export function renameAttached(before: KnownSchema, after: KnownSchema): RenamedAttached {
  const statements: DdlStatement[] = [];
  const settled = new Set<KnownObject>();
  for (const wanted of after.objects) {
    if (!isAttached(wanted)) continue;
    const same = before.find(wanted.kind, wanted.name);
    if (same?.has('attached to')) continue;
    const present = before
      .partsOf(wanted.kind, wanted.on)
      .find(
        (one) =>
          isAttached(one) &&
          one.text('attached to') === wanted.text('attached to') &&
          !after.find(one.kind, one.name),
      );
    if (!present) continue;
    const drop = same && dropStatement(same, before);
    if (drop) statements.push(drop);
    const { kind, name } = wanted;
    statements.push({ sql: renameSql(present, wanted), object: { kind, name }, phase: 'clear' });
    for (const object of [present, wanted]) {
      settled.add(object);
      const index = indexOf(object, object === wanted ? after : before);
      if (index) settled.add(index);
    }
  }
  return { statements, settled };
}
