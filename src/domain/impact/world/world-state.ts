import type { Address, LiveCatalog } from '../live-catalog.js';
import type { RelationName, WorldObject, WorldRelation } from '../world.js';
import { addressIn, isPart, wholeOf } from './address.js';
import { DependencyGraph } from './dependency-graph.js';
import { printedName } from './printed-names.js';
import { isTemporarySchema, SearchPath } from './search-path.js';
import { identityOf, type ObjectState, WorldObjects } from './world-objects.js';
import { type ColumnState, WorldRelations } from './world-relations.js';

/** What the simulated world consists of, and what all of its parts need. */
export class WorldState {
  readonly catalog: LiveCatalog;
  readonly path: SearchPath;
  readonly relations: WorldRelations;
  readonly objects: WorldObjects;
  readonly graph: DependencyGraph;
  readonly gone = new Set<Address>();
  /** Parents by inheritance or as partition. */
  readonly parents = new Map<Address, readonly Address[]>();

  constructor(catalog: LiveCatalog) {
    this.catalog = catalog;
    const schemas = catalog.schemas.map(({ name }) => name);
    this.path = new SearchPath(catalog.searchPath, schemas);
    this.relations = new WorldRelations(catalog);
    this.objects = new WorldObjects(catalog);
    this.graph = new DependencyGraph(catalog.dependencies, (address) => this.isGone(address));
    for (const { oid, parents } of catalog.relations) {
      if (parents.length === 0) continue;
      const ids = parents.map((parent) => addressIn('pg_class', parent));
      this.parents.set(addressIn('pg_class', oid), ids);
    }
  }

  isGone(address: Address): boolean {
    return this.gone.has(address) || this.gone.has(wholeOf(address));
  }

  columnById(id: Address): ColumnState | undefined {
    const relation = this.relations.byId(wholeOf(id));
    return relation && this.relations.columnsOf(relation).find((column) => column.id === id);
  }

  columnNamed(relation: WorldRelation, name: string): ColumnState | undefined {
    return this.relations.columnsOf(relation).find((column) => column.name === name);
  }

  /** For people, under its present name; empty: it has none. */
  nameOf(id: Address): string {
    const relation = this.relations.byId(wholeOf(id));
    if (relation) {
      const { schema, name } = relation;
      const column = isPart(id) ? this.columnById(id)?.name : undefined;
      return column === undefined ? printedName(schema, name) : printedName(schema, name, column);
    }
    const object = this.objects.byId(id);
    return object ? identityOf(object, (holder) => this.nameOf(holder)) : '';
  }

  shown(object: ObjectState): WorldObject {
    const { id, kind, schema, name, relation, isNew } = object;
    return { id, kind, schema, name, relation, isNew, identity: this.nameOf(id) };
  }

  /** Schemas in which a name is looked up. */
  placesOf({ schema }: RelationName): readonly string[] {
    if (schema === undefined) return ['pg_temp', ...this.path.schemas()];
    return [isTemporarySchema(schema) ? 'pg_temp' : schema];
  }

  /** What lies in a schema is in the way of its removal. */
  dependOnSchema(id: Address, name: string): void {
    this.graph.remove(id, ({ on }) => this.objects.byId(on)?.kind === 'schema');
    const [schema] = this.objects.find('schema', '', name);
    if (schema) this.graph.add({ dependent: id, on: schema.id, type: 'n' });
  }

  /** It is not there any more, for itself; what else goes with it is the caller's business. */
  forget(id: Address): void {
    this.gone.add(id);
    const relation = this.relations.byId(wholeOf(id));
    if (relation && isPart(id)) this.relations.removeColumn(relation, id);
    else if (relation) this.relations.remove(relation);
    const object = this.objects.byId(id);
    if (!object) return;
    if (object.kind === 'schema') this.path.remove(object.name);
    const column = object.kind === 'default value' && this.columnById(object.relation ?? '');
    if (column) column.hasDefault = false;
    this.objects.remove(object);
  }
}
