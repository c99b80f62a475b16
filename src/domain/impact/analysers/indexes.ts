import type { AlterTableCmd, AlterTableStmt, IndexElem, IndexStmt, ReindexStmt } from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { columnsUsed, contentOf, nodeOf } from '../grammar.js';
import type { MeasuredTable } from '../measure.js';
import { concurrently, withLockTimeout } from '../safer-way.js';
import { type Countable, scriptObjects } from '../script-objects.js';
import { inventedName } from '../sql-names.js';
import { printedName } from '../world/printed-names.js';
import type {
  AnalysedStatement,
  Analyser,
  Analysers,
  Tree,
  World,
  WorldRelation,
} from '../world.js';
import {
  type Altered,
  alteration,
  alteredOf,
  countFailures,
  failing,
  liveColumn,
} from './alter-table/altered.js';
import { missingColumn } from './alter-table/constraint-names.js';
import { type FoundIndex, findIndex } from './find-index.js';
import { missingObject } from './missing-object.js';

function elementsOf(tree: IndexStmt): IndexElem[] {
  return (tree.indexParams ?? []).flatMap((node) => contentOf<IndexElem>(node, 'IndexElem') ?? []);
}

/** Rows that are not the only one with their key; where there is a predicate, only rows for which it is true. */
function duplicates(
  { world, relation }: Altered,
  tree: IndexStmt,
  table: MeasuredTable,
): Countable {
  const by: string[] = [];
  for (const { name, expr } of elementsOf(tree)) {
    const column = name === undefined ? undefined : world.findColumn(relation, name);
    const sql = column
      ? liveColumn(column)
      : world.expression((expr ?? {}) as unknown as Tree, relation);
    if ('unmeasured' in sql) return sql;
    by.push(sql.sql);
  }
  const nullsNotDistinct = tree.nulls_not_distinct === true;
  const facts = { what: 'duplicates', table, by, notNull: false, nullsNotDistinct } as const;
  if (!nodeOf(tree.whereClause)) return { ...facts, where: null };
  const where = world.expression(tree.whereClause as unknown as Tree, relation);
  return 'sql' in where ? { ...facts, where: where.sql } : where;
}

function relationsIndexed(altered: Altered, tree: IndexStmt): readonly WorldRelation[] {
  // Indexes of inheritors are their own; those of partitions are made along.
  return altered.relation.kind === 'p' && tree.relation?.inh === true
    ? altered.family
    : [altered.relation];
}

const createIndex: Analyser = (statement, world) => {
  const tree = statement.tree as IndexStmt;
  const { schemaname: schema, relname: name = '' } = tree.relation ?? {};
  const operation = `CREATE ${tree.unique ? 'UNIQUE ' : ''}INDEX${tree.concurrent ? ' CONCURRENTLY' : ''}`;
  const relation = world.findRelation({ schema, name });
  if (!relation) return [missingObject(world, 'table', { schema, name }, { operation })];
  const all = alteredOf(world, statement, relation);
  const altered = { ...all, family: relationsIndexed(all, tree) };
  if (tree.idxname !== undefined) {
    const taken = findIndex(world, { schema: relation.schema, name: tree.idxname });
    if (taken) return [nameTaken(altered, tree, operation)];
  }
  const missing = elementsOf(tree).find(
    (element) => element.name !== undefined && !world.findColumn(relation, element.name),
  );
  if (missing?.name !== undefined && !relation.isNew) {
    return [missingColumn(altered, operation, missing.name)];
  }
  if (tree.concurrent && relation.kind === 'p') {
    const reason = `${altered.object} is partitioned: PostgreSQL refuses CONCURRENTLY`;
    return [failing(altered, { rule: 'create-index', operation, reason })];
  }
  return [created(altered, tree, operation)];
};

function nameTaken(altered: Altered, tree: IndexStmt, operation: string): Finding {
  const reason = `an index ${tree.idxname} is there already`;
  const facts = { operation, object: printedName(altered.relation.schema, tree.idxname ?? '') };
  return tree.if_not_exists
    ? alteration(altered, {
        ...{
          ...facts,
          rule: 'nothing-to-do',
          lock: tree.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE',
        },
        reason: `${reason}: nothing is made, whether it is the same or not`,
      })
    : failing(altered, { ...facts, rule: 'object-exists', reason });
}

function ruleOf({ unique, concurrent }: IndexStmt): string {
  if (unique) return 'create-unique-index';
  return concurrent ? 'create-index-concurrently' : 'create-index-blocking';
}

function created(altered: Altered, tree: IndexStmt, operation: string): Finding {
  const { world, relation, statement } = altered;
  const elements = elementsOf(tree);
  const names = elements.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const name = tree.idxname ?? inventedName(relation.name, names, 'idx');
  const used = [...new Set([...names, ...columnsUsed([tree.indexParams, tree.whereClause])])];
  const counted = tree.unique
    ? countFailures(altered, used, (table) => duplicates(altered, tree, table))
    : {};
  const id = world.addObject({
    ...{ kind: 'index', name, schema: relation.schema, relation },
    partOf: used.flatMap((column) => world.findColumn(relation, column)?.id ?? []),
  });
  scriptObjects(world).indexes.push({
    ...{ id, relation: relation.id, name },
    // A partial index, or one over expressions, makes no columns unique.
    unique: tree.unique === true && !tree.whereClause && names.length === elements.length,
    columns: names,
  });
  const only = relation.kind === 'p' && tree.relation?.inh !== true;
  const isConcurrent = tree.concurrent === true;
  return alteration(altered, {
    ...{ rule: ruleOf(tree), operation, scan: !only },
    lock: isConcurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE',
    ...(only ? {} : { work: 'index' }),
    reason: only
      ? `${name} is made for the partitioned table alone; it is valid when all partitions have theirs attached`
      : isConcurrent
        ? `${name} is built while others read and write; if it fails, an invalid index stays behind, which is to be dropped`
        : `${name} is built over all rows`,
    ...counted,
    ...(isConcurrent ? {} : { saferWay: indexWay(relation, statement) }),
  });
}

