import { readIdentifierList } from '../../domain/impact/identifier-list.js';
import type {
  Address,
  LiveCatalog,
  LiveColumn,
  LiveConstraint,
  LiveDependency,
  LiveIndex,
  LiveOther,
  LiveRelation,
  LiveRoutine,
  LiveTrigger,
  LiveType,
} from '../../domain/impact/live-catalog.js';
import type { Session } from '../session.js';
import * as objects from '../sql/impact-objects.js';
import * as relations from '../sql/impact-relations.js';
import { impactScopeSql } from '../sql/impact-scope.js';

type Text = string | null;
type Rows = readonly (readonly Text[])[] | null;

interface CatalogRow {
  readonly database: string;
  readonly role: string;
  readonly path: string;
  readonly timeZone: string;
  readonly statisticsSeconds: string | null;
  readonly history: string | null;
  readonly schemas: Rows;
  readonly relations: Rows;
  readonly columns: Rows;
  readonly constraints: Rows;
  readonly indexes: Rows;
  readonly triggers: Rows;
  readonly types: Rows;
  readonly routines: Rows;
  readonly others: Rows;
  readonly owned: Rows;
  readonly dependencies: string | null;
  readonly catalogs: Readonly<Record<string, string>>;
  readonly volatile: readonly string[];
}

const families = {
  schemas: objects.schemasSql,
  relations: relations.relationsSql,
  columns: relations.columnsSql,
  indexes: relations.indexesSql,
  triggers: relations.triggersSql,
  types: objects.typesSql,
  routines: objects.routinesSql,
  others: objects.othersSql,
  owned: objects.ownedSql,
  dependencies: objects.dependenciesSql,
  catalogs: objects.catalogNamesSql,
  volatile: objects.volatileFunctionsSql,
};

/**
 * The session's own search path is Belay's; what everybody else has is what RESET would give. Schemas are shown as
 * they are, the role's own is put in.
 */
const query = (serverVersion: number): string => `WITH ${impactScopeSql}
  SELECT current_database() AS database, current_user::text AS role,
         (SELECT reset_val FROM pg_settings WHERE name = 'search_path') AS path,
         (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone') AS "timeZone",
         (SELECT extract(epoch FROM now() - stats_reset)::text FROM pg_stat_database
           WHERE datname = current_database()) AS "statisticsSeconds",
         (SELECT nspname FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
             AND NOT EXISTS (SELECT FROM spaces s WHERE s.oid = n.oid) LIMIT 1) AS history,
         ${Object.entries({ ...families, constraints: relations.constraintsSql(serverVersion) })
           .map(([name, sql]) => `${sql} AS ${name}`)
           .join(',\n         ')}`;

const doing = 'reading the catalogs';

/** The statement is long, and is run once: compiling it would take longer than running it. */
async function withoutJit<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const { jit } = await session.queryOne<{ jit: string }>(
    `SELECT current_setting('jit') AS jit, set_config('jit', 'off', false)`,
    [],
    doing,
  );
  const result = await work();
  await session.query(`SELECT set_config('jit', $1, false)`, [jit], doing);
  return result;
}

/** Reads the catalogs of the session's database, in one statement and without locks that anybody feels. */
export async function readLiveCatalog(session: Session): Promise<LiveCatalog> {
  const row = await withoutJit(session, () =>
    session.queryOne<CatalogRow>(query(session.serverVersion), [], doing),
  );
  const address = (catalog: Text, oid: Text): Address =>
    `${row.catalogs[catalog ?? ''] ?? catalog}/${oid}/0`;
  const schemas = (row.schemas ?? []).map(([oid, name]) => ({
    oid: number(oid),
    name: text(name),
  }));
  return {
    database: row.database,
    serverVersion: session.serverVersion,
    role: row.role,
    timeZone: row.timeZone,
    statisticsSeconds: numberOrNull(row.statisticsSeconds),
    searchPath: livingPath(row, new Set(schemas.map(({ name }) => name))),
    historySchema: row.history,
    schemas,
    relations: withPartitions((row.relations ?? []).map(relationOf)),
    columns: (row.columns ?? []).map(columnOf).sort(byPlace),
    constraints: (row.constraints ?? []).map(constraintOf),
    indexes: (row.indexes ?? []).map(indexOf),
    triggers: (row.triggers ?? []).map(triggerOf),
    types: (row.types ?? []).map(typeOf),
    routines: (row.routines ?? []).map(routineOf),
    others: (row.others ?? []).map((other) => otherOf(other, address)),
    owned: (row.owned ?? []).map(([role, catalog, oid]) => ({
      role: text(role),
      address: address(catalog ?? null, oid ?? null),
    })),
    dependencies: dependenciesOf(row),
    volatileFunctions: new Set(row.volatile),
  };
}

