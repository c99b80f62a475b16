import type { ColumnDef } from 'libpg-query';
import type { LockMode } from '../../impact.js';
import { type Finding, finding } from '../finding.js';
import { textsOf } from '../grammar.js';
import { printedName } from '../world/printed-names.js';
import {
  contentOf,
  nodesAt,
  qualifiedNameOf,
  relationNameOf,
  textAt,
  treeAt,
} from '../world/tree.js';
import type {
  AnalysedStatement,
  Analysers,
  RelationName,
  Tree,
  World,
  WorldRelation,
} from '../world.js';
import { analyseCreateTable, inTheWayOf, newColumn, placeOf } from './create-table.js';
import { analyseCreateAs, analyseCreateView } from './create-view.js';
import { feltLock } from './felt-lock.js';
import { exists, missing } from './missing.js';
import { inputTypes, kindOfObject, routineWith } from './named-object.js';

const withArticle = (kind: string): string => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;

const made = (operation: string, object: string, reason: string): Finding =>
  finding({ ...{ rule: 'create-object', operation, object }, safety: 'SAFE', reason });

/** Something with a name in a schema, other than relations. */
function create(
  world: World,
  kind: string,
  name: RelationName,
  more: { readonly isOptional?: boolean; readonly replaces?: boolean } = {},
): Finding {
  const schema = name.schema ?? world.creationSchema();
  const object = printedName(schema, name.name);
  const facts = { operation: `CREATE ${kind.toUpperCase()}`, object };
  const { isOptional = false, replaces = false } = more;
  const taken = world.findObject(kind, { schema, name: name.name });
  if (taken && replaces) return replaced(kind, object);
  if (taken) return exists(facts, { kind, name: object, isOptional });
  world.addObject({ kind, schema, name: name.name });
  return made(facts.operation, object, `${withArticle(kind)} is made`);
}

const replaced = (kind: string, object: string): Finding =>
  finding({
    ...{
      rule: 'replace-object',
      operation: `REPLACE ${kind.toUpperCase()}`,
      object,
      safety: 'SAFE',
    },
    reason: `the ${kind} is another one from now on for all that use it`,
  });

function createSequence({ tree }: AnalysedStatement, world: World): Finding[] {
  const operation = 'CREATE SEQUENCE';
  const place = placeOf(world, treeAt(tree, 'sequence'));
  const isOptional = tree.if_not_exists === true;
  const obstacle = inTheWayOf(world, place, { operation, isOptional });
  if (obstacle) return [obstacle];
  const sequence = world.addRelation({ ...place, kind: 'S' });
  setOwner(world, sequence, tree);
  return [made(operation, printedName(sequence.schema, sequence.name), 'a sequence is made')];
}

/** OWNED BY: it goes with the column from now on. */
function setOwner(world: World, sequence: WorldRelation, tree: Tree): void {
  const option = nodesAt(tree, 'options')
    .map((node) => contentOf(node, 'DefElem'))
    .find((element) => textAt(element, 'defname') === 'owned_by');
  if (!option) return;
  const parts = textsOf(nodesAt(contentOf(option.arg, 'List'), 'items'));
  const table = world.findRelation(qualifiedNameOf(parts.slice(0, -1)));
  const column = table && world.findColumn(table, parts.at(-1) ?? '');
  world.setSequenceOwner(sequence, column?.id ?? null);
}

function createSchema({ tree }: AnalysedStatement, world: World): Finding[] {
  const role = textAt(treeAt(tree, 'authrole'), 'rolename') ?? world.catalog.role;
  const name = textAt(tree, 'schemaname') ?? role;
  const facts = { operation: 'CREATE SCHEMA', object: printedName(name) };
  const isOptional = tree.if_not_exists === true;
  if (world.hasSchema(name)) return [exists(facts, { kind: 'schema', name, isOptional })];
  world.addSchema(name);
  return [made(facts.operation, facts.object, 'a schema is made')];
}

function createExtension({ tree }: AnalysedStatement, world: World): Finding[] {
  const name = textAt(tree, 'extname') ?? '';
  const facts = { operation: 'CREATE EXTENSION', object: printedName(name) };
  const isOptional = tree.if_not_exists === true;
  if (world.findObject('extension', { schema: '', name })) {
    return [exists(facts, { kind: 'extension', name, isOptional })];
  }
  world.addObject({ kind: 'extension', name });
  const reason = 'the types, functions and tables of an extension are made';
  return [made(facts.operation, facts.object, reason)];
}

