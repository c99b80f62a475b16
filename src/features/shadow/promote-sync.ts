import { reportStep } from '../../domain/reporter.js';
import type { ShadowRecord, SyncedTable } from '../../domain/shadow.js';
import { bringLargeObjects } from '../../postgres/shadow/bring-large-objects.js';
import { bringSequences } from '../../postgres/shadow/bring-sequences.js';
import { mapTables } from '../../postgres/shadow/mapped-tables.js';
import { flushWal } from '../../postgres/shadow/replication.js';
import type { ScannedTable } from '../../postgres/shadow/scan-table.js';
import type { Work } from '../target/work.js';
import { type BringOverOptions, type BroughtOver, bringOver } from './bring-over.js';
import type { FoundShadow } from './find-shadow.js';
import { checkSchemas, refuseUntransformed } from './promote-checks.js';
import type { HeldSessions } from './promote-switch.js';
import { type ShadowWork, withShadowWork } from './shadow-work.js';
import { type AfterSync, chooseWay, runAfterSync } from './sync.js';

/** So few rows are brought over in an instant. */
const little = 1000;
/** Where writers are faster than the sync, more passes do not help. */
const longestCatchUp = 8;

export interface LastSync {
  readonly record: ShadowRecord;
}

export interface PromoteSyncOptions {
  readonly script: AfterSync | null;
  readonly acceptUntransformed: boolean;
}

/** The syncs of a promote: with writers at work, then one that proves, then the last one without writers. */
export class PromoteSync {
  readonly #work: Work;
  readonly #options: PromoteSyncOptions;
  readonly #tables = new Map<string, SyncedTable>();
  /** Of the tables that were scanned since the last one over all. */
  readonly #scanned = new Map<string, ScannedTable>();
  /** Its record is that of the last pass. */
  #found: FoundShadow;
  #how: BringOverOptions['how'] = 'scan';

  constructor(work: Work, found: FoundShadow, options: PromoteSyncOptions) {
    this.#work = work;
    this.#found = found;
    this.#options = options;
  }

  /** What was brought over so far, of all passes together. */
  tables(): readonly SyncedTable[] {
    return [...this.#tables.values()];
  }

  /** Checks both schemas, then syncs until hardly anything is left. @throws BelayError SCHEMA_CHANGED */
  untilLittleIsLeft(): Promise<void> {
    return this.#beside(async (shadowWork) => {
      const { source, shadow, record } = shadowWork;
      await checkSchemas(source, shadow, record);
      this.#how = await chooseWay(shadowWork);
      await this.#catchUp(shadowWork);
    });
  }

  /**
   * One pass over all tables, whatever finds the changes otherwise: it mends what is not as it should be, and the rows of both
   * sides are counted in one view of the target.
   * @throws BelayError SHADOW_DIFFERS
   */
  verify(): Promise<void> {
    return reportStep(this.#work.reporter, { name: 'verify' }, () =>
      this.#beside(async (shadowWork) => {
        this.#scanned.clear();
        const { scanned } = await this.#bring(shadowWork, { how: this.#how, isVerified: true });
        for (const [name, found] of scanned) this.#scanned.set(name, found);
      }),
    );
  }

  /** Before writers are held off. */
  catchUp({ source, shadow }: Omit<HeldSessions, 'signal'>): Promise<void> {
    const { signal } = this.#work;
    return this.#catchUp(this.#shadowWork({ source, shadow, signal }));
  }

  /** @throws BelayError ROWS_NOT_TRANSFORMED where rows came that nobody has seen yet */
  async bringLast(held: HeldSessions): Promise<LastSync> {
    // What was committed asynchronously is in no slot before it is on disk.
    if (this.#how === 'logical') await flushWal(this.#work.helper);
    await this.#bring(this.#shadowWork(held), { how: this.#how, isLocked: true });
    return { record: this.#found.record };
  }

  /** No lock on tables covers sequences and large objects. */
  async whenAlone(held: HeldSessions): Promise<void> {
    const { source, shadow } = held;
    const { tables, sync } = this.#found.record;
    await bringSequences(source, shadow, await mapTables(source, shadow, tables));
    await shadow.transaction(async () => {
      await bringLargeObjects(source, shadow, sync.snapshot);
    });
  }

  #shadowWork({
    source,
    shadow,
    signal,
  }: Pick<ShadowWork, 'source' | 'shadow' | 'signal'>): ShadowWork {
    const { database, record } = this.#found;
    return { source, shadow, record, database, signal, reporter: this.#work.reporter };
  }

  async #catchUp(shadowWork: ShadowWork): Promise<void> {
    let before = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < longestCatchUp; pass += 1) {
      const { rowsBroughtOver } = await reportStep(this.#work.reporter, { name: 'sync' }, () =>
        this.#bring(shadowWork, { how: this.#how }),
      );
      if (rowsBroughtOver <= little || rowsBroughtOver > before * 0.8) return;
      before = rowsBroughtOver;
    }
  }

  async #bring(shadowWork: ShadowWork, options: BringOverOptions): Promise<BroughtOver> {
    const { script, acceptUntransformed } = this.#options;
    const { record } = this.#found;
    const beforeCommit = script
      ? (next: ShadowRecord) => runAfterSync(shadowWork.shadow, script, next)
      : undefined;
    const brought = await bringOver(
      { ...shadowWork, record },
      { ...options, beforeCommit, known: options.isVerified ? undefined : this.#scanned },
    );
    this.#found = { ...this.#found, record: brought.record };
    this.#count(brought.tables);
    for (const [name, found] of brought.scanned) {
      if (this.#scanned.has(name)) this.#scanned.set(name, found);
    }
    refuseUntransformed(brought.record, acceptUntransformed);
    return brought;
  }

  #count(tables: readonly SyncedTable[]): void {
    for (const { table, upserted, deleted } of tables) {
      const known = this.#tables.get(table) ?? { upserted: 0, deleted: 0 };
      this.#tables.set(table, {
        table,
        upserted: known.upserted + upserted,
        deleted: known.deleted + deleted,
      });
    }
  }

  #beside<T>(use: (shadowWork: ShadowWork) => Promise<T>): Promise<T> {
    return withShadowWork(this.#work, this.#found, use);
  }
}
