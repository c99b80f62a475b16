import type { MappedTable, ShadowRecord, SyncedTable } from '../../domain/shadow.js';
import { encodeShadowRecord } from '../../domain/shadow-record.js';
import { BelayError } from '../../errors.js';
import { applyChanges } from '../../postgres/shadow/apply-changes.js';
import { Applying } from '../../postgres/shadow/applying.js';
import { bringLargeObjects } from '../../postgres/shadow/bring-large-objects.js';
import { bringSequences } from '../../postgres/shadow/bring-sequences.js';
import { mapTables } from '../../postgres/shadow/mapped-tables.js';
import {
  type ChangesRead,
  confirmChanges,
  isTooLarge,
  readChanges,
  readLag,
  readPublished,
} from '../../postgres/shadow/replication.js';
import { scanTable } from '../../postgres/shadow/scan-changes.js';
import type { ScannedTable } from '../../postgres/shadow/scan-table.js';
import { emptyTable } from '../../postgres/shadow/scan-unkeyed.js';
import { commentDatabaseSql } from '../../postgres/sql/databases.js';
import type { ShadowWork } from './shadow-work.js';

export interface BringOverOptions {
  /** Where the changes are found. Tables that are not published are scanned in either case. */
  readonly how: 'logical' | 'scan';
  /** `source` is in a transaction already, in which nothing of the target changes: a snapshot of its own, or locks. */
  readonly isLocked?: boolean | undefined;
  /** Scans all tables, also those whose changes came by the slot. */
  readonly isVerified?: boolean | undefined;
  /** What the scans just before have found, where nobody else writes to the shadow: saves counting its rows again. */
  readonly known?: ReadonlyMap<string, Pick<ScannedTable, 'rowsInShadow'>> | undefined;
  /** Part of the last transaction, with the shadow's triggers and foreign keys on again. */
  readonly beforeCommit?: ((record: ShadowRecord) => Promise<ShadowRecord>) | undefined;
}

export interface BroughtOver {
  /** As it is in the shadow's comment now. */
  readonly record: ShadowRecord;
  /** Tables in which something was done. */
  readonly tables: readonly SyncedTable[];
  readonly rowsBroughtOver: number;
  /** In bytes; null where there is no slot, and with `isLocked`. */
  readonly lagBytes: number | null;
  /** Tables that were scanned, by "schema.table", with their numbers of rows on both sides. */
  readonly scanned: ReadonlyMap<string, ScannedTable>;
}

/**
 * Brings over to the shadow what changed in the target. Rows and the record of how far the shadow is commit together: what is
 * interrupted is simply done again.
 *
 * @param work `shadow` is in no transaction; `source` is in one only with `isLocked`
 * @throws BelayError SHADOW_ROW_REFUSED, SHADOW_DIFFERS, REPLICATION_IN_THE_WAY, LOCK_TIMEOUT
 */
export async function bringOver(work: ShadowWork, options: BringOverOptions): Promise<BroughtOver> {
  const tables = await mapTables(work.source, work.shadow, work.record.tables);
  const pass = new Pass(work, options, tables);
  const { replication } = work.record;
  if (options.how === 'logical' && replication) await pass.bringChanges();
  await pass.bringRest();
  const isAsked = replication !== null && !options.isLocked;
  const lagBytes = isAsked ? await readLag(work.source, replication.slot) : null;
  return pass.result(lagBytes);
}

/** One way through all tables, in one or more transactions of the shadow. */
class Pass {
  readonly #work: ShadowWork;
  readonly #options: BringOverOptions;
  readonly #tables: readonly MappedTable[];
  readonly #done = new Map<number, { upserted: number; deleted: number }>();
  readonly #scanned = new Map<string, ScannedTable>();
  /** OIDs of tables whose changes came by the slot. */
  #published: ReadonlySet<number> = new Set();
  #isScannedInstead = false;
  #record: ShadowRecord;

  constructor(work: ShadowWork, options: BringOverOptions, tables: readonly MappedTable[]) {
    this.#work = work;
    this.#options = options;
    this.#tables = tables;
    this.#record = work.record;
  }

