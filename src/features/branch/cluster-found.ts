import { readFile } from 'node:fs/promises';
import type { BranchRecord, BranchState } from '../../domain/branch.js';
import { encodeBranchRecord, parseBranchRecord } from '../../domain/branch-record.js';
import type { ClusterConnection } from '../../domain/current-branch.js';
import { BelayError } from '../../errors.js';
import { readServerIdentity } from '../../postgres/base-backup-source.js';
import {
  type BranchClusterPaths,
  branchClusterPaths,
  hasPrograms,
  pathExists,
  readConnection,
} from '../../process/branch-cluster.js';
import {
  type BranchPointer,
  type BranchRoot,
  belongsTo,
  readPointers,
} from '../../process/branch-cluster-index.js';
import { type ClusterState, readClusterState } from '../../process/cluster.js';
import { replaceFile } from '../../process/cluster-folder.js';
import { readDataDirectoryMajor } from '../../process/data-directory.js';
import { findInstallations } from '../../process/postgres-installation.js';
import { localServerPlace } from '../local/local-server.js';
import type { Target } from '../target/open-target.js';
import { branchSettings } from './cluster-session.js';
import type { FoundBranch } from './driver.js';

/** Belay's data folder, as a target's environment says it. */
export function homeOf({ env }: Pick<Target, 'env'>): string {
  return localServerPlace({ env }).home;
}

/** What a target is called in the pointers to its branches. */
export async function branchRootOf(root: Target): Promise<BranchRoot> {
  return { ...(await readServerIdentity(root.main)), database: root.database };
}

/** The pointers to branches of a target, and to what is left of them. */
export async function pointersOf(root: Target): Promise<BranchPointer[]> {
  const pointers = await readPointers(homeOf(root));
  // Most targets have none: then the server need not be asked who it is.
  if (pointers.length === 0) return [];
  const wanted = await branchRootOf(root);
  return pointers.filter((pointer) => belongsTo(pointer, wanted));
}

/** Branches of a target that have a server of their own. Changes nothing. */
export async function listClusterBranches(root: Target): Promise<FoundBranch[]> {
  const pointers = await pointersOf(root);
  const found = await Promise.all(pointers.map(({ folder }) => readClusterBranch(root, folder)));
  return found.filter((branch) => branch !== undefined);
}

/** @returns undefined where the folder holds no complete branch */
export async function readClusterBranch(
  root: Pick<Target, 'settings' | 'env'>,
  folder: string,
): Promise<FoundBranch | undefined> {
  const paths = branchClusterPaths(folder);
  const text = await readFile(paths.branchFile, 'utf8').catch(() => null);
  const parsed = parseBranchRecord(text?.trim() ?? null);
  if (parsed.type === 'newer') throw newerFormat(paths.branchFile, parsed.format);
  if (parsed.type === 'foreign') return undefined;
  const connection = await readConnection(folder);
  const server = await readClusterState(folder);
  const { options } = root.settings;
  return {
    record: parsed.record,
    ...(await stateOf(paths, server, connection, root.env)),
    // A start that was killed may have left the port of before in the file.
    settings: branchSettings(
      { ...(connection ?? unknownConnection(parsed.record)), ...portOf(server) },
      options,
    ),
    folder,
  };
}

function portOf({ running, port }: ClusterState): { port?: number } {
  return running && port !== null ? { port } : {};
}

function unknownConnection({ database }: BranchRecord): ClusterConnection {
  return { host: '127.0.0.1', port: 0, user: '', password: '', database };
}

type Condition = Pick<FoundBranch, 'state' | 'problem'>;

const damaged = (problem: string): Condition => ({ state: 'damaged', problem });

async function stateOf(
  paths: BranchClusterPaths,
  { running, exists, record }: ClusterState,
  connection: ClusterConnection | null,
  env: NodeJS.ProcessEnv,
): Promise<Condition> {
  if (!connection || !record) {
    const file = connection ? paths.recordFile : paths.connectionFile;
    return damaged(`${file} is missing or damaged: \`belay branch delete\` removes what is left`);
  }
  const state: BranchState = running ? 'ready' : 'stopped';
  if (running && exists) return { state, problem: null };
  if (!exists) {
    // The start puts it back.
    if (!(await pathExists(paths.dataDir)) && (await pathExists(paths.oldDataDir))) {
      return { state: 'stopped', problem: null };
    }
    return damaged(await dataProblem(paths));
  }
  if (await hasPrograms(record)) return { state, problem: null };
  const major = await readDataDirectoryMajor(paths.dataDir);
  const others = await findInstallations(env).catch(() => []);
  if (others.some((one) => one.major === major)) return { state, problem: null };
  return damaged(`its PostgreSQL ${record.version} in ${record.binDir} is gone: install it again`);
}

async function dataProblem({ dataDir, baseDir }: BranchClusterPaths): Promise<string> {
  const hasBase = (await readDataDirectoryMajor(baseDir)) !== null;
  const what = hasBase
    ? '`belay branch reset` brings its base back'
    : '`belay branch delete` removes what is left';
  return `its data directory ${dataDir} is gone: ${what}`;
}

function newerFormat(file: string, format: number): BelayError {
  return new BelayError('NEWER_FORMAT', `${file} was written by a newer Belay (format ${format})`, {
    hint: 'Upgrade Belay on this machine: it must not touch what it does not understand.',
  });
}

export async function writeBranchFile(folder: string, record: BranchRecord): Promise<void> {
  await replaceFile(branchClusterPaths(folder).branchFile, `${encodeBranchRecord(record)}\n`);
}

/** @throws BelayError USAGE for a branch that has no server of its own */
export function folderOf({ folder, record }: FoundBranch): string {
  if (folder !== null) return folder;
  throw new BelayError('USAGE', `branch "${record.name}" has no server of its own`, {
    hint: 'It lies in the server that it was made from, and is there as long as that runs.',
  });
}
