import { textsOf } from '../grammar.js';
import type { Address } from '../live-catalog.js';
import { printedName } from '../world/printed-names.js';
import {
  contentOf,
  isTree,
  nodesAt,
  qualifiedNameOf,
  relationNameOf,
  stringOf,
  treeAt,
} from '../world/tree.js';
import type { RelationName, Tree, World, WorldObject, WorldRelation } from '../world.js';

/** What a statement names to drop, rename or move it. */
export interface NamedObject {
  /** As `Dropped` has it, e.g. "table". */
  readonly kind: string;
  /** For people. */
  readonly name: string;
  /** Undefined: it is not there. */
  readonly id: Address | undefined;
  readonly relation: WorldRelation | undefined;
  readonly object: WorldObject | undefined;
  /** There is something of this name, of another kind. */
  readonly otherKind: string | null;
  /** Belay cannot tell which object is meant. */
  readonly isUnclear: boolean;
}

/** Kinds of objects by the grammar's word for them. */
const kinds: Readonly<Record<string, string>> = {
  OBJECT_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_FOREIGN_TABLE: 'foreign table',
  OBJECT_INDEX: 'index',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_SCHEMA: 'schema',
  OBJECT_EXTENSION: 'extension',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'procedure',
  OBJECT_ROUTINE: 'routine',
  OBJECT_AGGREGATE: 'aggregate',
  OBJECT_TRIGGER: 'trigger',
  OBJECT_POLICY: 'policy',
  OBJECT_RULE: 'rule',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
  OBJECT_COLLATION: 'collation',
  OBJECT_CONVERSION: 'conversion',
  OBJECT_LANGUAGE: 'language',
  OBJECT_FDW: 'foreign-data wrapper',
  OBJECT_FOREIGN_SERVER: 'server',
  OBJECT_EVENT_TRIGGER: 'event trigger',
  OBJECT_PUBLICATION: 'publication',
  OBJECT_STATISTIC_EXT: 'statistics object',
  OBJECT_TSPARSER: 'text search parser',
  OBJECT_TSDICTIONARY: 'text search dictionary',
  OBJECT_TSTEMPLATE: 'text search template',
  OBJECT_TSCONFIGURATION: 'text search configuration',
  OBJECT_ACCESS_METHOD: 'access method',
  OBJECT_CAST: 'cast',
  OBJECT_OPERATOR: 'operator',
  OBJECT_OPCLASS: 'operator class',
  OBJECT_OPFAMILY: 'operator family',
  OBJECT_TRANSFORM: 'transform',
};

/** The kind for people; of what is not listed, the grammar's word in small letters. */
export function kindOfObject(type: string): string {
  return (
    kinds[type] ??
    type
      .replace(/^OBJECT_/, '')
      .replaceAll('_', ' ')
      .toLowerCase()
  );
}

const relationKinds: Readonly<Record<string, readonly string[]>> = {
  table: ['r', 'p'],
  view: ['v'],
  'materialized view': ['m'],
  sequence: ['S'],
  'foreign table': ['f'],
};

const kindOfRelation: Readonly<Record<string, string>> = {
  ...{ r: 'table', p: 'table', v: 'view', m: 'materialized view' },
  ...{ S: 'sequence', f: 'foreign table', c: 'type', t: 'table' },
};

export const relationKind = ({ kind }: WorldRelation): string => kindOfRelation[kind] ?? 'table';

/** What lies in no schema and is named by one word. */
const unqualified = new Set([
  ...['schema', 'extension', 'language', 'foreign-data wrapper', 'server', 'event trigger'],
  ...['publication', 'access method'],
]);

/** Parts of a table: `name ON table`. */
const tableParts = new Set(['trigger', 'policy', 'rule']);

const routineKinds: Readonly<Record<string, readonly string[]>> = {
  function: ['function'],
  procedure: ['procedure'],
  aggregate: ['aggregate'],
  routine: ['function', 'procedure', 'aggregate'],
};

const nothing = { id: undefined, relation: undefined, object: undefined, otherKind: null };

/** Name parts of a node, in whatever form the grammar has them. */
function partsOf(node: unknown): string[] {
  const one = stringOf(node);
  if (one !== undefined) return [one];
  const list = contentOf(node, 'List');
  if (list) return textsOf(nodesAt(list, 'items'));
  const type = contentOf(node, 'TypeName');
  if (type) return textsOf(nodesAt(type, 'names'));
  return textsOf(nodesAt(contentOf(node, 'ObjectWithArgs'), 'objname'));
}

const printedParts = (parts: readonly string[]): string => printedName(...parts);

/** Looks up what a node of a DROP, or the object of an ALTER, names. */
export function findNamed(world: World, type: string, node: unknown): NamedObject {
  const kind = kindOfObject(type);
  const parts = partsOf(node);
  const about = { ...nothing, kind, name: printedParts(parts), isUnclear: false };
  if (kind in relationKinds) return namedRelation(world, kind, qualifiedNameOf(parts));
  if (kind === 'index') return withObject(about, world.findObject(kind, qualifiedNameOf(parts)));
  if (unqualified.has(kind)) {
    return withObject(about, world.findObject(kind, { schema: '', name: parts.at(-1) ?? '' }));
  }
  if (tableParts.has(kind)) return namedPart(world, kind, parts);
  if (kind in routineKinds) return namedRoutine(world, kind, node);
  if (kind === 'type' || kind === 'domain') return namedType(world, kind, parts);
  if (kind === 'cast') return { ...about, name: castName(node), isUnclear: true };
  if (kind in byIdentity) return { ...about, isUnclear: true };
  return withObject(about, world.findObject(kind, qualifiedNameOf(parts)));
}

