import type { SessionPolicy } from '../../domain/database-session.js';
import { previousName } from '../../domain/previous-name.js';
import type { CountedWrites } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import type { SyncedTable } from '../../domain/shadow.js';
import { automaticTag } from '../../domain/tag.js';
import { readCountedWrites } from '../../postgres/counted-writes.js';
import { checkCanCopy } from '../../postgres/rights.js';
import type { Session } from '../../postgres/session.js';
import {
  commentDatabaseSql,
  type DatabaseRow,
  databaseFlagsSql,
} from '../../postgres/sql/databases.js';
import { readGitState } from '../../process/git.js';
import { recorded } from '../ledger/recorded.js';
import { recordOfPrevious, refuseTemplate } from '../snapshot/swap.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { type Clone, requireLive, takenTags } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type FoundShadow, requireShadow } from './find-shadow.js';
import { cleanAfterPromote } from './promote-after.js';
import { refuseOtherReplication, refuseStale } from './promote-checks.js';
import { settleShadow } from './promote-settle.js';
import { type Switched, switchOver } from './promote-switch.js';
import { type LastSync, PromoteSync } from './promote-sync.js';
import { type AfterSync, readAfterSync, untransformedRows } from './sync.js';

const defaultMaxOutageMs = 5000;

export interface PromoteOptions extends WorkOptions, ProductionApproval {
  /** Sessions in the target; default "wait": transactions in progress may end, for up to `sessionsWaitMs`. */
  readonly sessions?: SessionPolicy | undefined;
  /** Longest time in which nobody can write, in milliseconds; default 5 s. Past it everything is let go, and tried again twice. */
  readonly maxOutageMs?: number | undefined;
  /** Promote though rows arrived that lack what the migration did to the rows of their table. */
  readonly acceptUntransformed?: boolean | undefined;
  /** File of SQL that does to the rows that arrived what the migration did to the others. */
  readonly afterSync?: string | undefined;
  readonly cwd?: string | undefined;
}

/** What a promote did. Durations in milliseconds. */
export interface PromoteResult {
  readonly ok: true;
  /** The target: what was its shadow has its name now. */
  readonly database: string;
  /** What was there before: whole, closed, and a snapshot that `belay undo` brings back. */
  readonly previous: {
    readonly database: string;
    readonly id: string;
    readonly tag: string;
    /** Null: not counted yet. */
    readonly rows: number | null;
  };
  /** From when nobody could write to when everybody can write to the new database. */
  readonly outageMs: number;
  /** The same, with attempts that came to nothing. */
  readonly writersHeldMs: number;
  /** How long new connections waited. */
  readonly connectionsHeldMs: number;
  readonly attempts: number;
  /** Since the last sync before the promote. */
  readonly rowsBroughtOver: number;
  readonly tables: readonly SyncedTable[];
  /** Every table was scanned and its rows counted on both sides, in one view of the target, just before. */
  readonly verified: boolean;
  /** Rows that lack what the migration did to the others, accepted by the caller. */
  readonly untransformed: readonly { readonly table: string; readonly rows: number }[];
  readonly durationMs: number;
}

/**
 * Puts the shadow into the target's place: brings over what has changed, proves that both have the same rows, holds writers off
 * for the last changes, and renames both databases in one transaction. What was there is kept under `NAME_old_YYYYMMDD`.
 * If anything fails before the renames are committed, the target goes on as if nothing had been.
 *
 * @example
 * const { outageMs, previous } = await promoteShadow(target);
 * @throws BelayError SHADOW_NOT_FOUND, SCHEMA_CHANGED, SHADOW_DIFFERS, SHADOW_ROW_REFUSED, ROWS_NOT_TRANSFORMED, OUTAGE_TOO_LONG,
 *   SESSIONS_IN_THE_WAY, REPLICATION_IN_THE_WAY, PRODUCTION_GUARD, LOCKED, …; the target is unchanged then
 */
export async function promoteShadow(
  target: Target,
  options: PromoteOptions = {},
): Promise<PromoteResult> {
  return recorded(
    target,
    'shadow-promote',
    options.reporter,
    async () => {
      guardProduction(target, 'promote the shadow of', options);
      const script = await readAfterSync(options.afterSync, options.cwd ?? target.cwd);
      return underLock(target, options, (work) => promote(work, options, script));
    },
    ({ previous, outageMs, rowsBroughtOver, verified, untransformed }) => ({
      snapshot: { id: previous.id, tag: previous.tag },
      rows: previous.rows,
      details: { previous: previous.database, outageMs, rowsBroughtOver, verified, untransformed },
    }),
  );
}

