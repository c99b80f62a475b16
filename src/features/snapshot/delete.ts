import { archiveOf, forever, isProtected, type Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { deleteArchive, refuseLocked } from '../archive/delete-archive.js';
import { type Entry, findOwnEntry, readWholeTimeline } from '../archive/whole-timeline.js';
import { branchesByBase } from '../branch/bases-in-use.js';
import { appendToLedger } from '../ledger/append.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import type { PrunedRecords } from '../record-backup/prune-target.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted, underLock, type Work, type WorkOptions } from '../target/work.js';
import { measureFreed } from './measure-freed.js';
import { undoCandidate } from './undo.js';

/** What a deletion would remove for good. */
export interface DeletionLoss {
  readonly snapshots: readonly Snapshot[];
  /** Rows that exist in no other place that Belay knows of; null: one of them was never counted. */
  readonly rows: number | null;
  readonly sizeBytes: number;
  /** What else goes with it, for people, e.g. that undo is no longer possible. */
  readonly consequences: readonly string[];
  /** Record backups that go with them; none but where a retention policy is applied. */
  readonly recordBackups?: readonly PrunedRecords[] | undefined;
}

/** Asks whether the loss is meant. Without it, nothing is deleted. */
export type ConfirmDeletion = (loss: DeletionLoss) => boolean | Promise<boolean>;

export interface DeleteOptions extends WorkOptions, ProductionApproval {
  readonly reference: string;
  readonly confirm?: ConfirmDeletion | undefined;
}

export interface DeleteResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
  /** Measured where the server's disk can be seen from here, else the logical size. */
  readonly freedBytes: number;
}

/**
 * Deletes a snapshot after its loss was named and approved.
 *
 * @example
 * await deleteSnapshot(target, { reference: 'wip', confirm: (loss) => loss.rows === 0 });
 * @throws BelayError SNAPSHOT_NOT_FOUND, PROTECTED, NOT_CONFIRMED, PRODUCTION_GUARD, LOCKED
 */
export async function deleteSnapshot(
  target: Target,
  options: DeleteOptions,
): Promise<DeleteResult> {
  return recorded(
    target,
    'delete',
    options.reporter,
    () => underLock(target, options, (work) => deleteFound(work, options)),
    // One with an archive has its entry from before the deletion.
    ({ snapshot }) => (archiveOf(snapshot) ? null : recordedSnapshot(snapshot)),
  );
}

async function deleteFound(work: Work, options: DeleteOptions): Promise<DeleteResult> {
  guardProduction(work.target, 'delete a snapshot of', options);
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const entry = findOwnEntry(whole, options.reference);
  const store = entry.archive && (await work.target.openStore());
  if (entry.archive && store) await refuseLocked(store, entry.archive);
  refuseProtected(entry);
  await refuseBase(work, entry);
  await confirmLoss(lossOf(work, [entry]), options.confirm);
  const freedBytes = await deleteEntries(work, [entry], 'delete');
  if (whole.storeProblem) warnOfStore(work, whole.storeProblem);
  return { ok: true, snapshot: entry.snapshot, freedBytes };
}

/** Deletes all copies of snapshots. @returns freed bytes, as far as they could be measured */
export async function deleteEntries(
  work: Work,
  entries: readonly Entry[],
  action: 'delete' | 'prune',
): Promise<number> {
  if (entries.some(({ archive }) => archive)) await announce(work, entries, action);
  const clones = entries.flatMap(({ clone }) => clone ?? []);
  const freed = await measureFreed(work, clones, async () => {
    for (const { database } of clones) {
      throwIfAborted(work.signal);
      await dropBelayDatabase(work.main, database.name);
    }
  });
  let archived = 0;
  for (const { archive } of entries) {
    throwIfAborted(work.signal);
    if (!archive) continue;
    await deleteArchive(await work.target.openStore(), archive);
    archived += archive.manifest.archive.sizeBytes;
  }
  return freed + archived;
}

/**
 * The entry comes before the deletion: a manifest that is gone while no entry tells of it looks like tampering, which
 * is what a kill in between would otherwise leave.
 * @throws BelayError where the store cannot be written to; nothing is deleted then
 */
async function announce(
  { target }: Work,
  entries: readonly Entry[],
  action: 'delete' | 'prune',
): Promise<void> {
  const snapshots = entries.map(({ snapshot }) => snapshot);
  const [only] = snapshots;
  const rows = snapshots.reduce((sum, { fingerprint }) => sum + (fingerprint?.rows ?? 0), 0);
  await appendToLedger(await target.openStore(), {
    ...{ action, outcome: 'done', rows },
    target: { server: target.server, database: target.database },
    snapshot: only && snapshots.length === 1 ? { id: only.id, tag: only.tag } : null,
    details: {
      removed: snapshots.map(({ id }) => id),
      tags: snapshots.map(({ tag }) => tag),
    },
  });
}

function warnOfStore(work: Work, problem: BelayError): void {
  const message = `archives were not looked at, and stay if there are any: ${problem.message}`;
  work.reporter({ type: 'warning', message });
}

function refuseProtected({ snapshot }: Entry): void {
  if (!isProtected(snapshot, new Date())) return;
  const until = snapshot.protectedUntil === forever ? '' : ` until ${snapshot.protectedUntil}`;
  throw new BelayError('PROTECTED', `snapshot "${snapshot.tag}" is protected${until}`, {
    hint: `\`belay unprotect ${snapshot.tag}\` first, if it really may go.`,
  });
}

/** @throws BelayError BRANCH_IN_USE */
async function refuseBase({ target }: Work, { snapshot }: Entry): Promise<void> {
  const names = (await branchesByBase(target)).get(snapshot.id);
  if (!names) return;
  const branches = names.map((name) => `"${name}"`).join(', ');
  throw new BelayError('BRANCH_IN_USE', `branches start from "${snapshot.tag}": ${branches}`, {
    hint: '`belay branch delete` them first: without it they could not be reset or compared.',
  });
}

export function lossOf(work: Work, entries: readonly Entry[]): DeletionLoss {
  const snapshots = entries.map(({ snapshot }) => snapshot);
  const rows = snapshots.map(({ fingerprint }) => fingerprint?.rows ?? null);
  const undo = undoCandidate(work.timeline);
  return {
    snapshots,
    rows: rows.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0),
    sizeBytes: entries.reduce((sum, entry) => sum + sizeOf(entry), 0),
    consequences:
      undo && entries.some(({ clone }) => clone === undo)
        ? ['the last restore or switch can then not be undone']
        : [],
  };
}

function sizeOf({ clone, archive, snapshot }: Entry): number {
  return (clone ? snapshot.sizeBytes : 0) + (archive?.manifest.archive.sizeBytes ?? 0);
}

/** @throws BelayError NOT_CONFIRMED */
export async function confirmLoss(
  loss: DeletionLoss,
  confirm: ConfirmDeletion | undefined,
): Promise<void> {
  if (confirm && (await confirm(loss))) return;
  const tags = loss.snapshots.map(({ tag }) => `"${tag}"`).join(', ');
  const rows = loss.rows === null ? 'rows not counted' : `${loss.rows} rows`;
  const more = loss.consequences.map((consequence) => `; ${consequence}`).join('');
  throw new BelayError(
    'NOT_CONFIRMED',
    `deleting ${tags} would remove ${rows} (${loss.sizeBytes} bytes) for good${more}`,
    { hint: 'Nothing was deleted. Pass --yes to do it.', details: { ...loss } },
  );
}
