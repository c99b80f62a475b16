import type { Impact, ImpactPlan, ImpactTotals, StatementImpact } from '../impact.js';
import { worstSafety } from '../safety.js';
import type { Finding } from './finding.js';
import type { Measurement } from './measure.js';

type Numbers = Pick<Impact, 'rowsAffected' | 'valuesAtRisk' | 'recordsAtRisk' | 'wouldFail'>;

const nothing: Numbers = { rowsAffected: 0, valuesAtRisk: 0, recordsAtRisk: 0, wouldFail: null };

const unknown: Numbers = {
  ...{ rowsAffected: null, valuesAtRisk: null, recordsAtRisk: null, wouldFail: null },
};

/** Whether rows break it; what earlier statements do to them is not known here. */
function failsOn({ count, atLeast = 0 }: Measurement, { after }: Finding): boolean | null {
  if (after.length > 0) return null;
  if (count === null) return atLeast > 0 ? true : null;
  return count > 0;
}

/** Some findings are about nothing that could be lost, whatever the number is. */
const losesNothing: ReadonlySet<Finding['counts']> = new Set(['failures', 'rows-touched']);

function unknownOf({ counts }: Finding): Numbers {
  return losesNothing.has(counts) ? { ...unknown, valuesAtRisk: 0, recordsAtRisk: 0 } : unknown;
}

function numbersOf(found: Finding, measurement: Measurement): Numbers {
  const { count, changed } = measurement;
  switch (found.counts) {
    case 'rows-lost':
      return { ...nothing, rowsAffected: count, recordsAtRisk: count };
    case 'values-lost':
      return { ...nothing, valuesAtRisk: count, recordsAtRisk: count };
    case 'rows-changed':
      return { ...nothing, rowsAffected: count, valuesAtRisk: changed, recordsAtRisk: changed };
    case 'rows-touched':
      return { ...nothing, rowsAffected: count };
    case 'failures':
      return { ...nothing, rowsAffected: count, wouldFail: failsOn(measurement, found) };
    case 'conversion': {
      const wouldFail = failsOn(measurement, found);
      return { rowsAffected: count, valuesAtRisk: changed, recordsAtRisk: changed, wouldFail };
    }
    default:
      return nothing;
  }
}

/** A statement that fails takes nothing away. What PostgreSQL refuses whatever the rows fails also where others changed them. */
function withFailure(numbers: Numbers, fails: boolean | null): Numbers {
  const wouldFail = fails ?? numbers.wouldFail;
  return wouldFail
    ? { ...numbers, valuesAtRisk: 0, recordsAtRisk: 0, wouldFail }
    : { ...numbers, wouldFail };
}

function reasonOf({ reason, unmeasured, after }: Finding, measurement: Measurement | null): string {
  if (unmeasured === null && after.length === 0 && !measurement?.why) return reason;
  const why = unmeasured ?? measurement?.why ?? null;
  const which = after.length === 1 ? `statement ${after[0]}` : `statements ${after.join(', ')}`;
  return [
    reason,
    ...(why === null ? [] : [`not counted exactly: ${why}`]),
    ...(after.length === 0 ? [] : [`counted as it is now: ${which} before it may change that`]),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/**
 * Puts together what a statement does with what was counted for it.
 * @param tableRows of its table by the server's statistics
 */
export function impactOf(
  found: Finding,
  measurement: Measurement | null,
  tableRows: number | null = null,
): Impact {
  const isUnknown = found.unmeasured !== null || (measurement === null && found.measure !== null);
  const numbers = measurement
    ? numbersOf(found, measurement)
    : isUnknown
      ? unknownOf(found)
      : nothing;
  const fails = measurement?.refused === undefined ? found.fails : true;
  const { rowsAffected, valuesAtRisk, recordsAtRisk, wouldFail } = withFailure(numbers, fails);
  const impact: Impact = {
    rule: found.rule,
    operation: found.operation,
    object: found.object,
    safety: found.safety,
    rowsAffected,
    valuesAtRisk,
    recordsAtRisk,
    measured: isUnknown ? 'unknown' : (measurement?.measured ?? 'exact'),
    wouldFail,
    reason: reasonOf(found, measurement),
    lock: found.lock,
    rewrite: found.rewrite,
    scan: found.scan,
    because: found.because,
    samples: measurement?.samples ?? [],
    saferWay: found.saferWay,
    after: found.after,
    tableRows,
  };
  return found.hazard ? { ...impact, hazard: found.hazard } : impact;
}

/** A statement of which one part fails does nothing at all. */
export function withoutLossOnFailure(impacts: readonly Impact[]): readonly Impact[] {
  if (!impacts.some(({ wouldFail }) => wouldFail === true)) return impacts;
  return impacts.map((impact) => ({ ...impact, valuesAtRisk: 0, recordsAtRisk: 0 }));
}

/** Something is lost, or may be, for which nobody has chosen a backup yet. */
export function isAtRisk({ safety, recordsAtRisk }: Impact): boolean {
  return safety !== 'SAFE' && recordsAtRisk !== 0;
}

function totalsOf(statements: readonly StatementImpact[]): ImpactTotals {
  const impacts = statements.flatMap((one) => one.impacts);
  const sum = (numberOf: (impact: Impact) => number | null) =>
    impacts.reduce((total, impact) => total + (numberOf(impact) ?? 0), 0);
  return {
    statements: statements.length,
    recordsAtRisk: sum(({ recordsAtRisk }) => recordsAtRisk),
    rowsAffected: sum((impact) => (impact.wouldFail ? 0 : impact.rowsAffected)),
    valuesAtRisk: sum(({ valuesAtRisk }) => valuesAtRisk),
    unknown: impacts.filter((impact) => isAtRisk(impact) && impact.measured !== 'exact').length,
    wouldFail: impacts.filter(({ wouldFail }) => wouldFail).length,
  };
}

/** The whole of a plan from its statements. */
export function impactPlan(
  statements: readonly StatementImpact[],
  { notes, measuredAt }: Pick<ImpactPlan, 'notes' | 'measuredAt'>,
): ImpactPlan {
  const safety = worstSafety(statements.map((one) => one.safety));
  return { statements, totals: totalsOf(statements), safety, notes, measuredAt };
}
