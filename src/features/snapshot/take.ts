import type { SessionPolicy } from '../../domain/database-session.js';
import { type CloneRecord, snapshotOf } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import type { GitState, Snapshot, SnapshotReason } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import { BelayError } from '../../errors.js';
import { readProperties } from '../../postgres/properties.js';
import { readWriteEvidence } from '../../postgres/write-evidence.js';
import { readGitState } from '../../process/git.js';
import { sealSql } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { nextTime, requireLive, type Timeline, takenTags } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { withNewCopy } from './make-copy.js';
import { countClone } from './read-clone.js';

export interface TakeSnapshotOptions extends WorkOptions {
  readonly tag: string;
  readonly description?: string | undefined;
  /** Default "manual". */
  readonly reason?: SnapshotReason | undefined;
  /** Sessions in the target while it is copied; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
  /** Folder whose git branch and commit are recorded; default: the current one. */
  readonly cwd?: string | undefined;
}

export interface TakenSnapshot {
  readonly snapshot: Snapshot;
  /** How long the target was closed to new connections, in milliseconds. */
  readonly outageMs: number;
}

/**
 * Takes a snapshot: a clone on the target's own server, counted and sealed by its record.
 *
 * @example
 * const { snapshot } = await takeSnapshot(target, { tag: 'baseline', description: 'before invoices' });
 * @throws BelayError BAD_TAG, TAG_EXISTS, TARGET_NOT_FOUND, SESSIONS_IN_THE_WAY, DISK_FULL,
 *   PERMISSION_DENIED, LOCKED, …; nothing is left behind then
 */
export async function takeSnapshot(
  target: Target,
  options: TakeSnapshotOptions,
): Promise<TakenSnapshot> {
  validateTag(options.tag);
  const git = await readGitState(options.cwd ?? process.cwd());
  return underLock(target, options, (work) => take(work, options, git));
}

async function take(
  work: Work,
  options: TakeSnapshotOptions,
  git: GitState | null,
): Promise<TakenSnapshot> {
  const { main, target, timeline, reporter } = work;
  const startedAt = performance.now();
  const live = requireLive(timeline, target.database);
  checkTagIsFree(timeline, options.tag, target.database);
  const properties = await readProperties(main, live.oid);
  const order = {
    source: live,
    sizeBytes: null,
    owner: live.owner,
    policy: options.sessions ?? 'wait',
    what: target.database,
  };
  return withNewCopy(work, order, async (copy) => {
    // The copy is exact as of the moment the source was alone, which is now at the latest.
    const createdAt = nextTime(timeline);
    const { database } = copy;
    const { fingerprint, sizeBytes } = await countClone(work, { database, step: 'count' });
    const durationMs = Math.round(performance.now() - startedAt);
    const counted = { createdAt, git, fingerprint, sizeBytes, durationMs };
    const record: CloneRecord = {
      kind: 'snapshot',
      snapshot: { id: copy.id, ...counted, ...described(work, options) },
      method: copy.method,
      copyMs: Math.round(copy.copyMs),
      properties,
      sourceOid: live.oid,
      replacedBy: null,
      restoredAs: [],
      evidence: await readWriteEvidence(main, copy.oid),
    };
    await reportStep(reporter, { name: 'seal' }, () =>
      main.execute(sealSql(database, record), 'sealing the snapshot'),
    );
    return { snapshot: snapshotOf(record, database), outageMs: Math.round(copy.outageMs) };
  });
}

/** What is known about a snapshot before it is taken. */
function described({ main, target, timeline }: Work, options: TakeSnapshotOptions) {
  return {
    tag: options.tag,
    description: options.description ?? '',
    target: { server: target.server, database: target.database },
    reason: options.reason ?? 'manual',
    protectedUntil: null,
    parent: timeline.basedOn?.record.snapshot.id ?? null,
    serverVersion: main.serverVersion,
  };
}

/** @throws BelayError TAG_EXISTS */
export function checkTagIsFree(timeline: Timeline, tag: string, database: string): void {
  if (!takenTags(timeline).has(tag)) return;
  throw new BelayError('TAG_EXISTS', `"${database}" already has a snapshot tagged "${tag}"`, {
    hint: 'Choose another tag, or `belay rename` or `belay delete` the old one.',
  });
}
