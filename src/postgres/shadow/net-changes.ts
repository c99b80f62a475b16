import type { PgOutputMessage, PgOutputRelation, PgOutputTuple } from '../../domain/pgoutput.js';
import type { MappedTable, RowChange, RowValues } from '../../domain/shadow.js';
import { type TransactionSnapshot, wasVisible } from '../../domain/wal-position.js';
import { BelayError } from '../../errors.js';

type Key = readonly (string | null)[];

/** What is known of the row with one key after the changes so far. */
type Net =
  | {
      readonly kind: 'upsert';
      readonly values: RowValues;
      /** The key that the row had before all changes; null: the same. */
      readonly oldKey: Key | null;
      /** Inserted by these changes: there was no such row before. */
      readonly isNew: boolean;
    }
  | { readonly kind: 'delete'; readonly key: Key };

/** The net effect of decoded changes, per table and key: of several changes of a row the last one counts. */
export class NetChanges {
  readonly #tables = new Map<number, TableChanges>();
  readonly #seen: TransactionSnapshot | null;
  #isSkipping = false;
  #lastCommit: bigint | null = null;

  /** @param seen transactions visible in it are left out: what they did is in the shadow already */
  constructor(tables: readonly MappedTable[], seen: TransactionSnapshot | null = null) {
    this.#seen = seen;
    for (const table of tables) {
      if (table.shadow && table.key) {
        this.#tables.set(table.table.oid, new TableChanges(table, table.key));
      }
    }
  }

  /** Where the last transaction ends; null: none was seen. */
  get lastCommit(): bigint | null {
    return this.#lastCommit;
  }

  add(message: PgOutputMessage): void {
    switch (message.kind) {
      case 'begin':
        this.#isSkipping = this.#seen !== null && wasVisible(this.#seen, message.xid);
        break;
      case 'commit':
        this.#lastCommit = message.endLsn;
        break;
      case 'relation':
        this.#tables.get(message.oid)?.layOut(message);
        break;
      case 'truncate':
        if (this.#isSkipping) break;
        for (const oid of message.oids) this.#tables.get(oid)?.truncate();
        break;
      case 'insert':
      case 'update':
      case 'delete':
        if (!this.#isSkipping) this.#tables.get(message.oid)?.change(message);
    }
  }

  /** Tables with changes, by their OID in the target, and those that were truncated before these changes. */
  result(): { readonly changes: Map<number, RowChange[]>; readonly truncated: number[] } {
    const changes = new Map<number, RowChange[]>();
    const truncated: number[] = [];
    for (const [oid, table] of this.#tables) {
      if (table.isTruncated) truncated.push(oid);
      const found = table.result();
      if (found.length > 0) changes.set(oid, found);
    }
    return { changes, truncated };
  }
}

type Change = Extract<PgOutputMessage, { kind: 'insert' | 'update' | 'delete' }>;

/** Where the mapped columns are in the messages of a table. */
interface Layout {
  readonly places: readonly number[];
  readonly keyPlaces: readonly number[];
  /** For each column of the relation: whether an old row has its value. */
  readonly isInOldRow: readonly boolean[];
}

class TableChanges {
  readonly #table: MappedTable;
  readonly #key: readonly number[];
  /** In the order of the last change, so that a unique value is given up before another row takes it. */
  readonly #rows = new Map<string, Net>();
  #layout: Layout | undefined;
  isTruncated = false;

  constructor(table: MappedTable, key: readonly number[]) {
    this.#table = table;
    this.#key = key;
  }

  layOut(relation: PgOutputRelation): void {
    const places = this.#table.columns.map(({ source }) =>
      relation.columns.findIndex(({ name }) => name === source),
    );
    const keyPlaces = this.#key.map((index) => places[index] ?? -1);
    if (places.includes(-1)) throw this.#changed('a column of it was renamed or dropped');
    const isInOldRow = relation.columns.map(({ isIdentity }) => isIdentity);
    if (!keyPlaces.every((place) => isInOldRow[place])) {
      throw this.#changed('its replica identity no longer contains its key');
    }
    this.#layout = { places, keyPlaces, isInOldRow };
  }

  truncate(): void {
    this.#rows.clear();
    this.isTruncated = true;
  }

  change(message: Change): void {
    const layout = this.#layout;
    if (!layout) throw new BelayError('BUG', `${this.#table.table.name} changed without a layout`);
    if (message.kind === 'insert') this.#insert(layout, message.row);
    else if (message.kind === 'delete') this.#delete(this.#keyOf(layout, message.old));
    else this.#update(layout, message.old, message.row);
  }

  /** Deletes, then rows that move, then all others. What moves away is not listed as deleted. */
  result(): RowChange[] {
    const left = new Set<string>();
    const moves: RowChange[] = [];
    const others: RowChange[] = [];
    for (const net of this.#rows.values()) {
      if (net.kind === 'delete') continue;
      if (net.oldKey) left.add(nameOf(net.oldKey));
      const { values, oldKey } = net;
      (oldKey ? moves : others).push({ kind: 'upsert', values, oldKey });
    }
    const deletes: RowChange[] = [];
    for (const [name, net] of this.#rows) {
      if (net.kind === 'delete' && !left.has(name)) deletes.push(net);
    }
    return [...deletes, ...moves, ...others];
  }

  #insert(layout: Layout, row: PgOutputTuple): void {
    const key = this.#keyOf(layout, row);
    const values = layout.places.map((place) => row[place]);
    this.#put(key, { kind: 'upsert', values, oldKey: null, isNew: true });
  }

