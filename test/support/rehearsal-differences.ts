import type { RehearsedColumn, RehearsedTable } from '../../src/domain/rehearsal.js';
import type { Expected } from './rehearsal-counts.js';
import type { ExpectedColumn, ExpectedTable } from './rehearsal-oracle.js';

const isExpected = (count: number, expected: Expected): boolean =>
  typeof expected === 'number' ? count === expected : count >= expected[0] && count <= expected[1];

const show = (expected: Expected) =>
  typeof expected === 'number' ? `${expected}` : `${expected[0]} to ${expected[1]}`;

function sumOf(counts: readonly Expected[]): Expected {
  const bound = (end: 0 | 1) =>
    counts.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : one[end]), 0);
  return [bound(0), bound(1)];
}

/** Pairs by name; each of a side that the other lacks is a difference. */
function pair<A, B>(
  actual: readonly A[],
  expected: readonly B[],
  nameOf: (one: A | B) => string,
): { both: [A, B][]; differences: string[] } {
  const rest = new Map(actual.map((one) => [nameOf(one), one]));
  const both: [A, B][] = [];
  const differences: string[] = [];
  for (const one of expected) {
    const partner = rest.get(nameOf(one));
    rest.delete(nameOf(one));
    if (partner === undefined) differences.push(`${nameOf(one)} is missing`);
    else both.push([partner, one]);
  }
  return {
    both,
    differences: [...differences, ...[...rest.keys()].map((n) => `${n} is too many`)],
  };
}

const columnCounts = ['valuesLost', 'valuesChanged', 'valuesSet'] as const;

function compareColumns(
  actual: readonly RehearsedColumn[],
  expected: readonly ExpectedColumn[],
): string[] {
  const paired = pair<RehearsedColumn, ExpectedColumn>(
    actual,
    expected,
    ({ column, change }) => `column ${column} (${change === 'added' ? 'new' : 'old'})`,
  );
  const counts = paired.both.flatMap(([one, other]) => [
    ...(['change', 'renamedTo'] as const)
      .filter((what) => one[what] !== other[what])
      .map((what) => `${other.column}: ${what} ${one[what]}, not ${other[what]}`),
    ...columnCounts
      .filter((what) => !isExpected(one[what], other[what]))
      .map((what) => `${other.column}: ${what} ${one[what]}, not ${show(other[what])}`),
  ]);
  return [...paired.differences, ...counts];
}

const facts = ['renamedTo', 'change'] as const;
const rowCounts = [
  'rowsBefore',
  'rowsAfter',
  'rowsInserted',
  'rowsDeleted',
  'rowsUpdated',
] as const;

function compareTable(actual: RehearsedTable, expected: ExpectedTable): string[] {
  const plain = [...facts, ...rowCounts]
    .filter((what) => actual[what] !== expected[what])
    .map((what) => `${what} ${actual[what]}, not ${expected[what]}`);
  const { identity, columns } = expected;
  if (identity === null) return plain;
  const sums = (['valuesLost', 'valuesChanged'] as const).flatMap((what) => {
    const sum = sumOf(columns.map((column) => column[what]));
    return isExpected(actual[what], sum) ? [] : [`${what} ${actual[what]}, not ${show(sum)}`];
  });
  const other = actual.identity === identity ? [] : [`by ${actual.identity}, not by ${identity}`];
  return [...plain, ...sums, ...other, ...compareColumns(actual.columns, columns)];
}

/** What a rehearsal says otherwise than it is, in words; empty where all of it is right. */
export function differencesOf(
  actual: readonly RehearsedTable[],
  expected: readonly ExpectedTable[],
): string[] {
  const paired = pair<RehearsedTable, ExpectedTable>(
    actual,
    expected,
    ({ table, change }) => `table ${table} (${change === 'created' ? 'new' : 'old'})`,
  );
  const inside = paired.both.flatMap(([one, other]) =>
    compareTable(one, other).map((text) => `${other.table}: ${text}`),
  );
  return [...paired.differences, ...inside];
}
