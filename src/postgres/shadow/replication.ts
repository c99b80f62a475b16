import { replicationName, type ShadowReplication } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { dropReplication } from './replication-slots.js';
import { type PublishableTable, readPublishable } from './replication-tables.js';

export { isTooLarge } from './net-changes.js';
export {
  type ChangesRead,
  confirmChanges,
  flushWal,
  type ReadChangesOptions,
  readChanges,
} from './replication-changes.js';
export {
  dropPublication,
  dropReplication,
  dropSlot,
  findPublications,
  findReplicationLeftovers,
  type ReplicationLeftover,
  readLag,
  readSlot,
  readSlotHold,
} from './replication-slots.js';
export { readPublished } from './replication-tables.js';

export interface ReplicationRights {
  readonly possible: boolean;
  /** Why not; null: it is possible. */
  readonly why: string | null;
}

/** Whether this server and role allow logical replication of the session's database. Nothing is tried. */
export async function canReplicate(source: Session): Promise<ReplicationRights> {
  const facts = await source.queryOne<{
    standby: boolean;
    level: string;
    may: boolean;
    mayPublish: boolean;
    role: string;
    slots: number;
    most: number;
    encoding: string;
  }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('wal_level') AS level,
            current_setting('server_encoding') AS encoding, current_user::text AS role,
            (SELECT rolsuper OR rolreplication OR EXISTS (
                      SELECT FROM pg_roles managed WHERE managed.rolname = 'rds_replication'
                         AND pg_has_role(managed.oid, 'MEMBER'))
               FROM pg_roles WHERE rolname = current_user) AS may,
            has_database_privilege(current_database(), 'CREATE') AS "mayPublish",
            (SELECT count(*)::int FROM pg_replication_slots) AS slots,
            current_setting('max_replication_slots')::int AS most`,
    [],
    'looking whether logical replication is possible',
  );
  const why = whyNot(facts);
  return { possible: why === null, why };
}

type Facts = Parameters<typeof whyNot>[0];

function whyNot(facts: {
  readonly standby: boolean;
  readonly level: string;
  readonly may: boolean;
  readonly mayPublish: boolean;
  readonly role: string;
  readonly slots: number;
  readonly most: number;
  readonly encoding: string;
}): string | null {
  if (facts.standby) return 'the server is a standby';
  if (facts.level !== 'logical') return `wal_level is ${facts.level}, not logical`;
  if (!facts.may) return `role "${facts.role}" has not the attribute REPLICATION`;
  if (!facts.mayPublish) return `role "${facts.role}" may not create a publication in the database`;
  if (facts.slots >= facts.most) return whyNoSlot(facts);
  // Its bytes need not be text of any encoding, and would not survive being read as UTF-8.
  if (facts.encoding === 'SQL_ASCII') return 'the encoding of the database is SQL_ASCII';
  return null;
}

function whyNoSlot({ most }: Facts): string {
  return `all ${most} replication slots of the server are taken (max_replication_slots)`;
}

/** A table whose changes are wanted, as it is in the target. */
export interface ReplicatedTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Numbers of the columns by which its rows are known; null: none. */
  readonly key: readonly number[] | null;
}

export interface CreatedReplication extends ShadowReplication {
  /** Everything that is committed after this position comes out of the slot. */
  readonly lsn: string;
  /** OIDs of the tables whose changes come out of it. */
  readonly published: readonly number[];
  /** The others of `tables`, whose changes must be found by scanning. */
  readonly leftOut: readonly {
    readonly oid: number;
    readonly table: string;
    readonly why: string;
  }[];
}

export interface CreateReplicationOptions {
  /** How long the slot may wait for transactions that are at work now, in milliseconds; default 15,000. */
  readonly slotTimeoutMs?: number | undefined;
  /** How long to wait for locks on the tables, in each of 5 attempts, in milliseconds; default 2,000. */
  readonly lockTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a publication of the tables and a slot for it; in this order, as a slot cannot be read past a moment at which its
 * publication did not exist. Neither readers nor writers wait meanwhile.
 *
 * A published table without a usable replica identity would refuse the application's UPDATE and DELETE, so only tables that
 * have one are published.
 * @param source connected to the target, outside a transaction
 * @throws BelayError LOCK_TIMEOUT, CANCELED_BY_SERVER where long transactions are at work, TABLE_NOT_FOUND where no table can
 *   be published, PERMISSION_DENIED; nothing is left behind then
 */
export async function createReplication(
  source: Session,
  id: string,
  tables: readonly ReplicatedTable[],
  options: CreateReplicationOptions = {},
): Promise<CreatedReplication> {
  const name = replicationName(id);
  const found = await readPublishable(source, tables);
  const publishable = found.filter(({ why }) => why === null);
  if (publishable.length === 0) throw nothingToPublish();
  try {
    await publish(source, name, publishable, options);
    const lsn = await createSlot(source, name, options.slotTimeoutMs ?? 15_000);
    const leftOut = found.flatMap(({ oid, table, why }) =>
      why === null ? [] : [{ oid, table, why }],
    );
    const published = publishable.map(({ oid }) => oid);
    return { slot: name, publication: name, lsn, published, leftOut };
  } catch (error) {
    await dropReplication(source, { slot: name, publication: name }).catch(() => {});
    throw error;
  }
}

function nothingToPublish(): BelayError {
  return new BelayError(
    'TABLE_NOT_FOUND',
    'no table has a key by which logical replication could tell its rows',
  );
}

const tablesPerStatement = 200;
const defaultLockTimeoutMs = 2000;
const mostAttempts = 5;
const lockNotAvailable = '55P03';

/** In several statements, each of its own transaction, so that few locks are held at a time. */
async function publish(
  source: Session,
  name: string,
  tables: readonly PublishableTable[],
  options: CreateReplicationOptions,
): Promise<void> {
  await source.execute(
    `CREATE PUBLICATION ${quoteIdentifier(name)}
       WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)`,
    'creating the publication',
  );
  for (let at = 0; at < tables.length; at += tablesPerStatement) {
    const names = tables
      .slice(at, at + tablesPerStatement)
      .map((table) => quoteQualifiedName(table));
    const sql = `ALTER PUBLICATION ${quoteIdentifier(name)} ADD TABLE ONLY ${names.join(', ONLY ')}`;
    await retryLock(source, sql, options);
  }
}

/**
 * Waits for ANALYZE, VACUUM, CREATE INDEX CONCURRENTLY and ALTER TABLE on the same tables, and nobody who reads or writes
 * waits behind it.
 */
async function retryLock(
  source: Session,
  sql: string,
  { lockTimeoutMs = defaultLockTimeoutMs, signal }: CreateReplicationOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      await source.execute(
        `BEGIN; SET LOCAL lock_timeout = ${lockTimeoutMs}; ${sql}; COMMIT`,
        'publishing the tables',
      );
      return;
    } catch (error) {
      await source.execute('ROLLBACK', 'ending the transaction').catch(() => {});
      if (sqlStateOf(error) !== lockNotAvailable || attempt === mostAttempts) throw error;
    }
  }
}

const canceled = '57014';

/** A slot begins only when every transaction that is at work now has ended, so the wait is bounded. */
async function createSlot(source: Session, name: string, timeoutMs: number): Promise<string> {
  const doing = 'creating the replication slot';
  await source.execute(`SET statement_timeout = ${timeoutMs}; SET lock_timeout = 0`, doing);
  try {
    const { lsn } = await source.queryOne<{ lsn: string }>(
      `SELECT lsn::text FROM pg_create_logical_replication_slot(${quoteLiteral(name)}, 'pgoutput')`,
      [],
      doing,
    );
    return lsn;
  } catch (error) {
    if (sqlStateOf(error) !== canceled) throw error;
    throw new BelayError(
      'CANCELED_BY_SERVER',
      `transactions that were at work on the server did not end within ${timeoutMs / 1000} s, and a replication slot must wait for them`,
      {
        hint: 'See pg_stat_activity for the oldest xact_start, and pg_prepared_xacts.',
        cause: error,
      },
    );
  } finally {
    await source.execute("SET statement_timeout = 0; SET lock_timeout = '10s'", doing);
  }
}
