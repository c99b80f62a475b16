import type { PartitionBoundSpec, PartitionRangeDatum } from 'libpg-query';
import { contentOf, nodeOf, textsOf } from '../../grammar.js';
import type { LivePartitionKey } from '../../live-catalog.js';
import type { LiveSql, Tree, World, WorldRelation } from '../../world.js';
import { columnsByNumber } from './add-foreign-key.js';
import { liveColumn } from './altered.js';

/** An end of a range for one key: a value, or beyond all of them. */
type End = { readonly sql: string } | 'MINVALUE' | 'MAXVALUE';

class Unmeasured extends Error {}

/** The key's parts, as the rows of a table have them that is, or becomes, a partition. */
function keysOf(
  world: World,
  { parent, key, holder }: { parent: WorldRelation; key: LivePartitionKey; holder: WorldRelation },
): readonly string[] {
  if (key.columns.includes(0)) {
    // pg_get_expr prints all expressions as one list: only a single one is surely the key.
    if (key.columns.length === 1 && key.expression !== null) return [`(${key.expression})`];
    throw new Unmeasured(`the key of ${parent.name} has expressions`);
  }
  return columnsByNumber(world, parent, key.columns).map(({ name }) => {
    const column = world.findColumn(holder, name);
    const live = column
      ? liveColumn(column)
      : { unmeasured: `${holder.name} has no column ${name}` };
    if ('unmeasured' in live) throw new Unmeasured(live.unmeasured);
    return live.sql;
  });
}

function valueSql(world: World, node: unknown, holder: WorldRelation): string {
  const value = world.expression(node as Tree, holder);
  if ('unmeasured' in value) throw new Unmeasured(value.unmeasured);
  return value.sql;
}

function endOf(world: World, node: unknown, holder: WorldRelation): End {
  const datum = contentOf<PartitionRangeDatum>(node, 'PartitionRangeDatum');
  if (datum?.kind === 'PARTITION_RANGE_DATUM_MINVALUE') return 'MINVALUE';
  if (datum?.kind === 'PARTITION_RANGE_DATUM_MAXVALUE') return 'MAXVALUE';
  // The parser takes these two words for names of columns.
  const reference = contentOf<{ fields?: unknown[] }>(node, 'ColumnRef');
  const word = textsOf(reference?.fields).at(-1)?.toUpperCase();
  if (word === 'MINVALUE' || word === 'MAXVALUE') return word;
  return { sql: valueSql(world, datum?.value ?? node, holder) };
}

/** All keys before the first end that is beyond all values decide. */
function compare(keys: readonly string[], ends: readonly End[], side: 'lower' | 'upper'): string {
  const beyond = ends.findIndex((end) => typeof end === 'string');
  const count = beyond < 0 ? ends.length : beyond;
  const isOpen = ends[beyond] === (side === 'lower' ? 'MINVALUE' : 'MAXVALUE');
  if (count === 0) return beyond < 0 || isOpen ? 'true' : 'false';
  const values = ends.slice(0, count).map((end) => (typeof end === 'string' ? '' : end.sql));
  const row = (parts: readonly string[]) =>
    parts.length === 1 ? `${parts[0]}` : `ROW(${parts.join(', ')})`;
  // The lower end belongs to the range, the upper one does not; what follows the last value may shift that.
  const includes = beyond < 0 ? side === 'lower' : isOpen;
  const sign = side === 'lower' ? '>' : '<';
  return `${row(keys.slice(0, count))} ${sign}${includes ? '=' : ''} ${row(values)}`;
}

function insideOf(
  world: World,
  bound: PartitionBoundSpec,
  surroundings: { parent: WorldRelation; key: LivePartitionKey; holder: WorldRelation },
): string {
  const { parent, holder } = surroundings;
  const keys = keysOf(world, surroundings);
  switch (bound.strategy) {
    case 'r': {
      const ends = (nodes: readonly unknown[] | undefined) =>
        (nodes ?? []).map((node) => endOf(world, node, holder));
      return [
        ...keys.map((one) => `${one} IS NOT NULL`),
        compare(keys, ends(bound.lowerdatums), 'lower'),
        compare(keys, ends(bound.upperdatums), 'upper'),
      ].join(' AND ');
    }
    case 'l': {
      const [only = ''] = keys;
      const isNull = (node: unknown) =>
        contentOf<{ isnull?: boolean }>(node, 'A_Const')?.isnull === true;
      const values = (bound.listdatums ?? []).filter((node) => !isNull(node));
      const listed = values.map((node) => valueSql(world, node, holder)).join(', ');
      return [
        ...(values.length > 0 ? [`${only} IN (${listed})`] : []),
        ...(values.length < (bound.listdatums ?? []).length ? [`${only} IS NULL`] : []),
      ].join(' OR ');
    }
    default: {
      if (!parent.live)
        throw new Unmeasured(`${parent.name} is a table that the script itself makes`);
      // A zero is left out by the parser.
      const numbers = `${bound.modulus ?? 0}, ${bound.remainder ?? 0}`;
      return `satisfies_hash_partition(${parent.live.oid}::oid, ${numbers}, ${keys.join(', ')})`;
    }
  }
}

/**
 * The condition that rows of a table have to fulfil to lie within a partition's bound, for the live names of that table.
 */
export function insideBound(
  world: World,
  bound: PartitionBoundSpec,
  { parent, holder }: { readonly parent: WorldRelation; readonly holder: WorldRelation },
): LiveSql {
  const key = parent.live?.partitionKey;
  if (!key) return { unmeasured: `the key of ${parent.name} is not known` };
  if (bound.is_default) return outsideOfOthers(world, parent);
  try {
    return { sql: insideOf(world, bound, { parent, key, holder }) };
  } catch (error) {
    if (error instanceof Unmeasured) return { unmeasured: error.message };
    throw error;
  }
}

/** Into the default partition goes what belongs to none of the others. */
function outsideOfOthers(world: World, parent: WorldRelation): LiveSql {
  const others = world
    .descendantsOf(parent)
    .filter(({ isNew, live }) => isNew || live?.parents.includes(parent.live?.oid ?? 0));
  const conditions = others.map(({ live }) => live?.partitionConstraint ?? null);
  if (conditions.includes(null)) {
    return { unmeasured: 'the bounds of the other partitions are not known' };
  }
  // Names of columns are the same in all partitions; those that the script has renamed were the same before.
  const inOthers = conditions.map((condition) => `(${condition})`).join(' OR ');
  return { sql: others.length === 0 ? 'true' : `(${inOthers}) IS NOT TRUE` };
}

/** The parser's node for a bound, whether it stands alone or in a node. */
export function boundOf(value: unknown): PartitionBoundSpec {
  const found = nodeOf(value);
  return found?.kind === 'PartitionBoundSpec'
    ? (found.tree as PartitionBoundSpec)
    : ((value ?? {}) as PartitionBoundSpec);
}