  /** Reads the slot to its end, a transaction of the shadow for each batch. */
  async bringChanges(): Promise<void> {
    const { source, signal, record } = this.#work;
    const { replication } = record;
    if (!replication) return;
    this.#published = new Set(await readPublished(source, replication.publication));
    for (let isEnd = false; !isEnd; ) {
      signal?.throwIfAborted();
      const read = await readChanges(source, replication, {
        tables: this.#tables.filter(({ table }) => this.#published.has(table.oid)),
        afterLsn: this.#record.sync.lsn,
        since: this.#record.sync.snapshot,
        signal,
      }).catch((error: unknown) => this.#scanInstead(error));
      if (!read) return;
      isEnd = read.isEnd;
      const { lsn } = read;
      if (lsn === null) continue;
      await this.#inShadow(async (applying) => {
        await this.#apply(applying, read);
        await applying.end(this.#tables, this.#isOfOneMoment);
        this.#record = { ...this.#record, sync: { ...this.#record.sync, lsn } };
      });
      // Takes as long as reading did. With writers held off every moment counts: the record knows, and the next sync confirms.
      if (!this.#options.isLocked) await confirmChanges(source, replication.slot, lsn);
    }
  }

  /** The scan's snapshot has what the transaction that is too large has changed, so that the next read leaves it out. */
  #scanInstead(error: unknown): null {
    if (!isTooLarge(error)) throw error;
    this.#published = new Set();
    this.#isScannedInstead = true;
    const message = error instanceof Error ? `${error.message}: all tables are scanned` : '';
    this.#work.reporter({ type: 'warning', message });
    return null;
  }

  /** Scans what did not come by the slot, sets sequences and large objects, and records how far the shadow is. */
  async bringRest(): Promise<void> {
    const { source } = this.#work;
    if (this.#options.isLocked) return this.#scanAll();
    await source.transaction(async () => {
      await source.execute(
        'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
        'beginning to scan',
      );
      await this.#scanAll();
    });
  }

  result(lagBytes: number | null): BroughtOver {
    const tables = this.#tables.flatMap(({ table, source }) => {
      const done = this.#done.get(table.oid);
      if (!done || done.upserted + done.deleted === 0) return [];
      return [{ table: `${source.schema}.${source.name}`, ...done }];
    });
    const rowsBroughtOver = tables.reduce((sum, one) => sum + one.upserted + one.deleted, 0);
    return { record: this.#record, tables, rowsBroughtOver, lagBytes, scanned: this.#scanned };
  }

  /** The transaction ends with the record; a failure leaves the one that was. */
  async #inShadow(bring: (applying: Applying) => Promise<void>): Promise<void> {
    const { source, shadow, database } = this.#work;
    const before = this.#record;
    try {
      await shadow.transaction(async () => {
        await bring(await Applying.begin(source, shadow, this.#tables));
        const comment = encodeShadowRecord(this.#record);
        await shadow.execute(commentDatabaseSql(database, comment), 'recording the sync');
      });
    } catch (error) {
      this.#record = before;
      throw error;
    }
  }

  async #apply(applying: Applying, { changes, truncated }: ChangesRead): Promise<void> {
    const { shadow, signal } = this.#work;
    if (changes.size + truncated.length > 0) await applying.beforeWriting();
    for (const table of this.#tables) {
      signal?.throwIfAborted();
      if (!table.shadow) continue;
      if (truncated.includes(table.table.oid)) {
        const deleted = await emptyTable(shadow, table);
        this.#count(applying, table, { upserted: 0, deleted });
      }
      const ofTable = changes.get(table.table.oid);
      if (!ofTable) continue;
      const { onMerged } = applying;
      this.#count(applying, table, await applyChanges(shadow, table, ofTable, { onMerged }));
    }
  }

  async #scanAll(): Promise<void> {
    const { source, shadow, signal, record } = this.#work;
    const { snapshot } = await source.queryOne<{ snapshot: string }>(
      'SELECT pg_current_snapshot()::text AS snapshot',
    );
    const { how, isVerified } = this.#options;
    const isAll = how === 'scan' || isVerified === true || this.#isScannedInstead;
    const wanted = this.#tables.filter(({ table }) => isAll || !this.#published.has(table.oid));
    await this.#inShadow(async (applying) => {
      const scanned = new Set<number>();
      for (const table of wanted) {
        signal?.throwIfAborted();
        if (!table.shadow) continue;
        await this.#scan(applying, table);
        scanned.add(table.table.oid);
      }
      await applying.end(this.#tables, this.#isOfOneMoment);
      await bringSequences(source, shadow, this.#tables);
      await this.#bringLargeObjects(record.sync.snapshot);
      await this.#finish(snapshot, isAll ? null : scanned);
    });
  }

