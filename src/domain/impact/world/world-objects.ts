import type { Address, LiveCatalog } from '../live-catalog.js';
import type { WorldObject } from '../world.js';
import { addressIn } from './address.js';
import { printedName } from './printed-names.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export type ObjectState = Mutable<Omit<WorldObject, 'identity'>> & {
  readonly arguments: string | null;
  /** The same of what has its name in a schema, as indexes have. */
  readonly table: Address | null;
  /** As the server prints it, where it is not made of the name. */
  printed: string | null;
};

/** Kinds of types, by typtype. */
const typeKinds = { b: 'type', c: 'type', d: 'domain', e: 'type', r: 'type', m: 'type' } as const;

/** Everything with an address besides relations and columns. */
export class WorldObjects {
  readonly #byId = new Map<Address, ObjectState>();
  readonly #byName = new Map<string, ObjectState[]>();
  #made = 0;

  constructor(catalog: LiveCatalog) {
    for (const facts of liveObjects(catalog)) {
      this.#put({
        ...{ schema: null, relation: null, table: null, arguments: null, printed: null },
        ...facts,
      });
    }
  }

  byId(id: Address): ObjectState | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<ObjectState> {
    return this.#byId.values();
  }

  find(kind: string, place: string, name: string): readonly ObjectState[] {
    return this.#byName.get(`${kind}\0${place}\0${name}`) ?? [];
  }

  add(facts: Omit<ObjectState, 'id' | 'isNew' | 'printed'>): ObjectState {
    this.#made += 1;
    const object = { ...facts, id: `made/${this.#made}/0`, isNew: true, printed: null };
    this.#put(object);
    return object;
  }

  rename(object: ObjectState, to: { readonly schema?: string; readonly name?: string }): void {
    this.#take(object);
    if (to.schema !== undefined) object.schema = to.schema;
    if (to.name !== undefined) object.name = to.name;
    object.printed = null;
    this.#put(object);
  }

  remove(object: ObjectState): void {
    this.#take(object);
    this.#byId.delete(object.id);
  }

  #put(object: ObjectState): void {
    this.#byId.set(object.id, object);
    const key = keyOf(object);
    const list = this.#byName.get(key);
    if (list) list.push(object);
    else this.#byName.set(key, [object]);
  }

  #take(object: ObjectState): void {
    const list = this.#byName.get(keyOf(object)) ?? [];
    const at = list.indexOf(object);
    if (at >= 0) list.splice(at, 1);
  }
}

const keyOf = ({ kind, relation, schema, name }: ObjectState): string =>
  `${kind}\0${relation ?? schema ?? ''}\0${name}`;

type LiveFacts = Pick<ObjectState, 'id' | 'kind' | 'name' | 'isNew'> & Partial<ObjectState>;

function* liveObjects(catalog: LiveCatalog): Generator<LiveFacts> {
  const isNew = false;
  for (const { oid, name } of catalog.schemas) {
    yield { id: addressIn('pg_namespace', oid), kind: 'schema', name, isNew };
  }
  const composites = new Set(
    catalog.relations.flatMap(({ oid, kind }) => (kind === 'c' ? [oid] : [])),
  );
  for (const { oid, name, schema, kind, relation, elementOf } of catalog.types) {
    // The array type of another one and the row type of a table are parts of these.
    const isTable = relation > 0 && !composites.has(relation);
    const what =
      elementOf > 0 || kind === 'm' ? 'array type' : isTable ? 'row type' : typeKinds[kind];
    yield { id: addressIn('pg_type', oid), kind: what, name, schema, isNew };
  }
  yield* liveParts(catalog);
  for (const routine of catalog.routines) {
    const kind = routine.kind === 'window' ? 'function' : routine.kind;
    const { oid, name, schema } = routine;
    yield {
      id: addressIn('pg_proc', oid),
      kind,
      name,
      schema,
      isNew,
      arguments: routine.arguments,
    };
  }
  for (const { address: id, kind, name, schema, identity, relation } of catalog.others) {
    const table = relation > 0 ? addressIn('pg_class', relation) : null;
    // Extended statistics belong to a table, but have their names in a schema.
    const holder = schema === null ? table : null;
    const own = { kind, name: name ?? identity, schema, relation: holder, table };
    yield { ...own, id, isNew, printed: identity };
  }
}

/** What belongs to tables and domains. */
function* liveParts(catalog: LiveCatalog): Generator<LiveFacts> {
  const isNew = false;
  for (const { oid, name, schema, relation } of catalog.indexes) {
    const table = addressIn('pg_class', relation);
    yield { id: addressIn('pg_class', oid), kind: 'index', name, schema, table, isNew };
  }
  for (const { oid, name, relation, domain } of catalog.constraints) {
    const holder = relation > 0 ? addressIn('pg_class', relation) : addressIn('pg_type', domain);
    yield {
      id: addressIn('pg_constraint', oid),
      kind: 'constraint',
      name,
      relation: holder,
      isNew,
    };
  }
  for (const { oid, name, relation } of catalog.triggers) {
    const holder = addressIn('pg_class', relation);
    yield { id: addressIn('pg_trigger', oid), kind: 'trigger', name, relation: holder, isNew };
  }
  for (const { defaultOid, relation, number, generated } of catalog.columns) {
    if (!defaultOid) continue;
    const holder = addressIn('pg_class', relation, number);
    const kind = generated ? 'expression' : 'default value';
    // It has no name of its own, and its column's may change.
    yield { id: addressIn('pg_attrdef', defaultOid), kind, name: '', relation: holder, isNew };
  }
}

/** For people, see `Dropped`. */
export function identityOf(object: ObjectState, nameOfHolder: (id: Address) => string): string {
  const { kind, schema, name, relation, printed } = object;
  if (kind === 'default value' || kind === 'expression') return nameOfHolder(relation ?? '');
  if (relation !== null && kind !== 'index')
    return `${printedName(name)} on ${nameOfHolder(relation)}`;
  if (printed !== null) return printed;
  const own = schema === null ? printedName(name) : printedName(schema, name);
  return object.arguments === null ? own : `${own}(${object.arguments})`;
}