  #delete(key: Key): void {
    this.#put(key, { kind: 'delete', key });
  }

  #update(layout: Layout, old: PgOutputTuple | null, sent: PgOutputTuple): void {
    const row = old ? fillFrom(old, sent, layout.isInOldRow) : sent;
    const key = this.#keyOf(layout, row);
    const before = old ? this.#keyOf(layout, old) : key;
    const known = this.#rows.get(nameOf(before));
    const previous = known?.kind === 'upsert' ? known : undefined;
    const values = layout.places.map((place, index) => fromPrevious(row[place], previous, index));
    const isMoved = nameOf(before) !== nameOf(key);
    const isNew = previous?.isNew ?? false;
    const oldKey = previous?.oldKey ?? (isMoved && !isNew ? before : null);
    if (isMoved) this.#delete(before);
    const isBack = oldKey !== null && nameOf(oldKey) === nameOf(key);
    this.#put(key, { kind: 'upsert', values, oldKey: isBack ? null : oldKey, isNew });
  }

  #put(key: Key, net: Net): void {
    const name = nameOf(key);
    this.#rows.delete(name);
    this.#rows.set(name, net);
  }

  #keyOf(layout: Layout, row: PgOutputTuple): Key {
    return layout.keyPlaces.map((place) => {
      const value = row[place];
      if (value === undefined) throw this.#changed('a row came without its key');
      return value;
    });
  }

  #changed(why: string): BelayError {
    return new BelayError(
      'SCHEMA_CHANGED',
      `the table ${this.#table.table.name} has changed: ${why}`,
      {
        hint: 'Abort the shadow and create it again.',
      },
    );
  }
}

/** What the new row did not send is as in the old one, where that has it. */
function fillFrom(
  old: PgOutputTuple,
  row: PgOutputTuple,
  isInOldRow: readonly boolean[],
): PgOutputTuple {
  if (!row.includes(undefined)) return row;
  return row.map((value, place) => (value === undefined && isInOldRow[place] ? old[place] : value));
}

function fromPrevious(
  value: string | null | undefined,
  previous: { readonly values: RowValues } | undefined,
  index: number,
): string | null | undefined {
  return value === undefined ? previous?.values[index] : value;
}

/** One text for a key, different for different keys. */
function nameOf(key: Key): string {
  const [only] = key;
  if (key.length === 1 && typeof only === 'string') return only;
  return JSON.stringify(key);
}
