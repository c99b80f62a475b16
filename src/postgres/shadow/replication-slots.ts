import { setTimeout as sleep } from 'node:timers/promises';
import { replicationNamePattern, type ShadowReplication } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, type Session } from '../session.js';

/** A logical slot, and what it keeps the server from removing. */
export interface SlotHold {
  readonly slot: string;
  readonly database: string;
  /** Somebody is reading it. */
  readonly active: boolean;
  /** WAL that is kept for it, in bytes; null: no longer kept, or not known. */
  readonly heldBytes: number | null;
  /** As pg_replication_slots says: "reserved", "extended", "unreserved" (about to be lost) or "lost". */
  readonly walStatus: string;
  /** Made by Belay for a shadow. */
  readonly isBelays: boolean;
}

const pollMs = 50;
const defaultReaderWaitMs = 5000;
const reading = 'looking at the replication slots';

/** All logical slots of the server; those of Belay's shadows are marked. */
export function readSlotHolds(session: Session): Promise<SlotHold[]> {
  return session.query<SlotHold>(
    `SELECT slot_name::text AS slot, database::text, active,
            CASE WHEN restart_lsn IS NULL THEN NULL
                 ELSE greatest(pg_wal_lsn_diff(here.lsn, restart_lsn), 0)::float8 END AS "heldBytes",
            coalesce(wal_status, 'lost') AS "walStatus", slot_name ~ $1 AS "isBelays"
       FROM pg_replication_slots,
            (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_lsn() END AS lsn) AS here
      WHERE slot_type = 'logical'
      ORDER BY slot_name`,
    [replicationNamePattern],
    reading,
  );
}

/** For every slot of Belay's shadows on the server: its database, and the WAL that it holds. */
export async function readSlotHold(session: Session): Promise<SlotHold[]> {
  return (await readSlotHolds(session)).filter(({ isBelays }) => isBelays);
}

/** What is known of one slot; null: there is none of that name. */
export async function readSlot(session: Session, slot: string): Promise<SlotHold | null> {
  return (await readSlotHolds(session)).find((one) => one.slot === slot) ?? null;
}

/** WAL between what was confirmed and now, in bytes; null: there is no such slot, or it is lost. */
export async function readLag(session: Session, slot: string): Promise<number | null> {
  const [row] = await session.query<{ lag: number | null }>(
    `SELECT greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::float8 AS lag
       FROM pg_replication_slots WHERE slot_name = $1 AND wal_status IS DISTINCT FROM 'lost'`,
    [slot],
    reading,
  );
  return row?.lag ?? null;
}

/** Names of Belay's publications in the session's database. */
export async function findPublications(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'SELECT pubname::text AS name FROM pg_publication WHERE pubname ~ $1 ORDER BY 1',
    [replicationNamePattern],
    'looking for publications',
  );
  return rows.map(({ name }) => name);
}

/**
 * Waits until nobody reads the slot. A reader that does not end is what a killed Belay has left on the server, and is ended.
 * @param readerWaitMs how long to wait, a Belay's for half of it; default 5,000
 * @throws BelayError REPLICATION_IN_THE_WAY where another program reads it
 */
export async function freeSlot(
  session: Session,
  slot: string,
  readerWaitMs = defaultReaderWaitMs,
): Promise<void> {
  let deadline = performance.now() + readerWaitMs;
  for (let isEnded = false; ; ) {
    const [reader] = await session.query<{ pid: number; app: string | null }>(
      `SELECT s.active_pid AS pid, a.application_name AS app
         FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
        WHERE s.slot_name = $1 AND s.active_pid IS NOT NULL AND s.active_pid <> pg_backend_pid()`,
      [slot],
      reading,
    );
    if (!reader) return;
    const isBelay = reader.app?.startsWith('belay') ?? false;
    if (isBelay && !isEnded && performance.now() > deadline - readerWaitMs / 2) {
      await session.query('SELECT pg_terminate_backend($1)', [reader.pid], 'ending a reader');
      isEnded = true;
      deadline = performance.now() + defaultReaderWaitMs;
    }
    if (performance.now() > deadline) throw inUse(slot, reader);
    await sleep(pollMs);
  }
}

function inUse(slot: string, reader: { pid: number; app: string | null }): BelayError {
  return new BelayError(
    'REPLICATION_IN_THE_WAY',
    `the replication slot "${slot}" is being read by process ${reader.pid} (${reader.app ?? 'unknown'})`,
    {
      hint: `Let it end, or end it: SELECT pg_terminate_backend(${reader.pid}). Then run this again.`,
    },
  );
}

/** Drops a slot if it is there; from any database of the server. */
export async function dropSlot(
  session: Session,
  slot: string,
  readerWaitMs?: number,
): Promise<void> {
  await freeSlot(session, slot, readerWaitMs);
  await session.query(
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
    `dropping the replication slot "${slot}"`,
  );
}

/** Drops a publication of the session's database if it is there. */
export async function dropPublication(session: Session, publication: string): Promise<void> {
  await session.execute(
    `DROP PUBLICATION IF EXISTS ${quoteIdentifier(publication)}`,
    `dropping the publication "${publication}"`,
  );
}

/**
 * Removes slot and publication, also where only one of them is left. The slot first: it holds WAL on the server, and it
 * cannot be read without its publication.
 * @param source in the target: a publication can be dropped from nowhere else
 * @param readerWaitMs how long to wait for somebody who reads the slot; default 5,000
 */
export async function dropReplication(
  source: Session,
  replication: ShadowReplication,
  readerWaitMs?: number,
): Promise<void> {
  await dropSlot(source, replication.slot, readerWaitMs);
  await dropPublication(source, replication.publication);
}

/** What of Belay's replication is there without a shadow that uses it. */
export interface ReplicationLeftover {
  readonly kind: 'slot' | 'publication';
  readonly name: string;
  readonly database: string;
}

/**
 * Slots of Belay's on the whole server, and its publications in the database of the session.
 * @param used names that a shadow's record has: those are no leftovers
 */
export async function findReplicationLeftovers(
  session: Session,
  used: ReadonlySet<string>,
): Promise<ReplicationLeftover[]> {
  const rows = await session.query<ReplicationLeftover>(
    `SELECT 'slot' AS kind, slot_name::text AS name, coalesce(database::text, '') AS database
       FROM pg_replication_slots WHERE slot_name ~ $1
     UNION ALL
     SELECT 'publication', pubname::text, current_database()::text FROM pg_publication WHERE pubname ~ $1
      ORDER BY 1, 2`,
    [replicationNamePattern],
    'looking for what is left of replication',
  );
  return rows.filter(({ name }) => !used.has(name));
}
