import type { AlterTableCmd, AlterTableStmt, ColumnDef } from 'libpg-query';
import { quotedName } from '../../quoted-sql.js';
import { type Finding, finding } from '../finding.js';
import { contentOf } from '../grammar.js';
import type { LiveType } from '../live-catalog.js';
import { formatTypeName } from '../type-name.js';
import { printedName } from '../world/printed-names.js';
import type { AnalysedStatement, World } from '../world.js';
import { findByText } from './alter-table/domains.js';
import { missingObject } from './missing-object.js';

const operations: Readonly<Record<string, string>> = {
  AT_AddColumn: 'ADD ATTRIBUTE',
  AT_DropColumn: 'DROP ATTRIBUTE',
  AT_AlterColumnType: 'ALTER ATTRIBUTE TYPE',
};

type Holder = ReturnType<World['columnsOfType']>[number];

type Facts = Pick<Finding, 'rule' | 'operation' | 'object'>;

interface Attribute {
  readonly world: World;
  readonly type: LiveType;
  readonly cmd: AlterTableCmd;
  readonly facts: Facts;
}

function columnsWith({ world, type }: Attribute): string[] {
  const names = world
    .columnsOfType(type)
    .map(({ relation, column }) => printedName(relation.schema, relation.name, column.name));
  return [...new Set(names)];
}

/** Values of the attribute, in each column that has the type itself. */
export function droppedAttribute(
  attribute: Omit<Attribute, 'cmd'> & { readonly cmd: Pick<AlterTableCmd, 'name'> },
): readonly Finding[] {
  const { world, type, cmd, facts } = attribute;
  const holders = world
    .columnsOfType(type)
    .filter(({ relation }) => ['r', 'p', 'm'].includes(relation.kind))
    .filter(({ relation, column }, _at, all) => !isCopy(world, { relation, column }, all));
  if (holders.length === 0) {
    const reason = 'the attribute goes; no column of a table has the type';
    return [finding({ ...facts, safety: 'SAFE', reason })];
  }
  return holders.map(({ relation, column }) => {
    const name = printedName(relation.schema, relation.name, column.name);
    const table = world.measured(relation);
    const common = {
      ...{ ...facts, table: relation.live?.oid ?? null, because: facts.object },
      object: printedName(relation.schema, relation.name, column.name, cmd.name ?? ''),
      reason: `the attribute goes from the values of ${name}`,
      after: world.touchedBefore(relation, [column.name]),
    };
    if (!table || !column.live) return finding({ ...common, safety: 'SAFE' });
    if (findByText(world, column.type)?.oid !== type.oid) {
      const unmeasured = `${name} has the type within other values, which are not counted`;
      return finding({ ...common, safety: 'DATA_LOSS', unmeasured });
    }
    const value = `(${quotedName(column.live.name)}).${quotedName(cmd.name ?? '')}`;
    const from = `FROM ${table.only ? 'ONLY ' : ''}${table.sql}`;
    const sql = `SELECT count(${value}) AS rows ${from}`;
    const { searchPath } = table;
    const measure = { what: 'query', sql, tables: [table], searchPath } as const;
    return finding({ ...common, safety: 'DATA_LOSS', measure, counts: 'values-lost' });
  });
}

/** A partition's values are counted with those of the partitioned table. */
function isCopy(world: World, { relation, column }: Holder, all: readonly Holder[]): boolean {
  return all.some(
    (other) =>
      other.relation.kind === 'p' &&
      other.column.name === column.name &&
      world.isBelow(relation, other.relation),
  );
}

/** PostgreSQL refuses where a column of a table has the type. */
function changedAttribute(attribute: Attribute): Finding {
  const { world, cmd, facts } = attribute;
  const columns = columnsWith(attribute);
  const definition = contentOf<ColumnDef>(cmd.def, 'ColumnDef');
  const to = formatTypeName(definition?.typeName, world);
  if (columns.length > 0) {
    const reason = `${columns.join(', ')} has the type: PostgreSQL refuses to change an attribute of it`;
    const saferWay =
      'Make a new type, a new column of it, fill that in batches, and put it in the place of the old one.';
    return finding({ ...facts, safety: 'SAFE', reason, fails: true, saferWay });
  }
  return finding({
    ...facts,
    safety: 'SAFE',
    reason: `becomes ${to}; no column of a table has the type`,
  });
}

function analyseAttribute(attribute: Attribute): Finding | readonly Finding[] {
  const { world, type, cmd, facts } = attribute;
  const name = contentOf<ColumnDef>(cmd.def, 'ColumnDef')?.colname ?? cmd.name ?? '';
  const relation = world.relationByOid(type.relation);
  const known = relation ? world.findColumn(relation, name) : undefined;
  if (cmd.subtype === 'AT_AddColumn') {
    if (known) {
      return finding({
        ...facts,
        rule: 'object-exists',
        safety: 'SAFE',
        reason: `it has an attribute ${name} already`,
        fails: true,
      });
    }
    const reason = 'values that are there have NULL in it';
    return finding({ ...facts, safety: 'SAFE', reason });
  }
  if (relation && !known) {
    const missing = { ...facts, safety: 'SAFE', reason: `it has no attribute ${name}` } as const;
    return cmd.missing_ok
      ? finding({ ...missing, rule: 'nothing-to-do' })
      : finding({ ...missing, rule: 'object-missing', fails: true });
  }
  return cmd.subtype === 'AT_DropColumn'
    ? droppedAttribute(attribute)
    : changedAttribute(attribute);
}

/** ALTER TYPE … ADD, DROP, ALTER ATTRIBUTE; also OWNER TO, which the grammar has elsewhere. */
export function alterCompositeType(
  _statement: AnalysedStatement,
  world: World,
  tree: AlterTableStmt,
): readonly Finding[] {
  const { schemaname: schema, relname: typeName = '' } = tree.relation ?? {};
  const type = world.findType({ schema, name: typeName });
  if (!type) {
    const missingOk = tree.missing_ok === true;
    return [
      missingObject(
        world,
        'type',
        { schema, name: typeName },
        { operation: 'ALTER TYPE', missingOk },
      ),
    ];
  }
  return (tree.cmds ?? []).flatMap((node) => {
    const cmd = contentOf<AlterTableCmd>(node, 'AlterTableCmd');
    const operation = operations[cmd?.subtype ?? ''];
    if (!cmd || !operation) return [];
    const name = contentOf<ColumnDef>(cmd.def, 'ColumnDef')?.colname ?? cmd.name ?? '';
    const object = printedName(type.schema, type.name, name);
    const facts = { rule: 'alter-composite-type', operation, object };
    return analyseAttribute({ world, type, cmd, facts });
  });
}
