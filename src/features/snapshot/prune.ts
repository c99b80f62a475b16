import { applyRetention, type RetentionPolicy } from '../../domain/retention.js';
import { archiveOf, type Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Archive } from '../archive/archives.js';
import { lockedUntil } from '../archive/delete-archive.js';
import { type Entry, readWholeTimeline } from '../archive/whole-timeline.js';
import { branchesByBase } from '../branch/bases-in-use.js';
import { type Recorded, recorded } from '../ledger/recorded.js';
import { type PrunedRecordBackups, pruneTargetRecords } from '../record-backup/prune-target.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type ConfirmDeletion, confirmLoss, deleteEntries, lossOf } from './delete.js';
import { undoCandidate } from './undo.js';

export interface PruneOptions extends WorkOptions, ProductionApproval, RetentionPolicy {
  /** Only say what would go. */
  readonly dryRun?: boolean | undefined;
  readonly confirm?: ConfirmDeletion | undefined;
}

/** A snapshot and why it stays or goes. */
export type PrunedSnapshot = Snapshot & { readonly why: string };

export interface PruneResult {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly removed: readonly PrunedSnapshot[];
  readonly kept: readonly PrunedSnapshot[];
  /** Measured where the server's disk can be seen from here, else the logical size; on a dry run always that. */
  readonly freedBytes: number;
  /** Record backups, which a rollback with data would need: by their age, else by whether a rollback can need them. */
  readonly recordBackups: PrunedRecordBackups;
}

/**
 * Deletes what a retention policy does not keep. Protected snapshots, the one that the target is based on and the one
 * that undo would bring back are always kept.
 *
 * @example
 * const { removed } = await pruneSnapshots(target, { keepLast: 5, dryRun: true });
 * @throws BelayError USAGE without a policy, NOT_CONFIRMED, PRODUCTION_GUARD, LOCKED
 */
export async function pruneSnapshots(target: Target, options: PruneOptions): Promise<PruneResult> {
  checkPolicy(options);
  return recorded(
    target,
    'prune',
    options.reporter,
    () => underLock(target, options, (work) => prune(work, options)),
    toLedger,
  );
}

/** Deletions of archives are recorded one by one, before they are done. */
function toLedger({ dryRun, removed, recordBackups }: PruneResult): Recorded | null {
  const records = recordBackups.removed;
  const own = removed.some(archiveOf) ? [] : removed;
  if (dryRun || own.length + records.length === 0) return null;
  const rows = own.reduce((sum, { fingerprint }) => sum + (fingerprint?.rows ?? 0), 0);
  return {
    snapshot: null,
    rows: rows + records.reduce((sum, backup) => sum + backup.rows, 0),
    details: {
      ...{ removed: own.map(({ id }) => id), tags: own.map(({ tag }) => tag) },
      ...(records.length > 0 ? { recordBackups: records.map(({ id }) => id) } : {}),
    },
  };
}

async function prune(work: Work, options: PruneOptions): Promise<PruneResult> {
  const dryRun = options.dryRun ?? false;
  if (!dryRun) guardProduction(work.target, 'delete snapshots of', options);
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  if (whole.storeProblem) {
    const message = `archives were not looked at: ${whole.storeProblem.message}`;
    work.reporter({ type: 'warning', message });
  }
  const decisions = await decide(work, whole.entries, options);
  const [kept, removed] = [true, false].map((keep) =>
    decisions
      .filter((decision) => decision.keep === keep)
      .map(({ entry, why }) => ({ ...entry.snapshot, why })),
  ) as [PrunedSnapshot[], PrunedSnapshot[]];
  const going = decisions.filter(({ keep }) => !keep).map(({ entry }) => entry);
  const { keepWithinMs } = options;
  const records = await pruneTargetRecords(work.target, { keepWithinMs, dryRun: true });
  const loss = { ...lossOf(work, going), recordBackups: records.removed };
  const result = { ok: true, dryRun, removed, kept } as const;
  if (dryRun || going.length + records.removed.length === 0) {
    return { ...result, freedBytes: loss.sizeBytes, recordBackups: records };
  }
  await confirmLoss(loss, options.confirm);
  const freedBytes = going.length === 0 ? 0 : await deleteEntries(work, going, 'prune');
  const recordBackups = await pruneTargetRecords(work.target, { keepWithinMs, dryRun: false });
  return { ...result, freedBytes, recordBackups };
}

