import { type CopyStrategy, chooseCopyStrategy, methodInEffect } from '../domain/copy-strategy.js';
import type { SessionPolicy } from '../domain/database-session.js';
import type { CopyMethod } from '../domain/snapshot.js';
import { BelayError } from '../errors.js';
import { type DataDirectory, freeBytes, mayShareBlocks } from './data-directory.js';
import { runExclusively } from './exclusive.js';
import type { Session } from './session.js';
import { createDatabaseSql } from './sql/databases.js';

/** Room that must stay free beside the copy: WAL, temporary files, and what others write meanwhile. */
const reserveBytes = 64 * 1024 * 1024;

export interface CopyRequest {
  /** Session that runs CREATE DATABASE; connected to neither of the two. */
  readonly main: Session;
  readonly helper: Session;
  readonly source: string;
  readonly name: string;
  readonly owner: string;
  /** Logical size of the source; null where the role may not ask. */
  readonly sizeBytes: number | null;
  readonly policy: SessionPolicy;
  /** For the policy "wait"; default 10 s. */
  readonly patienceMs?: number | undefined;
  readonly dataDirectory: DataDirectory | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CopyResult {
  readonly method: CopyMethod;
  readonly copyMs: number;
  /** How long the source was closed to new connections. */
  readonly outageMs: number;
}

/** Whether the server knows file_copy_method = clone; knowing it doesn't mean that the disk can. */
export async function offersClone(session: Session): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_settings WHERE name = 'file_copy_method' AND 'clone' = ANY (enumvals)`,
  );
  return rows.length > 0;
}

/** How a copy of that size would be made on this server. */
export async function planCopy(session: Session, sizeBytes: number | null): Promise<CopyStrategy> {
  return chooseCopyStrategy({
    serverVersion: session.serverVersion,
    // An unknown size is taken as large: FILE_COPY is slow by two checkpoints at worst, WAL_LOG by minutes.
    sizeBytes: sizeBytes ?? Number.MAX_SAFE_INTEGER,
    offersClone: await offersClone(session),
  });
}

/**
 * Copies a database into a new one that is closed to connections and marked as Belay's.
 * @throws BelayError DISK_FULL, SESSIONS_IN_THE_WAY, PERMISSION_DENIED, …; nothing is left behind then
 */
export async function copyDatabase(request: CopyRequest, plan: CopyStrategy): Promise<CopyResult> {
  const { main, helper } = request;
  if (plan.strategy !== 'WAL_LOG') await checkpointAhead(helper);
  if (plan.askForClone)
    await main.execute('SET file_copy_method = clone', 'choosing the copy method');
  const freeBefore = await measureFree(request);
  const startedAt = performance.now();
  const { outageMs } = await runExclusively(
    {
      ...{ main, helper, database: request.source },
      ...{ policy: request.policy, patienceMs: request.patienceMs, signal: request.signal },
    },
    () =>
      main.execute(
        createDatabaseSql({ ...request, strategy: plan.strategy }),
        `copying "${request.source}"`,
      ),
  );
  const copyMs = performance.now() - startedAt;
  const freeAfter = await measureFree(request);
  const spaceUsedBytes =
    freeBefore === undefined || freeAfter === undefined ? undefined : freeBefore - freeAfter;
  const measured = { sizeBytes: request.sizeBytes ?? 0, durationMs: copyMs, spaceUsedBytes };
  return { method: methodInEffect(plan, measured), copyMs, outageMs };
}

/**
 * FILE_COPY forces a checkpoint while new connections are held off. Writing the dirty pages before makes that
 * one short. Only superusers and pg_checkpoint may; without the right the copy is merely slower.
 */
async function checkpointAhead(helper: Session): Promise<void> {
  await helper.execute('CHECKPOINT', 'writing dirty pages').catch(() => {});
}

async function measureFree(request: CopyRequest): Promise<number | undefined> {
  return request.dataDirectory?.certain ? freeBytes(request.dataDirectory.path) : undefined;
}

/**
 * Refuses a copy that can't fit. Where the copy may turn out to be a reflink, which needs next to nothing,
 * it is tried: PostgreSQL removes what it had copied when the disk is full.
 * @throws BelayError DISK_FULL
 */
export async function checkSpace(
  directory: DataDirectory | undefined,
  sizeBytes: number | null,
  plan: CopyStrategy,
): Promise<void> {
  if (!directory?.certain || sizeBytes === null) return;
  if (plan.askForClone && (await mayShareBlocks(directory.path))) return;
  const free = await freeBytes(directory.path);
  if (free === undefined || free >= sizeBytes + reserveBytes) return;
  const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new BelayError(
    'DISK_FULL',
    `the copy needs ${mb(sizeBytes)} and ${mb(reserveBytes)} to spare, but only ${mb(free)} are free in ${directory.path}`,
    {
      hint: 'Nothing was done. Free space there, e.g. with `belay prune --keep-last 3`.',
      details: { neededBytes: sizeBytes + reserveBytes, freeBytes: free },
    },
  );
}
