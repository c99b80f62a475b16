import type { AlterTableCmd, PartitionCmd, RangeVar } from 'libpg-query';
import { formatQualifiedName } from '../../../qualified-name.js';
import type { Finding } from '../../finding.js';
import { contentOf } from '../../grammar.js';
import { checkThenAttach, detachConcurrently } from '../../safer-way.js';
import { checkExpression } from '../../script-objects.js';
import type { World, WorldRelation } from '../../world.js';
import { columnsByNumber } from './add-foreign-key.js';
import {
  type Altered,
  alteration,
  alteredOf,
  countFailures,
  failing,
  measuredFamily,
} from './altered.js';
import { boundOf, insideBound } from './partition-bound.js';

type Analyse = (altered: Altered, cmd: AlterTableCmd) => readonly Finding[];

const strong = 'ACCESS EXCLUSIVE';

/** The other table that a command names. */
function otherOf(
  { world, statement }: Altered,
  range: RangeVar | undefined,
): Altered | { readonly missing: string } {
  const { schemaname: schema, relname: name = '' } = range ?? {};
  const found = world.findRelation({ schema, name });
  return found
    ? alteredOf(world, statement, found)
    : { missing: schema === undefined ? name : formatQualifiedName({ schema, name }) };
}

function missingTable(altered: Altered, operation: string, missing: string): Finding {
  const reason = `there is no table ${missing}`;
  return failing(altered, { rule: 'object-missing', operation, object: missing, reason });
}

/** Columns have to be the same, by name and type; null: they are. */
function mismatch(world: World, parent: WorldRelation, partition: WorldRelation): string | null {
  const [above, below] = [world.columnsOf(parent), world.columnsOf(partition)];
  for (const column of above) {
    const own = below.find(({ name }) => name === column.name);
    if (!own) return `${formatQualifiedName(partition)} has no column ${column.name}`;
    if (own.type !== column.type) {
      return `${column.name} is ${own.type} in ${formatQualifiedName(partition)}, and ${column.type} in its parent`;
    }
    if (column.notNull && !own.notNull) {
      return `${column.name} may be empty in ${formatQualifiedName(partition)}, and not in its parent`;
    }
  }
  return null;
}

function superfluous(world: World, parent: WorldRelation, partition: WorldRelation): string | null {
  const extra = world.columnsOf(partition).find(({ name }) => !world.findColumn(parent, name));
  return extra ? `${formatQualifiedName(parent)} has no column ${extra.name}` : null;
}

/** Names of the columns by which a table is partitioned, as they are now. */
function keyColumns(world: World, parent: WorldRelation): readonly string[] {
  const numbers = parent.live?.partitionKey?.columns ?? [];
  return columnsByNumber(world, parent, numbers).map(({ name }) => name);
}

/** A valid check over the key may say already that all rows fit; PostgreSQL tries to prove that and then reads none. */
function mayBeProven({ world, relation }: Altered, keys: readonly string[]): boolean {
  return world.constraintsOf(relation).some((constraint) => {
    const check = constraint.validated ? checkExpression(constraint) : null;
    return check !== null && keys.length > 0 && keys.every((key) => check.includes(key));
  });
}

const attach: Analyse = (altered, cmd) => {
  const { world, relation: parent } = altered;
  const operation = 'ATTACH PARTITION';
  const command = contentOf<PartitionCmd>(cmd.def, 'PartitionCmd');
  const other = otherOf(altered, command?.name);
  if ('missing' in other) return [missingTable(altered, operation, other.missing)];
  const facts = { rule: 'attach-partition', operation };
  if (parent.kind !== 'p') {
    return [failing(altered, { ...facts, reason: `${altered.object} is not partitioned` })];
  }
  const wrong =
    mismatch(world, parent, other.relation) ?? superfluous(world, parent, other.relation);
  if (wrong !== null) return [failing(other, { ...facts, reason: wrong })];
  const bound = boundOf(command?.bound);
  const inside = insideBound(world, bound, { parent, holder: other.relation });
  const proven = mayBeProven(other, keyColumns(world, parent));
  const condition = 'sql' in inside && bound.strategy !== 'h' ? inside.sql : null;
  const own = alteration(other, {
    ...{ ...facts, lock: strong, scan: !proven, because: altered.object },
    reason: proven
      ? 'a valid check is over the key: if it says that all rows fit, none is read'
      : 'every row is read to see whether it fits the bound',
    ...countFailures(other, undefined, (table) =>
      'sql' in inside
        ? { what: 'violations', table, breaks: `(${inside.sql}) IS NOT TRUE` }
        : inside,
    ),
    ...(condition !== null && !proven
      ? {
          saferWay: checkThenAttach(other.relation, { condition, attach: altered.statement.sql }),
        }
      : {}),
  });
  const above = alteration(
    { ...altered, family: [parent] },
    {
      ...{ ...facts, lock: 'SHARE UPDATE EXCLUSIVE' },
      reason: `${other.object} becomes a partition of it`,
    },
  );
  const others = inDefault(altered, bound);
  world.addParent(other.relation, parent);
  return [own, above, ...others];
};

function defaultPartition({ world, relation }: Altered): WorldRelation | undefined {
  return world
    .descendantsOf(relation)
    .find(
      ({ live }) =>
        live?.partitionBound === 'DEFAULT' && live.parents.includes(relation.live?.oid ?? 0),
    );
}

