import type { AssessedChange, Measure } from './change-safety.js';
import type { RollbackIssue } from './rollback.js';
import { type Safety, worstSafety } from './safety.js';

/** What was counted for the measure of a change. */
export interface Counted {
  readonly count: number | null;
  readonly total: number | null;
  readonly unknown: string | null;
}

const number = (value: number): string => value.toLocaleString('en-US');

const some = (count: number, what: string): string =>
  `${number(count)} ${what}${count === 1 ? '' : 's'}`;

/** What the number means, as the end of a sentence. */
function consequence(measure: Measure, { count, total, unknown }: Counted): string {
  if (count === null) return `how many is not known: ${unknown ?? 'not counted'}`;
  switch (measure.what) {
    case 'rows':
      return count === 0 ? 'it is empty' : some(count, 'row');
    case 'values':
      if (total === 0) return 'its table has no rows';
      return count === 0
        ? `it is empty in all ${some(total ?? 0, 'row')}`
        : `${some(count, 'value')} in ${some(total ?? 0, 'row')}`;
    case 'conversion':
      return count === 0 ? 'no value changes' : `${some(count, 'value')} would change`;
    case 'labels':
      return count === 0 ? 'no row has it' : `${some(count, 'row')}`;
    default:
      return count === 0
        ? 'no row is in the way'
        : `${some(count, 'row')} in the way: it would fail`;
  }
}

/** Measures that count what goes; the others count what is in the way. */
const countsLosses = (measure: Measure): boolean =>
  ['rows', 'values', 'conversion', 'labels'].includes(measure.what);

function recommendation(change: AssessedChange, counted: Counted | null): string {
  if (change.measure && !countsLosses(change.measure) && counted?.count) {
    return 'Mend these rows first.';
  }
  if (counted?.count === 0) return 'Nothing is lost by it now.';
  if (change.kind === 'removed') {
    return 'A snapshot is taken before; copy what is still needed elsewhere, or keep the object and change the code alone.';
  }
  return 'A snapshot is taken before; look at the values that change.';
}

/** A new column without a value is in the way of rows, it does not take them along. */
function losesNothing({ kind, object }: AssessedChange): boolean {
  return kind === 'added' && object === 'column';
}

/** The issue that a change above SAFE is, with what was counted for it. */
export function issueOf(
  migration: string,
  change: AssessedChange,
  counted: Counted | null,
): RollbackIssue {
  const verbs = { added: 'comes', removed: 'goes', changed: 'changes' };
  const { measure } = change;
  const detail = measure && counted ? `; ${consequence(measure, counted)}` : '';
  const isLoss = measure !== null && countsLosses(measure) && !losesNothing(change);
  return {
    ...{ migration, safety: change.safety },
    description: `${change.object} ${change.name} ${verbs[change.kind]}: ${change.reason}${detail}`,
    recommendation: recommendation(change, counted),
    rowsLost: isLoss ? (counted?.count ?? null) : 0,
  };
}

/** Several columns that go at once are more than a slip: what belongs together is gone. */
export function severalColumns(
  migration: string,
  changes: readonly AssessedChange[],
): RollbackIssue | undefined {
  const gone = changes.filter(
    ({ kind, object, safety }) => kind === 'removed' && object === 'column' && safety !== 'SAFE',
  );
  if (gone.length < 2) return undefined;
  return {
    ...{ migration, safety: 'UNSAFE' },
    description: `${gone.length} columns go together: ${gone.map(({ name }) => name).join(', ')}`,
    recommendation: 'Look at each of them before you approve it.',
    rowsLost: 0,
  };
}

/** The safety of a step: the worst of its changes. */
export function stepSafety(issues: readonly RollbackIssue[]): Safety {
  return worstSafety(issues.map(({ safety }) => safety));
}