function indexWay(relation: WorldRelation, { sql }: AnalysedStatement): string {
  if (relation.kind !== 'p') return concurrently(sql, /^CREATE\s+(?:UNIQUE\s+)?INDEX/i);
  return [
    '-- CREATE INDEX … ON ONLY the partitioned table, which builds nothing; then for each partition, outside of a transaction:',
    '-- CREATE INDEX CONCURRENTLY … ON the partition; ALTER INDEX … ATTACH PARTITION …;',
    withLockTimeout(sql),
  ].join('\n');
}

const isConcurrentReindex = ({ params }: ReindexStmt): boolean =>
  JSON.stringify(params ?? []).includes('"concurrently"');

const reindex: Analyser = (statement, world) => {
  const tree = statement.tree as ReindexStmt;
  const concurrent = isConcurrentReindex(tree);
  const operation = concurrent ? 'REINDEX CONCURRENTLY' : 'REINDEX';
  const rule = concurrent ? 'reindex-concurrently' : 'reindex';
  const { schemaname: schema, relname: name = '' } = tree.relation ?? {};
  const lock = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE';
  if (tree.kind !== 'REINDEX_OBJECT_INDEX' && tree.kind !== 'REINDEX_OBJECT_TABLE') {
    const object = tree.name ?? world.catalog.database;
    const reason = concurrent
      ? 'the indexes of all of its tables are built anew while others go on'
      : 'the indexes of all of its tables are built anew, one table after another: each is closed to writes meanwhile';
    return [finding({ rule, operation, object, safety: 'SAFE', reason, lock, scan: true })];
  }
  const isIndex = tree.kind === 'REINDEX_OBJECT_INDEX';
  const index = isIndex ? findIndex(world, { schema, name }) : undefined;
  const relation = isIndex ? index?.relation : world.findRelation({ schema, name });
  if (!relation) {
    return [missingObject(world, isIndex ? 'index' : 'table', { schema, name }, { operation })];
  }
  const what = index ? printedName(index.schema, index.name) : 'all of its indexes';
  return [
    alteration(alteredOf(world, statement, relation), {
      ...{ rule, operation, lock, scan: true, work: 'index' },
      reason: concurrent
        ? `${what}: built anew while others read and write; if it fails, an invalid index stays behind`
        : `${what}: built anew; queries that would use it wait too`,
      ...(concurrent
        ? {}
        : { saferWay: concurrently(statement.sql, /^REINDEX\s+(?:INDEX|TABLE)/i) }),
    }),
  ];
};

/** What ALTER INDEX locks is the index: who plans a query of the table waits for the strongest lock. */
function indexSetting(
  cmd: AlterTableCmd,
): Pick<Finding, 'operation' | 'reason' | 'lock' | 'rewrite'> {
  const strong = 'ACCESS EXCLUSIVE';
  switch (cmd.subtype) {
    case 'AT_SetTableSpace':
      return {
        ...{ operation: 'SET TABLESPACE', lock: strong, rewrite: true },
        reason: `its file is copied to ${cmd.name}; who would use the table waits`,
      };
    case 'AT_AttachPartition':
      return {
        ...{ operation: 'ATTACH PARTITION', lock: null, rewrite: false },
        reason: 'it becomes a part of the index of the partitioned table',
      };
    case 'AT_ChangeOwner':
      return { operation: 'OWNER TO', lock: strong, rewrite: false, reason: 'its owner changes' };
    case 'AT_SetStatistics':
      return {
        ...{ operation: 'SET STATISTICS', lock: null, rewrite: false },
        reason: 'what the planner knows of it changes with the next ANALYZE',
      };
    default:
      return {
        ...{ operation: 'SET', lock: null, rewrite: false },
        reason: 'settings of the index change; it is as it was until it is built anew',
      };
  }
}

/** ALTER INDEX, also by ALTER TABLE; undefined: it is no index, or one that is not there. */
export function alterIndex(
  _statement: AnalysedStatement,
  world: World,
  tree: AlterTableStmt,
): readonly Finding[] | undefined {
  const { schemaname: schema, relname: name = '' } = tree.relation ?? {};
  const index: FoundIndex | undefined = findIndex(world, { schema, name });
  if (!index) return undefined;
  return (tree.cmds ?? []).flatMap((node) => {
    const cmd = contentOf<AlterTableCmd>(node, 'AlterTableCmd');
    if (!cmd) return [];
    return [
      finding({
        ...{ rule: 'alter-index', safety: 'SAFE', object: printedName(index.schema, index.name) },
        ...indexSetting(cmd),
      }),
    ];
  });
}

export const indexAnalysers: Analysers = { IndexStmt: createIndex, ReindexStmt: reindex };
