import type { RestorePreview } from '../../contract/restore-preview.js';
import { type Entry, findEntry, readWholeTimeline } from '../../features/archive/whole-timeline.js';
import { checkRestoreOptions } from '../../features/snapshot/restore.js';
import { checkTableOptions } from '../../features/table/restore-tables.js';
import { readTimeline, type Timeline } from '../../features/target/timeline.js';
import { throwIfAborted } from '../../features/target/work.js';
import { readDatabaseSessions } from '../../postgres/sql/activity.js';
import { findBlockers } from './find-blockers.js';
import { isProduction, type JobWork } from './job-work.js';
import { measureReplaced } from './measure-replaced.js';

/**
 * What a restore would replace: measured now, in the live database, without changing anything.
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_NAME, USAGE
 */
export async function previewRestore(work: JobWork<'restore-preview'>): Promise<RestorePreview> {
  const { target, name, input, options } = work;
  const { reference, to, tables } = input;
  if (tables) checkTableOptions({ tables, to });
  else checkRestoreOptions({ to });
  throwIfAborted(options.signal);
  const timeline = await readTimeline(target.main, target.database);
  const entry = findEntry(await readWholeTimeline(target, timeline, options.signal), reference);
  const replaces = to === undefined && timeline.live !== null;
  // Before anything is measured: that takes a session in the database itself.
  const sessions = replaces ? await sessionsOf(work) : [];
  const blockers = await findBlockers(work, entry, timeline);
  const measured = replaces ? await measureReplaced(work, entry) : nothing;
  return {
    database: name,
    environment: isProduction(target) ? 'production' : 'development',
    snapshot: named(entry),
    into: to ?? target.database,
    inPlace: to === undefined,
    tables: tables ?? null,
    ...measured,
    ...{ sessions, blockers },
    needsConfirmation: to === undefined && isProduction(target),
    canBeUndone: isKept(timeline, input),
  };
}

const nothing = { schema: [], schemaNotCompared: null, rowCounts: [], notCounted: null };

function named({ snapshot: { id, tag, createdAt } }: Entry): RestorePreview['snapshot'] {
  return { id, tag, createdAt };
}

/** Single tables are kept in a schema of their own, which is not what undo brings back. */
function isKept({ live }: Timeline, { to, tables }: JobWork<'restore-preview'>['input']): boolean {
  return to === undefined && tables === undefined && live !== null;
}

/** Belay's own are gone in a moment. */
async function sessionsOf({
  target,
}: JobWork<'restore-preview'>): Promise<RestorePreview['sessions']> {
  const sessions = await readDatabaseSessions(target.main, target.database);
  return sessions
    .filter(({ application }) => !application.startsWith('belay '))
    .map(({ pid, user, application, client, state, ageMs }) => ({
      ...{ pid, user, application, client, state },
      since: ageMs === null ? null : new Date(Date.now() - ageMs).toISOString(),
    }));
}
