import type { SessionPolicy } from '../../domain/database-session.js';
import { reportStep } from '../../domain/reporter.js';
import { versionChecksum } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { runExclusively } from '../../postgres/exclusive.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { quoteIdentifier } from '../../postgres/session.js';
import { dropSlot } from '../../postgres/shadow/replication.js';
import { recorded } from '../ledger/recorded.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type FoundShadow, findShadow } from './find-shadow.js';
import { cleanShadowLeftovers, shadowLeftovers } from './leftovers.js';

export interface AbortShadowOptions extends WorkOptions {
  /** Sessions in the shadow; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
}

export interface ShadowAbort {
  readonly ok: true;
  /** Of the shadow; null: it was gone already, and only what it had set up was removed. */
  readonly database: string | null;
  /** What was removed, a phrase each. */
  readonly removed: readonly string[];
  /** The target's schema is what it was when the shadow was made; false: others have changed it since. */
  readonly unchanged: boolean;
  readonly durationMs: number;
}

/**
 * Removes a shadow and what was set up for it: slot, publication. Works also where the shadow was dropped by hand. The target is
 * looked at afterwards: it has to be as it was.
 *
 * @example
 * const { removed } = await abortShadow(target);
 * @throws BelayError SHADOW_NOT_FOUND; SESSIONS_IN_THE_WAY, nothing is removed then; LOCKED
 */
export async function abortShadow(
  target: Target,
  options: AbortShadowOptions = {},
): Promise<ShadowAbort> {
  return recorded(
    target,
    'shadow-abort',
    options.reporter,
    () => underLock(target, options, (work) => abort(work, options)),
    ({ database, removed, unchanged }) => ({
      ...{ snapshot: null, rows: null },
      details: { shadow: database, removed, unchanged },
    }),
  );
}

async function abort(work: Work, options: AbortShadowOptions): Promise<ShadowAbort> {
  const { main, target, timeline, cleaned } = work;
  const startedAt = performance.now();
  const found = await findShadow(main, target.database);
  const before = await readTargetChecksum(work);
  const left = found ? [] : await shadowLeftovers(target, timeline);
  if (!found && left.length === 0 && cleaned.length === 0) {
    throw new BelayError('SHADOW_NOT_FOUND', `"${target.database}" has no shadow`, {
      hint: 'There is nothing to abort, and nothing is left of one.',
    });
  }
  const removed = cleaned.map(({ database }) => `database "${database}"`);
  if (found) removed.push(...(await dropShadow(work, found, options)));
  for (const { kind, name } of await cleanShadowLeftovers(target, timeline)) {
    removed.push(`${kind} "${name}"`);
  }
  const after = await readTargetChecksum(work);
  // Of a target that was restored or switched since, nothing was recorded.
  const expected = found?.stale === null ? found.record.targetChecksum : before;
  return {
    ...{ ok: true, database: found?.database ?? null, removed, unchanged: after === expected },
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** The database first: as long as it is there, what it needs to be synced stays too. A kill in between leaves a slot, found by name. */
async function dropShadow(
  work: Work,
  { database, record }: FoundShadow,
  options: AbortShadowOptions,
): Promise<string[]> {
  const { main, helper, signal, reporter, sessionsWaitMs: patienceMs } = work;
  const policy = options.sessions ?? 'wait';
  await reportStep(reporter, { name: 'remove', detail: database }, () =>
    runExclusively({ database, policy, main, helper, signal, patienceMs }, () =>
      main.execute(`DROP DATABASE ${quoteIdentifier(database)}`, `removing "${database}"`),
    ),
  );
  const removed = [`database "${database}"`];
  const { replication } = record;
  if (!replication) return removed;
  // From here and not from the target, which another database may be by now.
  await dropSlot(main, replication.slot);
  return [...removed, `slot "${replication.slot}"`];
}

async function readTargetChecksum({ target, timeline }: Work): Promise<string | null> {
  if (!timeline.live) return null;
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => versionChecksum(await readSchemaModel(await open())),
  );
}
