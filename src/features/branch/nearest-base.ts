import { loadedBranches } from '../../config/branches-config.js';
import { loadConfig } from '../../config/load-config.js';
import { liveReference } from '../../domain/branch.js';
import type { AppliedMigration, MigrationFile } from '../../domain/migration.js';
import { type BaseCandidate, nearestBase } from '../../domain/nearest-base.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { appliedMigrations, belaySource } from '../migration/belay-source.js';
import { findMigrationSource } from '../migration/find-source.js';
import { withMigrationState } from '../migration/migration-state.js';
import { readingClone } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';
import type { FoundBranch } from './driver.js';
import { withBranchTarget } from './open-branch.js';

/** So many other databases are looked at: opening each takes some 20 ms, and somebody waits for a checkout. */
const branchLimit = 10;
const snapshotLimit = 3;

export interface ChooseBaseOptions extends WorkOptions {
  /** The branches of the target. */
  readonly branches: readonly FoundBranch[];
}

export interface ChosenBase {
  /** As `createBranch` takes it. */
  readonly from: string;
  /** For people: why this one, or what does not fit; null where there was nothing to choose. */
  readonly note: string | null;
}

const live = (note: string | null): ChosenBase => ({ from: liveReference, note });

/**
 * The database from which a new branch starts, so that the fewest of the working tree's migrations are left to apply: the
 * live target, another branch, or one of the newest snapshots. Without migrations it is the live target.
 */
export async function chooseBase(root: Target, options: ChooseBaseOptions): Promise<ChosenBase> {
  const found = await readStand(root).catch(unlessBug);
  if (!found || found.files.length === 0) return live(null);
  const { files, applied } = found;
  const liveCandidate = { from: liveReference, kind: 'live', applied, at: '' } as const;
  const onlyLive = nearestBase([liveCandidate], files);
  // Nothing can be nearer than all of the files.
  if (!onlyLive || (onlyLive.foreign.length === 0 && onlyLive.missing.length === 0)) {
    return live(null);
  }
  const branches = await readBranches(root, options.branches);
  let best = nearestBase([liveCandidate, ...branches], files);
  if (best && best.foreign.length > 0) {
    // Older states of the target matter only where its present one does not fit.
    const snapshots = await readSnapshots(root, options, files);
    best = nearestBase([liveCandidate, ...branches, ...snapshots], files);
  }
  if (!best) return live(null);
  const { candidate, foreign, missing } = best;
  if (foreign.length > 0) return live(foreignNote(root.database, foreign));
  if (candidate.kind === 'live') return live(null);
  const [what, name] = [candidate.kind, candidate.from.replace(/^(?:branch|snapshot):/, '')];
  const rest = missing.length === 0 ? 'all' : `all but ${missing.length}`;
  return {
    from: candidate.from,
    note: `it starts from ${what} "${name}", which has ${rest} of this git branch's migrations`,
  };
}

function foreignNote(database: string, foreign: readonly string[]): string {
  const names = foreign.slice(0, 5).join(', ') + (foreign.length > 5 ? ', …' : '');
  return `"${database}" has migrations that are not in this git branch's files: ${names}`;
}

interface Stand {
  readonly files: readonly MigrationFile[];
  readonly applied: readonly AppliedMigration[];
}

/** What is applied to a database, beside the files of the working tree. */
async function readStand(target: Target): Promise<Stand> {
  return withMigrationState(target, async ({ source, session, entries, files }) => ({
    files,
    applied: source ? ((await source.readApplied(session)) ?? []) : appliedMigrations(entries),
  }));
}

/** What cannot be read cannot be chosen, and is no reason to fail. */
function unlessBug(error: unknown): null {
  if (error instanceof BelayError && error.kind !== 'bug') return null;
  throw error;
}

/**
 * Branches of the kind that would be made: a branch of a branch is isolated as that is. A schema branch has the record of
 * its migrations in a schema where no tool's reader looks for it.
 */
async function readBranches(
  root: Target,
  branches: readonly FoundBranch[],
): Promise<BaseCandidate[]> {
  const { isolation = 'database' } = await loadedBranches(root);
  if (isolation === 'schema') return [];
  const usable = branches
    .filter(({ state, record }) => state === 'ready' && record.isolation === isolation)
    .sort((a, b) => lastUse(b).localeCompare(lastUse(a)))
    .slice(0, branchLimit);
  const read = usable.map(async (branch): Promise<BaseCandidate[]> => {
    const stand = await withBranchTarget(root, branch, 'git checkout', readStand).catch(unlessBug);
    if (!stand) return [];
    const from = `branch:${branch.record.name}`;
    return [{ from, kind: 'branch', applied: stand.applied, at: lastUse(branch) }];
  });
  return (await Promise.all(read)).flat();
}

const lastUse = ({ record }: FoundBranch) => record.lastUsedAt ?? record.createdAt;

/** Under the target's lock: a snapshot's clone is opened for as long as it is read. */
async function readSnapshots(
  root: Target,
  options: WorkOptions,
  files: readonly MigrationFile[],
): Promise<BaseCandidate[]> {
  const found = await underLock(root, options, async (work) => {
    const candidates: BaseCandidate[] = [];
    for (const { database, record } of work.timeline.clones.slice(0, snapshotLimit)) {
      const applied = await readingClone(work, database.name, async (open) =>
        readApplied(root, await open()),
      ).catch(unlessBug);
      if (!applied) continue;
      const { tag, createdAt } = record.snapshot;
      candidates.push({ from: `snapshot:${tag}`, kind: 'snapshot', applied, at: createdAt });
      if (nearestBase([candidates.at(-1) as BaseCandidate], files)?.foreign.length === 0) break;
    }
    return candidates;
  }).catch(unlessBug);
  return found ?? [];
}

async function readApplied(
  { cwd, env }: Target,
  session: Session,
): Promise<readonly AppliedMigration[]> {
  const loaded = await loadConfig({ cwd, env });
  const folder = loaded?.directory ?? cwd;
  const config = loaded?.config.migrations;
  const source =
    (await findMigrationSource({ cwd: folder, config, session, env })) ??
    belaySource({ cwd: folder, directory: config?.directory ?? 'migrations' });
  return (await source.readApplied(session)) ?? [];
}
