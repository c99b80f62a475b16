import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import { versionChecksum } from '../../domain/schema-model.js';
import type { ShadowTable } from '../../domain/shadow.js';
import { placeTables, type TablePlace } from '../../domain/shadow-mapping.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { type ComparedSides, holdsSameValues } from '../../postgres/shadow/compare-sample.js';
import { mapTables } from '../../postgres/shadow/mapped-tables.js';
import { readPlacedTables } from '../../postgres/shadow/read-mapping.js';
import { readWritten } from '../../postgres/shadow/read-written.js';
import { rememberInserted } from '../../postgres/shadow/remember-inserted.js';
import { dropPublication, findPublications } from '../../postgres/shadow/replication.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Work } from '../target/work.js';
import { countChanged, countRowsOf, writtenSince } from './count-placed.js';
import type { MadeShadowCopy } from './create-copy.js';
import type { CreateShadowOptions, ShadowTableSummary } from './create-options.js';
import { describeTables, type MeasuredTables, summarize } from './describe-tables.js';
import { migrateShadow, type PreparedMigration } from './migrate-shadow.js';

/** What a copy is when the migration has been run on it. */
export interface MigratedShadow {
  /** Checksums of its schema before and after. */
  readonly targetChecksum: string;
  readonly shadowChecksum: string;
  readonly tables: readonly ShadowTable[];
  readonly summaries: readonly ShadowTableSummary[];
  readonly notes: readonly string[];
  /** Of the migration alone, in milliseconds. */
  readonly durationMs: number;
}

type OpenSession = () => Promise<Session>;

/**
 * Runs the migration on a copy of the target, and finds out what has become of each table and column, and what was done to rows.
 * @throws BelayError MIGRATION_FAILED
 */
export function migrateAndMeasure(
  work: Work,
  copy: MadeShadowCopy,
  migration: PreparedMigration,
  options: CreateShadowOptions,
): Promise<MigratedShadow> {
  return readingClone(work, copy.database, async (open) => {
    const before = await beforeMigration(work, open);
    const done = await reportStep(work.reporter, { name: 'migrate', detail: migration.name }, () =>
      migrateShadow(work, copy.database, open, migration, options),
    );
    const session = await open();
    const after = await readPlacedTables(session);
    const written = writtenSince(before.written, await readWritten(session));
    const rows = await countChanged(work, open, { ...before, after, written });
    const by = copy.source === null ? 'number' : 'name';
    const places = placeTables(copy.source ?? before.tables, before.tables, after, by);
    const measured = { before: before.rows, after: rows, written };
    const tables = await besideTarget(work, async (source) => {
      const sides = { source, shadow: session, since: copy.snapshot };
      const isSame: MeasuredTables['isSame'] = (...of) => holdsSameValues(sides, ...of);
      const described = await describeTables(session, places, { ...measured, isSame });
      await rememberRows(sides, described, before.snapshot);
      return described;
    });
    return {
      ...{ targetChecksum: before.checksum, tables, durationMs: done.durationMs },
      shadowChecksum: versionChecksum(await readSchemaModel(session)),
      summaries: summarize(after, rows, tables),
      notes: [...done.notes, ...places.flatMap(noteOn), ...(await noteJobs(session))],
    };
  });
}

async function beforeMigration(work: Work, open: OpenSession) {
  const session = await open();
  await dropOwnPublications(session);
  const tables = await readPlacedTables(session);
  const rows = await countRowsOf(work, open, session, tables);
  const checksum = versionChecksum(await readSchemaModel(session));
  // Read by a session of its own, when those that count are gone: its waiting for others to end must not wait for itself.
  await session.close();
  const reader = await open();
  const written = await readWritten(reader);
  const { snapshot } = await reader.queryOne<{ snapshot: string }>(
    'SELECT pg_current_snapshot()::text AS snapshot',
  );
  await reader.close();
  return { tables, rows, checksum, written, snapshot };
}

/** Reads the target as soon after the migration as can be. */
function besideTarget<T>({ target }: Work, read: (source: Session) => Promise<T>): Promise<T> {
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const source = await open();
      await source.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', 'beginning to read');
      return read(source);
    },
  );
}

/** Keys of rows that the migration itself has inserted or deleted: a sync must neither delete the ones nor bring back the others. */
async function rememberRows(
  sides: ComparedSides,
  tables: readonly ShadowTable[],
  beforeMigration: string,
): Promise<void> {
  const changed = tables.filter(
    ({ transformed }) => transformed && transformed.inserted + transformed.deleted > 0,
  );
  if (changed.length === 0) return;
  const mapped = await mapTables(sides.source, sides.shadow, changed);
  await rememberInserted({ ...sides, tables: mapped, beforeMigration });
}

/** A copy has the target's publications too: Belay's own belong to the target alone. */
async function dropOwnPublications(session: Session): Promise<void> {
  for (const name of await findPublications(session)) await dropPublication(session, name);
}

function noteOn(place: TablePlace): string[] {
  const name = formatQualifiedName(place.source);
  const notes: string[] = [];
  if (place.isRemade) {
    notes.push(
      `${name} was dropped and made anew: its rows go to the new one, by the names of columns`,
    );
  }
  if (place.takenBy && place.after) {
    const renamed = formatQualifiedName(place.after);
    notes.push(`${name} is ${renamed} now, and gets the rows; another table has its old name`);
  }
  if (!place.after) notes.push(`${name} was dropped: its rows are not brought over`);
  return notes;
}

/** Jobs of extensions run in every database that has them. */
async function noteJobs(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT extname::text AS name FROM pg_extension WHERE extname IN ('pg_cron', 'timescaledb', 'pgagent')`,
  );
  return rows.map(
    ({ name }) =>
      `the extension ${name} runs jobs: look whether those in the shadow should run as well`,
  );
}
