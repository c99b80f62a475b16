import { newSnapshotId } from '../../domain/clone-name.js';
import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import {
  describeBrokenReference,
  describeReplacedRows,
  isHarmful,
  type TableLoss,
} from '../../domain/table-loss.js';
import { type ConstraintName, tableSchemaName } from '../../domain/table-schema-record.js';
import { BelayError } from '../../errors.js';
import { quoteLiteral, type Session } from '../../postgres/session.js';
import { countTables, quoteQualifiedName } from '../../postgres/sql/tables.js';
import { requireLive } from '../target/timeline.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { type Blueprint, readBlueprint } from './blueprint.js';
import { type BuiltRows, finishTables, withTablesAside } from './build-aside.js';
import { checkSurvey, refuseWholePublications } from './check-survey.js';
import { withParents } from './make-parents.js';
import { type MeasuredLoss, measureLoss } from './measure-loss.js';
import { boundCheck } from './put-in-place.js';
import { type Survey, surveyTarget } from './survey.js';
import { type SwappedTables, swapTables } from './swap-tables.js';
import { cleanTableLeftovers, validateAll } from './table-leftovers.js';
import type { RestoredTable, RestoreTablesOrder, RestoreTablesResult } from './table-order.js';
import { withTableSession } from './table-session.js';

/** Puts the snapshot's tables in the place of the present ones, which are kept. */
export function replaceTables(work: Work, order: RestoreTablesOrder): Promise<RestoreTablesResult> {
  const { database } = work.target;
  requireLive(work.timeline, database);
  return withTableSession(work, database, async (session) => {
    const id = newSnapshotId();
    const kept = keptSchemas(order, id);
    await refuseTaken(session, [...kept.values()]);
    await refuseWholePublications(session);
    return withParents(work, session, order, () =>
      buildAndSwap(work, session, order, { id, kept }),
    );
  });
}

async function buildAndSwap(
  work: Work,
  session: Session,
  order: RestoreTablesOrder,
  { id, kept }: { readonly id: string; readonly kept: ReadonlyMap<string, string> },
): Promise<RestoreTablesResult> {
  const { source, tables } = order;
  const blueprint = await readBlueprint(work, { source, tables, id, like: session });
  const replacement: Replacement = { session, blueprint, order, kept };
  // Refused before anything is built, if it has to be.
  const first = await survey(work, replacement);
  const done = await withTablesAside(work, { blueprint, source, session }, async (rows) => {
    // Before the comparison, which is several times as fast with the indexes.
    await finish(work, replacement, first);
    return measureAndSwap(work, replacement, rows);
  });
  return result(work, replacement, done);
}

interface Replacement {
  readonly session: Session;
  readonly blueprint: Blueprint;
  readonly order: RestoreTablesOrder;
  readonly kept: ReadonlyMap<string, string>;
}

interface Replaced extends SwappedTables {
  readonly rows: BuiltRows;
  readonly survey: Survey;
  readonly loss: TableLoss;
}

function keptSchemas({ tables, options }: RestoreTablesOrder, id: string): Map<string, string> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const { keepAs } = options;
  return new Map(
    schemas.map((schema, index) => {
      const further = index === 0 ? '' : `_${index + 1}`;
      return [schema, keepAs === undefined ? tableSchemaName('kept', id, index) : keepAs + further];
    }),
  );
}

async function refuseTaken(session: Session, schemas: readonly string[]): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT nspname::text AS name FROM pg_namespace WHERE nspname = ANY ($1::text[])',
    [schemas],
  );
  const [taken] = rows;
  if (!taken) return;
  throw new BelayError('BAD_NAME', `schema "${taken.name}" exists already`, {
    hint: 'Choose another name with --keep-as: what is replaced is kept in a schema of its own.',
  });
}

async function survey(work: Work, { session, blueprint }: Replacement): Promise<Survey> {
  const surveyed = await surveyTarget(work, session, blueprint);
  await checkSurvey(session, blueprint, surveyed);
  return surveyed;
}

/** How often others may change what was measured before it could be put in place. */
const mostRounds = 5;

async function measureAndSwap(
  work: Work,
  replacement: Replacement,
  rows: BuiltRows,
): Promise<Replaced> {
  const { session, blueprint, order, kept } = replacement;
  let confirmed: TableLoss | undefined;
  for (let round = 1; round <= mostRounds; round += 1) {
    const surveyed = await survey(work, replacement);
    const measured = await measureLoss(work, session, blueprint, surveyed, rows);
    confirmed = await confirmLoss(work, order, measured, confirmed);
    throwIfAborted(work.signal);
    const snapshotId = order.source.snapshot.id;
    const swap = { session, blueprint, survey: surveyed, measured, kept, snapshotId };
    const swapped = await reportStep(work.reporter, { name: 'swap' }, () => swapTables(work, swap));
    if (swapped) return { ...swapped, rows, survey: surveyed, loss: measured.loss };
    work.reporter({ type: 'note', message: 'the tables changed meanwhile: looking again' });
  }
  throw new BelayError('LOCK_TIMEOUT', 'the tables change faster than they can be measured', {
    hint: 'Nothing was changed. Run it again when whoever writes to them is done.',
  });
}

