import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { MappedTable } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';

/** Measured on 1 GB: a parallel scan takes half the time of a serial one, and compiling it only delays it. */
const countSettings = 'SET jit = off; SET max_parallel_workers_per_gather = 4';

export interface RowsCompared {
  /** Tables of the target whose rows were counted on both sides, and are as many. */
  readonly equal: number;
  /** Tables to which the migration itself has added rows, or from which it has removed some: nothing to compare. */
  readonly notComparable: readonly string[];
}

/**
 * Counts the rows of both sides, as they are in the transaction of the source and in the shadow that was just brought to it.
 * @throws BelayError SHADOW_DIFFERS naming tables and numbers
 */
export async function compareRows(
  source: Session,
  shadow: Session,
  tables: readonly MappedTable[],
): Promise<RowsCompared> {
  const groups = groupByShadow(tables);
  const comparable = groups.filter(({ isComparable }) => isComparable);
  for (const session of [source, shadow])
    await session.execute(countSettings, 'preparing to count');
  const [left, right] = await Promise.all([
    countEach(
      source,
      comparable.map(({ inSource }) => inSource),
    ),
    countEach(
      shadow,
      comparable.map(({ inShadow }) => [inShadow]),
    ),
  ]);
  const differing = comparable.flatMap(({ name }, at) =>
    left[at] === right[at] ? [] : [{ table: name, target: left[at], shadow: right[at] }],
  );
  if (differing.length > 0) throw differs(differing);
  const notComparable = groups.filter(({ isComparable }) => !isComparable).map(({ name }) => name);
  return { equal: comparable.length, notComparable };
}

interface Group {
  readonly name: string;
  readonly inSource: string[];
  readonly inShadow: string;
  readonly isComparable: boolean;
}

/** Several partitions may have become one table, or one table partitioned. */
function groupByShadow(tables: readonly MappedTable[]): Group[] {
  const groups = new Map<number, Group>();
  for (const { table, source, shadow, isShadowPartitioned } of tables) {
    if (!shadow || table.shadowOid === null) continue;
    const { transformed } = table;
    const isComparable = transformed === null || transformed.inserted + transformed.deleted === 0;
    const known = groups.get(table.shadowOid);
    const only = isShadowPartitioned ? '' : 'ONLY ';
    groups.set(table.shadowOid, {
      name: known ? `${known.name}, ${formatQualifiedName(source)}` : formatQualifiedName(source),
      inSource: [...(known?.inSource ?? []), `ONLY ${quoteQualifiedName(source)}`],
      inShadow: only + quoteQualifiedName(shadow),
      isComparable: isComparable && (known?.isComparable ?? true),
    });
  }
  return [...groups.values()];
}

async function countEach(session: Session, groups: readonly string[][]): Promise<number[]> {
  const counts: number[] = [];
  for (const tables of groups) {
    const sums = tables.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ');
    const { rows } = await session.queryOne<{ rows: number }>(
      `SELECT (${sums})::float8 AS rows`,
      [],
      'comparing the numbers of rows',
    );
    counts.push(rows);
  }
  return counts;
}

function differs(
  differing: readonly { table: string; target: number | undefined; shadow: number | undefined }[],
): BelayError {
  const shown = differing
    .slice(0, 3)
    .map(({ table, target, shadow }) => `${table} has ${target} rows, ${shadow} in the shadow`);
  const more = differing.length > 3 ? ` and ${differing.length - 3} more tables` : '';
  return new BelayError(
    'SHADOW_DIFFERS',
    `the shadow does not have the rows of the target: ${shown.join('; ')}${more}`,
    {
      hint: 'Nothing was replaced. Does something write to the shadow, or does a trigger or rule of the new schema? Abort it and create it again.',
      details: { differing },
    },
  );
}
