import { identifier, namePartsOf } from './ddl-names.js';
import type { DdlStatement } from './ddl-statement.js';
import type { KnownObject, KnownSchema } from './known-schema.js';

/** Longest name of PostgreSQL, in bytes. */
const longestName = 63;

const unquoted = (name: string): string =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;

/** The name that PostgreSQL gives to the NOT NULL constraint of a column by itself. */
export function usualNotNullName(table: string, column: string): string {
  const parts = [unquoted(namePartsOf(table).at(-1) ?? table), unquoted(column)];
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const most = longestName - '__not_null'.length;
  let [first = 0, second = 0] = lengths;
  // The longer one is cut, as PostgreSQL does it.
  while (first + second > most) {
    if (first > second) first -= 1;
    else second -= 1;
  }
  const cut = (part: string, length: number) => Buffer.from(part).subarray(0, length).toString();
  return identifier(`${cut(parts[0] ?? '', first)}_${cut(parts[1] ?? '', second)}_not_null`);
}

/** "c" of the constraint `NOT NULL c`; undefined for others, and for those of domains. */
function columnOf(constraint: KnownObject): string | undefined {
  return /^NOT NULL (.+)$/s.exec(constraint.need('definition'))?.[1];
}

function namedNotNull(schema: KnownSchema, table: string, column: string): KnownObject | undefined {
  return schema.partsOf('constraint', table).find((one) => columnOf(one) === column);
}

/** What is renamed, and the constraints that need nothing else. */
export interface RenamedNotNulls {
  readonly statements: DdlStatement[];
  /** Whose they are: constraints of either side. */
  readonly settled: ReadonlySet<KnownObject>;
}

/** The NOT NULL constraints that only one side has, with their columns. */
const onlyIn = (side: KnownSchema, other: KnownSchema) =>
  side.objects.flatMap((object) => {
    const isOnly = object.kind === 'constraint' && !other.find(object.kind, object.name);
    const column = isOnly ? columnOf(object) : undefined;
    return column === undefined ? [] : [{ object, column }];
  });

const isNotNull = (schema: KnownSchema, table: string, column: string): boolean =>
  schema.find('column', `${table}.${column}`)?.has('not null') ?? false;

function rename(object: KnownObject, from: string, to: string): DdlStatement {
  const { kind, name, on } = object;
  const sql = `ALTER TABLE ${on} RENAME CONSTRAINT ${from} TO ${to}`;
  return { sql, object: { kind, name }, phase: 'clear' };
}

/**
 * A column has one NOT NULL constraint, which cannot be dropped from a key nor added a second time: where both sides have
 * one, with different names, it is renamed.
 */
export function renameNotNulls(before: KnownSchema, after: KnownSchema): RenamedNotNulls {
  const statements: DdlStatement[] = [];
  const settled = new Set<KnownObject>();
  for (const { object, column } of onlyIn(after, before)) {
    const old = namedNotNull(before, object.on, column);
    const isStaying = old !== undefined && after.find(old.kind, old.name) !== undefined;
    if (isStaying || !isNotNull(before, object.on, column)) continue;
    const from = old?.ownName ?? usualNotNullName(object.on, column);
    statements.push(rename(object, from, object.ownName));
    settled.add(object);
    if (old) settled.add(old);
  }
  for (const { object, column } of onlyIn(before, after)) {
    if (settled.has(object) || !isNotNull(after, object.on, column)) continue;
    if (namedNotNull(after, object.on, column)) continue;
    statements.push(rename(object, object.ownName, usualNotNullName(object.on, column)));
    settled.add(object);
  }
  return { statements, settled };
}
