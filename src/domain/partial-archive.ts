import type { Fingerprint } from './fingerprint.js';
import { formatQualifiedName, type QualifiedName } from './qualified-name.js';
import type { ContentsEntry, TableOfContents } from './table-of-contents.js';

/** A foreign key from rows that an archive holds to rows that it does not hold: a restore of it cannot check it. */
export interface UncheckedReference {
  readonly table: string;
  readonly constraint: string;
  readonly refersTo: string;
}

/** What is special about an archive that holds the definitions of everything, but the rows of some tables only. */
export interface PartialArchive {
  /** Tables whose rows it holds, as in the `rowCounts` of its fingerprint, sorted. */
  readonly dataOf: readonly string[];
  /** Partitioned tables that were asked for, with those of `dataOf` that hold their rows. */
  readonly partitioned: Readonly<Record<string, readonly string[]>>;
  readonly unchecked: readonly UncheckedReference[];
}

/** pg_dump reads quoted text as it is, and folds and interprets all else. */
const quotePattern = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/**
 * Patterns that match all of `others` and nothing of `kept`. Each is the shortest beginning that no kept name shares, so
 * that tens of thousands of tables fit into the arguments of a program.
 */
function patternsFor(others: Iterable<string>, kept: Iterable<string>): string[] {
  const beginnings = new Set<string>();
  for (const name of kept) {
    let beginning = '';
    beginnings.add(beginning);
    for (const character of name) {
      beginning += character;
      beginnings.add(beginning);
    }
  }
  const patterns = new Set<string>();
  for (const name of others) patterns.add(patternFor(name, beginnings));
  return [...patterns].sort();
}

function patternFor(name: string, beginnings: ReadonlySet<string>): string {
  let beginning = '';
  if (!beginnings.has(beginning)) return '*';
  for (const character of name) {
    beginning += character;
    if (!beginnings.has(beginning)) return `${quotePattern(beginning)}*`;
  }
  // Some kept name begins with the whole of it.
  return quotePattern(name);
}

/**
 * Patterns for `pg_dump --exclude-table-data` that leave out the rows of all `others`, however they are named.
 * @param kept whose rows or values are dumped
 *
 * @example
 * excludePatterns([{ schema: 'public', name: 'users' }], [{ schema: 'public', name: 'orders' }]);
 * // ['"public"."o"*']
 */
export function excludePatterns(
  kept: readonly QualifiedName[],
  others: readonly QualifiedName[],
): string[] {
  const bySchema = new Map<string, string[]>(kept.map(({ schema }) => [schema, []]));
  for (const { schema, name } of kept) bySchema.get(schema)?.push(name);
  const schemas = new Set(others.map(({ schema }) => schema));
  const without = [...schemas].filter((schema) => !bySchema.has(schema));
  const patterns = patternsFor(without, bySchema.keys()).map((schema) => `${schema}.*`);
  for (const [schema, names] of bySchema) {
    const inIt = others.filter((other) => other.schema === schema).map(({ name }) => name);
    patterns.push(...patternsFor(inIt, names).map((name) => `${quotePattern(schema)}.${name}`));
  }
  return patterns;
}

/** The part of a fingerprint that an archive of some tables can be compared with. */
export function narrowFingerprint(
  fingerprint: Fingerprint,
  {
    tables,
    sequences,
  }: { readonly tables: readonly string[]; readonly sequences: Iterable<string> },
): Fingerprint {
  const rowCounts = narrow(fingerprint.rowCounts, tables);
  const counts = Object.values(rowCounts);
  return {
    schemaChecksum: fingerprint.schemaChecksum,
    tables: counts.length,
    rows: counts.reduce((sum, rows) => sum + rows, 0),
    rowCounts,
    sequences: narrow(fingerprint.sequences, sequences),
  };
}

/** The entries with these names, in the order of the record. */
export function narrow<T>(record: Readonly<Record<string, T>>, names: Iterable<string>) {
  const wanted = new Set(names);
  return Object.fromEntries(Object.entries(record).filter(([name]) => wanted.has(name)));
}

/** The objects of a dump in the order in which an archive of some tables can be restored. */
export interface PartialRestore {
  /** Definitions, then unchecked foreign keys and what they need, then rows. */
  readonly rows: readonly ContentsEntry[];
  /** Indexes, other constraints, triggers. */
  readonly rest: readonly ContentsEntry[];
}

/**
 * Foreign keys that cannot be checked have to be there before the rows: on empty tables PostgreSQL makes them without a
 * look. Everything else is made when the rows are there, and so is checked.
 */
export function orderPartialRestore(
  { entries, encoding }: TableOfContents,
  unchecked: readonly UncheckedReference[],
): PartialRestore {
  const after = entries.filter(({ section }) => section === 'post-data');
  const early = new Set(
    unchecked.flatMap((reference) => after.find((entry) => isOf(entry, reference, encoding)) ?? []),
  );
  const byId = new Map(after.map((entry) => [entry.dumpId, entry]));
  for (const { needs } of early) {
    for (const id of needs) {
      const needed = byId.get(id);
      if (needed) early.add(needed);
    }
  }
  const isBefore = ({ section }: ContentsEntry) => section !== 'data' && section !== 'post-data';
  return {
    rows: [
      ...entries.filter(isBefore),
      ...after.filter((entry) => early.has(entry)),
      ...entries.filter(({ section }) => section === 'data'),
    ],
    rest: after.filter((entry) => !early.has(entry)),
  };
}

function isOf(
  entry: ContentsEntry,
  { table, constraint }: UncheckedReference,
  encoding: string,
): boolean {
  if (entry.kind !== 'FK CONSTRAINT') return false;
  // A session reads the bytes of such a database as UTF-8; the table of contents does not.
  const read = (text: string) =>
    encoding === 'SQL_ASCII' ? Buffer.from(text, 'latin1').toString('utf8') : text;
  const tag = read(entry.tag);
  if (!tag.endsWith(` ${constraint}`)) return false;
  const name = tag.slice(0, -constraint.length - 1);
  return formatQualifiedName({ schema: read(entry.schema), name }) === table;
}

/**
 * Tables that a dump makes and gives no rows, although it has rows of others.
 * @param tables those of a restored copy that can have rows of their own
 */
export function tablesWithoutData(
  { entries }: TableOfContents,
  tables: readonly string[],
): string[] {
  const namesOf = (kind: string) =>
    new Set(
      entries
        .filter((entry) => entry.kind === kind)
        .map(({ schema, tag }) => formatQualifiedName({ schema, name: tag })),
    );
  const [made, filled] = [namesOf('TABLE'), namesOf('TABLE DATA')];
  return filled.size === 0 ? [] : tables.filter((name) => made.has(name) && !filled.has(name));
}

const mostNamed = 5;

/** e.g. "public.users, public.sessions and 3 more". */
export function nameTables(tables: readonly string[]): string {
  const more = tables.length - mostNamed;
  const shown = tables.slice(0, mostNamed).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}
