import type { QualifiedName } from './qualified-name.js';
import type { ContentsEntry, TableOfContents } from './table-of-contents.js';

/** What of a dump makes up some tables. */
export interface TableSelection {
  readonly tables: readonly SelectedTable[];
  /** The tables, their parts, and everything that these need: all of it, or the tables are not whole. */
  readonly schema: readonly ContentsEntry[];
  /** What the tables need, without themselves and their parts. */
  readonly needed: readonly ContentsEntry[];
  /** How others use the tables: foreign keys on them, publications. With what these need, where `schema` has it not. */
  readonly around: readonly ContentsEntry[];
  /** `setval` for the sequences of the tables, where the dump holds data. */
  readonly sequenceValues: readonly ContentsEntry[];
}

export interface SelectedTable {
  readonly table: QualifiedName;
  /** Undefined where the dump does not hold its rows. */
  readonly data: ContentsEntry | undefined;
  /** How it was attached to its partitioned table, where it was a partition. */
  readonly attach: ContentsEntry | undefined;
}

/** Why tables cannot be taken out of a dump. */
export type SelectionProblem =
  | { readonly type: 'missing'; readonly table: QualifiedName }
  | { readonly type: 'not-a-table'; readonly table: QualifiedName; readonly kind: string };

const parts = new Set([
  'ACL',
  'COMMENT',
  'DEFAULT',
  'INDEX',
  'POLICY',
  'ROW SECURITY',
  'RULE',
  'SECURITY LABEL',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'STATISTICS',
  'TRIGGER',
]);

/** Parts that have the name of their table before their own. */
const tagged = new Set(['DEFAULT', 'POLICY', 'RULE', 'TRIGGER']);

const otherRelations: Readonly<Record<string, string>> = {
  VIEW: 'a view',
  'MATERIALIZED VIEW': 'a materialized view',
  'FOREIGN TABLE': 'a foreign table',
  SEQUENCE: 'a sequence',
};

const isConstraint = ({ kind }: ContentsEntry): boolean => kind.endsWith('CONSTRAINT');
const isForeignKey = ({ kind }: ContentsEntry): boolean => kind === 'FK CONSTRAINT';

class Contents {
  readonly #byId = new Map<number, ContentsEntry>();
  readonly #users = new Map<number, ContentsEntry[]>();
  readonly entries: readonly ContentsEntry[];

  constructor({ entries }: TableOfContents) {
    this.entries = entries;
    for (const entry of entries) {
      this.#byId.set(entry.dumpId, entry);
      for (const id of new Set(entry.needs)) {
        this.#users.set(id, [...(this.#users.get(id) ?? []), entry]);
      }
    }
  }

  find(kind: string, { schema, name }: QualifiedName): ContentsEntry | undefined {
    return this.entries.find(
      (entry) => entry.kind === kind && entry.schema === schema && entry.tag === name,
    );
  }

  usersOf({ dumpId }: ContentsEntry): readonly ContentsEntry[] {
    return this.#users.get(dumpId) ?? [];
  }

  /** The table with its parts and theirs, such as the comment on an index or the grants on a sequence. */
  whole(table: ContentsEntry): ContentsEntry[] {
    const found = new Set([table]);
    for (const entry of found) {
      for (const user of this.usersOf(entry)) {
        if (this.#isPart(user, table)) found.add(user);
      }
    }
    return [...found];
  }

  #isPart(entry: ContentsEntry, table: ContentsEntry): boolean {
    if (!parts.has(entry.kind) && !isConstraint(entry)) return false;
    const named = tagged.has(entry.kind) || isConstraint(entry);
    const own = entry.schema === table.schema && entry.tag.startsWith(`${table.tag} `);
    return !named || own;
  }

  /** Foreign keys on the table, with the comments on them, and its places in publications. */
  around(table: ContentsEntry): ContentsEntry[] {
    const users = this.usersOf(table);
    const keys = users.filter(isForeignKey);
    const comments = keys.flatMap((key) => this.usersOf(key));
    return [...keys, ...comments, ...users.filter(({ kind }) => kind === 'PUBLICATION TABLE')];
  }

  /** The entries with everything that they need, in the order of the dump. */
  closure(entries: Iterable<ContentsEntry>): ContentsEntry[] {
    const found = new Set(entries);
    for (const entry of found) {
      for (const id of entry.needs) {
        const needed = this.#byId.get(id);
        if (needed) found.add(needed);
      }
    }
    return this.entries.filter((entry) => found.has(entry));
  }
}

function findTable(contents: Contents, table: QualifiedName): ContentsEntry | SelectionProblem {
  const entry = contents.find('TABLE', table);
  if (entry) return entry;
  for (const [kind, what] of Object.entries(otherRelations)) {
    if (contents.find(kind, table)) return { type: 'not-a-table', table, kind: what };
  }
  return { type: 'missing', table };
}

const isProblem = (found: ContentsEntry | SelectionProblem): found is SelectionProblem =>
  'type' in found;

