import { replicationName } from '../../domain/shadow.js';
import type { Session } from '../../postgres/session.js';
import {
  dropPublication,
  dropSlot,
  findReplicationLeftovers,
  type ReplicationLeftover,
} from '../../postgres/shadow/replication.js';
import { removeShadowState } from '../../postgres/shadow/shadow-notes.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import type { Timeline } from '../target/timeline.js';
import { findAllShadows } from './find-shadow.js';

/** What is left of a shadow that is gone: a slot keeps the server from removing WAL until its disk is full. */
export interface ShadowLeftover {
  readonly kind: 'slot' | 'publication';
  readonly name: string;
  readonly database: string;
  /** What it is, for people. */
  readonly detail: string;
}

const details: Record<ReplicationLeftover['kind'], string> = {
  slot: 'a replication slot of a shadow that is gone: it keeps WAL on the server',
  publication: 'a publication of a shadow that is gone',
};

/**
 * Slots and publications of a target, and of what it was before a promote, that no shadow uses.
 *
 * @param timeline of the target: a slot stays with a database that was renamed away
 */
export async function shadowLeftovers(
  target: Target,
  timeline: Pick<Timeline, 'live' | 'clones'>,
): Promise<ShadowLeftover[]> {
  const { main } = target;
  const used = await usedNames(main);
  const own = new Set([target.database, ...timeline.clones.map(({ database }) => database.name)]);
  const found = timeline.live
    ? await inTarget(target, (session) => findReplicationLeftovers(session, used))
    : await findReplicationLeftovers(main, used);
  return found
    .filter(({ database }) => own.has(database))
    .map(({ kind, name, database }) => ({ kind, name, database, detail: details[kind] }));
}

/** Names that a shadow of any database has, also one whose record says that it is scanned: then it has none. */
async function usedNames(main: Session): Promise<Set<string>> {
  const shadows = await findAllShadows(main);
  return new Set(
    shadows.flatMap(({ record }) => {
      const { replication, id } = record;
      return replication ? [replicationName(id), replication.slot, replication.publication] : [];
    }),
  );
}

function inTarget<T>(target: Target, read: (session: Session) => Promise<T>): Promise<T> {
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => read(await open()),
  );
}

/** Removes them, and what was noted in a shadow that has become the target. The caller holds the target's lock. */
export async function cleanShadowLeftovers(
  target: Target,
  timeline: Pick<Timeline, 'live' | 'clones'>,
): Promise<ShadowLeftover[]> {
  const found = await shadowLeftovers(target, timeline);
  for (const { kind, name } of found) {
    if (kind === 'slot') await dropSlot(target.main, name);
    else await inTarget(target, (session) => dropPublication(session, name));
  }
  if (timeline.live) await inTarget(target, removeShadowState);
  return found;
}
