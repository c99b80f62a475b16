import type { Address, LiveCatalog, LiveColumn, LiveRelation } from '../live-catalog.js';
import type { NewColumn, WorldColumn, WorldRelation } from '../world.js';
import { addressIn } from './address.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface ColumnState extends Mutable<Omit<WorldColumn, 'touchedBy'>> {
  readonly touchedBy: number[];
}

export interface RelationState extends Mutable<Omit<WorldRelation, 'touchedBy'>> {
  /** A temporary table with ON COMMIT DROP. */
  readonly endsAtCommit?: boolean;
  readonly touchedBy: number[];
}

/** Tables, views and the like by name, and their columns. */
export class WorldRelations {
  readonly #byId = new Map<Address, RelationState>();
  readonly #byName = new Map<string, RelationState>();
  readonly #columns = new Map<Address, ColumnState[]>();
  readonly #liveColumns = new Map<number, LiveColumn[]>();
  #made = 0;

  constructor(catalog: LiveCatalog) {
    for (const column of catalog.columns) {
      const list = this.#liveColumns.get(column.relation);
      if (list) list.push(column);
      else this.#liveColumns.set(column.relation, [column]);
    }
    for (const live of catalog.relations) {
      const { schema, name, kind } = live;
      const isTemporary = live.persistence === 't';
      const id = addressIn('pg_class', live.oid);
      this.#put({ id, schema, name, kind, isNew: false, isTemporary, live, touchedBy: [] });
    }
  }

  byId(id: Address): RelationState | undefined {
    return this.#byId.get(id);
  }

  byName(schema: string, name: string): RelationState | undefined {
    return this.#byName.get(`${schema}\0${name}`);
  }

  all(): Iterable<RelationState> {
    return this.#byId.values();
  }

  columnsOf({ id, live }: WorldRelation): ColumnState[] {
    const known = this.#columns.get(id);
    if (known) return known;
    const columns = (this.#liveColumns.get(live?.oid ?? -1) ?? [])
      .sort((a, b) => a.number - b.number)
      .map((column) => liveColumn(id, column));
    this.#columns.set(id, columns);
    return columns;
  }

  add(facts: {
    readonly schema: string;
    readonly name: string;
    readonly kind: LiveRelation['kind'];
    readonly isTemporary: boolean;
    readonly endsAtCommit: boolean;
    readonly columns: readonly NewColumn[];
  }): RelationState {
    const { columns, ...own } = facts;
    this.#made += 1;
    const id = `new/${this.#made}/0`;
    const relation = { ...own, id, isNew: true, live: null, touchedBy: [] };
    this.#put(relation);
    this.#columns.set(id, []);
    for (const column of columns) this.addColumn(relation, column);
    return relation;
  }

  addColumn(relation: WorldRelation, column: NewColumn): void {
    const columns = this.columnsOf(relation);
    this.#made += 1;
    const { name, type } = column;
    columns.push({
      ...{ id: `${relation.id.slice(0, -2)}/new${this.#made}`, relation: relation.id, name, type },
      notNull: column.notNull === true,
      hasDefault: column.hasDefault === true,
      isGenerated: column.isGenerated === true,
      isIdentity: column.isIdentity === true,
      ...{ isNew: true, live: null, touchedBy: [] },
    });
  }

  rename(relation: RelationState, to: { readonly schema?: string; readonly name?: string }): void {
    this.#byName.delete(`${relation.schema}\0${relation.name}`);
    if (to.schema !== undefined) relation.schema = to.schema;
    if (to.name !== undefined) relation.name = to.name;
    this.#byName.set(`${relation.schema}\0${relation.name}`, relation);
  }

  remove(relation: RelationState): void {
    const key = `${relation.schema}\0${relation.name}`;
    if (this.#byName.get(key) === relation) this.#byName.delete(key);
    this.#byId.delete(relation.id);
  }

  removeColumn(relation: RelationState, id: Address): void {
    const columns = this.columnsOf(relation);
    const at = columns.findIndex((column) => column.id === id);
    if (at >= 0) columns.splice(at, 1);
  }

  #put(relation: RelationState): void {
    this.#byId.set(relation.id, relation);
    this.#byName.set(`${relation.schema}\0${relation.name}`, relation);
  }
}

function liveColumn(relation: Address, column: LiveColumn): ColumnState {
  const { name, type, number } = column;
  return {
    ...{ id: addressIn('pg_class', column.relation, number), relation, name, type },
    notNull: column.notNull,
    hasDefault: column.default !== null && column.generated === null,
    isGenerated: column.generated !== null,
    isIdentity: column.identity !== null,
    ...{ isNew: false, live: { number, name, type }, touchedBy: [] },
  };
}