interface EntryDecision {
  readonly entry: Entry;
  readonly keep: boolean;
  readonly why: string;
}

/** What retention says, and then what the store says of the archives that would go. */
async function decide(
  work: Work,
  entries: readonly Entry[],
  policy: RetentionPolicy,
): Promise<EntryDecision[]> {
  const dated = entries.map(asStored).sort((a, b) => compareTimes(b.snapshot, a.snapshot));
  const reasons = new Map([...inUse(work, entries), ...(await basesInUse(work))]);
  const snapshots = dated.map(({ snapshot }) => snapshot);
  const decisions = applyRetention(snapshots, policy, reasons, new Date());
  const result: EntryDecision[] = [];
  for (const [index, { keep, why }] of decisions.entries()) {
    const entry = dated[index]?.entry as Entry;
    const until = keep || !entry.archive ? undefined : await lockOf(work, entry.archive);
    const locked = until && `locked in the store until ${until.toISOString()}`;
    result.push({ entry, keep: keep || locked !== undefined, why: locked ?? why });
  }
  return result;
}

const lockOf = async (work: Work, archive: Archive) =>
  lockedUntil(await work.target.openStore(), archive);

/**
 * An archive is as old as its manifest in the store, whatever that claims: a wrong clock, or somebody who writes
 * manifests, would otherwise decide what is deleted.
 */
function asStored(entry: Entry): { entry: Entry; snapshot: Snapshot } {
  const { archive, clone, snapshot } = entry;
  if (!archive || clone) return { entry, snapshot };
  return { entry, snapshot: { ...snapshot, createdAt: archive.storedAt.toISOString() } };
}

const compareTimes = (a: Snapshot, b: Snapshot): number =>
  a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id);

/** The archive that is certain to bring the whole database back. */
function lastProven(entries: readonly Entry[]): Archive | undefined {
  return entries
    .flatMap(({ archive }) => archive ?? [])
    .filter(({ drill, problem }) => drill.status === 'proven' && problem === null)
    .filter(({ manifest }) => !manifest.partial)
    .sort((a, b) => b.storedAt.getTime() - a.storedAt.getTime())[0];
}

function checkPolicy({ keepLast, keepWithinMs }: RetentionPolicy): void {
  const isCount = keepLast === undefined || (Number.isInteger(keepLast) && keepLast >= 0);
  if (!isCount) throw new BelayError('USAGE', `keepLast must be 0 or more, not ${keepLast}`);
  if (keepLast !== undefined || keepWithinMs !== undefined) return;
  throw new BelayError('USAGE', 'nothing says which snapshots to keep', {
    hint: 'Give --keep-last N, --keep-within 7d, or "retention" in belay.config.json.',
  });
}

/** Why a snapshot is needed, by its id. */
function inUse(work: Work, entries: readonly Entry[]): Map<string, string> {
  const { timeline } = work;
  const reasons = new Map<string, string>();
  const proven = lastProven(entries)?.manifest.snapshot;
  if (proven) reasons.set(proven.id, 'the newest archive that is proven');
  const undo = undoCandidate(timeline);
  if (undo) reasons.set(undo.record.snapshot.id, 'undo would bring it back');
  const base = timeline.basedOn?.record.snapshot;
  if (base) reasons.set(base.id, `"${work.target.database}" is based on it`);
  // Without a live database the newest snapshot is what brings it back.
  const newest = timeline.clones[0]?.record.snapshot;
  if (!timeline.live && newest) reasons.set(newest.id, 'the database itself is missing');
  return reasons;
}

/** Why a snapshot that branches start from is needed, by its id. */
async function basesInUse({ target }: Work): Promise<[string, string][]> {
  const bases = await branchesByBase(target);
  return [...bases].map(([id, names]) => [id, `branch "${names[0]}" starts from it`]);
}
