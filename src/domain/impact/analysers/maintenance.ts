import type {
  AlterDatabaseSetStmt,
  AlterSeqStmt,
  AlterSystemStmt,
  ClusterStmt,
  CreateStatsStmt,
  DefElem,
  LockStmt,
  RangeVar,
  RefreshMatViewStmt,
  VacuumRelation,
  VacuumStmt,
} from 'libpg-query';
import { type LockMode, lockModes } from '../../impact.js';
import { quotedName } from '../../quoted-sql.js';
import { type Finding, finding } from '../finding.js';
import { contentOf } from '../grammar.js';
import { concurrently } from '../safer-way.js';
import { printedName } from '../world/printed-names.js';
import type { AnalysedStatement, Analyser, Analysers, World } from '../world.js';
import { type Altered, alteration, alteredOf } from './alter-table/altered.js';
import { missingObject } from './missing-object.js';

const rangeName = (range: RangeVar | undefined) => ({
  schema: range?.schemaname,
  name: range?.relname ?? '',
});

/** The relations that a statement names, and findings for those that are not there. */
function eachRelation(
  statement: AnalysedStatement,
  world: World,
  {
    ranges,
    kind,
    operation,
  }: {
    readonly ranges: readonly (RangeVar | undefined)[];
    readonly kind: string;
    readonly operation: string;
  },
  analyse: (altered: Altered) => readonly Finding[],
): readonly Finding[] {
  return ranges.flatMap((range) => {
    const relation = world.findRelation(rangeName(range));
    return relation
      ? analyse(alteredOf(world, statement, relation, range?.inh !== true))
      : [missingObject(world, kind, rangeName(range), { operation })];
  });
}

function optionNames(options: readonly unknown[] | undefined): Map<string, string> {
  const found = (options ?? []).flatMap((node) => contentOf<DefElem>(node, 'DefElem') ?? []);
  return new Map(
    found.map(({ defname = '', arg }) => [defname, JSON.stringify(arg ?? 'true').toLowerCase()]),
  );
}

const isOn = (value: string | undefined): boolean =>
  value !== undefined && !/"(?:false|off|0)"|:0}/.test(value);

const fullWay = [
  '-- pg_repack or pg_squeeze write the table anew while others go on; or let VACUUM without FULL make room for new rows:',
].join('\n');

const vacuum: Analyser = (statement, world) => {
  const { options, rels, is_vacuumcmd: isVacuum } = statement.tree as VacuumStmt;
  const isFull = isVacuum === true && isOn(optionNames(options).get('full'));
  const operation = isFull ? 'VACUUM FULL' : isVacuum ? 'VACUUM' : 'ANALYZE';
  const rule = isFull ? 'vacuum-full' : isVacuum ? 'vacuum' : 'read-only';
  const reason = isFull
    ? 'every row and every index is written anew'
    : isVacuum
      ? 'rows that nobody sees any more are cleaned up while others go on'
      : 'reads a sample of the rows for the planner';
  const lock: LockMode = isFull ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE';
  const facts = { rule, operation, reason, lock, rewrite: isFull, scan: isFull } as const;
  if ((rels ?? []).length === 0) {
    const object = world.catalog.database;
    const all = `all tables, one after another: ${reason}`;
    return [finding({ ...facts, object, safety: 'SAFE', reason: all, scan: isFull })];
  }
  const ranges = (rels ?? []).map(
    (node) => contentOf<VacuumRelation>(node, 'VacuumRelation')?.relation,
  );
  return eachRelation(statement, world, { ranges, kind: 'table', operation }, (altered) => {
    const name = printedName(altered.relation.schema, altered.relation.name);
    const saferWay = `${fullWay}\nVACUUM ${quotedIfNeeded(altered)};`;
    return [alteration(altered, { ...facts, object: name, ...(isFull ? { saferWay } : {}) })];
  });
};

const quotedIfNeeded = ({ relation }: Altered): string =>
  `${quotedName(relation.schema)}.${quotedName(relation.name)}`;

const cluster: Analyser = (statement, world) => {
  const { relation: range, indexname } = statement.tree as ClusterStmt;
  const operation = 'CLUSTER';
  const facts = { rule: 'cluster', operation, lock: 'ACCESS EXCLUSIVE', rewrite: true } as const;
  if (!range) {
    const object = world.catalog.database;
    const reason = 'all tables that were clustered before are written anew, one after another';
    return [finding({ ...facts, object, safety: 'SAFE', reason })];
  }
  return eachRelation(
    statement,
    world,
    { ranges: [range], kind: 'table', operation },
    (altered) => [
      alteration(altered, {
        ...facts,
        reason: `every row is written anew in the order of ${indexname ?? 'its index'}`,
        saferWay: '-- pg_repack (--order-by) or pg_squeeze do it while others go on',
      }),
    ],
  );
};