function createFunction({ tree }: AnalysedStatement, world: World): Finding[] {
  const kind = tree.is_procedure === true ? 'procedure' : 'function';
  const name = qualifiedNameOf(textsOf(nodesAt(tree, 'funcname')));
  const types = inputTypes(nodesAt(tree, 'parameters'));
  return [createRoutine(world, kind, name, { types, replaces: tree.replace === true })];
}

function createRoutine(
  world: World,
  kind: string,
  name: RelationName,
  { types, replaces }: { readonly types: readonly string[]; readonly replaces: boolean },
): Finding {
  const schema = name.schema ?? world.creationSchema();
  const taken = routineWith(world, world.findObjects(kind, { schema, name: name.name }), types);
  if (taken && replaces) return replaced(kind, taken.identity);
  const operation = `CREATE ${kind.toUpperCase()}`;
  if (taken) {
    return exists(
      { operation, object: taken.identity },
      { kind, name: taken.identity, isOptional: false },
    );
  }
  const list = types.join(', ');
  const id = world.addObject({ kind, schema, name: name.name, arguments: list });
  return made(
    operation,
    world.objectById(id)?.identity ?? name.name,
    `${withArticle(kind)} is made`,
  );
}

const namesAt = (tree: Tree, key: string): RelationName =>
  qualifiedNameOf(textsOf(nodesAt(tree, key)));

function createComposite({ tree }: AnalysedStatement, world: World): Finding[] {
  const place = placeOf(world, treeAt(tree, 'typevar'));
  const found = create(world, 'type', place);
  if (found.rule !== 'create-object') return [found];
  const columns = nodesAt(tree, 'coldeflist').flatMap((node) => {
    const column = contentOf(node, 'ColumnDef') as ColumnDef | undefined;
    return column ? [newColumn(world, column)] : [];
  });
  const relation = world.addRelation({ ...place, kind: 'c', columns });
  const type = world.findObject('type', { schema: place.schema, name: place.name });
  if (type) world.addDependency(relation.id, type.id, 'a');
  return [found];
}

/** Aggregates, operators, base types, collations, parts of text search. */
function define({ tree }: AnalysedStatement, world: World): Finding[] {
  const type = textAt(tree, 'kind') ?? '';
  const kind = kindOfObject(type);
  const name = namesAt(tree, 'defnames');
  const replaces = tree.replace === true;
  if (type === 'OBJECT_AGGREGATE') {
    const list = nodesAt(contentOf(nodesAt(tree, 'args')[0], 'List'), 'items');
    return [createRoutine(world, kind, name, { types: inputTypes(list), replaces })];
  }
  if (type === 'OBJECT_OPERATOR') {
    return [made('CREATE OPERATOR', name.name, 'an operator is made')];
  }
  return [create(world, kind, name, { isOptional: tree.if_not_exists === true, replaces })];
}

/** What belongs to a table: triggers, rules, policies. */
function createPart(
  world: World,
  kind: string,
  part: { readonly table: Tree | undefined; readonly name: string; readonly replaces: boolean },
  lock: LockMode,
  reason: string,
): Finding[] {
  const wanted = relationNameOf(part.table);
  const relation = world.findRelation(wanted);
  const holder = relation ? printedName(relation.schema, relation.name) : printedName(wanted.name);
  const object = `${printedName(part.name)} on ${holder}`;
  const facts = { operation: `CREATE ${kind.toUpperCase()}`, object };
  if (!relation) return [missing(world, facts, { kind: 'table', name: holder })];
  const taken = world.findObject(kind, { name: part.name }, relation);
  if (taken && !part.replaces) return [exists(facts, { kind, name: object, isOptional: false })];
  if (!taken) world.addObject({ kind, name: part.name, relation });
  const rule = taken ? 'replace-object' : kind === 'policy' ? 'create-policy' : 'create-object';
  return [finding({ ...facts, rule, safety: 'SAFE', reason, ...feltLock(world, relation, lock) })];
}

function createTrigger({ tree }: AnalysedStatement, world: World): Finding[] {
  const reason =
    'a function runs from now on when the table changes; rows that are there stay as they are';
  const part = {
    table: treeAt(tree, 'relation'),
    name: textAt(tree, 'trigname') ?? '',
    replaces: tree.replace === true,
  };
  return createPart(world, 'trigger', part, 'SHARE ROW EXCLUSIVE', reason);
}