function livingPath({ path, role }: CatalogRow, schemas: ReadonlySet<string>): string[] {
  return readIdentifierList(path)
    .map((name) => (name === '$user' ? role : name))
    .filter((name) => schemas.has(name));
}

const text = (value: Text | undefined): string => value ?? '';
const number = (value: Text | undefined): number => Number(value ?? 0);
const numberOrNull = (value: Text | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);
const isTrue = (value: Text | undefined): boolean => value === 'true';
/** "{1,2}" of an array, "1 2" of a vector. */
const numbers = (value: Text | undefined): number[] => (value?.match(/\d+/g) ?? []).map(Number);
const list = (value: Text | undefined): string[] => (value ? JSON.parse(value) : []);

function relationOf(row: readonly Text[]): LiveRelation {
  const [oid, name, schema, kind, persistence, owner, tuples, size, writes, reads, ...rest] = row;
  const [mayRead, hidesRows, rowSecurity, parents, isPartition, definition, ...partition] = rest;
  const [strategy, keys, expression, bound, inside] = partition;
  return {
    ...{ oid: number(oid), name: text(name), schema: text(schema), owner: text(owner) },
    kind: text(kind) as LiveRelation['kind'],
    persistence: text(persistence) as LiveRelation['persistence'],
    ...{ estimatedRows: number(tuples), sizeBytes: number(size) },
    ...{ writes: numberOrNull(writes), reads: numberOrNull(reads) },
    ...{ mayRead: isTrue(mayRead), hidesRows: isTrue(hidesRows), rowSecurity: isTrue(rowSecurity) },
    ...{ parents: numbers(parents), isPartition: isTrue(isPartition) },
    definition: definition ?? null,
    partitionKey: strategy
      ? {
          strategy: strategy as 'r' | 'l' | 'h',
          ...{ columns: numbers(keys), expression: expression ?? null },
        }
      : null,
    partitionBound: bound ?? null,
    partitionConstraint: inside ?? null,
  };
}

/** A partitioned table is as large as its partitions, and has as many rows, where nothing else is known of it. */
function withPartitions(list: readonly LiveRelation[]): LiveRelation[] {
  const children = new Map<number, LiveRelation[]>();
  for (const relation of list) {
    for (const parent of relation.isPartition ? relation.parents : []) {
      const siblings = children.get(parent);
      if (siblings) siblings.push(relation);
      else children.set(parent, [relation]);
    }
  }
  const whole = (relation: LiveRelation): LiveRelation => {
    if (relation.kind !== 'p') return relation;
    const parts = (children.get(relation.oid) ?? []).map(whole);
    const sum = (of: (part: LiveRelation) => number) =>
      parts.reduce((total, part) => total + Math.max(of(part), 0), 0);
    const isKnown = parts.length > 0 && parts.every(({ estimatedRows }) => estimatedRows >= 0);
    return {
      ...relation,
      estimatedRows: isKnown ? sum((part) => part.estimatedRows) : relation.estimatedRows,
      sizeBytes: sum((part) => part.sizeBytes),
      writes: sum((part) => part.writes ?? 0),
      reads: sum((part) => part.reads ?? 0),
    };
  };
  return list.map(whole);
}

const byPlace = (a: LiveColumn, b: LiveColumn): number =>
  a.relation - b.relation || a.number - b.number;