/** Modes as the grammar numbers them. */
const lockOf = (mode: number | undefined): LockMode =>
  lockModes[(mode ?? 8) - 1] ?? 'ACCESS EXCLUSIVE';

const lockTable: Analyser = (statement, world) => {
  const { relations, mode } = statement.tree as LockStmt;
  const ranges = (relations ?? []).map((node) => contentOf<RangeVar>(node, 'RangeVar'));
  const operation = 'LOCK TABLE';
  return eachRelation(statement, world, { ranges, kind: 'table', operation }, (altered) => [
    alteration(altered, {
      ...{ rule: 'lock-table', operation, lock: lockOf(mode), work: 'nothing' },
      reason: `locked ${lockOf(mode)} until the transaction ends: whatever follows in it prolongs that`,
    }),
  ]);
};

const refresh: Analyser = (statement, world) => {
  const { relation: range, concurrent, skipData } = statement.tree as RefreshMatViewStmt;
  const operation = concurrent
    ? 'REFRESH MATERIALIZED VIEW CONCURRENTLY'
    : 'REFRESH MATERIALIZED VIEW';
  const kind = 'materialized view';
  return eachRelation(statement, world, { ranges: [range], kind, operation }, (altered) => {
    const reason = skipData
      ? 'its rows go, and it cannot be read until it is refreshed again'
      : concurrent
        ? 'its query runs; readers go on meanwhile'
        : 'its query runs, and its rows are replaced';
    const way = concurrent
      ? {}
      : { saferWay: concurrently(statement.sql, /^REFRESH\s+MATERIALIZED\s+VIEW/i) };
    const found = alteration(altered, {
      ...{ rule: 'refresh-materialized-view', operation, reason, ...(skipData ? {} : way) },
      ...{ lock: concurrent ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE', rewrite: !concurrent },
    });
    // EXCLUSIVE keeps out only writers, and nobody writes to a materialized view.
    return [concurrent ? { ...found, reason, hazard: 'none', saferWay: null } : found];
  });
};

const createStatistics: Analyser = (statement, world) => {
  const { relations } = statement.tree as CreateStatsStmt;
  const ranges = (relations ?? []).map((node) => contentOf<RangeVar>(node, 'RangeVar'));
  const operation = 'CREATE STATISTICS';
  return eachRelation(statement, world, { ranges, kind: 'table', operation }, (altered) => [
    alteration(altered, {
      ...{ rule: 'create-statistics', operation, lock: 'SHARE UPDATE EXCLUSIVE' },
      reason: 'the planner knows more after the next ANALYZE; rows stay as they are',
    }),
  ]);
};

/** Options by which a sequence gives numbers out again, or stops doing so. */
const valueOptions = ['restart', 'minvalue', 'maxvalue', 'cycle', 'increment', 'as'];

const alterSequence: Analyser = (statement, world) => {
  const { sequence, options, missing_ok: missingOk } = statement.tree as AlterSeqStmt;
  const operation = 'ALTER SEQUENCE';
  const relation = world.findRelation(rangeName(sequence));
  if (!relation) {
    const facts = { operation, missingOk: missingOk === true };
    return [missingObject(world, 'sequence', rangeName(sequence), facts)];
  }
  const names = [...optionNames(options).keys()];
  const changed = names.filter((name) => valueOptions.includes(name));
  const facts = { rule: 'alter-sequence', operation, lock: 'SHARE ROW EXCLUSIVE' } as const;
  const isRestart = changed.includes('restart') && !relation.isNew;
  return [
    alteration(alteredOf(world, statement, relation), {
      ...{ ...facts, safety: isRestart ? 'DATA_LOSS' : 'SAFE' },
      reason: isRestart
        ? 'it goes on with another value; the present one is lost, and numbers may be given out again'
        : changed.length > 0
          ? `${changed.join(', ')}: new numbers follow it; rows that are there stay as they are`
          : 'new numbers are given as before',
    }),
  ];
};

/** A setting that a statement names. */
function settingOf(setstmt: { kind?: string; name?: string } | undefined): string {
  return setstmt?.kind === 'VAR_RESET_ALL' ? 'all settings' : (setstmt?.name ?? 'a setting');
}

const alterSystem: Analyser = ({ tree }) => {
  const { setstmt } = tree as AlterSystemStmt;
  const name = settingOf(setstmt as { kind?: string; name?: string });
  return [
    finding({
      ...{ rule: 'beyond-database', operation: 'ALTER SYSTEM', object: name, safety: 'UNSAFE' },
      reason:
        'changes the whole server, all of its databases; nothing that a backup of this one holds',
    }),
  ];
};

const alterDatabaseSet: Analyser = ({ tree }) => {
  const { dbname = '', setstmt } = tree as AlterDatabaseSetStmt;
  const name = settingOf(setstmt as { kind?: string; name?: string });
  return [
    finding({
      ...{ rule: 'database-setting', operation: 'ALTER DATABASE SET', object: dbname },
      safety: 'SAFE',
      reason: `${name} is another one for every session that begins from now on`,
    }),
  ];
};

/** What is said of a statement whatever stands in it, but for the name of its object. */
function constant(
  facts: Omit<Parameters<typeof finding>[0], 'object'>,
  nameOf: (tree: AnalysedStatement['tree'], world: World) => unknown,
): Analyser {
  return ({ tree }, world) => {
    const name = nameOf(tree, world);
    const object = typeof name === 'string' && name !== '' ? name : world.catalog.database;
    return [finding({ ...facts, object })];
  };
}

const beyond = (operation: string, reason: string): Analyser =>
  constant(
    { rule: 'beyond-database', operation, safety: 'UNSAFE', reason },
    ({ dbname, tablespacename }) => dbname ?? tablespacename,
  );

const dropBeyond = (operation: string, reason: string): Analyser => {
  const facts = { rule: 'beyond-database', operation, safety: 'UNSAFE', reason } as const;
  return constant(
    { ...facts, unmeasured: 'it lies outside of the database that is counted' },
    ({ dbname, tablespacename }) => dbname ?? tablespacename,
  );
};

const ofDatabase = (operation: string, reason: string): Analyser =>
  constant({ rule: 'database-setting', operation, safety: 'SAFE', reason }, ({ dbname }) => dbname);

/** Upkeep, and what reaches beyond the database. */
export const maintenanceAnalysers: Analysers = {
  VacuumStmt: vacuum,
  ClusterStmt: cluster,
  LockStmt: lockTable,
  RefreshMatViewStmt: refresh,
  CreateStatsStmt: createStatistics,
  AlterStatsStmt: constant(
    {
      ...{ rule: 'create-statistics', operation: 'ALTER STATISTICS', safety: 'SAFE' },
      reason: 'what the planner knows changes with the next ANALYZE',
    },
    () => '',
  ),
  AlterSeqStmt: alterSequence,
  AlterSystemStmt: alterSystem,
  AlterDatabaseSetStmt: alterDatabaseSet,
  AlterDatabaseStmt: ofDatabase('ALTER DATABASE', 'properties of the database change'),
  AlterDatabaseRefreshCollStmt: ofDatabase(
    'ALTER DATABASE REFRESH COLLATION VERSION',
    'the version of the collation counts as known; indexes over texts that it sorts otherwise stay wrong until REINDEX',
  ),
  CheckPointStmt: constant(
    {
      ...{ rule: 'checkpoint', operation: 'CHECKPOINT', safety: 'SAFE' },
      reason: 'the server writes everything to disk at once, which all of its databases feel',
    },
    () => '',
  ),
  CreatedbStmt: beyond('CREATE DATABASE', 'makes another database on the server'),
  DropdbStmt: dropBeyond('DROP DATABASE', 'another database goes with everything in it'),
  CreateTableSpaceStmt: beyond('CREATE TABLESPACE', 'makes a place for files of the whole server'),
  DropTableSpaceStmt: beyond(
    'DROP TABLESPACE',
    'a place for files of the whole server goes; it has to be empty',
  ),
  AlterTableSpaceOptionsStmt: beyond('ALTER TABLESPACE', 'settings of the whole server change'),
  SecLabelStmt: constant(
    {
      ...{ rule: 'security-label', operation: 'SECURITY LABEL', safety: 'SAFE' },
      reason: 'a module of the server judges rights by it from now on',
    },
    ({ objtype }) =>
      String(objtype ?? '')
        .replace('OBJECT_', '')
        .toLowerCase(),
  ),
};
