import { describePrepared, describeSession } from '../../domain/database-session.js';
import { BelayError } from '../../errors.js';
import { refuseBroken } from '../../features/archive/fetch.js';
import { refusePartial, refuseTablesNotIn } from '../../features/archive/partial.js';
import type { Entry } from '../../features/archive/whole-timeline.js';
import type { Timeline } from '../../features/target/timeline.js';
import {
  readDatabaseSessions,
  readPreparedTransactions,
  readReplicationBound,
} from '../../postgres/sql/activity.js';
import { databaseExists } from '../../postgres/sql/databases.js';
import type { JobWork } from './job-work.js';

type Preview = JobWork<'restore-preview'>;

/** What would make a restore fail, as sentences; empty: nothing that can be known before it is tried. */
export async function findBlockers(
  work: Preview,
  entry: Entry,
  timeline: Timeline,
): Promise<readonly string[]> {
  const { to } = work.input;
  const ofSnapshot = refusalsOf(work, entry);
  if (to !== undefined) {
    const isThere = await databaseExists(work.target.main, to);
    return isThere ? [...ofSnapshot, `database "${to}" exists already`] : ofSnapshot;
  }
  // Tables are put in place inside the database, which keeps its name and its sessions.
  if (work.input.tables) return ofSnapshot;
  return [...ofSnapshot, ...(await blockersOfLive(work, timeline))];
}

function refusalsOf({ target, input: { tables } }: Preview, entry: Entry): string[] {
  const { clone, archive, snapshot } = entry;
  if (clone || !archive) return [];
  const isReadable =
    archive.manifest.archive.encryption === null || target.env.BELAY_IDENTITY !== undefined;
  return [
    refusal(() => refuseBroken(archive)),
    refusal(() => (tables ? refuseTablesNotIn(archive, tables) : refusePartial(archive))),
    isReadable ? undefined : `"${snapshot.tag}" is encrypted, and no key is set (BELAY_IDENTITY)`,
  ].filter((text) => text !== undefined);
}

function refusal(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof BelayError && error.kind !== 'bug') return error.message;
    throw error;
  }
}

async function blockersOfLive({ target }: Preview, { live }: Timeline): Promise<string[]> {
  if (live === null) return [];
  const { main, database } = target;
  const bound = await readReplicationBound(main, database);
  const prepared = await readPreparedTransactions(main, database);
  const foreign = (await readDatabaseSessions(main, database)).filter(({ mayEnd }) => !mayEnd);
  return [
    ...(live.isTemplate ? [`"${database}" is a template database`] : []),
    ...bound.map(
      ({ kind, name }) => `logical ${kind} "${name}" would go on with the replaced database`,
    ),
    ...prepared.map((one) => `prepared transaction ${describePrepared(one)}`),
    ...foreign.map((session) => `this role may not end ${describeSession(session)}`),
  ];
}
