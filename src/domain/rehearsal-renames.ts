import type { AssessedChange } from './change-safety.js';
import type { RehearsedTable } from './rehearsal.js';

/** A rename that the catalogs themselves show: the same table, or column of a table, under another name. */
interface KnownRename {
  readonly object: 'table' | 'column';
  readonly from: string;
  readonly to: string;
}

const stays = 'only its name is another: what is in it stays, and whoever uses the old name fails';

/**
 * A schema alone cannot tell a rename from a drop and an addition. The copies can: so what went and came as one is told
 * as one change, and not as a loss.
 */
export function foldRenames(
  changes: readonly AssessedChange[],
  tables: readonly Pick<RehearsedTable, 'table' | 'renamedTo' | 'change' | 'columns'>[],
): AssessedChange[] {
  const renames = tables.flatMap(knownRenames);
  const isSide = (side: 'from' | 'to', kind: AssessedChange['kind']) => (change: AssessedChange) =>
    renames.find(
      (rename) =>
        change.kind === kind && change.object === rename.object && change.name === rename[side],
    );
  const wentAway = isSide('from', 'removed');
  const cameIn = isSide('to', 'added');
  // Only where both halves are there: else something else has happened as well.
  const whole = renames.filter(
    (rename) =>
      changes.some((change) => wentAway(change) === rename) &&
      changes.some((change) => cameIn(change) === rename),
  );
  return changes.flatMap((change): AssessedChange[] => {
    const gone = wentAway(change);
    if (gone && whole.includes(gone)) return [renamed(gone)];
    const come = cameIn(change);
    return come && whole.includes(come) ? [] : [change];
  });
}

function renamed({ object, from, to }: KnownRename): AssessedChange {
  const detail = `renamed to ${to}`;
  return {
    kind: 'changed',
    object,
    name: from,
    detail,
    safety: 'SAFE',
    reason: stays,
    measure: null,
  };
}

function knownRenames({
  table,
  renamedTo,
  change,
  columns,
}: Pick<RehearsedTable, 'table' | 'renamedTo' | 'change' | 'columns'>): KnownRename[] {
  if (change !== 'kept') return [];
  if (renamedTo !== null) return [{ object: 'table', from: table, to: renamedTo }];
  return columns.flatMap(({ column, renamedTo: to }) =>
    to === null
      ? []
      : [{ object: 'column' as const, from: `${table}.${column}`, to: `${table}.${to}` }],
  );
}
