import { setTimeout as sleep } from 'node:timers/promises';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { ConstraintName } from '../../domain/table-schema-record.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import type { Session } from '../../postgres/session.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';
import { readDependents } from '../../postgres/table/dependents.js';
import { readForeignKeys } from '../../postgres/table/foreign-keys.js';
import {
  type LockRequest,
  lockAll,
  readLockable,
  readLockHolders,
} from '../../postgres/table/lock-tables.js';
import { readTableFacts } from '../../postgres/table/read-tables.js';
import { checkTargetLock } from '../../postgres/target-lock.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { among, type Blueprint } from './blueprint.js';
import { hasGrown, type MeasuredLoss } from './measure-loss.js';
import { putInPlace } from './put-in-place.js';
import type { Survey } from './survey.js';

export interface TableSwapOrder {
  readonly session: Session;
  readonly blueprint: Blueprint;
  readonly survey: Survey;
  readonly measured: MeasuredLoss;
  /** Schemas for what is replaced, by the schema that it is in now. */
  readonly kept: ReadonlyMap<string, string>;
  readonly snapshotId: string;
}

export interface SwappedTables {
  /** How long the tables could not be read. */
  readonly outageMs: number;
  /** Foreign keys that are in place and not validated. */
  readonly unvalidated: readonly ConstraintName[];
}

/** For the tables of others that a foreign key refers to, which the role may not lock before. */
const lastLockMs = 300;
const mostAttempts = 20;
const pauseMs = 500;
/** The lock was not to be had in time, or only in a circle. */
const lockStates = new Set(['55P03', '40P01']);

/**
 * Puts the tables in place in one transaction. While it waits for a lock everybody else waits behind it, so it waits
 * for moments only, and tries again.
 * @returns undefined where the database is not as it was measured any more
 * @throws BelayError LOCK_TIMEOUT naming who is in the way; nothing was changed then
 */
export async function swapTables(
  work: Work,
  order: TableSwapOrder,
): Promise<SwappedTables | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(work.signal);
    try {
      return await trySwap(work, order);
    } catch (error) {
      if (!lockStates.has(sqlStateOf(error) ?? '')) throw error;
      if (attempt === mostAttempts) throw await lockTimeout(work, order, error);
      if (attempt === 3) await sayWhoHolds(work, order);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }
}

const lockedTables = ({ survey }: TableSwapOrder): QualifiedName[] => [
  ...survey.existing.filter((facts) => facts !== undefined),
  ...survey.incoming.map(({ table }) => table),
];

async function trySwap(work: Work, order: TableSwapOrder): Promise<SwappedTables | undefined> {
  const { session, measured } = order;
  let startedAt = 0;
  const unvalidated = await session.transaction(async () => {
    await session.execute(
      'SET LOCAL check_function_bodies = off; SET LOCAL jit = off',
      'beginning to swap',
    );
    startedAt = await lockEverything(order);
    await session.execute(`SET LOCAL lock_timeout = ${lastLockMs}`, 'beginning to swap');
    if (!(await isAsSurveyed(order)) || (await hasGrown(session, measured))) return undefined;
    await checkTargetLock(work.main, work.target.database);
    return putInPlace(order);
  });
  return unvalidated && { unvalidated, outageMs: performance.now() - startedAt };
}

/**
 * At once all that is needed in the end: to lock out only writers first, and readers later, would never get past
 * transactions that read a table before they write to it. In the order in which others lock: a view before what it reads,
 * a row's table before the one that its foreign key refers to.
 */
async function lockEverything({ session, survey }: TableSwapOrder): Promise<number> {
  const present = survey.existing.filter((facts) => facts !== undefined);
  const relations = survey.dependents.flatMap(({ relation, relationKind, owner }) =>
    relation && relationKind
      ? [{ name: relation, kind: relationKind, owner, exclusive: true }]
      : [],
  );
  const isTable = ({ kind }: LockRequest) => 'rp'.includes(kind);
  const parents = present.flatMap(({ parents: names, owner }) =>
    names.map((name) => ({ name, kind: 'p', owner, exclusive: true })),
  );
  // Dropping a foreign key locks both of its tables against everybody, making one only against writers.
  const lockable = async (tables: readonly QualifiedName[], exclusive: boolean) =>
    (await readLockable(session, tables)).map((table) => ({ ...table, exclusive }));
  const referring = survey.presentIncoming.map(({ table }) => table);
  const coming = survey.incoming.map(({ table }) => table);
  const sequences = survey.owned.filter(({ kind }) => kind === 'sequence');
  return lockAll(session, [
    ...relations.filter((relation) => !isTable(relation)),
    ...relations.filter(isTable),
    ...(await lockable(referring, true)),
    ...(await lockable(coming, false)),
    ...parents,
    ...present.map((facts) => ({ ...facts, name: quoteQualifiedName(facts), exclusive: true })),
    ...(await lockable(
      survey.presentOutgoing.map(({ refersTo }) => refersTo),
      true,
    )),
    ...(await lockable(
      survey.outgoing.map(({ refersTo }) => refersTo),
      false,
    )),
    ...sequences.map(({ owner, ...name }) => ({
      ...{ name: quoteQualifiedName(name), kind: 'S', owner, exclusive: true },
    })),
  ]);
}

/** Somebody may have altered, dropped or made what was looked at. */
async function isAsSurveyed({ session, blueprint, survey }: TableSwapOrder): Promise<boolean> {
  const tables = blueprint.tables.map(({ table }) => table);
  const existing = await readTableFacts(session, tables);
  const present = existing.filter((facts) => facts !== undefined);
  const isReplaced = among(tables);
  const dependents = await readDependents(
    session,
    present.map(({ oid }) => oid),
  );
  const incoming = await readForeignKeys(session, 'incoming', present);
  const outgoing = await readForeignKeys(session, 'outgoing', present);
  const now = [
    existing,
    dependents,
    incoming.filter(({ table }) => !isReplaced(table)),
    outgoing.filter(({ refersTo }) => !isReplaced(refersTo)),
  ];
  const then = [survey.existing, survey.dependents, survey.presentIncoming, survey.presentOutgoing];
  return JSON.stringify(now) === JSON.stringify(then);
}

async function sayWhoHolds(work: Work, order: TableSwapOrder): Promise<void> {
  const holders = await readLockHolders(order.session, lockedTables(order));
  if (holders.length === 0) return;
  work.reporter({ type: 'note', message: `waiting: ${holders.join('; ')}` });
}

async function lockTimeout(work: Work, order: TableSwapOrder, cause: unknown): Promise<BelayError> {
  const holders = await readLockHolders(order.session, lockedTables(order)).catch(() => []);
  const names = order.blueprint.tables.map(({ table }) => formatQualifiedName(table)).join(', ');
  const who = holders.length > 0 ? holders.join('; ') : 'whoever held it is gone by now';
  return new BelayError(
    'LOCK_TIMEOUT',
    `could not lock ${names} in ${mostAttempts} attempts: ${who}`,
    {
      hint: 'Nothing was changed. Run it again when that has ended.',
      details: { holders, database: work.target.database },
      cause,
    },
  );
}
