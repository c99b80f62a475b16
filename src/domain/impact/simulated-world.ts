import type { Address, LiveCatalog, LiveRelation, LiveType } from './live-catalog.js';
import type { MeasuredTable } from './measure.js';
import { addressIn, isPart, wholeOf } from './world/address.js';
import { DependencyGraph, type DropTarget } from './world/dependency-graph.js';
import { writeExpression, writeQuery } from './world/live-sql.js';
import { LiveTypes } from './world/live-types.js';
import { kindNames, printedName, quotedName } from './world/printed-names.js';
import { isTemporarySchema, SearchPath } from './world/search-path.js';
import { identityOf, type ObjectState, WorldObjects } from './world/world-objects.js';
import { type ColumnState, type RelationState, WorldRelations } from './world/world-relations.js';
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

/** See {@link World}. What it hands out are its own objects: their names are the present ones, also later. */
export class SimulatedWorld implements World {
  readonly catalog: LiveCatalog;
  statement = 1;
  isUncertain = false;
  readonly deparse: (node: Tree) => string;
  readonly #path: SearchPath;
  readonly #relations: WorldRelations;
  readonly #objects: WorldObjects;
  readonly #graph: DependencyGraph;
  readonly #types: LiveTypes;
  readonly #gone = new Set<Address>();
  /** Parents by inheritance or as partition. */
  readonly #parents = new Map<Address, readonly Address[]>();

  constructor(catalog: LiveCatalog, { deparse }: WorldOptions) {
    this.catalog = catalog;
    this.deparse = deparse;
    const schemas = catalog.schemas.map(({ name }) => name);
    this.#path = new SearchPath(catalog.searchPath, schemas);
    this.#relations = new WorldRelations(catalog);
    this.#objects = new WorldObjects(catalog);
    this.#graph = new DependencyGraph(catalog.dependencies, (address) => this.#isGone(address));
    this.#types = new LiveTypes(catalog);
    for (const { oid, parents } of catalog.relations) {
      if (parents.length === 0) continue;
      const ids = parents.map((parent) => addressIn('pg_class', parent));
      this.#parents.set(addressIn('pg_class', oid), ids);
    }
  }

  /** The live database before the script. */
  anew(): SimulatedWorld {
    return new SimulatedWorld(this.catalog, { deparse: this.deparse });
  }

  /** What the script has dropped of the live database; of what went as a whole no parts. */
  get gone(): ReadonlySet<Address> {
    return this.#gone;
  }

  get searchPath(): string {
    return this.#path.liveSql();
  }

  setSearchPath(
    schemas: readonly string[] | null,
    { isLocal = false }: { isLocal?: boolean } = {},
  ): void {
    this.#path.set(schemas, isLocal);
  }

