import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterPaths, clusterPaths, fitsSocketPath, replaceFile } from './cluster-folder.js';
import { stopServer } from './postgres-server.js';
import { findProcessesIn } from './postmaster.js';
import { isStillRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** Everything that one throwaway server has, and who needs it. */
export interface ThrowawayRun {
  readonly paths: ClusterPaths;
  readonly socketDir: string;
  readonly ownerFile: string;
}

interface Owner extends ProcessIdentity {
  readonly socketDir: string;
}

const ownerSuffix = '.owner.json';
/** An owner on another host or in another container cannot be asked; no drill takes that long. */
const foreignPatienceMs = 48 * 60 * 60_000;
/** Between making a file and filling it. */
const writingPatienceMs = 60_000;

/** Belay's folder for drills, below its data folder. */
export function drillFolder(home: string): string {
  return join(home, 'drill');
}

function runsFolder(home: string): string {
  return join(drillFolder(home), 'runs');
}

function runOf(home: string, id: string, socketDir?: string): ThrowawayRun {
  const folder = join(runsFolder(home), id);
  const usual = join(folder, 'socket');
  return {
    paths: clusterPaths(folder),
    socketDir: socketDir ?? (fitsSocketPath(usual) ? usual : join(tmpdir(), `belay-${id}`)),
    ownerFile: `${folder}${ownerSuffix}`,
  };
}

/** Names a new run. Its owner is written before anything else of it exists, and removed last. */
export async function claimRun(home: string): Promise<ThrowawayRun> {
  const run = runOf(home, randomBytes(8).toString('hex'));
  await mkdir(runsFolder(home), { recursive: true, mode: 0o755 });
  const owner: Owner = { ...(await ownIdentity()), socketDir: run.socketDir };
  await replaceFile(run.ownerFile, `${JSON.stringify(owner)}\n`);
  return run;
}

/** Ends the run's server at once, with all its processes, and removes everything. */
export async function removeRun(run: ThrowawayRun, binDir?: string): Promise<void> {
  const { dataDir, folder } = run.paths;
  const stopping = await stopServer(dataDir, binDir, 'immediate').catch((error) => error);
  // One that is stopped by SIGSTOP does not react, and children outlive a postmaster that was killed.
  for (const pid of await findProcessesIn(dataDir)) endProcess(pid);
  if (stopping instanceof Error) await stopServer(dataDir, binDir, 'immediate');
  // The last process of a server may still write while its folder is being removed.
  const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };
  await rm(run.socketDir, options);
  await rm(folder, options);
  await rm(run.ownerFile, { force: true });
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself meanwhile.
  }
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, 'utf8'));
    return typeof owner.pid === 'number' && typeof owner.socketDir === 'string' ? owner : undefined;
  } catch {
    return undefined;
  }
}

async function isDead(ownerFile: string, owner: Owner | undefined): Promise<boolean> {
  const running = owner && (await isStillRunning(owner));
  if (running !== undefined) return !running;
  const ageMs = await stat(ownerFile).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return ageMs > (owner ? foreignPatienceMs : writingPatienceMs);
}

/** What cleaning up after killed runs came to. */
export interface RemovedThrowaways {
  /** Folders that are gone. */
  readonly removed: readonly string[];
  readonly failed: readonly { readonly folder: string; readonly why: string }[];
}

/**
 * Stops and removes the throwaway servers whose owner was killed. Those of living processes stay.
 *
 * @param home Belay's data folder
 */
export async function removeDeadThrowaways(home: string): Promise<RemovedThrowaways> {
  const removed: string[] = [];
  const failed: { folder: string; why: string }[] = [];
  const names = await readdir(runsFolder(home)).catch(() => []);
  for (const name of names.filter((candidate) => candidate.endsWith(ownerSuffix))) {
    const ownerFile = join(runsFolder(home), name);
    const owner = await readOwner(ownerFile);
    if (!(await isDead(ownerFile, owner))) continue;
    const run = runOf(home, name.slice(0, -ownerSuffix.length), owner?.socketDir);
    const { folder } = run.paths;
    try {
      await removeRun(run);
      removed.push(folder);
    } catch (error) {
      failed.push({ folder, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { removed, failed };
}
