import { parseDuration } from '../../domain/duration.js';
import { parseTime } from '../../domain/reference.js';
import { BelayError } from '../../errors.js';
import { takeCheckpoint } from '../../features/archive/checkpoint.js';
import { deleteSnapshot } from '../../features/snapshot/delete.js';
import { protectSnapshot, unprotectSnapshot } from '../../features/snapshot/protect.js';
import { pruneSnapshots } from '../../features/snapshot/prune.js';
import { renameSnapshot } from '../../features/snapshot/rename.js';
import { restoreSnapshot } from '../../features/snapshot/restore.js';
import { switchSnapshot } from '../../features/snapshot/switch.js';
import { takeSnapshot } from '../../features/snapshot/take.js';
import { undoRestore } from '../../features/snapshot/undo.js';
import { restoreSnapshotTables } from '../../features/table/restore-snapshot-tables.js';
import { databaseExists } from '../../postgres/sql/databases.js';
import { approved, type JobEnd, type JobVerbs, type JobWork, sessionsOf } from './job-work.js';
import { notProven } from './proof-verbs.js';
import { previewRestore } from './restore-preview.js';

type SnapshotJob =
  | 'checkpoint'
  | 'snapshot'
  | 'restore'
  | 'restore-preview'
  | 'switch'
  | 'undo'
  | 'delete-snapshot'
  | 'rename'
  | 'protect'
  | 'unprotect'
  | 'prune';

/** Snapshots are made, put in place and removed. */
export const snapshotVerbs: JobVerbs<SnapshotJob> = {
  checkpoint,
  snapshot,
  restore: (work) => (work.input.tables ? restoreTables(work) : restore(work)),
  'restore-preview': async (work) => ({ result: await previewRestore(work) }),
  switch: async (work) => {
    const { reference, save, confirm } = work.input;
    const approval = approved(work, 'switch', confirm);
    const order = { reference, save, sessions: sessionsOf(work), cwd: work.target.cwd };
    return {
      result: await switchSnapshot(work.target, { ...work.options, ...order, ...approval }),
    };
  },
  undo: async (work) => {
    const approval = approved(work, 'undo the last restore of', work.input.confirm);
    const order = { sessions: sessionsOf(work), cwd: work.target.cwd };
    return { result: await undoRestore(work.target, { ...work.options, ...order, ...approval }) };
  },
  'delete-snapshot': async (work) => {
    const { reference, confirm } = work.input;
    const approval = approved(work, 'delete a snapshot of', confirm);
    // Whoever may begin this job has said what goes.
    const order = { reference, confirm: () => true };
    return {
      result: await deleteSnapshot(work.target, { ...work.options, ...order, ...approval }),
    };
  },
  rename: async ({ target, input, options }) => ({
    result: await renameSnapshot(target, { ...options, ...input }),
  }),
  protect: async ({ target, input: { reference, until }, options }) => ({
    result: await protectSnapshot(target, { ...options, reference, until: readUntil(until) }),
  }),
  unprotect: async ({ target, input, options }) => ({
    result: await unprotectSnapshot(target, { ...options, ...input }),
  }),
  prune,
};

async function checkpoint(work: JobWork<'checkpoint'>): Promise<JobEnd> {
  const { target, input, options, job } = work;
  const result = await takeCheckpoint(target, { ...options, ...input, job, cwd: target.cwd });
  if (result.ok && result.restore_drill === 'proven') return { result };
  return { result, failure: notProven(result.tag, result.differences) };
}

async function snapshot(work: JobWork<'snapshot'>): Promise<JobEnd> {
  const { target, input, options, job, isScheduled } = work;
  const { snapshot: taken, outageMs } = await takeSnapshot(target, {
    ...{ ...options, ...input, job, cwd: target.cwd },
    ...{ sessions: sessionsOf(work, input.sessions), reason: isScheduled ? 'schedule' : 'manual' },
  });
  return { result: { ...taken, outageMs } };
}

async function restore(work: JobWork<'restore'>): Promise<JobEnd> {
  const { reference, to, confirm } = work.input;
  const approval = to === undefined ? approved(work, 'restore into', confirm) : {};
  const order = { reference, to, sessions: sessionsOf(work), cwd: work.target.cwd };
  const result = await restoreSnapshot(work.target, { ...work.options, ...order, ...approval });
  return { result };
}

async function restoreTables(work: JobWork<'restore'>): Promise<JobEnd> {
  const { target, name, options } = work;
  const { reference, to, tables = [], confirm } = work.input;
  const approval = to === undefined ? approved(work, 'restore tables into', confirm) : {};
  if (to !== undefined && (await databaseExists(target.main, to))) throw databaseIsThere(to);
  const isTyped = confirm === name;
  const order = { reference, to, tables, confirm: () => isTyped };
  try {
    return { result: await restoreSnapshotTables(target, { ...options, ...order, ...approval }) };
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'WOULD_LOSE') throw error;
    throw new BelayError('WOULD_LOSE', error.message, {
      hint: `Nothing was changed. Send "confirm": ${JSON.stringify(name)} to restore it all the same; the foreign keys then stay NOT VALID.`,
      details: { ...error.details, confirm: name },
      cause: error,
    });
  }
}

/** Another database may be one that the caller has no business in. */
function databaseIsThere(database: string): BelayError {
  return new BelayError(
    'DATABASE_EXISTS',
    `database "${database}" exists already; tables are restored into their own or into a new one`,
    { hint: 'Choose another name, or leave `to` out.' },
  );
}

function readUntil(until: string | null | undefined): Date | undefined {
  if (until === undefined || until === null || until === 'forever') return undefined;
  return /^\d+[a-z]+$/.test(until) ? new Date(Date.now() + parseDuration(until)) : parseTime(until);
}

async function prune(work: JobWork<'prune'>): Promise<JobEnd> {
  const { target, input, options, config } = work;
  const { dryRun } = input;
  const isChosen = input.keepLast !== undefined || input.keepWithin !== undefined;
  const { keepLast, keepWithin } = isChosen ? input : (config?.retention ?? {});
  const approval = dryRun ? {} : approved(work, 'delete snapshots of', input.confirm);
  const result = await pruneSnapshots(target, {
    ...{ ...options, ...approval, keepLast, dryRun, confirm: () => true },
    keepWithinMs: keepWithin === undefined ? undefined : parseDuration(keepWithin),
  });
  return { result };
}
