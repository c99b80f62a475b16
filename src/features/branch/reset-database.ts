import type { BranchRecord } from '../../domain/branch.js';
import { BelayError } from '../../errors.js';
import { findOrigin, obtainClone } from '../archive/obtain-clone.js';
import { countPrevious } from '../snapshot/count-previous.js';
import { beforeRestore, openSql } from '../snapshot/restore.js';
import { checkReplaceable, swap } from '../snapshot/swap.js';
import { type Clone, readTimeline } from '../target/timeline.js';
import { underLock, type Work } from '../target/work.js';
import { withCopyOf } from './copy-base.js';
import type { BranchResetState, FoundBranch, ResetOrder } from './driver.js';
import { withBranchTarget } from './open-branch.js';

/** Puts a database branch back by a swap; what was there becomes a snapshot in its own timeline, so that `undo` brings it back. */
export async function resetDatabaseBranch(
  work: Work,
  branch: FoundBranch,
  order: ResetOrder,
): Promise<BranchResetState> {
  const { signal, reporter, sessionsWaitMs } = work;
  return withBranchTarget(work.target, branch, 'branch reset', (target) =>
    underLock(target, { signal, reporter, sessionsWaitMs }, async (own) => {
      const clone = await findState(work, own, branch.record, order.reference);
      const { tag } = clone.record.snapshot;
      const record = { ...branch.record, resetAt: new Date().toISOString() };
      await checkReplaceable(own, order.sessions);
      const keepAs = await beforeRestore(own, clone, order.cwd);
      const { outageMs, previous } = await withCopyOf(own, clone, (copy) =>
        swap(own, {
          incoming: { name: copy.database, oid: copy.oid },
          openSql: openSql(record.database, clone),
          recordSql: [],
          ...{ keepAs, action: 'restore', snapshotId: clone.record.snapshot.id },
          ...{ sessions: order.sessions, branch: record },
        }),
      );
      // As after every restore; where the base was not counted either, no scan of all tables is waited for.
      if (clone.record.snapshot.fingerprint !== null) await countPrevious(own, previous);
      const to = order.reference === undefined ? record.base.name : tag;
      return { to, outageMs: Math.round(outageMs), previous: keepAs.tag, record };
    }),
  );
}

/** The base; or a snapshot of the branch's own, or of the target's. */
async function findState(
  work: Work,
  own: Work,
  record: BranchRecord,
  reference: string | undefined,
): Promise<Clone> {
  if (reference === undefined) return findBaseClone(work, record);
  const isOwn = await findOrigin(own, reference).then(
    () => true,
    (error: unknown) => {
      if (error instanceof BelayError && error.code === 'SNAPSHOT_NOT_FOUND') return false;
      throw error;
    },
  );
  return obtainClone(isOwn ? own : work, reference, {});
}

/** @throws BelayError SNAPSHOT_NOT_FOUND where somebody has deleted it */
export async function findBaseClone(
  work: Pick<Work, 'main'>,
  { base, name }: BranchRecord,
): Promise<Clone> {
  const { clones } = await readTimeline(work.main, base.database);
  const found = clones.find(({ record }) => record.snapshot.id === base.snapshotId);
  if (found) return found;
  throw new BelayError('SNAPSHOT_NOT_FOUND', `the base of branch "${name}" is gone`, {
    hint: `\`belay branch reset ${JSON.stringify(name)} --to SNAPSHOT\` puts it to another state; \`belay list\` shows which there are.`,
  });
}