  async #scan(applying: Applying, table: MappedTable): Promise<void> {
    const { source, shadow } = this.#work;
    const { beforeWriting, onMerged } = applying;
    const since = table.table.scanned ?? this.#record.sync.snapshot;
    const name = `${table.source.schema}.${table.source.name}`;
    const scanned = await scanTable({
      ...{ source, shadow, table, since, beforeWriting, onMerged },
      rowsInShadow: this.#options.known?.get(name)?.rowsInShadow,
    });
    this.#count(applying, table, scanned);
    this.#scanned.set(name, scanned);
    const { rowsInSource, rowsInShadow, rowsByMigration } = scanned;
    if (rowsInShadow - rowsByMigration === rowsInSource) return;
    throw new BelayError(
      'SHADOW_DIFFERS',
      `${name} has ${rowsInSource} rows in the target and ${rowsInShadow} in the shadow`,
      {
        hint: 'Did somebody write to the shadow meanwhile? Sync again; if it stays, abort the shadow and create it again.',
        details: { table: name, rowsInSource, rowsInShadow, rowsByMigration },
      },
    );
  }

  async #bringLargeObjects(since: string): Promise<void> {
    const { source, shadow, reporter } = this.#work;
    const { problem } = await bringLargeObjects(source, shadow, since);
    if (problem !== null) reporter({ type: 'warning', message: problem });
  }

  /** @param scanned null: all tables are as they were at the snapshot */
  async #finish(snapshot: string, scanned: ReadonlySet<number> | null): Promise<void> {
    const { sync } = this.#record;
    // Transactions that are visible may not be in the slot yet: only where all was scanned may they be left out of it.
    const tables = this.#record.tables.map((table) => {
      const { scanned: _, ...rest } = table;
      if (scanned === null) return rest;
      return scanned.has(table.oid) ? { ...rest, scanned: snapshot } : table;
    });
    const now = { at: new Date().toISOString(), count: sync.count + 1 };
    this.#record = {
      ...this.#record,
      tables,
      sync: { ...sync, ...now, ...(scanned === null ? { snapshot } : {}) },
    };
    const { beforeCommit } = this.#options;
    if (beforeCommit) this.#record = await beforeCommit(this.#record);
  }

  /** Tables that came by the slot and tables that were scanned are of the same moment only while nothing changes. */
  #isOfOneMoment = (child: number, parent: number): boolean => {
    if (this.#options.isLocked || this.#published.size === 0) return true;
    const isPublished = (oid: number) => {
      const found = this.#tables.find(({ table }) => table.shadowOid === oid);
      return found === undefined || this.#published.has(found.table.oid);
    };
    return isPublished(child) && isPublished(parent);
  };

  #count(
    applying: Applying,
    { table, ...rest }: MappedTable,
    done: { readonly upserted: number; readonly deleted: number },
  ): void {
    const { upserted, deleted } = done;
    applying.count({ table, ...rest }, { upserted, deleted });
    const known = this.#done.get(table.oid) ?? { upserted: 0, deleted: 0 };
    this.#done.set(table.oid, {
      upserted: known.upserted + upserted,
      deleted: known.deleted + deleted,
    });
    if (upserted === 0) return;
    const tables = this.#record.tables.map((one) =>
      one.oid === table.oid ? { ...one, arrived: one.arrived + upserted } : one,
    );
    this.#record = { ...this.#record, tables };
  }
}
