import type { MappedTable } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import {
  checkForeignKey,
  type PlacedForeignKey,
  unprovenForeignKeys,
} from './apply-foreign-keys.js';
import { Quiet, type QuietBy } from './apply-quiet.js';
import { doingTable, keyOf, type StageOrder, stage } from './apply-stage.js';
import { forgetStaged } from './shadow-notes.js';

interface Touched {
  upserted: number;
  deleted: number;
  /** Keys may have moved from a row to another, or all rows are new. */
  isWhole: boolean;
}

/**
 * One transaction of the shadow in which rows are brought over: triggers rest, and at the end the foreign keys are checked
 * that the target does not vouch for.
 */
export class Applying {
  readonly #shadow: Session;
  readonly #quiet: Quiet;
  readonly #foreignKeys: readonly PlacedForeignKey[];
  readonly #touched = new Map<number, Touched>();
  readonly #listed = new Set<number>();

  private constructor(shadow: Session, quiet: Quiet, foreignKeys: readonly PlacedForeignKey[]) {
    this.#shadow = shadow;
    this.#quiet = quiet;
    this.#foreignKeys = foreignKeys;
  }

  /** Within a transaction of the shadow's session. */
  static async begin(
    source: Session,
    shadow: Session,
    tables: readonly MappedTable[],
  ): Promise<Applying> {
    const quiet = await Quiet.begin(shadow, tables);
    // Where they are dropped and made again, PostgreSQL checks them all itself.
    const keys = quiet.by === 'owner' ? [] : await unprovenForeignKeys(source, shadow, tables);
    return new Applying(shadow, quiet, keys);
  }

  get by(): QuietBy {
    return this.#quiet.by;
  }

  beforeWriting = (): Promise<void> => this.#quiet.beforeWriting();

  /** Notes the staged rows that were merged. */
  onMerged = async ({ table, hasOldKeys }: StageOrder): Promise<void> => {
    await forgetStaged(this.#shadow, table);
    if (hasOldKeys) this.#of(table).isWhole = true;
    const oid = table.table.shadowOid;
    if (!this.#foreignKeys.some(({ child }) => child === oid)) return;
    const list = `belay_touched_${table.table.oid}`;
    const columns = keyOf(table).map((index) => `s.c${index}`);
    const select = `SELECT ${columns.join(', ')} FROM ${stage} s`;
    const isFirst = !this.#listed.has(table.table.oid);
    this.#listed.add(table.table.oid);
    await this.#shadow.execute(
      isFirst
        ? `CREATE TEMP TABLE ${list} ON COMMIT DROP AS ${select}`
        : `INSERT INTO pg_temp.${list} ${select}`,
      doingTable(table),
    );
  };

  /** Counts what was done to a table. */
  count(table: MappedTable, done: { readonly upserted: number; readonly deleted: number }): void {
    const touched = this.#of(table);
    touched.upserted += done.upserted;
    touched.deleted += done.deleted;
    if (!table.key && done.upserted + done.deleted > 0) touched.isWhole = true;
  }

  /**
   * Puts triggers back.
   * @param tables all that are mapped
   * @param isCheckable false: the two tables (OIDs in the shadow) are of different moments, and only a later pass can tell
   * @throws BelayError SHADOW_ROW_REFUSED for a broken foreign key
   */
  async end(
    tables: readonly MappedTable[],
    isCheckable: (child: number, parent: number) => boolean = () => true,
  ): Promise<void> {
    const byOid = new Map(tables.map((table) => [table.table.shadowOid, table]));
    for (const key of this.#foreignKeys) {
      if (!isCheckable(key.child, key.parent)) continue;
      const where = this.#toCheck(key, byOid.get(key.child), byOid.get(key.parent));
      if (where !== null) await checkForeignKey(this.#shadow, key, where);
    }
    try {
      await this.#quiet.end();
    } catch (error) {
      throw sqlStateOf(error) === '23503' ? brokenForeignKey(error) : error;
    }
  }

  #of({ table }: MappedTable): Touched {
    const found = this.#touched.get(table.oid) ?? { upserted: 0, deleted: 0, isWhole: false };
    this.#touched.set(table.oid, found);
    return found;
  }

  /** Which rows of the child (c) may break the key now; null: none. */
  #toCheck(
    key: PlacedForeignKey,
    child: MappedTable | undefined,
    parent: MappedTable | undefined,
  ): string | null {
    const [own, other] = [child && this.#of(child), parent && this.#of(parent)];
    const referred = parent?.key?.map((index) => parent.columns[index]?.shadow).sort();
    const byKey = JSON.stringify(referred) === JSON.stringify([...key.parentColumns].sort());
    const parentLost =
      other && (other.deleted > 0 || other.isWhole || (!byKey && other.upserted > 0));
    if (key.validated && (parentLost || own?.isWhole)) return 'true';
    if (!child?.key || !this.#listed.has(child.table.oid)) return null;
    const same = keyOf(child).map((index) => {
      const { shadow = '', equals = '=' } = child.columns[index] ?? {};
      return `c.${quoteIdentifier(shadow)} ${equals} l.c${index}`;
    });
    return `EXISTS (SELECT FROM pg_temp.belay_touched_${child.table.oid} l WHERE ${same.join(' AND ')})`;
  }
}

function brokenForeignKey(error: unknown): BelayError {
  const cause = (error instanceof BelayError ? error.cause : error) as {
    message?: string;
    constraint?: string;
    table?: string;
  };
  return new BelayError(
    'SHADOW_ROW_REFUSED',
    `rows brought over would break a foreign key of the shadow: ${cause?.message ?? String(error)}`,
    {
      hint: 'Nothing was brought over. Change the rows in the target, or the migration, and make the shadow anew.',
      details: { constraint: cause?.constraint ?? null, table: cause?.table ?? null },
      cause: error,
    },
  );
}
