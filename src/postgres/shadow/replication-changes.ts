import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { decodePgOutput } from '../../domain/pgoutput.js';
import type { MappedTable, RowChange, ShadowReplication } from '../../domain/shadow.js';
import { formatLsn, parseLsn, parseSnapshot } from '../../domain/wal-position.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { NetChanges } from './net-changes.js';
import { freeSlot, readSlot } from './replication-slots.js';
import { streamBytes } from './replication-stream.js';

export interface ReadChangesOptions {
  /** The tables of the shadow; those without a key or dropped by the migration are left out, as are all that are not published. */
  readonly tables: readonly MappedTable[];
  /** After so many messages no further transaction is begun; default 200,000. A transaction is never cut in two. */
  readonly maxChanges?: number | undefined;
  /** Read up to there; default: up to everything that is committed now. */
  readonly uptoLsn?: string | undefined;
  /** Up to where the shadow has everything: `ShadowSync.lsn`. What the slot would give again is left out. */
  readonly afterLsn?: string | null | undefined;
  /**
   * `pg_snapshot` of a moment that the shadow has wholly: of the copy, or of a scan of *all* tables. Transactions visible in
   * it are left out.
   */
  readonly since?: string | null | undefined;
  /** What the changed rows may take in memory, in bytes; default: a third of what Node may use. */
  readonly mostBytes?: number | undefined;
  /** How long to wait for somebody else who reads the slot, in milliseconds; default 5,000. */
  readonly readerWaitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ChangesRead {
  /**
   * By the table's OID in the target: deletes first, then rows whose key changed, then all others. The rows that move do so
   * all at once: two may take each other's key. What moved away is not listed as deleted.
   */
  readonly changes: Map<number, RowChange[]>;
  /** Tables to be emptied before their changes are made. */
  readonly truncated: number[];
  /** To be confirmed when the shadow has the changes. Null: nothing new. */
  readonly lsn: string | null;
  /** Everything that was committed when reading began has been read. */
  readonly isEnd: boolean;
}

/**
 * Each read decodes from where the oldest transaction at work began, so many small reads cost more than few large ones. A change of a
 * small transaction is three messages.
 */
const defaultMaxChanges = 200_000;
/** As much of the memory that Node allows itself: the caller needs some for the same rows. */
const memoryShare = 1 / 3;
const reading = 'reading the changes from the replication slot';
/** "object in use": somebody else reads the slot. */
const inUse = '55006';

/**
 * Reads what has changed since the last confirmed position, without confirming anything: called again it gives the same
 * again. Also in a transaction, whose own changes are not among it.
 * @param source connected to the target
 * @throws BelayError SCHEMA_CHANGED; REPLICATION_IN_THE_WAY where the slot is lost or read by others, or (see
 *   isTooLarge) a transaction does not fit into memory
 */
export async function readChanges(
  source: Session,
  replication: ShadowReplication,
  options: ReadChangesOptions,
): Promise<ChangesRead> {
  const { maxChanges = defaultMaxChanges, afterLsn, since } = options;
  await requireSlot(source, replication.slot, options.readerWaitMs);
  if (afterLsn) await confirmChanges(source, replication.slot, afterLsn);
  const upto = options.uptoLsn ?? (await flushWal(source));
  const mostBytes = options.mostBytes ?? getHeapStatistics().heap_size_limit * memoryShare;
  const net = new NetChanges(options.tables, since ? parseSnapshot(since) : null, mostBytes);
  const count = await decode(source, peekSql(replication, upto, maxChanges), net, options.signal);
  const isEnd = count < maxChanges;
  const last = net.lastCommit;
  const end = isEnd && (last === null || parseLsn(upto) > last) ? parseLsn(upto) : last;
  return { ...net.result(), lsn: end === null ? null : formatLsn(end), isEnd };
}

async function decode(
  source: Session,
  sql: string,
  net: NetChanges,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await streamBytes(
        source,
        sql,
        (bytes) => {
          signal?.throwIfAborted();
          net.add(decodePgOutput(bytes));
        },
        reading,
      );
    } catch (error) {
      // Between looking and reading another reader may have come; nothing was read then.
      if (sqlStateOf(error) !== inUse || attempt === 3) throw error;
    }
  }
}