async function promote(
  work: Work,
  options: PromoteOptions,
  script: AfterSync | null,
): Promise<PromoteResult> {
  const startedAt = performance.now();
  const { main, target } = work;
  const live = requireLive(work.timeline, target.database);
  const found = await requireShadow(main, target.database);
  refuseStale(found);
  refuseTemplate(work);
  await checkCanCopy(main, live);
  await refuseOtherReplication(work, found.record);
  const sync = new PromoteSync(work, found, {
    script,
    acceptUntransformed: options.acceptUntransformed ?? false,
  });
  await sync.untilLittleIsLeft();
  await sync.verify();
  const opened = await withShadow(work, found, (session) =>
    settleShadow(work, session, live, found),
  );
  const prepared = await prepare(work, options, live, found);
  const switched = await reportStep(
    work.reporter,
    { name: 'promote', detail: target.database },
    () =>
      switchOver<LastSync, CountedWrites | null>({
        work,
        policy: options.sessions ?? 'wait',
        maxOutageMs: options.maxOutageMs ?? defaultMaxOutageMs,
        request: {
          ...prepared.request,
          openSql: [
            commentDatabaseSql(target.database, opened.comment),
            databaseFlagsSql(target.database, { ...opened, allowConnections: true }),
          ],
          recordSql: [],
          sessions: options.sessions ?? 'wait',
        },
        previous: (counted) => withCounted(prepared.previous, counted),
        catchUp: (both) => sync.catchUp(both),
        bringLast: (held) => sync.bringLast(held),
        whenAlone: async (held) => {
          await sync.whenAlone(held);
          return readCountedWrites(held.shadow);
        },
      }),
  );
  const previous = withCounted(prepared.previous, switched.last);
  const kept = await cleanAfterPromote(work, switched.brought.record, previous);
  return describe(work, { kept, switched, tables: sync.tables(), startedAt });
}

async function withShadow<T>(
  { target }: Work,
  { database }: FoundShadow,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await target.openDatabase(database);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** Everything about the kept database that can be known before writers are held off. */
async function prepare(work: Work, options: PromoteOptions, live: DatabaseRow, found: FoundShadow) {
  const { main, target, timeline } = work;
  const names = await main.query<{ name: string }>('SELECT datname::text AS name FROM pg_database');
  const now = new Date();
  const request = {
    incoming: { name: found.database, oid: found.oid },
    keepAs: {
      tag: automaticTag('before-promote', now, takenTags(timeline)),
      description: `replaced by its shadow: ${found.record.migration.name}`,
      reason: 'before-restore' as const,
      git: await readGitState(options.cwd ?? process.cwd()),
    },
    action: 'promote' as const,
    snapshotId: null,
    previousName: previousName(target.database, now, new Set(names.map(({ name }) => name))),
  };
  return { request, previous: await recordOfPrevious(work, live, request) };
}

function withCounted(clone: Clone, counted: CountedWrites | null): Clone {
  const { replacedBy } = clone.record;
  return {
    ...clone,
    record: { ...clone.record, replacedBy: replacedBy && { ...replacedBy, counted } },
  };
}

interface Promoted {
  readonly kept: Clone;
  readonly switched: Switched<LastSync, CountedWrites | null>;
  readonly tables: readonly SyncedTable[];
  readonly startedAt: number;
}

function describe({ target }: Work, promoted: Promoted): PromoteResult {
  const { kept, switched, tables, startedAt } = promoted;
  const { id, tag, fingerprint } = kept.record.snapshot;
  return {
    ok: true,
    database: target.database,
    previous: { database: kept.database.name, id, tag, rows: fingerprint?.rows ?? null },
    outageMs: Math.round(switched.outageMs),
    writersHeldMs: Math.round(switched.writersHeldMs),
    connectionsHeldMs: Math.round(switched.connectionsHeldMs),
    attempts: switched.attempts,
    rowsBroughtOver: tables.reduce((sum, { upserted, deleted }) => sum + upserted + deleted, 0),
    tables,
    // What differs was thrown.
    verified: true,
    untransformed: untransformedRows(switched.brought.record),
    durationMs: Math.round(performance.now() - startedAt),
  };
}
