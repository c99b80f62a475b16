import type { BranchBase } from '../../domain/branch.js';
import { branchDatabaseName } from '../../domain/branch-name.js';
import { parseBranchRecord } from '../../domain/branch-record.js';
import type { Fingerprint } from '../../domain/fingerprint.js';
import { type CloneRecord, parseComment } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import { isProtected } from '../../domain/snapshot.js';
import { readProperties } from '../../postgres/properties.js';
import { type DatabaseRow, databaseSize, readDatabases } from '../../postgres/sql/databases.js';
import { readWriteEvidence } from '../../postgres/write-evidence.js';
import { findOrigin, obtainClone } from '../archive/obtain-clone.js';
import { type MadeCopy, withNewCopy } from '../snapshot/make-copy.js';
import { countClone } from '../snapshot/read-clone.js';
import { dropBelayDatabase, sealSql } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { type Clone, nextTime, requireLive } from '../target/timeline.js';
import { underLock, type Work } from '../target/work.js';
import type { BranchOrder, FoundBranch } from './driver.js';
import { withBranchTarget } from './open-branch.js';

/** The immutable snapshot that a branch starts from. */
export interface ObtainedBase {
  /** A closed database without sessions: a template for any copy. */
  readonly clone: Clone;
  readonly base: BranchBase;
}

export type BaseOrder = Pick<BranchOrder, 'source' | 'name' | 'id' | 'sessions'>;

/**
 * Finds or takes the snapshot that a branch starts from. What is live is snapshotted first; an archive is restored into a
 * clone first. If `use` fails, a snapshot that was taken for it is removed again.
 */
export async function withBase<T>(
  work: Work,
  order: BaseOrder,
  use: (obtained: ObtainedBase) => Promise<T>,
): Promise<T> {
  const { source } = order;
  if (source.kind === 'snapshot') return use(await findBase(work, source.reference));
  if (source.kind === 'live')
    return withTakenBase(work, order, { kind: 'live', name: 'live' }, use);
  const { record } = source.branch;
  const origin = { kind: 'branch' as const, name: record.name };
  // A schema branch is a part of the target itself.
  if (record.isolation === 'schema') return withTakenBase(work, order, origin, use);
  return withBranchTarget(work.target, source.branch, 'branch create', (parent) =>
    underLock(parent, work, (parentWork) => withTakenBase(parentWork, order, origin, use)),
  );
}

/** @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE, and the store's */
async function findBase(work: Work, reference: string): Promise<ObtainedBase> {
  const { archive } = await findOrigin(work, reference);
  const clone = await obtainClone(work, reference, {});
  const { id, tag, createdAt } = clone.record.snapshot;
  const kind = archive ? ('archive' as const) : ('snapshot' as const);
  const { database } = work.target;
  const isAutomatic = clone.record.purpose === 'branch-base';
  return { clone, base: { kind, name: tag, snapshotId: id, isAutomatic, database, at: createdAt } };
}

async function withTakenBase<T>(
  work: Work,
  order: BaseOrder,
  origin: Pick<BranchBase, 'kind' | 'name'>,
  use: (obtained: ObtainedBase) => Promise<T>,
): Promise<T> {
  const clone = await takeBase(work, order);
  const { id, createdAt } = clone.record.snapshot;
  const place = { snapshotId: id, isAutomatic: true, database: work.target.database };
  try {
    return await use({ clone, base: { ...origin, ...place, at: createdAt } });
  } catch (error) {
    // With the connection gone this fails too; then `gc` finds that no branch uses it.
    await dropBelayDatabase(work.main, clone.database.name).catch(() => {});
    throw error;
  }
}

