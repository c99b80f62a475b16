import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import { versionChecksum } from '../../domain/schema-model.js';
import type { ShadowTable } from '../../domain/shadow.js';
import { type PlacedTable, placeTables, type TablePlace } from '../../domain/shadow-mapping.js';
import { countAll } from '../../postgres/count-tables.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { mapTables } from '../../postgres/shadow/mapped-tables.js';
import { readPlacedTables } from '../../postgres/shadow/read-mapping.js';
import { readWritten, type WrittenRows } from '../../postgres/shadow/read-written.js';
import { rememberInserted } from '../../postgres/shadow/remember-inserted.js';
import { dropPublication, findPublications } from '../../postgres/shadow/replication.js';
import { readTables } from '../../postgres/sql/tables.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Work } from '../target/work.js';
import type { MadeShadowCopy } from './create-copy.js';
import type { CreateShadowOptions, ShadowTableSummary } from './create-options.js';
import { describeTables, type RowCounts, summarize } from './describe-tables.js';
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
    const written = since(before.written, await readWritten(session));
    const rows = await countChanged(work, open, { ...before, after, written });
    const by = copy.source === null ? 'number' : 'name';
    const places = placeTables(copy.source ?? before.tables, before.tables, after, by);
    const tables = await describeTables(session, places, {
      ...{ before: before.rows, after: rows, written },
    });
    await reportStep(work.reporter, { name: 'note what the migration did to rows' }, () =>
      rememberRows(work, copy, session, { tables, beforeMigration: before.snapshot }),
    );
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

/** Keys of rows that the migration itself has inserted or deleted: a sync must neither delete the ones nor bring back the others. */
async function rememberRows(
  { target }: Work,
  { snapshot: since }: MadeShadowCopy,
  shadow: Session,
  order: { readonly tables: readonly ShadowTable[]; readonly beforeMigration: string },
): Promise<void> {
  const { beforeMigration } = order;
  const tables = order.tables.filter(
    ({ transformed }) => transformed && transformed.inserted + transformed.deleted > 0,
  );
  if (tables.length === 0) return;
  await closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const source = await open();
      await source.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', 'beginning to read');
      const mapped = await mapTables(source, shadow, tables);
      await rememberInserted({ source, shadow, tables: mapped, since, beforeMigration });
    },
  );
}

/** A copy has the target's publications too: Belay's own belong to the target alone. */
async function dropOwnPublications(session: Session): Promise<void> {
  for (const name of await findPublications(session)) await dropPublication(session, name);
}

async function countRowsOf(
  work: Work,
  open: OpenSession,
  first: Session,
  tables: readonly PlacedTable[],
  only: (table: PlacedTable) => boolean = () => true,
): Promise<RowCounts> {
  const byName = new Map(tables.map((table) => [formatQualifiedName(table), table]));
  const wanted = (await readTables(first)).filter((table) => {
    const placed = byName.get(formatQualifiedName(table));
    return placed !== undefined && only(placed);
  });
  const opened: Session[] = [];
  const openMore = async () => {
    const session = await open();
    opened.push(session);
    return session;
  };
  try {
    const counted = await reportStep(work.reporter, { name: 'count' }, () =>
      countAll(openMore, first, wanted, { signal: work.signal }),
    );
    return new Map(
      counted.flatMap(({ table, rows }): [number, number][] => {
        const placed = byName.get(formatQualifiedName(table));
        return placed ? [[placed.oid, rows]] : [];
      }),
    );
  } finally {
    await Promise.all(opened.map((session) => session.close()));
  }
}

interface Changed {
  readonly tables: readonly PlacedTable[];
  readonly rows: RowCounts;
  readonly after: readonly PlacedTable[];
  readonly written: ReadonlyMap<number, WrittenRows>;
}

/** Only tables that were written to, that are new or that have another file: the others have the rows that they had. */
async function countChanged(work: Work, open: OpenSession, changed: Changed): Promise<RowCounts> {
  const session = await open();
  const had = new Map(changed.tables.map((table) => [table.oid, table]));
  const isLossy = session.serverVersion < 150000;
  const isSame = ({ oid, file }: PlacedTable): boolean =>
    !isLossy && !changed.written.has(oid) && had.get(oid)?.file === file;
  const counted = await countRowsOf(work, open, session, changed.after, (table) => !isSame(table));
  await session.close();
  return new Map([...changed.rows, ...counted]);
}

/** Tables with a write in between. */
function since(
  before: ReadonlyMap<number, WrittenRows>,
  after: ReadonlyMap<number, WrittenRows>,
): Map<number, WrittenRows> {
  const changed = new Map<number, WrittenRows>();
  for (const [oid, now] of after) {
    const was = before.get(oid) ?? { inserted: 0, updated: 0, deleted: 0 };
    const difference = {
      inserted: now.inserted - was.inserted,
      updated: now.updated - was.updated,
      deleted: now.deleted - was.deleted,
    };
    const isAny = difference.inserted + difference.updated + difference.deleted > 0;
    if (isAny) changed.set(oid, difference);
  }
  return changed;
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