function createRule({ tree }: AnalysedStatement, world: World): Finding[] {
  const what =
    tree.instead === true ? 'something else is done instead' : 'something is done besides';
  const reason = `from now on ${what} when the table is used; rows that are there stay as they are`;
  const part = {
    table: treeAt(tree, 'relation'),
    name: textAt(tree, 'rulename') ?? '',
    replaces: tree.replace === true,
  };
  return createPart(world, 'rule', part, 'ACCESS EXCLUSIVE', reason);
}

function createPolicy({ tree }: AnalysedStatement, world: World): Finding[] {
  const reason = 'where row-level security is enabled, it decides who sees and changes which rows';
  const part = {
    table: treeAt(tree, 'table'),
    name: textAt(tree, 'policy_name') ?? '',
    replaces: false,
  };
  return createPart(world, 'policy', part, 'ACCESS EXCLUSIVE', reason);
}

/** What lies in no schema, by the key of its name. */
const plainCreations: Readonly<Record<string, readonly [kind: string, key: string]>> = {
  CreatePublicationStmt: ['publication', 'pubname'],
  CreateEventTrigStmt: ['event trigger', 'trigname'],
  CreateFdwStmt: ['foreign-data wrapper', 'fdwname'],
  CreateForeignServerStmt: ['server', 'servername'],
  CreatePLangStmt: ['language', 'plname'],
  CreateAmStmt: ['access method', 'amname'],
};

function createPlain({ kind: node, tree }: AnalysedStatement, world: World): Finding[] {
  const [kind = '', key = ''] = plainCreations[node] ?? [];
  const name = textAt(tree, key) ?? '';
  const facts = { operation: `CREATE ${kind.toUpperCase()}`, object: printedName(name) };
  const isOptional = tree.if_not_exists === true;
  const taken = world.findObject(kind, { schema: '', name });
  if (taken && tree.replace !== true) return [exists(facts, { kind, name, isOptional })];
  if (!taken) world.addObject({ kind, name });
  return [made(facts.operation, facts.object, `${withArticle(kind)} is made`)];
}

/** What nothing else in a script looks up: only said to be made. */
const nameless: Readonly<Record<string, string>> = {
  CreateCastStmt: 'cast',
  CreateOpClassStmt: 'operator class',
  CreateOpFamilyStmt: 'operator family',
  CreateTransformStmt: 'transform',
  CreateUserMappingStmt: 'user mapping',
};

function createNameless({ kind }: AnalysedStatement): Finding[] {
  const what = nameless[kind] ?? 'object';
  return [
    made(
      `CREATE ${what.toUpperCase()}`,
      what,
      `a new ${what}; rows that are there stay as they are`,
    ),
  ];
}

/** Its other options are said elsewhere. */
function changeOwner({ tree }: AnalysedStatement, world: World): Finding[] {
  const sequence = world.findRelation(relationNameOf(treeAt(tree, 'sequence')));
  if (sequence) setOwner(world, sequence, tree);
  return [];
}

export const createAnalysers: Analysers = {
  AlterSeqStmt: changeOwner,
  CreateStmt: analyseCreateTable,
  CreateForeignTableStmt: analyseCreateTable,
  CreateTableAsStmt: analyseCreateAs,
  SelectStmt: analyseCreateAs,
  ViewStmt: analyseCreateView,
  CreateSeqStmt: createSequence,
  CreateSchemaStmt: createSchema,
  CreateExtensionStmt: createExtension,
  CreateFunctionStmt: createFunction,
  CreateEnumStmt: ({ tree }, world) => [create(world, 'type', namesAt(tree, 'typeName'))],
  CreateRangeStmt: ({ tree }, world) => [create(world, 'type', namesAt(tree, 'typeName'))],
  CreateDomainStmt: ({ tree }, world) => [create(world, 'domain', namesAt(tree, 'domainname'))],
  CreateConversionStmt: ({ tree }, world) => [
    create(world, 'conversion', namesAt(tree, 'conversion_name')),
  ],
  CompositeTypeStmt: createComposite,
  DefineStmt: define,
  CreateTrigStmt: createTrigger,
  RuleStmt: createRule,
  CreatePolicyStmt: createPolicy,
  ...Object.fromEntries(Object.keys(plainCreations).map((kind) => [kind, createPlain])),
  ...Object.fromEntries(Object.keys(nameless).map((kind) => [kind, createNameless])),
};
