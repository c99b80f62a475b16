import type { Loss } from '../../domain/impact/finding.js';
import type { RecordBackupKind } from '../../domain/record-backup.js';
import { type Reporter, reportStep, silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { withBelaySettings } from '../../postgres/belay-settings.js';
import type { Statement } from '../../postgres/parse-sql.js';
import { keepRows } from '../../postgres/records/keep-rows.js';
import { keepTable } from '../../postgres/records/keep-table.js';
import { keepColumn, keepConversion } from '../../postgres/records/keep-values.js';
import type { Keeping, KeptStatement } from '../../postgres/records/keeping.js';
import { dropDataTable, lockAgainstWriters } from '../../postgres/records/keeping.js';
import { displayName } from '../../postgres/records/kept-table.js';
import {
  checkLostRecords,
  findLostRecords,
  type LostRecords,
} from '../../postgres/records/lost-records.js';
import { removeTriggers } from '../../postgres/records/row-trigger.js';
import type { ScriptHooks } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import { isInTransaction } from '../../postgres/sql/history.js';
import {
  checkRecordBackups,
  ensureRecordBackups,
  insertRecordBackup,
  type NewRecordBackup,
  readRecordBackups,
} from '../../postgres/sql/record-backups.js';
import { lossGrew } from './guard.js';

export interface RecordKeeperOptions {
  /** The one that runs the script. */
  readonly session: Session;
  /** Of the migration. */
  readonly version: string;
  /** What each statement takes away, in their order. */
  readonly losses: readonly (readonly Loss[])[];
  /**
   * How much of each loss was approved: values of a column, rows of a table, rows that are touched; null, or left out: as much as it
   * is. More than that is refused although it would be kept.
   */
  readonly approved?: readonly (readonly (number | null)[])[] | undefined;
  readonly reporter?: Reporter | undefined;
}

/** What was kept. */
export interface KeptSummary {
  /** Id of the backup. */
  readonly backup: number;
  /** From 1. */
  readonly statement: number;
  /** `schema.table`. */
  readonly table: string;
  readonly column: string | null;
  readonly kind: RecordBackupKind;
  readonly rows: number;
  readonly values: number;
}

export interface RecordKeeper {
  /** For `runScript`. */
  readonly hooks: ScriptHooks;
  /** Of the last attempt; of use when the script has been committed. */
  kept(): readonly KeptSummary[];
}

/**
 * Keeps the records that a script's statements take away, in the script's own transaction: either both are there afterwards, or
 * neither is.
 *
 * @example
 * const keeper = await recordKeeper({ session, version: '0007', losses });
 * await runScript(session, script, { hooks: keeper.hooks });
 * keeper.kept(); // [{ backup: 12, table: 'public.users', column: 'email', rows: 1234, … }]
 * @throws BelayError PERMISSION_DENIED, SCHEMA_TAKEN, CANNOT_BACK_UP: nothing was run
 */
export async function recordKeeper(options: RecordKeeperOptions): Promise<RecordKeeper> {
  const { session, losses } = options;
  const all = losses.flat();
  if (all.length > 0) await checkRecordBackups(session);
  const lost = await findLostRecords(session, all);
  for (const each of lost) checkLostRecords(each);
  return new Keeper(options, lost);
}

/** A keeping and what it belongs to. */
interface Open {
  readonly keeping: Keeping;
  /** Index of the loss in its statement. */
  readonly loss: number;
}

const endings = new Set(['TRANS_STMT_COMMIT', 'TRANS_STMT_PREPARE']);

class Keeper implements RecordKeeper {
  readonly hooks: ScriptHooks;
  readonly #options: RecordKeeperOptions;
  readonly #lost: readonly LostRecords[];
  readonly #open = new Map<number, readonly Open[]>();
  readonly #kept = new Map<number, readonly NewRecordBackup[]>();
  #triggers: number[] = [];
  #isLockedFirst = false;
  /** The statement that has a transaction of its own. */
  #wrapped: number | undefined;

  constructor(options: RecordKeeperOptions, lost: readonly LostRecords[]) {
    this.#options = options;
    this.#lost = lost;
    this.hooks = {
      afterBegin: () => this.#begin(),
      needsTransaction: (_, index) => {
        this.#wrapped = index;
        return this.#lossesOf(index).length > 0;
      },
      before: (statement, index) => this.#before(statement, index),
      after: (statement, index) => this.#after(statement, index),
      beforeCommit: () => this.#removeTriggers(),
    };
  }

  kept(): readonly KeptSummary[] {
    return [...this.#kept.values()].flat().map((backup) => ({
      ...{ backup: backup.id, statement: backup.statement, kind: backup.kind },
      table: displayName({ schema: backup.tableSchema, name: backup.tableName }),
      ...{ column: backup.columnName, rows: backup.rows, values: backup.values },
    }));
  }

  #lossesOf(index: number): readonly Loss[] {
    return this.#options.losses[index] ?? [];
  }

  /**
   * Where the database makes every transaction REPEATABLE READ, what it sees is settled by its first query. The tables are locked
   * before that, else others could still write rows that the statement removes and the backup does not see. Neither SHOW nor LOCK
   * settles it, so the script may choose its isolation after this.
   */
  async #begin(): Promise<void> {
    this.#open.clear();
    this.#kept.clear();
    this.#triggers = [];
    await this.#lockFirst();
  }

  async #lockFirst(): Promise<void> {
    this.#isLockedFirst = false;
    if (await this.#seesWhatIsNew()) return;
    for (const { what, table } of this.#lost) {
      if (what !== 'rows') await lockAgainstWriters(this.#options.session, table);
    }
    this.#isLockedFirst = true;
  }

  async #seesWhatIsNew(): Promise<boolean> {
    const { session } = this.#options;
    const shown = await session.queryOne<{ transaction_isolation: string }>(
      'SHOW transaction_isolation',
    );
    return /^read (?:un)?committed$/.test(shown.transaction_isolation);
  }

  async #before({ kind, tree }: Statement, index: number): Promise<void> {
    const isEnd = kind === 'TransactionStmt' && endings.has(String(tree.kind));
    if (isEnd && this.#triggers.length > 0) {
      await this.#options.session.execute('SET CONSTRAINTS ALL IMMEDIATE', 'ending a transaction');
      await this.#removeTriggers();
    }
    const losses = this.#lossesOf(index);
    if (losses.length === 0) return;
    if (this.#wrapped === index) await this.#lockFirst();
    const { session, version } = this.#options;
    const seesAll = this.#isLockedFirst || (await this.#seesWhatIsNew());
    await withBelaySettings(session, async () => {
      await ensureRecordBackups(session);
      const statement = { session, version, number: index + 1 };
      const lost = await findLostRecords(session, losses);
      const open: Open[] = [];
      for (const each of lost) {
        if (!seesAll && each.what !== 'rows') throw cannotSee(each);
        const keeping = await this.#keep(statement, each, lost);
        if (keeping.hasTrigger) this.#triggers.push(keeping.id);
        open.push({ keeping, loss: each.loss });
      }
      this.#open.set(index, open);
    });
  }

  #keep(
    statement: KeptStatement,
    lost: LostRecords,
    all: readonly LostRecords[],
  ): Promise<Keeping> {
    const { reporter = silentReporter } = this.#options;
    if (lost.what === 'rows') return keepRows(statement, lost);
    const { table } = lost;
    const isColumn = lost.what !== 'table';
    const detail = isColumn ? `${displayName(table)}.${lost.column.name}` : displayName(table);
    return reportStep(reporter, { name: 'keeping records', detail }, () => {
      if (lost.what === 'table') return keepTable(statement, table);
      const columns = { ...lost, ...columnsOf(lost, all) };
      return lost.what === 'column'
        ? keepColumn(statement, columns)
        : keepConversion(statement, columns);
    });
  }

  async #after({ kind, tree }: Statement, index: number): Promise<void> {
    if (kind === 'TransactionStmt' && String(tree.kind).startsWith('TRANS_STMT_ROLLBACK')) {
      await this.#forgetRolledBack();
    }
    const open = this.#open.get(index);
    if (!open) return;
    this.#open.delete(index);
    const { session } = this.#options;
    const kept = await withBelaySettings(session, async () => {
      const finished: { backup: NewRecordBackup; loss: number }[] = [];
      // The last one first: it puts back the settings that it found.
      for (const { keeping, loss } of [...open].reverse()) {
        const backup = await keeping.finish();
        if (backup) finished.unshift({ backup, loss });
      }
      this.#checkGrowth(index, finished);
      const worth = await this.#withoutEmpty(finished.map(({ backup }) => backup));
      for (const backup of worth) await insertRecordBackup(session, backup);
      return worth;
    });
    this.#kept.set(index, kept);
  }

  #checkGrowth(
    index: number,
    finished: readonly { readonly backup: NewRecordBackup; readonly loss: number }[],
  ): void {
    for (const [loss, approved] of (this.#options.approved?.[index] ?? []).entries()) {
      const backups = finished.filter((each) => each.loss === loss).map(({ backup }) => backup);
      const [first] = backups;
      // How many values a conversion changes was approved, not how many there are.
      if (approved === null || !first || first.kind === 'conversion') continue;
      const lost = backups.reduce(
        (sum, { kind, rows, values }) => sum + (kind === 'column' ? values : rows),
        0,
      );
      if (lost > approved) throw lossGrew(describe(first), approved, lost);
    }
  }

  /** Of the many tables that foreign keys lead to most lose nothing. One stays, to say that something was kept. */
  async #withoutEmpty(backups: readonly NewRecordBackup[]): Promise<readonly NewRecordBackup[]> {
    const isEmpty = ({ kind, rows }: NewRecordBackup) =>
      rows === 0 && (kind === 'update' || kind === 'delete' || kind === 'truncate');
    const worth = backups.filter((backup) => !isEmpty(backup));
    const staying = worth.length > 0 ? worth : backups.slice(0, 1);
    for (const backup of backups) {
      if (!staying.includes(backup)) await dropDataTable(this.#options.session, backup);
    }
    return staying;
  }

  async #forgetRolledBack(): Promise<void> {
    const { session } = this.#options;
    const ids = [...this.#kept.values()].flat().map(({ id }) => id);
    if (ids.length === 0) return;
    const read = () => withBelaySettings(session, () => readRecordBackups(session, { ids }));
    const there = isInTransaction(session) ? await read() : await session.transaction(read);
    const stays = new Set(there.map(({ id }) => id));
    for (const [index, backups] of this.#kept) {
      this.#kept.set(
        index,
        backups.filter(({ id }) => stays.has(id)),
      );
    }
  }

  async #removeTriggers(): Promise<void> {
    if (this.#triggers.length === 0) return;
    const { session } = this.#options;
    const ids = this.#triggers;
    this.#triggers = [];
    await withBelaySettings(session, () => removeTriggers(session, ids));
  }
}

function columnsOf({ table }: LostRecords, all: readonly LostRecords[]) {
  const numbers = (what: 'column' | 'conversion') =>
    new Set(
      all.flatMap((lost) =>
        lost.what === what && 'column' in lost && lost.table.oid === table.oid
          ? [lost.column.number]
          : [],
      ),
    );
  return { gone: numbers('column'), converted: numbers('conversion') };
}

const describe = ({ tableSchema, tableName, columnName }: NewRecordBackup): string =>
  [displayName({ schema: tableSchema, name: tableName }), columnName].filter(Boolean).join('.');

function cannotSee({ table }: LostRecords): BelayError {
  return new BelayError(
    'CANNOT_BACK_UP',
    `cannot keep the records of ${displayName(table)}: the transaction does not see what others have written since it began`,
    {
      hint: 'Nothing of it was kept: the transaction was rolled back. Take the isolation level out of the script (SET TRANSACTION), or back up to files (--backup files).',
    },
  );
}
