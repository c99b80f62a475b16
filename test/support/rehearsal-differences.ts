import type {
  RehearsedColumn,
  RehearsedSequence,
  RehearsedTable,
} from '../../src/domain/rehearsal.js';
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
  isOptional: (one: B) => boolean,
): { both: [A, B][]; differences: string[] } {
  const rest = new Map(actual.map((one) => [nameOf(one), one]));
  const both: [A, B][] = [];
  const differences: string[] = [];
  for (const one of expected) {
    const partner = rest.get(nameOf(one));
    rest.delete(nameOf(one));
    if (partner !== undefined) both.push([partner, one]);
    else if (!isOptional(one)) differences.push(`${nameOf(one)} is missing`);
  }
  return {
    both,
    differences: [...differences, ...[...rest.keys()].map((n) => `${n} is too many`)],
  };
}

/** Where nobody can say which of several rows is which, there may be nothing to say of them. */
const mayBeNothing = (counts: readonly Expected[]) => counts.every((one) => isExpected(0, one));

const isOptionalColumn = (column: ExpectedColumn): boolean =>
  column.change === 'kept' &&
  column.renamedTo === null &&
  mayBeNothing(columnCounts.map((what) => column[what]));

const isOptionalTable = (table: ExpectedTable): boolean =>
  table.change === 'kept' &&
  table.renamedTo === null &&
  mayBeNothing([table.rowsInserted, table.rowsDeleted, table.rowsUpdated]) &&
  table.columns.every(isOptionalColumn);

const columnCounts = ['valuesLost', 'valuesChanged', 'valuesSet'] as const;

function compareColumns(
  actual: readonly RehearsedColumn[],
  expected: readonly ExpectedColumn[],
): string[] {
  const paired = pair<RehearsedColumn, ExpectedColumn>(
    actual,
    expected,
    ({ column, change }) => `column ${column} (${change === 'added' ? 'new' : 'old'})`,
    isOptionalColumn,
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
const rowCounts = ['rowsBefore', 'rowsAfter', 'rowsInserted', 'rowsDeleted'] as const;

function compareTable(actual: RehearsedTable, expected: ExpectedTable): string[] {
  const plain = [...facts, ...rowCounts]
    .filter((what) => actual[what] !== expected[what])
    .map((what) => `${what} ${actual[what]}, not ${expected[what]}`);
  const { identity, columns, rowsUpdated } = expected;
  if (!isExpected(actual.rowsUpdated, rowsUpdated)) {
    plain.push(`rowsUpdated ${actual.rowsUpdated}, not ${show(rowsUpdated)}`);
  }
  if (identity === null) return plain;
  const sums = (['valuesLost', 'valuesChanged'] as const).flatMap((what) => {
    const sum = sumOf(columns.map((column) => column[what]));
    return isExpected(actual[what], sum) ? [] : [`${what} ${actual[what]}, not ${show(sum)}`];
  });
  const other = actual.identity === identity ? [] : [`by ${actual.identity}, not by ${identity}`];
  return [...plain, ...sums, ...other, ...compareColumns(actual.columns, columns)];
}

function compareTables(
  actual: readonly RehearsedTable[],
  expected: readonly ExpectedTable[],
): string[] {
  const paired = pair<RehearsedTable, ExpectedTable>(
    actual,
    expected,
    ({ table, change }) => `table ${table} (${change === 'created' ? 'new' : 'old'})`,
    isOptionalTable,
  );
  const inside = paired.both.flatMap(([one, other]) =>
    compareTable(one, other).map((text) => `${other.table}: ${text}`),
  );
  return [...paired.differences, ...inside];
}

/** What was measured, as far as it is compared. */
interface Measured {
  readonly tables: readonly RehearsedTable[];
  readonly sequences: readonly RehearsedSequence[];
}

/** What a rehearsal says otherwise than it is, in words; empty where all of it is right. */
export function differencesOf(
  actual: Measured,
  expected: {
    readonly tables: readonly ExpectedTable[];
    readonly sequences: readonly RehearsedSequence[];
  },
): string[] {
  const sequences = pair<RehearsedSequence, RehearsedSequence>(
    actual.sequences,
    expected.sequences,
    ({ sequence, before, after }) => `sequence ${sequence} (${before} to ${after})`,
    () => false,
  );
  return [...compareTables(actual.tables, expected.tables), ...sequences.differences];
}
