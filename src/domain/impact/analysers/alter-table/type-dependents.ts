import type { AlterTableCmd, AlterTableStmt } from 'libpg-query';
import type { Finding } from '../../finding.js';
import { contentOf } from '../../grammar.js';
import { parseType } from '../../type-conversion.js';
import { printedName } from '../../world/printed-names.js';
import type { World, WorldColumn } from '../../world.js';
import { type Altered, alteration, columnObject } from './altered.js';
import { conversionSurroundings } from './domains.js';

/** Built-in types by family: PostgreSQL casts a default within one by itself, and from each to text, but not across. */
const families: readonly (readonly string[])[] = [
  ['text', 'character varying', 'character'],
  ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'],
  ['boolean'],
  ['date', 'timestamp without time zone', 'timestamp with time zone'],
  ['uuid'],
  ['json', 'jsonb'],
  ['bytea'],
];
const [strings = []] = families;

/** The family of a type; undefined: it may have casts that are not known here. */
function familyOf(world: World, type: string): readonly string[] | string | undefined {
  if (conversionSurroundings(world).isEnum(type)) return type;
  const { base, isArray } = parseType(type);
  return isArray ? undefined : families.find((family) => family.includes(base));
}

/** Expressions over a column keep their meaning within one family only. */
function changesFamily(world: World, from: string, to: string): boolean {
  const [before, after] = [familyOf(world, from), familyOf(world, to)];
  return before === undefined || after === undefined || before !== after;
}

/** The same statement may take the default away: that is done before the type changes. */
function dropsDefault({ statement }: Altered, column: string): boolean {
  const { cmds = [] } = statement.tree as AlterTableStmt;
  return cmds
    .flatMap((node) => contentOf<AlterTableCmd>(node, 'AlterTableCmd') ?? [])
    .some(({ subtype, name, def }) => {
      return subtype === 'AT_ColumnDefault' && name === column && def === undefined;
    });
}

/**
 * USING converts the values, but not the default: without a cast that PostgreSQL applies by itself it refuses, whatever the
 * rows. True only where that is certain.
 */
export function refusesDefault(altered: Altered, column: WorldColumn, to: string): boolean {
  if (!column.hasDefault || column.isIdentity || column.isGenerated) return false;
  if (dropsDefault(altered, column.name)) return false;
  const [before, after] = [column.type, to].map((type) => familyOf(altered.world, type));
  return before !== undefined && after !== undefined && after !== strings && before !== after;
}

/**
 * Checks and indexes with expressions over the column are made anew, and where these mean nothing for the new type the
 * statement fails: `CHECK (quantity > 0)` of a text. Whether they do, only PostgreSQL can say.
 */
export function dependentExpressions(
  altered: Altered,
  column: WorldColumn,
  to: string,
): readonly Finding[] {
  const { world, relation } = altered;
  const number = column.live?.number;
  if (number === undefined || !changesFamily(world, column.type, to)) return [];
  if (column.type === to) return [];
  const checks = world.constraintsOf(relation).filter((one) => {
    return one.kind === 'c' && one.columns.includes(number);
  });
  const named = new Set(world.dependentsOf(column.id).map(({ id }) => id));
  const indexes = world.indexesOf(relation).filter(({ oid, predicate, columns }) => {
    return named.has(`pg_class/${oid}/0`) && (predicate !== null || columns.includes(0));
  });
  const names = [
    ...checks.map(({ name }) => `the check ${name}`),
    ...indexes.map(({ schema, name }) => `the index ${printedName(schema, name)}`),
  ];
  return names.map((name) =>
    alteration(altered, {
      ...{ rule: 'alter-column-type', operation: 'ALTER COLUMN TYPE', column: column.name },
      ...{ lock: 'ACCESS EXCLUSIVE', because: columnObject(altered, column.name) },
      ...{
        counts: 'failures',
        unmeasured: 'whether its expression has a meaning for the new type',
      },
      reason: `${name} is made anew, and fails where its expression means nothing for ${to}`,
    }),
  );
}
