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

/** Of a row: its place in the map, its key once more, and what each value costs beside its text. */
const bytesPerRow = 150;
const bytesPerValue = 40;

function sizeOf(values: RowValues): number {
  let size = bytesPerRow + values.length * bytesPerValue;
  for (const value of values) size += 2 * (value?.length ?? 0);
  return size;
}

/** The net effect of decoded changes, per table and key: of several changes of a row the last one counts. */
export class NetChanges {
  readonly #tables = new Map<number, TableChanges>();
  readonly #seen: TransactionSnapshot | null;
  #isSkipping = false;
  #lastCommit: bigint | null = null;
  readonly #mostBytes: number;
  #bytes = 0;

  /**
   * @param seen transactions visible in it are left out: what they did is in the shadow already
   * @param mostBytes what the changed rows may take in memory, roughly
   */
  constructor(
    tables: readonly MappedTable[],
    seen: TransactionSnapshot | null = null,
    mostBytes = Number.POSITIVE_INFINITY,
  ) {
    this.#mostBytes = mostBytes;
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
        for (const oid of message.oids) {
          this.#bytes -= this.#tables.get(oid)?.bytes ?? 0;
          this.#tables.get(oid)?.truncate();
        }
        break;
      case 'insert':
      case 'update':
      case 'delete':
        if (!this.#isSkipping) this.#change(message);
    }
  }

  /** @throws BelayError REPLICATION_IN_THE_WAY, with `tooLarge` among its details */
  #change(message: Change): void {
    const table = this.#tables.get(message.oid);
    if (!table) return;
    this.#bytes -= table.bytes;
    table.change(message);
    this.#bytes += table.bytes;
    if (this.#bytes > this.#mostBytes) throw tooLarge();
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
  /** What its rows take in memory, roughly. */
  bytes = 0;

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
    this.bytes = 0;
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
    const before = this.#rows.get(name);
    if (before) this.#rows.delete(name);
    this.#rows.set(name, net);
    this.bytes += sizeOfNet(net) - (before ? sizeOfNet(before) : 0);
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

const sizeOfNet = (net: Net): number => sizeOf(net.kind === 'upsert' ? net.values : net.key);

function tooLarge(): BelayError {
  return new BelayError(
    'REPLICATION_IN_THE_WAY',
    'one transaction has changed more rows than fit into the memory of this process',
    {
      hint: 'What changed can be found by scanning. To read it from the slot, let Node have more memory: NODE_OPTIONS=--max-old-space-size=8192.',
      details: { tooLarge: true },
    },
  );
}

/** Whether reading failed because a transaction has changed too many rows: scan all tables then, and go on from there. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof BelayError && error.details.tooLarge === true;
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
