import { quotedName } from '../quoted-sql.js';
import type { Address, LiveCatalog, LiveRelation, LiveType } from './live-catalog.js';
import type { MeasuredTable } from './measure.js';
import { addressIn } from './world/address.js';
import * as changes from './world/changes.js';
import * as drops from './world/drops.js';
import * as families from './world/families.js';
import { writeExpression, writeQuery } from './world/live-sql.js';
import { LiveTypes } from './world/live-types.js';
import { isTemporarySchema } from './world/search-path.js';
import { WorldState } from './world/world-state.js';
import type {
  Dropped,
  DropResult,
  LiveSql,
  NewColumn,
  NewObject,
  RelationName,
  Tree,
  World,
  WorldColumn,
  WorldObject,
  WorldRelation,
} from './world.js';

export interface WorldOptions {
  /** Prints a node of the grammar as SQL; throws where it cannot. */
  readonly deparse: (node: Tree) => string;
}

/** The live database before the first statement of a script. */
export function createWorld(catalog: LiveCatalog, options: WorldOptions): SimulatedWorld {
  return new SimulatedWorld(catalog, options);
}

/** The first ones tell enough; a file of a hundred thousand UPDATEs would keep each for every later one. */
const mostTouches = 10;

/** See {@link World}. What it hands out are its own objects: their names are the present ones, also later. */
export class SimulatedWorld implements World {
  readonly catalog: LiveCatalog;
  statement = 1;
  isUncertain = false;
  readonly deparse: (node: Tree) => string;
  readonly #state: WorldState;
  readonly #types: LiveTypes;

  constructor(catalog: LiveCatalog, { deparse }: WorldOptions) {
    this.catalog = catalog;
    this.deparse = deparse;
    this.#state = new WorldState(catalog);
    this.#types = new LiveTypes(catalog);
  }

  /** The live database before the script. */
  anew(): SimulatedWorld {
    return new SimulatedWorld(this.catalog, { deparse: this.deparse });
  }

  /** What the script has dropped of the live database; of what went as a whole no parts. */
  get gone(): ReadonlySet<Address> {
    return this.#state.gone;
  }

  get searchPath(): string {
    return this.#state.path.liveSql();
  }

  setSearchPath(
    schemas: readonly string[] | null,
    { isLocal = false }: { isLocal?: boolean } = {},
  ): void {
    this.#state.path.set(schemas, isLocal);
  }

