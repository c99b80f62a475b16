import type { AlterEnumStmt, AlterTypeStmt } from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { contentOf, nodesBelow, textsOf } from '../grammar.js';
import { scriptObjects } from '../script-objects.js';
import { printedName } from '../world/printed-names.js';
import type { AnalysedStatement, Analyser, Analysers, World } from '../world.js';
import { madeOrMissing } from './missing-object.js';

const typeNameOf = (nodes: readonly unknown[] | undefined) => {
  const names = textsOf(nodes);
  return { schema: names.length > 1 ? names.at(-2) : undefined, name: names.at(-1) ?? '' };
};

const alterEnum: Analyser = (statement, world) => {
  const tree = statement.tree as AlterEnumStmt;
  const written = typeNameOf(tree.typeName);
  const type = world.findType(written);
  const operation = tree.oldVal === undefined ? 'ALTER TYPE ADD VALUE' : 'ALTER TYPE RENAME VALUE';
  if (type?.kind !== 'e') return [madeOrMissing(world, 'enum', written, operation)];
  const object = printedName(type.schema, type.name);
  const labels = labelsOf(world, type.oid, type.labels);
  const label = tree.newVal ?? '';
  if (labels.includes(label)) {
    const reason = `it has the value ${label} already`;
    const facts = { operation, object, safety: 'SAFE', reason } as const;
    return [
      tree.skipIfNewValExists
        ? finding({ ...facts, rule: 'nothing-to-do' })
        : finding({ ...facts, rule: 'object-exists', fails: true }),
    ];
  }
  const needed = tree.oldVal ?? tree.newValNeighbor;
  if (needed !== undefined && !labels.includes(needed)) {
    const reason = `it has no value ${needed}`;
    return [
      finding({ rule: 'object-missing', operation, object, safety: 'SAFE', reason, fails: true }),
    ];
  }
  const { enumValues } = scriptObjects(world);
  enumValues.push({ type: String(type.oid), label, statement: world.statement });
  return tree.oldVal === undefined
    ? [addedValue(object, label)]
    : [renamedValue(world, { type, object, from: tree.oldVal, to: label })];
};

/** With what the script has added or renamed. A renamed value's old name stays known: it does no harm. */
function labelsOf(world: World, oid: number, live: readonly string[]): readonly string[] {
  const { enumValues } = scriptObjects(world);
  const added = enumValues.filter(({ type }) => type === String(oid)).map(({ label }) => label);
  return [...live, ...added];
}

function addedValue(object: string, label: string): Finding {
  return finding({
    ...{ rule: 'add-enum-value', operation: 'ALTER TYPE ADD VALUE', object, safety: 'SAFE' },
    reason: `${label} can be used only after the transaction that adds it; a value cannot be taken away again`,
  });
}

function renamedValue(
  world: World,
  {
    type,
    object,
    from,
    to,
  }: {
    readonly type: Parameters<World['columnsOfType']>[0];
    readonly object: string;
    readonly from: string;
    readonly to: string;
  },
): Finding {
  const columns = world
    .columnsOfType(type)
    .map(({ relation, column }) => printedName(relation.schema, relation.name, column.name));
  const where = columns.length === 0 ? 'no column has it' : `in ${columns.join(', ')}`;
  return finding({
    ...{ rule: 'rename-enum-value', operation: 'ALTER TYPE RENAME VALUE', object, safety: 'SAFE' },
    reason: `${from} is called ${to} from now on, also in rows that are there (${where}); code that still says ${from} fails`,
  });
}

/**
 * New values of an enum that a later statement of the same transaction names: PostgreSQL refuses that (55P04), whatever the rows.
 * Where the statement also names a column of the enum, this is taken for certain; else a text may happen to be the same.
 *
 * @param since number of the first statement of the transaction
 */
export function newEnumValuesUsed(
  statement: AnalysedStatement,
  world: World,
  { index, since }: { readonly index: number; readonly since: number },
): readonly Finding[] {
  const { enumValues } = scriptObjects(world);
  const earlier = enumValues.filter((one) => one.statement >= since && one.statement < index);
  if (earlier.length === 0 || statement.kind === 'AlterEnumStmt') return [];
  const { texts, names } = wordsOf(statement);
  return earlier.flatMap(({ type: oid, label, statement: by }) => {
    const type = world.catalog.types.find((one) => String(one.oid) === oid);
    if (!type || !texts.has(label)) return [];
    const isCertain =
      names.has(type.name) ||
      world.columnsOfType(type).some(({ column }) => names.has(column.name));
    const reason = `'${label}' is the value that statement ${by} adds: it can be used only after the transaction that adds it`;
    return [
      finding({
        ...{ rule: 'enum-value-in-transaction', operation: 'USE ENUM VALUE', safety: 'SAFE' },
        object: printedName(type.schema, type.name),
        reason: isCertain ? `it fails: ${reason}` : `it fails if ${reason}`,
        fails: isCertain ? true : null,
        saferWay: 'Add the value in a migration of its own, before this one.',
      }),
    ];
  });
}

/** Texts that stand in a statement, and names of columns and types that it uses. */
function wordsOf({ tree }: AnalysedStatement): {
  readonly texts: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
} {
  const texts = new Set<string>();
  const names = new Set<string>();
  for (const { kind, tree: node } of nodesBelow(tree)) {
    const text =
      kind === 'A_Const' ? (node.sval as { sval?: string } | undefined)?.sval : undefined;
    if (text !== undefined) texts.add(text);
    // Fields of ColumnRef and of TypeName are String nodes; targets and columns have a name of their own.
    for (const name of [kind === 'String' ? node.sval : undefined, node.name, node.colname]) {
      if (typeof name === 'string') names.add(name);
    }
  }
  return { texts, names };
}

/** ALTER TYPE … SET (…), of base types. */
const alterType: Analyser = (statement, world) => {
  const tree = statement.tree as AlterTypeStmt;
  const written = typeNameOf(tree.typeName);
  const type = world.findType(written);
  const operation = 'ALTER TYPE SET';
  if (!type) return [madeOrMissing(world, 'type', written, operation)];
  const names = (tree.options ?? []).flatMap(
    (node) => contentOf<{ defname?: string }>(node, 'DefElem')?.defname ?? [],
  );
  const object = printedName(type.schema, type.name);
  const reason = `${names.join(', ')}: values that are there are read by it from now on`;
  return [finding({ rule: 'alter-type', operation, object, safety: 'UNSAFE', reason })];
};

export const typeAnalysers: Analysers = { AlterEnumStmt: alterEnum, AlterTypeStmt: alterType };