/** Rows of the default partition that belong to the new one make it fail. */
function inDefault(altered: Altered, bound: ReturnType<typeof boundOf>): readonly Finding[] {
  const { world, statement, relation: parent } = altered;
  const holder = bound.is_default ? undefined : defaultPartition(altered);
  if (!holder) return [];
  const inside = insideBound(world, bound, { parent, holder });
  const other = alteredOf(world, statement, holder);
  return [
    alteration(other, {
      ...{ rule: 'attach-partition', operation: 'ATTACH PARTITION', lock: strong, scan: true },
      because: altered.object,
      reason:
        'every row of the default partition is read: those that belong to the new one make it fail',
      ...countFailures(other, undefined, (table) =>
        'sql' in inside ? { what: 'violations', table, breaks: inside.sql } : inside,
      ),
    }),
  ];
}

const detach: Analyse = (altered, cmd) => {
  const { world, relation: parent } = altered;
  const command = contentOf<PartitionCmd>(cmd.def, 'PartitionCmd');
  const isFinal = cmd.subtype === 'AT_DetachPartitionFinalize';
  const concurrent = command?.concurrent === true || isFinal;
  const operation = concurrent ? 'DETACH PARTITION CONCURRENTLY' : 'DETACH PARTITION';
  const other = otherOf(altered, command?.name);
  if ('missing' in other) return [missingTable(altered, operation, other.missing)];
  const facts = { rule: 'detach-partition', operation };
  const isPartition =
    other.relation.isNew ||
    parent.isNew ||
    world.descendantsOf(parent).some(({ id }) => id === other.relation.id);
  if (!isPartition) {
    const reason = `${other.object} is no partition of ${altered.object}`;
    return [failing(other, { rule: 'object-missing', operation, reason })];
  }
  const hasDefault = defaultPartition(altered);
  if (concurrent && hasDefault && !isFinal) {
    const reason = `${altered.object} has a default partition: PostgreSQL refuses CONCURRENTLY`;
    return [failing(other, { ...facts, reason })];
  }
  const table = measuredFamily(other);
  const way = hasDefault ? {} : { saferWay: detachConcurrently(parent, other.relation) };
  const own = alteration(other, {
    ...{ ...facts, lock: concurrent ? 'SHARE UPDATE EXCLUSIVE' : strong, because: altered.object },
    reason: 'its rows stay in the table and are not in its parent any more',
    ...(table ? { measure: { what: 'rows', table, where: null }, counts: 'rows-touched' } : {}),
    after: world.touchedBefore(other.relation),
    ...(concurrent ? {} : way),
  });
  const above = alteration(
    { ...altered, family: [parent] },
    {
      ...{ ...facts, lock: concurrent ? 'SHARE UPDATE EXCLUSIVE' : strong },
      reason: `${other.object} is no partition of it any more: queries do not find its rows`,
      ...(concurrent ? {} : way),
    },
  );
  const others =
    concurrent || !hasDefault || hasDefault.id === other.relation.id ? [] : [hasDefault];
  world.removeParent(other.relation, parent);
  return [
    own,
    above,
    ...others.map((one) =>
      alteration(alteredOf(world, altered.statement, one), {
        ...{ ...facts, lock: strong, because: altered.object },
        reason: 'the default partition is locked too',
      }),
    ),
  ];
};

const inherit: Analyse = (altered, cmd) => {
  const { world, relation } = altered;
  const operation = 'INHERIT';
  const other = otherOf(altered, contentOf<RangeVar>(cmd.def, 'RangeVar'));
  if ('missing' in other) return [missingTable(altered, operation, other.missing)];
  const wrong = mismatch(world, other.relation, relation);
  const facts = { rule: 'inherit', operation };
  if (wrong !== null) return [failing(altered, { ...facts, reason: wrong })];
  const table = measuredFamily(altered);
  world.addParent(relation, other.relation);
  return [
    alteration(altered, {
      ...{ ...facts, lock: strong },
      reason: `queries of ${other.object} find its rows too from now on`,
      ...(table ? { measure: { what: 'rows', table, where: null }, counts: 'rows-touched' } : {}),
      after: world.touchedBefore(relation),
    }),
    alteration(
      { ...other, family: [other.relation] },
      {
        ...{ ...facts, lock: 'SHARE UPDATE EXCLUSIVE', because: altered.object },
        reason: `${altered.object} becomes its child`,
      },
    ),
  ];
};

const noInherit: Analyse = (altered, cmd) => {
  const { world, relation } = altered;
  const operation = 'NO INHERIT';
  const other = otherOf(altered, contentOf<RangeVar>(cmd.def, 'RangeVar'));
  if ('missing' in other) return [missingTable(altered, operation, other.missing)];
  const facts = { rule: 'no-inherit', operation };
  const isChild =
    relation.isNew || world.descendantsOf(other.relation).some(({ id }) => id === relation.id);
  if (!isChild && !other.relation.isNew) {
    const reason = `${altered.object} does not inherit from ${other.object}`;
    return [failing(altered, { ...facts, reason })];
  }
  const table = measuredFamily(altered);
  world.removeParent(relation, other.relation);
  return [
    alteration(altered, {
      ...{ ...facts, lock: strong },
      reason: `its rows stay, and queries of ${other.object} do not find them any more`,
      ...(table ? { measure: { what: 'rows', table, where: null }, counts: 'rows-touched' } : {}),
      after: world.touchedBefore(relation),
    }),
  ];
};

export const partitions: Readonly<Record<string, Analyse>> = {
  AT_AttachPartition: attach,
  AT_DetachPartition: detach,
  AT_DetachPartitionFinalize: detach,
  AT_AddInherit: inherit,
  AT_DropInherit: noInherit,
};
