import type { MappedTable } from '../../domain/shadow.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { addForeignKeySql, type ForeignKey, readForeignKeys } from '../table/foreign-keys.js';
import { inSavepoint } from './apply-refusal.js';

const doing = 'keeping triggers of the shadow from firing';

/**
 * "replica": triggers, rules and foreign keys rest by `session_replication_role`. "owner": the role may not set that; the
 * foreign keys are dropped and made again, and triggers switched off, within the transaction.
 */
export type QuietBy = 'replica' | 'owner';

interface Noise {
  readonly off: string;
  readonly on: string;
}

const modes: Readonly<Record<string, string>> = {
  O: 'ENABLE',
  R: 'ENABLE REPLICA',
  A: 'ENABLE ALWAYS',
};

/**
 * Keeps the shadow's triggers, rules and foreign keys from doing again what they have done in the target. Lasts until the
 * end of the session's transaction at the latest.
 */
export class Quiet {
  readonly by: QuietBy;
  readonly #shadow: Session;
  readonly #tables: readonly MappedTable[];
  readonly #off: Noise[] = [];
  #isQuiet = false;

  private constructor(by: QuietBy, shadow: Session, tables: readonly MappedTable[]) {
    this.by = by;
    this.#shadow = shadow;
    this.#tables = tables;
  }

  /** Within a transaction of the shadow's session. */
  static async begin(shadow: Session, tables: readonly MappedTable[]): Promise<Quiet> {
    try {
      await inSavepoint(shadow, () =>
        shadow.execute('SET LOCAL session_replication_role = replica', doing),
      );
      return new Quiet('replica', shadow, tables);
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      return new Quiet('owner', shadow, tables);
    }
  }

  /** Before the first row is written: most passes write nothing, and then nothing is altered. */
  async beforeWriting(): Promise<void> {
    if (this.#isQuiet) return;
    this.#isQuiet = true;
    this.#off.push(...(await this.#readNoise()));
    if (this.by === 'owner') this.#off.push(...(await this.#readForeignKeys()));
    for (const { off } of this.#off) await this.#shadow.execute(off, doing);
  }

  /**
   * Puts everything back as it was; a foreign key that is made again is checked by that.
   * @throws BelayError with the SQLSTATE 23503 where rows break one
   */
  async end(): Promise<void> {
    await this.#shadow.execute('SET CONSTRAINTS ALL IMMEDIATE', doing);
    for (const { on } of this.#off)
      await this.#shadow.execute(on, 'putting back triggers and foreign keys');
    if (this.by === 'replica') {
      await this.#shadow.execute('SET LOCAL session_replication_role = DEFAULT', doing);
    }
  }

  /** What would fire all the same: ENABLE ALWAYS and REPLICA; without the right to the setting, all that is enabled. */
  async #readNoise(): Promise<Noise[]> {
    const loud = this.by === 'replica' ? ['A', 'R'] : ['O', 'A'];
    const rows = await this.#shadow.query<{
      table: string;
      name: string;
      mode: string;
      what: 'TRIGGER' | 'RULE';
    }>(
      `SELECT CASE WHEN c.relkind = 'p' OR f.what = 'RULE' THEN '' ELSE 'ONLY ' END || quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS "table",
              f.name, f.mode, f.what
         FROM (SELECT tgrelid AS relation, tgname::text AS name, tgenabled::text AS mode, 'TRIGGER' AS what
                 FROM pg_trigger WHERE NOT tgisinternal
               UNION ALL
               SELECT ev_class, rulename::text, ev_enabled::text, 'RULE' FROM pg_rewrite WHERE ev_type <> '1') f
         JOIN pg_class c ON c.oid = f.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE (c.oid = ANY ($1::oid[]) OR EXISTS (
                 SELECT FROM pg_partition_ancestors(c.oid) a WHERE a.relid = ANY ($1::oid[])))
          AND f.mode = ANY ($2::text[]) AND c.relkind IN ('r', 'p')
        ORDER BY c.relkind = 'r', 1, 2`,
      [this.#tables.flatMap(({ table }) => table.shadowOid ?? []), loud],
      doing,
    );
    return rows.map(({ table, name, mode, what }) => ({
      off: `ALTER TABLE ${table} DISABLE ${what} ${quoteIdentifier(name)}`,
      on: `ALTER TABLE ${table} ${modes[mode] ?? 'ENABLE'} ${what} ${quoteIdentifier(name)}`,
    }));
  }

  async #readForeignKeys(): Promise<Noise[]> {
    const shadows = this.#tables.flatMap(({ shadow }) => shadow ?? []);
    const [own, others] = [
      await readForeignKeys(this.#shadow, 'outgoing', shadows),
      await readForeignKeys(this.#shadow, 'incoming', shadows),
    ];
    const name = (key: ForeignKey) => JSON.stringify([key.table, key.name]);
    const all = new Map([...own, ...others].map((key) => [name(key), key]));
    return [...all.values()].map((key) => {
      const table = `${quoteIdentifier(key.table.schema)}.${quoteIdentifier(key.table.name)}`;
      const add = addForeignKeySql(key, !key.validated).join('; ');
      return { off: `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(key.name)}`, on: add };
    });
  }
}