/** Finds what of a dump makes up the tables, and what they need. */
export function selectTables(
  toc: TableOfContents,
  tables: readonly QualifiedName[],
): TableSelection | SelectionProblem {
  const contents = new Contents(toc);
  const roots: ContentsEntry[] = [];
  for (const table of tables) {
    const found = findTable(contents, table);
    if (isProblem(found)) return found;
    roots.push(found);
  }
  const whole = new Set(roots.flatMap((root) => contents.whole(root)));
  const schema = contents.closure(whole);
  const inSchema = new Set(schema);
  const around = contents.closure(roots.flatMap((root) => contents.around(root)));
  const withoutForeignKeys = contents.closure([...whole].filter((entry) => !isForeignKey(entry)));
  const sequences = [...whole].filter(({ kind }) => kind === 'SEQUENCE');
  const values = sequences.map(({ schema: inside, tag }) =>
    contents.find('SEQUENCE SET', { schema: inside, name: tag }),
  );
  return {
    tables: tables.map((table) => ({
      table,
      data: contents.find('TABLE DATA', table),
      attach: contents.find('TABLE ATTACH', table),
    })),
    schema,
    needed: withoutForeignKeys.filter((entry) => !whole.has(entry)),
    around: around.filter((entry) => !inSchema.has(entry)),
    sequenceValues: values.filter((entry) => entry !== undefined),
  };
}

/** What of a dump makes up partitioned tables, without their partitions. */
export interface PartitionedSelection {
  /** In the order of the dump; how each is attached to the one above it is among them. */
  readonly schema: readonly ContentsEntry[];
  /** What others have on the tables, e.g. foreign keys, and does not come back with them. */
  readonly left: readonly ContentsEntry[];
}

/** The partitioned tables that some tables are partitions of, and that these are partitions of, the outermost first. */
export function ancestorsOf(
  { entries }: TableOfContents,
  tables: readonly QualifiedName[],
): QualifiedName[] {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const attached = entries.filter(({ kind }) => kind === 'TABLE ATTACH');
  const isOf =
    ({ schema, name }: QualifiedName) =>
    (entry: ContentsEntry) =>
      entry.schema === schema && entry.tag === name;
  const found = new Set<ContentsEntry>();
  const pending = [...tables];
  for (const table of pending) {
    const needs = attached.find(isOf(table))?.needs ?? [];
    const parent = needs
      .flatMap((id) => byId.get(id) ?? [])
      .find((entry) => entry.kind === 'TABLE' && !isOf(table)(entry));
    if (!parent || found.has(parent)) continue;
    found.add(parent);
    pending.push({ schema: parent.schema, name: parent.tag });
  }
  // A dump has each table behind the one that it is a partition of.
  return entries
    .filter((entry) => found.has(entry))
    .map(({ schema, tag: name }) => ({ schema, name }));
}

/** What makes some partitioned tables again, as they were before they had partitions. */
export function selectPartitioned(
  toc: TableOfContents,
  tables: readonly QualifiedName[],
): PartitionedSelection {
  const contents = new Contents(toc);
  const roots = tables.flatMap((table) => contents.find('TABLE', table) ?? []);
  const whole = new Set(roots.flatMap((root) => contents.whole(root)));
  const rootIds = new Set(roots.map(({ dumpId }) => dumpId));
  const attached = contents.entries.filter(
    ({ kind, needs }) => kind === 'TABLE ATTACH' && needs.some((id) => rootIds.has(id)),
  );
  // What belongs to a partition hangs on what belongs to the partitioned table too.
  const partitionIds = new Set(
    attached.flatMap(({ needs }) => needs.filter((id) => !rootIds.has(id))),
  );
  const ofPartitions = new Set(partitionIds);
  for (const { dumpId, kind, needs } of contents.entries) {
    // A foreign key of the table on itself needs the indexes of its partitions, and is its own all the same.
    const telling = kind === 'FK CONSTRAINT' ? partitionIds : ofPartitions;
    if (needs.some((id) => telling.has(id))) ofPartitions.add(dumpId);
  }
  for (const entry of whole) if (ofPartitions.has(entry.dumpId)) whole.delete(entry);
  const ids = new Set([...whole].map(({ dumpId }) => dumpId));
  const isBetween = ({ kind, needs }: ContentsEntry) =>
    (kind === 'TABLE ATTACH' || kind === 'INDEX ATTACH') &&
    needs.length > 0 &&
    needs.every((id) => ids.has(id));
  for (const entry of contents.entries.filter(isBetween)) whole.add(entry);
  return {
    schema: contents.entries.filter((entry) => whole.has(entry)),
    left: roots.flatMap((root) => contents.around(root)).filter((entry) => !whole.has(entry)),
  };
}

/** A list for `pg_restore --use-list`, in the order of the dump. */
export function restoreList(entries: readonly ContentsEntry[]): string {
  return entries.map(({ dumpId }) => `${dumpId};\n`).join('');
}

const namePart = `(?:"(?:[^"]|"")*"|[^"( .]+)`;
const copyStatement = new RegExp(
  String.raw`^COPY ${namePart}\.${namePart} +(?:\((.*)\) )?FROM stdin;\s*$`,
  'su',
);

/** The names of the columns in a `COPY … FROM stdin;` of pg_dump; undefined: it is none. */
export function columnsOfCopy(statement: string): string[] | undefined {
  const match = copyStatement.exec(statement);
  if (!match) return undefined;
  const columns: string[] = [];
  for (const [, quoted, plain] of (match[1] ?? '').matchAll(/"((?:[^"]|"")*)"|([^", ]+)/gsu)) {
    columns.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
  }
  return columns;
}
