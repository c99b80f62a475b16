import type { LockMode } from '../../../impact.js';
import { formatQualifiedName } from '../../../qualified-name.js';
import { quotedName } from '../../../quoted-sql.js';
import { type Finding, type FindingFacts, finding } from '../../finding.js';
import type { MeasuredTable } from '../../measure.js';
import { withLockTimeout } from '../../safer-way.js';
import type { Countable } from '../../script-objects.js';
import {
  describeHazard,
  type LockedWork,
  lockHazard,
  type TableWeight,
  weighTables,
} from '../../table-weight.js';
import { printedName } from '../../world/printed-names.js';
import type { AnalysedStatement, World, WorldColumn, WorldRelation } from '../../world.js';

/** A relation that a statement works on. */
export interface Altered {
  readonly world: World;
  readonly statement: AnalysedStatement;
  readonly relation: WorldRelation;
  /** For people, under its present name. */
  readonly object: string;
  /** It and, unless the statement says ONLY, its partitions and inheritors. */
  readonly family: readonly WorldRelation[];
}

export function alteredOf(
  world: World,
  statement: AnalysedStatement,
  relation: WorldRelation,
  only = false,
): Altered {
  return {
    ...{ world, statement, relation, object: formatQualifiedName(relation) },
    family: only ? [relation] : [relation, ...world.descendantsOf(relation)],
  };
}

/** Without inheritors: keys and references are about a table's own rows. Partitions have them too. */
export function withoutInheritors(altered: Altered): Altered {
  return altered.relation.kind === 'p' ? altered : { ...altered, family: [altered.relation] };
}

/** `schema.table.column`, for people. */
export function columnObject({ relation }: Altered, column: string): string {
  return printedName(relation.schema, relation.name, column);
}

export interface AlterFacts extends Partial<Omit<FindingFacts, 'lock'>> {
  readonly rule: string;
  readonly operation: string;
  readonly reason: string;
  readonly lock: LockMode | null;
  /** What is done while the lock is held, where `rewrite` and `scan` don't say it. */
  readonly work?: LockedWork;
  /** Of the relation, where the finding is about one. */
  readonly column?: string;
}

export function weightOf({ world, family }: Pick<Altered, 'world' | 'family'>): TableWeight | null {
  const live = family.flatMap((relation) => (relation.live ? [relation.live] : []));
  return live.length === 0 ? null : weighTables(live, world.catalog.statisticsSeconds ?? null);
}

/**
 * A finding about a relation, with its lock weighed by size and traffic: the reason says what others feel of it, and where they feel
 * nothing, there is no safer way to offer.
 */
export function alteration(altered: Altered, facts: AlterFacts): Finding {
  const { work: named, column, ...rest } = facts;
  const work = named ?? (rest.rewrite ? 'rewrite' : rest.scan ? 'scan' : 'nothing');
  const weight = weightOf(altered);
  const hazard = lockHazard(facts.lock, work, weight);
  const felt =
    facts.lock && weight ? describeHazard(hazard, { lock: facts.lock, work, weight }) : '';
  const way = facts.saferWay ?? withLockTimeout(altered.statement.sql);
  return finding({
    object: column === undefined ? altered.object : columnObject(altered, column),
    safety: 'SAFE',
    table: altered.relation.live?.oid ?? null,
    fails: isHarmless(altered, facts) ? false : null,
    ...rest,
    reason: [facts.reason, felt].filter((part) => part !== '').join('; '),
    saferWay: hazard === 'none' && !isAtStake(facts) ? null : way,
    hazard,
  });
}

/** There is nothing on which it could fail: no rows are counted, and none would have to be. */
function isHarmless({ world }: Altered, facts: AlterFacts): boolean {
  const isCounted = facts.measure && facts.counts !== 'rows-touched';
  return !isCounted && !facts.unmeasured && !world.isUncertain;
}

/** Something other than waiting: then the safer way is worth knowing whatever the table's size. */
function isAtStake({ safety = 'SAFE', saferWay = null }: AlterFacts): boolean {
  return safety !== 'SAFE' && saferWay !== null;
}

/** Whatever the rows: it names what is not there, or what it would make is. Unless an earlier statement, whose effect is not known, changes that. */
export function failing(altered: Altered, facts: Omit<AlterFacts, 'lock'>): Finding {
  const isUncertain = altered.world.isUncertain;
  const unless = isUncertain
    ? '; an earlier statement, whose effect is not known, may change that'
    : '';
  return alteration(altered, {
    ...{ ...facts, reason: `${isUncertain ? '' : 'it fails: '}${facts.reason}${unless}` },
    ...{ lock: null, fails: isUncertain ? null : true },
  });
}

/** IF EXISTS, IF NOT EXISTS, or it is so already. */
export function nothingToDo(altered: Altered, operation: string, reason: string, column?: string) {
  return alteration(altered, {
    ...{ rule: 'nothing-to-do', operation, reason, lock: null },
    ...(column === undefined ? {} : { column }),
  });
}

/** The live table below it, with partitions and inheritors as far as the statement reaches them. */
export function measuredFamily({ world, relation, family }: Altered): MeasuredTable | undefined {
  const table = world.measured(relation);
  return table && { ...table, only: table.only && family.length === 1 };
}

type Counted = Pick<FindingFacts, 'measure' | 'counts' | 'unmeasured' | 'fails' | 'after'>;

const ownRows = 'its rows are made by the script itself';

/**
 * What has to be counted to know whether a statement fails on the rows that are there.
 * @param columns on whose values it depends; undefined: on the rows as such
 */
export function countFailures(
  altered: Altered,
  columns: readonly string[] | undefined,
  measureOf: (table: MeasuredTable) => Countable,
): Counted {
  const { world, relation } = altered;
  const after = world.touchedBefore(relation, columns);
  const counts = 'failures';
  if (relation.isNew) {
    return after.length === 0 ? { fails: false } : { unmeasured: ownRows, counts, after };
  }
  const table = measuredFamily(altered);
  if (!table) return { unmeasured: ownRows, counts, after };
  const countable = measureOf(table);
  return 'unmeasured' in countable
    ? { unmeasured: countable.unmeasured, counts, after }
    : { measure: countable, counts, after };
}

/** A column's name in the live database, quoted; or why it has none there. */
export function liveColumn(column: WorldColumn): { sql: string } | { unmeasured: string } {
  return column.live
    ? { sql: quotedName(column.live.name) }
    : { unmeasured: `${column.name} is a column that the script itself makes` };
}

/** Several columns' names in the live database. */
export function liveColumns(
  columns: readonly WorldColumn[],
): { sql: readonly string[] } | { unmeasured: string } {
  const found = columns.map(liveColumn);
  const missing = found.find((one) => 'unmeasured' in one);
  if (missing && 'unmeasured' in missing) return missing;
  return { sql: found.flatMap((one) => ('sql' in one ? [one.sql] : [])) };
}