async function takeBase(work: Work, order: BaseOrder): Promise<Clone> {
  const { main, target, timeline } = work;
  const live = requireLive(timeline, target.database);
  const properties = await readProperties(main, live.oid);
  const startedAt = performance.now();
  const copying = { source: live, sizeBytes: null, owner: live.owner, what: target.database };
  return withNewCopy(work, { ...copying, policy: order.sessions }, async (copy) => {
    const counted = await countCopied(work, copy);
    const record: CloneRecord = {
      ...{ kind: 'snapshot', method: copy.method, copyMs: Math.round(copy.copyMs) },
      snapshot: {
        ...{ id: copy.id, createdAt: nextTime(timeline), git: null, reason: 'auto' },
        tag: baseTag(order),
        description: `where branch ${order.name} starts`,
        target: { server: target.server, database: target.database },
        ...counted,
        durationMs: Math.round(performance.now() - startedAt),
        ...{ protectedUntil: null, parent: timeline.basedOn?.record.snapshot.id ?? null },
        serverVersion: main.serverVersion,
      },
      ...{ properties, sourceOid: live.oid, replacedBy: null, restoredAs: [] },
      evidence: counted.fingerprint && (await readWriteEvidence(main, copy.oid)),
      purpose: 'branch-base',
    };
    await reportStep(work.reporter, { name: 'seal' }, () =>
      main.execute(sealSql(copy.database, record), 'sealing the base of the branch'),
    );
    return { database: databaseRow(live, copy), record };
  });
}

/** Where no byte was copied, a scan of all tables would be all that making a branch takes: it waits until it is needed. */
async function countCopied(
  work: Work,
  copy: MadeCopy,
): Promise<{ fingerprint: Fingerprint | null; sizeBytes: number }> {
  const { database, method, oid } = copy;
  if (method !== 'reflink') {
    const { fingerprint, sizeBytes } = await countClone(work, { database, step: 'count' });
    return { fingerprint, sizeBytes };
  }
  return { fingerprint: null, sizeBytes: (await databaseSize(work.main, oid)) ?? 0 };
}

function databaseRow(live: DatabaseRow, { oid, database }: MadeCopy): DatabaseRow {
  return { ...live, oid, name: database, allowsConnections: false, comment: null };
}

const baseTagPrefix = 'base/';

/** e.g. "base/feature_invoices_41b0cd-k3v9": unique, and allowed whatever the branch's name is. */
function baseTag({ name, id }: BaseOrder): string {
  return `${baseTagPrefix}${branchDatabaseName('', name).slice(1)}-${id.slice(0, 6)}`;
}

/**
 * Removes snapshots that were taken for branches which are gone, also those of branches of branches. One that somebody has
 * renamed or protected since is theirs now.
 * @returns their tags
 */
export async function removeUnusedBases(
  { main, target }: Pick<Work, 'main' | 'target'>,
  branches: readonly FoundBranch[],
): Promise<string[]> {
  const unused = await findUnusedBases(target, branches);
  for (const { database } of unused) await dropBelayDatabase(main, database.name);
  return unused.map(({ record }) => record.snapshot.tag);
}

/**
 * In the timelines of the target and of its branches, also of one whose database somebody has dropped by hand. Whoever holds
 * the lock of a branch alone sees that branch's: in another one's timeline a base may just be being made.
 * @param branches all that may start from one of them
 */
export async function findUnusedBases(
  { main, database }: Pick<Target, 'main' | 'database'>,
  branches: readonly FoundBranch[],
): Promise<Clone[]> {
  const used = new Set(branches.map(({ record }) => record.base.snapshotId));
  const rows = await readDatabases(main, database);
  return rows.flatMap((row): Clone[] => {
    const parsed = parseComment(row.comment);
    if (parsed.type !== 'record' || parsed.record.purpose !== 'branch-base') return [];
    const { snapshot } = parsed.record;
    const origin = parseBranchRecord(parsed.record.properties.comment);
    const isOfBranch = origin.type === 'record' && origin.record.root.database === database;
    const isOwn = snapshot.target.database === database || isOfBranch;
    const isNeeded = used.has(snapshot.id) || isProtected(snapshot, new Date());
    return isOwn && snapshot.tag.startsWith(baseTagPrefix) && !isNeeded
      ? [{ database: row, record: parsed.record }]
      : [];
  });
}