function castName(node: unknown): string {
  const types = nodesAt(contentOf(node, 'List'), 'items');
  return `(${types.map((type) => typeText(contentOf(type, 'TypeName'))).join(' AS ')})`;
}

/** Named by the types that they work on, which Belay does not look up. */
const byIdentity: Readonly<Record<string, true>> = {
  ...{ cast: true, operator: true, 'operator class': true, 'operator family': true },
  ...{ transform: true },
};

type About = Omit<NamedObject, 'id' | 'object'>;

function withObject(about: About, object: WorldObject | undefined): NamedObject {
  return { ...about, id: object?.id, object, name: object?.identity ?? about.name };
}

/** A table, view, …; an index has its own namespace in the world, and the same one in PostgreSQL. */
export function namedRelation(world: World, kind: string, name: RelationName): NamedObject {
  const relation = world.findRelation(name);
  const printed =
    name.schema === undefined ? printedName(name.name) : printedName(name.schema, name.name);
  const about = { ...nothing, kind, name: printed, isUnclear: false };
  if (!relation) {
    const index = world.findObject('index', name);
    return { ...about, otherKind: index ? 'index' : null };
  }
  const full = printedName(relation.schema, relation.name);
  const isOfKind = relationKinds[kind]?.includes(relation.kind) ?? true;
  if (!isOfKind) return { ...about, name: full, otherKind: relationKind(relation) };
  return { ...about, name: full, relation, id: relation.id };
}

function namedPart(world: World, kind: string, parts: readonly string[]): NamedObject {
  const name = parts.at(-1) ?? '';
  const table = qualifiedNameOf(parts.slice(0, -1));
  return partOfTable(world, kind, { table, name });
}

export function partOfTable(
  world: World,
  kind: string,
  { table, name }: { readonly table: RelationName; readonly name: string },
): NamedObject {
  const relation = world.findRelation(table);
  const holder = relation ? printedName(relation.schema, relation.name) : printedName(table.name);
  const printed = `${printedName(name)} on ${holder}`;
  const about = { ...nothing, kind, name: printed, relation, isUnclear: false };
  return withObject(about, relation && world.findObject(kind, { name }, relation));
}

function namedType(world: World, kind: string, parts: readonly string[]): NamedObject {
  const name = qualifiedNameOf(parts);
  const about = { ...nothing, kind, name: printedParts(parts), isUnclear: false };
  // DROP TYPE takes domains too.
  const wanted = kind === 'type' ? ['type', 'domain'] : ['domain'];
  for (const one of wanted) {
    const object = world.findObject(one, name);
    if (object) return withObject({ ...about, kind: one }, object);
  }
  const other = ['type', 'row type', 'array type'].find((one) => world.findObject(one, name));
  return { ...about, otherKind: other ?? null };
}

/** "pg_catalog.int4" of `int`; of what is named without a schema the name alone. */
function typeText(type: Tree | undefined): string {
  const names = textsOf(nodesAt(type, 'names'));
  const array = nodesAt(type, 'arrayBounds').length > 0 ? '_' : '';
  const name = `${array}${names.at(-1) ?? ''}`;
  return names.length > 1 ? `${names.at(-2)}.${name}` : name;
}

function namedRoutine(world: World, kind: string, node: unknown): NamedObject {
  const content = contentOf(node, 'ObjectWithArgs');
  const name = qualifiedNameOf(partsOf(node));
  const about = { ...nothing, kind, name: printedParts(partsOf(node)), isUnclear: false };
  const found = (routineKinds[kind] ?? []).flatMap((one) => world.findObjects(one, name));
  if (content?.args_unspecified === true) {
    return withObject({ ...about, isUnclear: found.length > 1 }, found[0]);
  }
  const wanted = nodesAt(content, 'objargs').map((type) => typeText(contentOf(type, 'TypeName')));
  return withObject(about, routineWith(world, found, wanted));
}

/** Of several of one name the one with these types of arguments. */
export function routineWith(
  world: World,
  candidates: readonly WorldObject[],
  types: readonly string[],
): WorldObject | undefined {
  return candidates.find((candidate) => {
    const [, oid] = candidate.id.split('/');
    const live = candidate.isNew
      ? undefined
      : world.catalog.routines.find((routine) => routine.oid === Number(oid));
    const own = live?.argumentTypes ?? newArguments(candidate);
    return (
      own.length === types.length && own.every((type, at) => isSameType(type, types[at] ?? ''))
    );
  });
}

/** Those of the script's own are kept as the statement wrote them. */
function newArguments({ identity }: WorldObject): readonly string[] {
  const list = /\((.*)\)$/s.exec(identity)?.[1] ?? '';
  return list === '' ? [] : list.split(', ');
}

function isSameType(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [one.split('.'), other.split('.')];
  return a.at(-1) === b.at(-1) && (a.length === 1 || b.length === 1);
}

/** Arguments of CREATE FUNCTION that are part of its identity, as {@link routineWith} takes them. */
export function inputTypes(parameters: readonly Tree[]): string[] {
  const output = new Set(['FUNC_PARAM_OUT', 'FUNC_PARAM_TABLE']);
  return parameters
    .map((node) => contentOf(node, 'FunctionParameter') ?? {})
    .filter(({ mode }) => !output.has(String(mode)))
    .map((parameter) => typeText(treeAt(parameter, 'argType')));
}

/** The relation of an ALTER: a RangeVar's content. */
export function rangeOf(tree: Tree, key = 'relation'): RelationName {
  const range = tree[key];
  return relationNameOf(isTree(range) ? range : undefined);
}