function peekSql(
  { slot, publication }: ShadowReplication,
  upto: string,
  maxChanges: number,
): string {
  return `SELECT data FROM pg_logical_slot_peek_binary_changes(${quoteLiteral(slot)},
    ${quoteLiteral(upto)}::pg_lsn, ${Math.max(1, Math.floor(maxChanges))},
    'proto_version', '1', 'publication_names', ${quoteLiteral(quoteIdentifier(publication))})`;
}

async function requireSlot(
  source: Session,
  slot: string,
  readerWaitMs: number | undefined,
): Promise<void> {
  const found = await readSlot(source, slot);
  if (found && found.walStatus !== 'lost') {
    if (found.active) await freeSlot(source, slot, readerWaitMs);
    return;
  }
  const why = found ? 'the server has removed WAL that it needs' : 'it is gone';
  throw new BelayError('REPLICATION_IN_THE_WAY', `the replication slot "${slot}" is lost: ${why}`, {
    hint: 'The changes can still be found by scanning; or abort the shadow and create it again.',
    details: { slot, lost: true },
  });
}

/**
 * Lets the slot give up what the shadow has. Only after the shadow's transaction has committed: what is confirmed never comes
 * again. Confirming it twice does no harm.
 */
export async function confirmChanges(source: Session, slot: string, lsn: string): Promise<void> {
  await source.query(
    `SELECT pg_replication_slot_advance(slot_name, $2::pg_lsn) FROM pg_replication_slots
      WHERE slot_name = $1 AND confirmed_flush_lsn < $2::pg_lsn`,
    [slot, lsn],
    'confirming the changes that were brought over',
  );
}

const flushPollMs = 2;
const flushWaitMs = 5000;

/**
 * Has the server write its WAL to disk as far as it is now. A transaction that was committed with synchronous_commit = off is
 * visible before that, but a slot gives only what is on disk: without this it would be missed until later.
 * @param session of any database of the server; outside a transaction, or on 17 and later anywhere, it is done at once,
 *   else it is waited for, for up to 3 times wal_writer_delay (200 ms each)
 * @returns up to where the WAL is on disk
 */
export async function flushWal(session: Session): Promise<string> {
  const first = await readWal(session);
  if (!first.isBehind) return first.flushed;
  if (session.serverVersion >= 170000) {
    await session.query(`SELECT pg_logical_emit_message(false, 'belay', '', true)`, [], reading);
  } else if (!first.isInTransaction) {
    await session.execute(
      `BEGIN; SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'belay', ''); COMMIT`,
      reading,
    );
  }
  const deadline = performance.now() + flushWaitMs;
  for (;;) {
    const { flushed } = await readWal(session);
    if (parseLsn(flushed) >= parseLsn(first.inserted)) return flushed;
    if (performance.now() > deadline) {
      throw new BelayError('DATABASE_ERROR', 'the server does not write its WAL to disk', {
        hint: 'Is its disk full or stuck?',
      });
    }
    await sleep(flushPollMs);
  }
}

/** The position for inserting is behind the header of a page that has nothing in it yet; that of the flushed WAL is not. */
const pageBytes = 8192n;
const longestHeader = 40n;

async function readWal(session: Session) {
  const row = await session.queryOne<{
    flushed: string;
    inserted: string;
    isInTransaction: boolean;
  }>(
    `SELECT pg_current_wal_flush_lsn()::text AS flushed, pg_current_wal_insert_lsn()::text AS inserted,
            now() <> statement_timestamp() AS "isInTransaction"`,
    [],
    reading,
  );
  const inserted = parseLsn(row.inserted);
  const intoPage = inserted % pageBytes;
  const end = intoPage <= longestHeader ? inserted - intoPage : inserted;
  return { ...row, inserted: formatLsn(end), isBehind: parseLsn(row.flushed) < end };
}