  endTransaction(): void {
    this.#path.endTransaction();
    const ending = [...this.#relations.all()].filter((relation) => relation.endsAtCommit === true);
    this.drop(
      ending.map(({ id }) => id),
      true,
    );
  }

  /** Work for which a schema comes first in the search path, e.g. the elements of CREATE SCHEMA. */
  within<T>(schema: string, work: () => T): T {
    return this.#path.within(schema, work);
  }

  creationSchema(): string {
    return this.#path.schemas().find((name) => name !== 'pg_catalog') ?? 'public';
  }

  hasSchema(name: string): boolean {
    return this.#path.has(name);
  }

  addSchema(name: string): void {
    this.#path.add(name);
    this.#objects.add({
      ...{ kind: 'schema', name, schema: null, arguments: null },
      relation: null,
      table: null,
    });
  }

  renameSchema(from: string, to: string): void {
    this.#path.rename(from, to);
    for (const relation of [...this.#relations.all()]) {
      if (relation.schema === from) this.#relations.rename(relation, { schema: to });
    }
    for (const object of [...this.#objects.all()]) {
      if (object.kind === 'schema' && object.name === from) {
        this.#objects.rename(object, { name: to });
      } else if (object.schema === from) this.#objects.rename(object, { schema: to });
    }
  }

  /** Schemas in which a name is looked up. */
  #placesOf({ schema }: RelationName): readonly string[] {
    if (schema === undefined) return ['pg_temp', ...this.#path.schemas()];
    return [isTemporarySchema(schema) ? 'pg_temp' : schema];
  }

  relations(): readonly WorldRelation[] {
    return [...this.#relations.all()];
  }

  findRelation(name: RelationName): WorldRelation | undefined {
    for (const schema of this.#placesOf(name)) {
      const found = this.#relations.byName(schema, name.name);
      if (found) return found;
    }
    return undefined;
  }

  relationByOid(oid: number): WorldRelation | undefined {
    return this.#relations.byId(addressIn('pg_class', oid));
  }

  columnsOf(relation: WorldRelation): readonly WorldColumn[] {
    return this.#relations.columnsOf(relation);
  }

  findColumn(relation: WorldRelation, name: string): WorldColumn | undefined {
    return this.columnsOf(relation).find((column) => column.name === name);
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
      ({ oid, relation }) => relation === live?.oid && !this.#isGone(addressIn(catalog, oid)),
    );
  }

  descendantsOf(relation: WorldRelation): readonly WorldRelation[] {
    const found = new Set<WorldRelation>();
    const ids = new Set<Address>([relation.id]);
    // A set gives what is added to it on the way, too.
    for (const id of ids) {
      for (const [child, parents] of this.#parents) {
        const known = this.#relations.byId(child);
        if (!known || !parents.includes(id)) continue;
        ids.add(child);
        found.add(known);
      }
    }
    return [...found];
  }

  isBelow(relation: WorldRelation, ancestor: WorldRelation): boolean {
    const above = new Set(this.#parents.get(relation.id));
    for (const id of above) for (const next of this.#parents.get(id) ?? []) above.add(next);
    return above.has(ancestor.id);
  }

  addParent(child: WorldRelation, parent: WorldRelation): void {
    this.#parents.set(child.id, [...(this.#parents.get(child.id) ?? []), parent.id]);
    this.addDependency(child.id, parent.id, parent.kind === 'p' ? 'a' : 'n');
  }

  setSequenceOwner(sequence: WorldRelation, column: Address | null): void {
    this.#graph.remove(sequence.id, ({ on, type }) => type !== 'n' && on !== sequence.id);
    if (column) this.addDependency(sequence.id, column, 'a');
  }

  removeParent(child: WorldRelation, parent: WorldRelation): void {
    const left = (this.#parents.get(child.id) ?? []).filter((id) => id !== parent.id);
    this.#parents.set(child.id, left);
    this.#graph.remove(child.id, ({ on }) => wholeOf(on) === parent.id);
    // Its indexes, constraints and triggers stand by themselves from now on.
    for (const { dependent } of this.#graph.dependentsOf(child.id)) {
      const isPartitionPart = ({ type }: { type: string }) => type === 'P' || type === 'S';
      this.#graph.remove(dependent, (one) => isPartitionPart(one) && wholeOf(one.on) !== child.id);
    }
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
      return relation && column && !isConverted && relation.kind !== 'c'
        ? [{ relation, column }]
        : [];
    });
  }

  preview(objects: readonly Address[], cascade: boolean): DropResult {
    const { targets, requiring } = this.#graph.collect(objects);
    const going = new Set(targets.map(({ address }) => address));
    const owners = new Map(targets.map(({ address, owner }) => [address, owner]));
    // An index takes nothing along by itself: it is its table that does.
    const topmost = (address: Address): Address => {
      const owner = owners.get(address);
      return owner ? topmost(owner) : address;
    };
    const describe = (target: DropTarget) => {
      const dependee = target.dependee === null ? null : topmost(target.dependee);
      return this.#describe({ ...target, dependee }, going);
    };
    // Of a table that goes as a whole its columns need not be named.
    const dropped = targets.filter(
      ({ address }) => !isPart(address) || !going.has(wholeOf(address)),
    );
    const inTheWay = cascade ? [] : dropped.filter(({ needsCascade }) => needsCascade);
    const needed = requiring.map((address) => {
      const target = { address, dependee: null, needsCascade: true, isOwn: false, owner: null };
      return this.#describe(target, going);
    });
    return { dropped: dropped.map(describe), inTheWay: [...inTheWay.map(describe), ...needed] };
  }

  drop(objects: readonly Address[], cascade: boolean): DropResult {
    const result = this.preview(objects, cascade);
    if (result.inTheWay.length > 0) return result;
    for (const { id } of result.dropped) this.#forget(id);
    return result;
  }

  #forget(id: Address): void {
    this.#gone.add(id);
    const relation = this.#relations.byId(wholeOf(id));
    if (relation && isPart(id)) this.#relations.removeColumn(relation, id);
    else if (relation) this.#relations.remove(relation);
    const object = this.#objects.byId(id);
    if (!object) return;
    if (object.kind === 'schema') this.#path.remove(object.name);
    if (object.kind === 'default value') this.#forgetDefault(object.relation ?? '');
    this.#objects.remove(object);
  }

  #forgetDefault(column: Address): void {
    const found = this.#columnById(column);
    if (found) found.hasDefault = false;
  }

  #describe({ address, dependee, isOwn, owner }: DropTarget, going: ReadonlySet<Address>): Dropped {
    const because = dependee === null ? null : this.#nameOf(dependee);
    const about = { id: address, name: this.#nameOf(address), isOwn, owner, because };
    const relation = this.#relations.byId(wholeOf(address));
    const staying = (id: Address) => (going.has(id) ? null : (this.#relations.byId(id) ?? null));
    if (relation && isPart(address)) {
      const column = this.#columnById(address) ?? null;
      return { ...about, kind: 'column', relation: staying(relation.id), self: null, column };
    }
    if (relation) {
      const kind = relation.kind === 'c' ? 'internal' : kindNames[relation.kind];
      return { ...about, kind, relation: null, self: relation, column: null };
    }
    const object = this.#objects.byId(address);
    const holder = object?.relation ?? object?.table;
    return {
      ...{ ...about, kind: object?.kind ?? 'internal', self: null, column: null },
      relation: holder ? staying(wholeOf(holder)) : null,
    };
  }

  #columnById(id: Address): ColumnState | undefined {
    const relation = this.#relations.byId(wholeOf(id));
    return relation && this.#relations.columnsOf(relation).find((column) => column.id === id);
  }

  #nameOf(id: Address): string {
    const relation = this.#relations.byId(wholeOf(id));
    if (relation) {
      const { schema, name } = relation;
      const column = isPart(id) ? this.#columnById(id)?.name : undefined;
      return column === undefined ? printedName(schema, name) : printedName(schema, name, column);
    }
    const object = this.#objects.byId(id);
    return object ? identityOf(object, (holder) => this.#nameOf(holder)) : '';
  }

  #isGone(address: Address): boolean {
    return this.#gone.has(address) || this.#gone.has(wholeOf(address));
  }

  dependentsOf(id: Address): readonly Dropped[] {
    const none = new Set<Address>();
    return this.#graph
      .dependentsOf(id)
      .map(({ dependent }) =>
        this.#describe(
          { address: dependent, dependee: id, needsCascade: true, isOwn: false, owner: null },
          none,
        ),
      );
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
    const relation = this.#relations.add({
      ...{ schema, name, kind, isTemporary, columns, endsAtCommit },
    });
    this.#dependOnSchema(relation.id, schema);
    return relation;
  }

  #dependOnSchema(id: Address, name: string): void {
    this.#graph.remove(id, ({ on }) => this.#objects.byId(on)?.kind === 'schema');
    const [schema] = this.#objects.find('schema', '', name);
    if (schema) this.addDependency(id, schema.id, 'n');
  }

  renameRelation(
    relation: WorldRelation,
    to: { readonly schema?: string; readonly name?: string },
  ): void {
    const state = this.#relations.byId(relation.id);
    if (!state) return;
    this.#relations.rename(state, to);
    if (to.schema !== undefined) this.#dependOnSchema(relation.id, to.schema);
    const rowType = this.catalog.types.find((type) => type.relation === relation.live?.oid);
    const object = rowType && this.#objects.byId(addressIn('pg_type', rowType.oid));
    if (object) this.#objects.rename(object, to);
  }

  addColumn(relation: WorldRelation, column: NewColumn): void {
    this.#relations.addColumn(relation, column);
  }

  renameColumn(relation: WorldRelation, from: string, to: string): void {
    const column = this.#columnState(relation, from);
    if (column) column.name = to;
  }

  changeColumn(
    relation: WorldRelation,
    name: string,
    change: Partial<
      Pick<WorldColumn, 'type' | 'notNull' | 'hasDefault' | 'isGenerated' | 'isIdentity'>
    >,
  ): void {
    const column = this.#columnState(relation, name);
    if (!column) return;
    const hasNewType = change.type !== undefined && change.type !== column.type;
    Object.assign(column, change);
    this.#forgetFormer(relation, column, change);
    if (!hasNewType) return;
    this.#graph.remove(column.id, ({ on }) => on.startsWith('pg_type/'));
    this.#touchColumn(column);
  }

  /** With a default or an expression goes what it needed; with an identity its sequence. */
  #forgetFormer(
    relation: WorldRelation,
    column: ColumnState,
    { hasDefault, isGenerated, isIdentity }: Partial<WorldColumn>,
  ): void {
    const former = this.addressOf('default', relation, column.name);
    if (former && (hasDefault !== undefined || isGenerated === false)) this.#forget(former);
    if (hasDefault !== undefined) column.hasDefault = hasDefault;
    if (isIdentity !== false) return;
    for (const { dependent, type } of this.#graph.dependentsOf(column.id)) {
      if (type === 'i' && this.#relations.byId(dependent)?.kind === 'S') this.#forget(dependent);
    }
  }

  #columnState(relation: WorldRelation, name: string): ColumnState | undefined {
    return this.#relations.columnsOf(relation).find((column) => column.name === name);
  }

  touch(relation: WorldRelation, columns?: readonly string[]): void {
    if (columns) {
      for (const name of columns) {
        const column = this.#columnState(relation, name);
        if (column) this.#touchColumn(column);
      }
      return;
    }
    const state: RelationState | undefined = this.#relations.byId(relation.id);
    if (state && !state.touchedBy.includes(this.statement)) state.touchedBy.push(this.statement);
  }

  #touchColumn({ touchedBy }: ColumnState): void {
    if (!touchedBy.includes(this.statement)) touchedBy.push(this.statement);
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
      const holder = column?.id ?? '';
      const find = (what: string) => this.#objects.find(what, holder, '')[0]?.id;
      return find('default value') ?? find('expression');
    }
    if (kind === 'index') return this.#objects.find('index', relation.schema, name)[0]?.id;
    return this.#objects.find(kind, relation.id, name)[0]?.id;
  }

  addObject(object: NewObject): Address {
    const { kind, name, schema = null, relation, partOf = [], dependsOn = [] } = object;
    const isInSchema = kind === 'index' || relation === undefined;
    const made = this.#objects.add({
      ...{ kind, name, arguments: object.arguments ?? null },
      schema: isInSchema ? schema : null,
      relation: isInSchema ? null : relation.id,
      table: relation?.id ?? null,
    });
    if (relation) this.addDependency(made.id, relation.id, 'a');
    else if (schema !== null) this.#dependOnSchema(made.id, schema);
    for (const on of partOf) this.addDependency(made.id, on, 'a');
    for (const on of dependsOn) this.addDependency(made.id, on, 'n');
    return made.id;
  }

  addDependency(dependent: Address, on: Address, type: 'n' | 'a'): void {
    this.#graph.add({ dependent, on, type });
  }

  findObjects(kind: string, name: RelationName, relation?: WorldRelation): readonly WorldObject[] {
    const places = relation ? [relation.id] : [...this.#placesOf(name), ''];
    return places.flatMap((place) =>
      this.#objects.find(kind, place, name.name).map((object) => this.#shown(object)),
    );
  }

  findObject(kind: string, name: RelationName, relation?: WorldRelation) {
    return this.findObjects(kind, name, relation)[0];
  }

  objectById(id: Address): WorldObject | undefined {
    const object = this.#objects.byId(id);
    return object && this.#shown(object);
  }

  #shown(object: ObjectState): WorldObject {
    const { id, kind, schema, name, relation, isNew } = object;
    return { id, kind, schema, name, relation, isNew, identity: this.#nameOf(id) };
  }

  renameObject(object: WorldObject, to: { readonly schema?: string; readonly name?: string }) {
    const state = this.#objects.byId(object.id);
    if (!state) return;
    this.#objects.rename(state, to);
    if (to.schema !== undefined) this.#dependOnSchema(object.id, to.schema);
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
