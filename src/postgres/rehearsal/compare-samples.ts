import type { RehearsedRow } from '../../domain/rehearsal.js';
import {
  type DifferingRow,
  type RowCounts,
  type RowScope,
  readDifferingRows,
} from './compare-rows.js';
import type { StateSides } from './compare-sides.js';

/** Characters of a value that are shown. */
const valueLength = 60;
/** Of more rows any are shown: to find the first ones would take as long as counting all. */
const mostOrdered = 50_000;

/** Examples of the rows that differ, of every kind that there is. */
export async function readSamples(
  { after, sampleLimit }: Pick<StateSides, 'after' | 'sampleLimit'>,
  scope: RowScope,
  condition: string,
  counts: RowCounts,
): Promise<RehearsedRow[]> {
  const kinds = (['deleted', 'updated', 'inserted'] as const).filter((kind) => counts[kind] > 0);
  const samples: RehearsedRow[] = [];
  for (const [index, kind] of kinds.entries()) {
    const limit = Math.ceil((sampleLimit - samples.length) / (kinds.length - index));
    if (limit <= 0) break;
    const isOrdered = counts[kind] <= mostOrdered;
    const wanted = { condition, kind, limit, length: valueLength, isOrdered };
    const rows = await readDifferingRows(after, scope, wanted);
    samples.push(...rows.map((row) => describeRow(scope, kind, row)));
  }
  return samples;
}

function describeRow(
  scope: RowScope,
  change: RehearsedRow['change'],
  row: DifferingRow,
): RehearsedRow {
  const { shared, dropped, added, match } = scope;
  const keys = match.identity === 'whole row' ? [] : scope.key;
  const keyNames = keys.map(({ pair }) => pair[change === 'inserted' ? 'after' : 'before'].name);
  const values = [
    ...shared.map(({ pair }, index) => ({
      column: change === 'inserted' ? pair.after.name : pair.before.name,
      before: change === 'inserted' ? null : (row.before[index] ?? null),
      after: change === 'deleted' ? null : (row.after[index] ?? null),
      isShown:
        change === 'updated' ? row.differs[index] === true : !keys.some((one) => one.pair === pair),
    })),
    ...dropped.map(({ name }, index) => {
      const before = row.before[shared.length + index] ?? null;
      return { column: name, before, after: null, isShown: change !== 'inserted' };
    }),
    ...added.map(({ name }, index) => {
      const after = row.after[shared.length + index] ?? null;
      return { column: name, before: null, after, isShown: change !== 'deleted' };
    }),
  ];
  return {
    key: Object.fromEntries(keyNames.map((name, index) => [name, row.key[index] ?? null])),
    change,
    values: values
      .filter((value) => value.isShown && (value.before !== null || value.after !== null))
      .map(({ column, before, after }) => ({ column, before, after })),
  };
}