  endTransaction(): void {
    this.#state.path.endTransaction();
    const ending = [...this.#state.relations.all()].filter(({ endsAtCommit }) => endsAtCommit);
    const ids = ending.map(({ id }) => id);
    this.drop(ids, true);
  }

  /** The next script begins with the usual settings; temporary tables stay, they are the session's. */
  endScript(): void {
    this.endTransaction();
    this.setSearchPath(null);
  }

  /** Work for which a schema comes first in the search path, e.g. the elements of CREATE SCHEMA. */
  within<T>(schema: string, work: () => T): T {
    return this.#state.path.within(schema, work);
  }

  creationSchema(): string {
    return this.#state.path.schemas().find((name) => name !== 'pg_catalog') ?? 'public';
  }

  hasSchema(name: string): boolean {
    return this.#state.path.has(name);
  }

  addSchema(name: string): void {
    this.#state.path.add(name);
    this.addObject({ kind: 'schema', name });
  }

  renameSchema(from: string, to: string): void {
    changes.renameSchema(this.#state, from, to);
  }

  relations(): readonly WorldRelation[] {
    return [...this.#state.relations.all()];
  }

  findRelation(name: RelationName): WorldRelation | undefined {
    for (const schema of this.#state.placesOf(name)) {
      const found = this.#state.relations.byName(schema, name.name);
      if (found) return found;
    }
    return undefined;
  }

  relationByOid(oid: number): WorldRelation | undefined {
    return this.#state.relations.byId(addressIn('pg_class', oid));
  }

  columnsOf(relation: WorldRelation): readonly WorldColumn[] {
    return this.#state.relations.columnsOf(relation);
  }

  findColumn(relation: WorldRelation, name: string): WorldColumn | undefined {
    return this.#state.columnNamed(relation, name);
  }

  constraintsOf({ live }: WorldRelation) {
    return this.#present(this.catalog.constraints, 'pg_constraint', live);
  }

  indexesOf({ live }: WorldRelation) {
    return this.#present(this.catalog.indexes, 'pg_class', live);
  }

  triggersOf({ live }: WorldRelation) {
    return this.#present(this.catalog.triggers, 'pg_trigger', live);
  }

  #present<T extends { readonly oid: number; readonly relation: number }>(
    list: readonly T[],
    catalog: string,
    live: LiveRelation | null,
  ): readonly T[] {
    return list.filter(
      ({ oid, relation }) => relation === live?.oid && !this.#state.isGone(addressIn(catalog, oid)),
    );
  }

  descendantsOf(relation: WorldRelation): readonly WorldRelation[] {
    return families.descendantsOf(this.#state, relation);
  }

  isBelow(relation: WorldRelation, ancestor: WorldRelation): boolean {
    return families.isBelow(this.#state, relation, ancestor);
  }

  addParent(child: WorldRelation, parent: WorldRelation): void {
    families.addParent(this.#state, child, parent);
  }

  removeParent(child: WorldRelation, parent: WorldRelation): void {
    families.removeParent(this.#state, child, parent);
  }

  setSequenceOwner(sequence: WorldRelation, column: Address | null): void {
    this.#state.graph.remove(sequence.id, ({ type }) => type !== 'n');
    if (column) this.addDependency(sequence.id, column, 'a');
  }

  findType(name: RelationName): LiveType | undefined {
    for (const kind of ['type', 'domain', 'row type']) {
      const found = this.findObject(kind, name);
      const oid = found && !found.isNew ? Number(found.id.split('/')[1]) : undefined;
      if (oid !== undefined) return this.catalog.types.find((type) => type.oid === oid);
    }
    return undefined;
  }

  columnsOfType(type: LiveType): readonly { relation: WorldRelation; column: WorldColumn }[] {
    return this.#types.columnsOf(type.oid).flatMap(({ relation: oid, number }) => {
      const relation = this.relationByOid(oid);
      const columns = relation ? this.columnsOf(relation) : [];
      const column = columns.find(({ live }) => live?.number === number);
      const isConverted = column?.live && column.live.type !== column.type;
      const isOfTable = relation && relation.kind !== 'c';
      return isOfTable && column && !isConverted ? [{ relation, column }] : [];
    });
  }

  preview(objects: readonly Address[], cascade: boolean): DropResult {
    return drops.previewDrop(this.#state, objects, cascade);
  }

  drop(objects: readonly Address[], cascade: boolean): DropResult {
    return drops.dropFrom(this.#state, objects, cascade);
  }

  dependentsOf(id: Address): readonly Dropped[] {
    return drops.dependentsOf(this.#state, id);
  }

  addRelation(facts: {
    readonly schema: string;
    readonly name: string;
    readonly kind: LiveRelation['kind'];
    readonly isTemporary?: boolean;
    readonly endsAtCommit?: boolean;
    readonly columns?: readonly NewColumn[];
  }): WorldRelation {
    const isTemporary = facts.isTemporary === true || isTemporarySchema(facts.schema);
    const schema = isTemporary ? 'pg_temp' : facts.schema;
    const { name, kind, columns = [], endsAtCommit = false } = facts;
    const made = { schema, name, kind, isTemporary, columns, endsAtCommit };
    const relation = this.#state.relations.add(made);
    this.#state.dependOnSchema(relation.id, schema);
    return relation;
  }

  renameRelation(
    relation: WorldRelation,
    to: { readonly schema?: string; readonly name?: string },
  ): void {
    changes.renameRelation(this.#state, relation, to);
  }

  addColumn(relation: WorldRelation, column: NewColumn): void {
    this.#state.relations.addColumn(relation, column);
  }

  renameColumn(relation: WorldRelation, from: string, to: string): void {
    const column = this.#state.columnNamed(relation, from);
    if (column) column.name = to;
  }

  changeColumn(
    relation: WorldRelation,
    name: string,
    change: Partial<
      Pick<WorldColumn, 'type' | 'notNull' | 'hasDefault' | 'isGenerated' | 'isIdentity'>
    >,
  ): void {
    const column = this.#state.columnNamed(relation, name);
    const hasOtherValues =
      column !== undefined && changes.changeColumn(this.#state, column, change);
    if (hasOtherValues) this.touch(relation, [name]);
  }

  touch(relation: WorldRelation, columns?: readonly string[]): void {
    const touched = columns
      ? columns.flatMap((name) => this.#state.columnNamed(relation, name) ?? [])
      : [this.#state.relations.byId(relation.id)];
    for (const one of touched) {
      if (!one || one.touchedBy.length >= mostTouches) continue;
      if (!one.touchedBy.includes(this.statement)) one.touchedBy.push(this.statement);
    }
  }

  touchedBefore(relation: WorldRelation, columns?: readonly string[]): readonly number[] {
    const all = this.columnsOf(relation);
    const named = columns ? all.filter(({ name }) => columns.includes(name)) : all;
    const statements = [relation, ...named].flatMap(({ touchedBy }) => touchedBy);
    return [...new Set(statements)].filter((at) => at < this.statement).sort((a, b) => a - b);
  }

  addressOf(
    kind: 'constraint' | 'index' | 'trigger' | 'default',
    relation: WorldRelation,
    name: string,
  ): Address | undefined {
    if (kind === 'default') {
      const column = this.findColumn(relation, name);
      return column && changes.defaultOf(this.#state, column.id);
    }
    const place = kind === 'index' ? relation.schema : relation.id;
    return this.#state.objects.find(kind, place, name)[0]?.id;
  }

  addObject(object: NewObject): Address {
    return changes.addObject(this.#state, object);
  }

  addDependency(dependent: Address, on: Address, type: 'n' | 'a'): void {
    this.#state.graph.add({ dependent, on, type });
  }

  findObjects(kind: string, name: RelationName, relation?: WorldRelation): readonly WorldObject[] {
    const places = relation ? [relation.id] : [...this.#state.placesOf(name), ''];
    return [...new Set(places)].flatMap((place) =>
      this.#state.objects.find(kind, place, name.name).map((one) => this.#state.shown(one)),
    );
  }

  findObject(kind: string, name: RelationName, relation?: WorldRelation) {
    return this.findObjects(kind, name, relation)[0];
  }

  objectById(id: Address): WorldObject | undefined {
    const object = this.#state.objects.byId(id);
    return object && this.#state.shown(object);
  }

  renameObject(object: WorldObject, to: { readonly schema?: string; readonly name?: string }) {
    changes.renameObject(this.#state, object, to);
  }

  measured({ live }: WorldRelation): MeasuredTable | undefined {
    if (!live) return undefined;
    const { oid, schema, name, kind } = live;
    const sql = quotedName(schema, name);
    return { oid, sql, only: kind === 'r', searchPath: this.searchPath };
  }

  expression(node: Tree, relation: WorldRelation, alias?: string): LiveSql {
    return writeExpression(this, node, { relation, alias });
  }

  query(select: Tree): LiveSql {
    return writeQuery(this, select);
  }
}