function columnOf(row: readonly Text[]): LiveColumn {
  const [relation, place, name, type, typeOid, notNull, value, defaultOid, ...rest] = row;
  const [identity, generated, collation, isLocal, parents] = rest;
  return {
    ...{ relation: number(relation), number: number(place), name: text(name) },
    ...{ type: text(type), typeOid: number(typeOid), notNull: isTrue(notNull) },
    ...{ default: value ?? null, defaultOid: number(defaultOid) },
    identity: (identity ?? null) as LiveColumn['identity'],
    generated: (generated ?? null) as LiveColumn['generated'],
    collation: collation ?? null,
    ...{ isLocal: isTrue(isLocal), parents: number(parents) },
  };
}

function constraintOf(row: readonly Text[]): LiveConstraint {
  const [oid, name, relation, domain, kind, validated, deferrable, definition, ...rest] = row;
  const [columns, referenced, referencedColumns, onDelete, onUpdate, ...last] = rest;
  const [index, parent, expression, matchFull, enforced] = last;
  return {
    ...{ oid: number(oid), name: text(name), relation: number(relation), domain: number(domain) },
    kind: text(kind) as LiveConstraint['kind'],
    ...{ validated: isTrue(validated), deferrable: isTrue(deferrable) },
    ...{ definition: text(definition), columns: numbers(columns), referenced: number(referenced) },
    referencedColumns: numbers(referencedColumns),
    ...{ onDelete: onDelete ?? null, onUpdate: onUpdate ?? null },
    ...{ index: number(index), parent: number(parent), expression: expression ?? null },
    ...{ matchFull: isTrue(matchFull), enforced: isTrue(enforced) },
  };
}

function indexOf(row: readonly Text[]): LiveIndex {
  const [oid, name, schema, relation, unique, primary, valid, immediate, ...rest] = row;
  const [keys, keyCount, predicate, definition, size] = rest;
  return {
    ...{ oid: number(oid), name: text(name), schema: text(schema), relation: number(relation) },
    ...{ unique: isTrue(unique), primary: isTrue(primary), valid: isTrue(valid) },
    ...{ immediate: isTrue(immediate), columns: numbers(keys).slice(0, number(keyCount)) },
    ...{ predicate: predicate ?? null, definition: text(definition), sizeBytes: number(size) },
  };
}

function triggerOf([oid, name, relation, enabled, definition]: readonly Text[]): LiveTrigger {
  return {
    ...{ oid: number(oid), name: text(name), relation: number(relation) },
    ...{ enabled: text(enabled), definition: text(definition) },
  };
}

function typeOf(row: readonly Text[]): LiveType {
  const [oid, name, schema, kind, labels, baseType, relation, element, notNull] = row;
  return {
    ...{ oid: number(oid), name: text(name), schema: text(schema) },
    kind: text(kind) as LiveType['kind'],
    ...{ labels: list(labels), baseType: baseType ?? null },
    ...{ relation: number(relation), elementOf: number(element) },
    notNull: isTrue(notNull),
  };
}

const routineKinds = { f: 'function', p: 'procedure', a: 'aggregate', w: 'window' } as const;

function routineOf(row: readonly Text[]): LiveRoutine {
  const [oid, name, schema, kind, parameters, language, volatility, source, types] = row;
  return {
    ...{ oid: number(oid), name: text(name), schema: text(schema) },
    kind: routineKinds[text(kind) as keyof typeof routineKinds],
    ...{ arguments: text(parameters), argumentTypes: list(types), language: text(language) },
    volatility: text(volatility) as LiveRoutine['volatility'],
    source: source ?? null,
  };
}

function otherOf(
  [catalog, oid, kind, identity, schema, name, relation]: readonly Text[],
  address: (catalog: Text, oid: Text) => Address,
): LiveOther {
  return {
    address: address(catalog ?? null, oid ?? null),
    ...{ kind: text(kind), identity: text(identity), schema: schema ?? null, name: name ?? null },
    relation: number(relation),
  };
}

function dependenciesOf({ dependencies, catalogs }: CatalogRow): LiveDependency[] {
  if (!dependencies) return [];
  return dependencies.split(',').map((line) => {
    const [catalog = '', oid, sub, onCatalog = '', onOid, onSub, type = ''] = line.split(' ');
    const dependent = `${catalogs[catalog] ?? catalog}/${oid}/${sub}`;
    return { dependent, on: `${catalogs[onCatalog] ?? onCatalog}/${onOid}/${onSub}`, type };
  });
}
