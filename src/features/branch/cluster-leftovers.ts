import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { branchClusterPaths, lockBranch, pathExists } from '../../process/branch-cluster.js';
import {
  asidePaths,
  type BranchPointer,
  removePointer,
} from '../../process/branch-cluster-index.js';
import { isStillRunning } from '../../process/process-identity.js';
import type { Work } from '../target/work.js';
import { homeOf, pointersOf } from './cluster-found.js';
import { isOwnPlace, removeEmptyPlace } from './cluster-place.js';
import { removeBranchFolder } from './cluster-remove.js';
import type { BranchLeftover } from './driver.js';

interface Found extends BranchLeftover {
  remove(): Promise<void>;
}

/** An owner on another host or in another container cannot be asked; no copy takes that long. */
const foreignPatienceMs = 48 * 60 * 60_000;

export async function findClusterLeftovers(work: Work): Promise<readonly BranchLeftover[]> {
  return (await search(work)).map(describe);
}

export async function removeClusterLeftovers(work: Work): Promise<readonly BranchLeftover[]> {
  const found = await search(work);
  for (const leftover of found) await leftover.remove();
  return found.map(describe);
}

function describe({ kind, name, detail }: Found): BranchLeftover {
  return { kind, name, detail };
}

async function search(work: Work): Promise<Found[]> {
  const home = homeOf(work.target);
  const found: Found[] = [];
  for (const pointer of await pointersOf(work.target)) {
    const { folder } = pointer;
    const isBranch = await pathExists(folder);
    found.push(...(isBranch ? await besideData(folder) : await ofNone(pointer, home)));
  }
  return found;
}

function leftover(name: string, detail: string, remove: () => Promise<void>): Found {
  return { kind: 'branch-server', name, detail, remove };
}

/** What a reset that was killed left in a branch's folder. */
async function besideData(folder: string): Promise<Found[]> {
  const { dataDir, newDataDir, oldDataDir } = branchClusterPaths(folder);
  const found: Found[] = [];
  const asLeftover = (path: string, detail: string, remove: () => Promise<void>) =>
    found.push(leftover(path, detail, () => lockBranch(folder, remove)));
  const drop = (path: string) => () => rm(path, { recursive: true, force: true });
  const hasData = await pathExists(dataDir);
  if (await pathExists(oldDataDir)) {
    if (hasData) asLeftover(oldDataDir, 'data that a reset has replaced', drop(oldDataDir));
    else {
      const detail = 'data of a reset that was killed before it had replaced it; put back';
      asLeftover(oldDataDir, detail, () => rename(oldDataDir, dataDir));
    }
  }
  if (await pathExists(newDataDir)) {
    asLeftover(newDataDir, 'data of a reset that was interrupted', drop(newDataDir));
  }
  return found;
}

/** What is left where no branch is: one that was being made or removed, or a pointer to nothing. */
async function ofNone(pointer: BranchPointer, home: string): Promise<Found[]> {
  const { folder, id } = pointer;
  const { making, removing } = asidePaths(folder);
  const forget = async () => {
    await removeEmptyPlace(dirname(folder));
    await removePointer(home, id);
  };
  const asLeftover = (path: string, detail: string) =>
    leftover(path, detail, async () => {
      await removeBranchFolder(path);
      await forget();
    });
  if (await pathExists(removing)) {
    return [asLeftover(removing, 'a branch whose removal was interrupted')];
  }
  const makingSince = await stat(making).catch(() => undefined);
  if (makingSince) {
    if (!(await isAbandoned(pointer, makingSince.mtimeMs))) return [];
    return [asLeftover(making, 'a branch that was interrupted before it was complete')];
  }
  // A disk that is not mounted may come back.
  if (!(await pathExists(dirname(folder))) && !isOwnPlace(dirname(folder))) return [];
  if (!(await isAbandoned(pointer, 0))) return [];
  return [leftover(folder, 'the note of a branch whose folder is gone', forget)];
}

/** Whether nobody is at work on it. This process is not: the target's lock is held, and it looks for leftovers. */
async function isAbandoned({ owner }: BranchPointer, sinceMs: number): Promise<boolean> {
  if (owner.pid === process.pid) return true;
  const running = await isStillRunning(owner);
  return running === undefined ? Date.now() - sinceMs > foreignPatienceMs : !running;
}