/** Not asked again for what was said yes to already. @throws BelayError WOULD_LOSE */
async function confirmLoss(
  { reporter }: Work,
  { options }: RestoreTablesOrder,
  { loss }: MeasuredLoss,
  confirmed: TableLoss | undefined,
): Promise<TableLoss> {
  if (!confirmed) {
    for (const rows of loss.tables) reporter({ type: 'note', message: describeReplacedRows(rows) });
  }
  const same =
    JSON.stringify(loss.brokenReferences) === JSON.stringify(confirmed?.brokenReferences);
  if (!isHarmful(loss) || same || (await options.confirm?.(loss))) return loss;
  const named = [
    ...loss.brokenReferences.map(describeBrokenReference),
    ...loss.lostForeignKeys.map(
      ({ constraint, table, why }) => `${table} would lose its foreign key "${constraint}": ${why}`,
    ),
  ];
  throw new BelayError('WOULD_LOSE', named.join('; '), {
    hint: 'Nothing was changed. Pass --yes to restore it anyway; the foreign keys then stay NOT VALID. --into-schema NAME puts the table beside what is there.',
    details: { ...loss },
  });
}

async function finish(work: Work, replacement: Replacement, { existing }: Survey): Promise<void> {
  const { session, blueprint, order } = replacement;
  await finishTables(work, { session, blueprint, source: order.source });
  for (const [index, { aside }] of blueprint.tables.entries()) {
    const now = existing[index];
    if (now?.bound) await proveBound(session, quoteQualifiedName(aside), now.oid);
    await session.execute(`ANALYZE ${quoteQualifiedName(aside)}`, 'analysing the table');
  }
}

/** A CHECK that says what the bound of the partition says: attaching it then need not read it under a lock. */
async function proveBound(session: Session, aside: string, oid: number): Promise<void> {
  const { bound } = await session.queryOne<{ bound: string | null }>(
    `SELECT pg_get_partition_constraintdef(${quoteLiteral(String(oid))}::oid) AS bound`,
  );
  if (bound === null) return;
  await session.execute(
    `ALTER TABLE ${aside} ADD CONSTRAINT ${boundCheck} CHECK (${bound})`,
    'checking that the rows belong to the partition',
  );
}

/** The table is in place: from here on nothing may look like a failure of that. */
async function result(
  work: Work,
  replacement: Replacement,
  done: Replaced,
): Promise<RestoreTablesResult> {
  const { session, order } = replacement;
  const broken = await validate(work, session, done);
  const tables: RestoredTable[] = [];
  for (const index of order.tables.keys()) {
    tables.push(await restoredTable(replacement, done, broken, index));
  }
  const kept = done.survey.existing.flatMap(
    (facts) => (facts && replacement.kept.get(facts.schema)) ?? [],
  );
  return {
    ok: true,
    snapshot: order.source.snapshot,
    database: work.target.database,
    tables,
    outageMs: Math.round(done.outageMs),
    durationMs: Math.round(performance.now() - order.startedAt),
    verified: true,
    keptIn: [...new Set(kept)],
  };
}

async function validate(
  work: Work,
  session: Session,
  { unvalidated }: Replaced,
): Promise<readonly ConstraintName[]> {
  if (unvalidated.length === 0) return [];
  try {
    return await reportStep(work.reporter, { name: 'validate foreign keys' }, async () => {
      const broken = await validateAll(session, unvalidated);
      await cleanTableLeftovers(session);
      return broken;
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    work.reporter({
      type: 'warning',
      message: `the tables are in place, but their foreign keys are not validated yet: ${why}; \`belay repair\` does it`,
    });
    return unvalidated;
  }
}

async function restoredTable(
  { session, blueprint, kept }: Replacement,
  { survey: { existing, incoming, outgoing }, rows, loss }: Replaced,
  broken: readonly ConstraintName[],
  index: number,
): Promise<RestoredTable> {
  const name = formatQualifiedName(blueprint.tables[index]?.table ?? { schema: '', name: '' });
  const now = existing[index];
  const place = now && { schema: kept.get(now.schema) ?? '', name: now.name };
  const [rowsKept = 0] = place ? await countTables(session, [place]).catch(() => []) : [];
  const concerns = [...incoming, ...outgoing].filter(
    ({ table, refersTo }) =>
      formatQualifiedName(table) === name || formatQualifiedName(refersTo) === name,
  );
  const isBroken = (key: { name: string; table: { schema: string; name: string } }) =>
    broken.some(
      (one) =>
        one.name === key.name && one.schema === key.table.schema && one.table === key.table.name,
    );
  return {
    table: name,
    restoredAs: name,
    rows: rows[index] ?? 0,
    replaced: place ? { rows: rowsKept, keptAs: formatQualifiedName(place) } : null,
    brokenReferences: loss.brokenReferences.filter(
      ({ table, refersTo }) => table === name || refersTo === name,
    ),
    leftOut: loss.lostForeignKeys.filter(({ table }) => table === name),
    notValid: concerns
      .filter(isBroken)
      .map((key) => `${formatQualifiedName(key.table)}.${key.name}`),
  };
}
