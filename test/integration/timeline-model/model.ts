/** A database's tables as plain data. */
export type Content = Readonly<Record<string, Table>>;

export interface Table {
  readonly hasNote: boolean;
  readonly rows: Readonly<Record<number, string>>;
}

export interface ModelSnapshot {
  tag: string;
  /** Kept by Belay itself, under a tag of its own: undo takes it from the timeline. */
  isAutomatic: boolean;
  isProtected: boolean;
  readonly content: Content;
  /** The database that it is a copy of, or was. */
  readonly source: number;
  readonly takenAt: number;
  /** The database that took its place. */
  readonly replacedBy: number | null;
  readonly restoredAs: { readonly database: number; readonly at: number }[];
}

/**
 * What Belay promises about a timeline, without PostgreSQL: databases are numbers, contents are data, time is a
 * counter.
 */
export class TimelineModel {
  live: { database: number; content: Content };
  /** Newest first. */
  snapshots: ModelSnapshot[] = [];
  #count = 0;

  constructor(content: Content) {
    this.live = { database: this.#next(), content };
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  find(reference: string): ModelSnapshot | undefined {
    if (reference === 'latest') return this.snapshots[0];
    if (reference.startsWith('~')) return this.snapshots[Number(reference.slice(1))];
    return this.snapshots.find(({ tag }) => tag === reference);
  }

  isTaken(tag: string): boolean {
    return this.snapshots.some((snapshot) => snapshot.tag === tag);
  }

  /** What undo would bring back. */
  get undo(): ModelSnapshot | undefined {
    return this.snapshots.find(({ replacedBy }) => replacedBy === this.live.database);
  }

  /** What was last taken from the live database, or what that was made from. */
  get basedOn(): ModelSnapshot | undefined {
    const { database } = this.live;
    const candidates = this.snapshots.flatMap((snapshot) => [
      ...(snapshot.source === database ? [{ snapshot, at: snapshot.takenAt }] : []),
      ...snapshot.restoredAs
        .filter((restored) => restored.database === database)
        .map(({ at }) => ({ snapshot, at })),
    ]);
    return candidates.sort((a, b) => b.at - a.at)[0]?.snapshot;
  }

  take(tag: string): void {
    this.#add({ tag, isAutomatic: false, replacedBy: null });
  }

  #add(one: Pick<ModelSnapshot, 'tag' | 'isAutomatic' | 'replacedBy'>): void {
    const { database, content } = this.live;
    const takenAt = this.#next();
    this.snapshots.unshift({
      ...{ ...one, content, source: database, takenAt },
      ...{ isProtected: false, restoredAs: [] },
    });
  }

  /** A copy of the snapshot takes the place of the live database, which becomes a snapshot. */
  restore(snapshot: ModelSnapshot, keepAs: { tag: string; isAutomatic: boolean }): void {
    const database = this.#next();
    this.#add({ ...keepAs, replacedBy: database });
    snapshot.restoredAs.push({ database, at: this.#next() });
    this.live = { database, content: snapshot.content };
  }

  /** A state that was kept automatically comes back itself; what the user wants to keep stays, and is copied. */
  undoLast(snapshot: ModelSnapshot, keptAs: string): void {
    const keepAs = { tag: keptAs, isAutomatic: true };
    if (!snapshot.isAutomatic || snapshot.isProtected) {
      this.restore(snapshot, keepAs);
      return;
    }
    this.#add({ ...keepAs, replacedBy: snapshot.source });
    this.live = { database: snapshot.source, content: snapshot.content };
    this.remove(snapshot);
  }

  remove(snapshot: ModelSnapshot): void {
    this.snapshots = this.snapshots.filter((one) => one !== snapshot);
  }

  /** @returns what is removed: what is neither protected, nor in use, nor among the newest of the others */
  prune(keepLast: number): ModelSnapshot[] {
    const inUse = new Set([this.undo, this.basedOn]);
    const others = this.snapshots.filter((one) => !one.isProtected && !inUse.has(one));
    const removed = others.slice(keepLast);
    for (const snapshot of removed) this.remove(snapshot);
    return removed;
  }
}

export function rowsIn(content: Content): number {
  return Object.values(content).reduce((sum, { rows }) => sum + Object.keys(rows).length, 0);
}

/** Changes of a live database, each as SQL for the real one and as a function for the model. */
export interface Change {
  readonly name: string;
  readonly sql: string;
  apply(content: Content): Content;
}

const withTable = (content: Content, name: string, change: (table: Table) => Table): Content => {
  const table = content[name];
  return table ? { ...content, [name]: change(table) } : content;
};

export function insertInto(table: string, id: number, value: string): Change {
  return {
    name: `insert ${id} ${value} into ${table}`,
    sql: `INSERT INTO ${table} (id, value) VALUES (${id}, '${value}')
            ON CONFLICT (id) DO UPDATE SET value = excluded.value`,
    apply: (content) =>
      withTable(content, table, (old) => ({ ...old, rows: { ...old.rows, [id]: value } })),
  };
}

export function deleteOdd(table: string): Change {
  return {
    name: `delete odd rows from ${table}`,
    sql: `DELETE FROM ${table} WHERE id % 2 = 1`,
    apply: (content) =>
      withTable(content, table, (old) => ({
        ...old,
        rows: Object.fromEntries(Object.entries(old.rows).filter(([id]) => Number(id) % 2 === 0)),
      })),
  };
}

/** Changes no number of rows. */
export function doubleValues(table: string): Change {
  return {
    name: `double the values of ${table}`,
    // Bounded, so that a hundred of these fit in memory.
    sql: `UPDATE ${table} SET value = left(value || value, 40)`,
    apply: (content) =>
      withTable(content, table, (old) => ({
        ...old,
        rows: Object.fromEntries(
          Object.entries(old.rows).map(([id, value]) => [id, (value + value).slice(0, 40)]),
        ),
      })),
  };
}

export function truncate(table: string): Change {
  return {
    name: `truncate ${table}`,
    sql: `TRUNCATE ${table}`,
    apply: (content) => withTable(content, table, (old) => ({ ...old, rows: {} })),
  };
}

export function setNoteColumn(table: string, hasNote: boolean): Change {
  return {
    name: `${hasNote ? 'add' : 'drop'} a column of ${table}`,
    sql: hasNote
      ? `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS note text`
      : `ALTER TABLE ${table} DROP COLUMN IF EXISTS note`,
    apply: (content) => withTable(content, table, (old) => ({ ...old, hasNote })),
  };
}

export function createTable(table: string): Change {
  return {
    name: `create ${table}`,
    sql: `CREATE TABLE IF NOT EXISTS ${table} (id int PRIMARY KEY, value text NOT NULL)`,
    apply: (content) => ({ [table]: { hasNote: false, rows: {} }, ...content }),
  };
}

export function dropTable(table: string): Change {
  return {
    name: `drop ${table}`,
    sql: `DROP TABLE IF EXISTS ${table}`,
    apply: (content) =>
      Object.fromEntries(Object.entries(content).filter(([key]) => key !== table)),
  };
}
