import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { findRefusedKey, inSavepoint, isConflict, isRefusal, rowRefused } from './apply-refusal.js';
import {
  doingTable,
  keyOf,
  matches,
  type StageOrder,
  shadowRelation,
  stage,
} from './apply-stage.js';
import { refuseTakenKeys } from './apply-taken.js';

export interface Merged {
  readonly updated: number;
  readonly inserted: number;
}

/** @param given indexes of the columns that the stage has */
const isWhole = ({ table, given }: StageOrder): boolean => given.length === table.columns.length;

/**
 * Makes the staged rows rows of the shadow: those whose key is there are updated, unless they are the same already, the
 * others inserted. Columns that only the shadow has keep their values, or get their defaults. Rows of which not all columns
 * are given are only updated: one that is not there has been deleted by the migration.
 * @throws BelayError SHADOW_ROW_REFUSED; anything else as it came
 */
export async function mergeStage(shadow: Session, order: StageOrder): Promise<Merged> {
  await refuseTakenKeys(shadow, order.table);
  const fast = (where: string) => updateAndInsert(shadow, order, where);
  const slow = (where: string) => takeOutAndInsert(shadow, order, where);
  if (order.hasOldKeys) return refusing(shadow, order, slow);
  try {
    return await inSavepoint(shadow, () => fast('true'));
  } catch (error) {
    // Rows that have exchanged a unique value cannot be updated one after the other.
    if (isConflict(error)) return refusing(shadow, order, slow);
    if (!isRefusal(error)) throw error;
    throw rowRefused(order.table, await findRefusedKey(shadow, order.table, fast), error);
  }
}

async function refusing(
  shadow: Session,
  { table }: StageOrder,
  attempt: (where: string) => Promise<Merged>,
): Promise<Merged> {
  try {
    return await inSavepoint(shadow, () => attempt('true'));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const key = await findRefusedKey(shadow, table, attempt);
    throw isConflict(error)
      ? new StageConflict(rowRefused(table, key, error))
      : rowRefused(table, key, error);
  }
}

/** The rows conflict with others of the shadow, that the target may have deleted. */
export class StageConflict extends Error {
  readonly refused: ReturnType<typeof rowRefused>;

  constructor(refused: ReturnType<typeof rowRefused>) {
    super(refused.message);
    this.refused = refused;
  }
}

const name = (table: MappedTable, index: number): string =>
  quoteIdentifier(table.columns[index]?.shadow ?? '');

async function updateAndInsert(shadow: Session, order: StageOrder, where: string): Promise<Merged> {
  const { table, given } = order;
  // PostgreSQL lets nobody update an identity that is ALWAYS generated; the target's does not change either.
  const set = given.filter((index) => !table.columns[index]?.isIdentityAlways);
  const updated =
    set.length === 0 ? 0 : await shadow.run(updateSql(table, set, where), doingTable(table));
  const inserted = isWhole(order)
    ? await shadow.run(insertSql(table, given, where), doingTable(table))
    : 0;
  return { updated: updated ?? 0, inserted: inserted ?? 0 };
}

/** `*<>` compares what is stored, of types without "=" too, and tells 1.0 from 1.00. */
function updateSql(table: MappedTable, set: readonly number[], where: string): string {
  const values = set.map((index) => `${name(table, index)} = s.c${index}`);
  const now = set.map((index) => `t.${name(table, index)}`);
  const then = set.map((index) => `s.c${index}`);
  return `UPDATE ${shadowRelation(table)} t SET ${values.join(', ')} FROM ${stage} s
           WHERE ${matches(table)} AND ROW(${now.join(', ')})::record OPERATOR(pg_catalog.*<>) ROW(${then.join(', ')})::record AND ${where}`;
}

function insertSql(table: MappedTable, given: readonly number[], where: string): string {
  const target = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  return `INSERT INTO ${target} (${given.map((index) => name(table, index)).join(', ')}) OVERRIDING SYSTEM VALUE
          SELECT ${given.map((index) => `s.c${index}`).join(', ')} FROM ${stage} s
           WHERE ${where} AND NOT EXISTS (SELECT FROM ${shadowRelation(table)} t WHERE ${matches(table)})`;
}

const kept = 'pg_temp.belay_kept';

/**
 * Takes the rows out of the shadow, all of them, and puts them back as they are now: so that keys and unique values can move
 * from one to the other. What only the shadow has of a row goes with it.
 */
async function takeOutAndInsert(
  shadow: Session,
  order: StageOrder,
  where: string,
): Promise<Merged> {
  const { table } = order;
  const doing = doingTable(table);
  const relation = shadowRelation(table);
  const old = matches(table, order.hasOldKeys ? 'o' : 'c');
  await shadow.execute(
    `SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${kept};
     CREATE TEMP TABLE belay_kept ON COMMIT DROP AS
       SELECT s.*, t AS belay_old, t.tableoid IS NOT NULL AS belay_found FROM ${stage} s LEFT JOIN ${relation} t ON ${old} WHERE ${where};
     DELETE FROM ${relation} t USING ${kept} s WHERE ${old};
     DELETE FROM ${relation} t USING ${kept} s WHERE ${matches(table)}`,
    doing,
  );
  const others = await otherColumns(shadow, order);
  const updated = await shadow.run(putBackSql(order, others), doing);
  const inserted = isWhole(order) ? await shadow.run(putNewSql(order), doing) : 0;
  return { updated: updated ?? 0, inserted: inserted ?? 0 };
}

/** Columns of the shadow that the stage does not have and that hold values of their own. */
async function otherColumns(
  shadow: Session,
  { table, given }: StageOrder,
): Promise<readonly string[]> {
  const rows = await shadow.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [quoteQualifiedName(table.shadow ?? { schema: '', name: '' })],
    doingTable(table),
  );
  const known = new Set(given.map((index) => table.columns[index]?.shadow));
  return rows.map((row) => row.name).filter((other) => !known.has(other));
}

function putBackSql(order: StageOrder, others: readonly string[]): string {
  const { table, given, hasOldKeys } = order;
  const quoted = others.map(quoteIdentifier);
  const columns = [...given.map((index) => name(table, index)), ...quoted];
  const values = [
    ...given.map((index) =>
      hasOldKeys
        ? `CASE WHEN ${index} = ANY (s.unsent) THEN (s.belay_old).${name(table, index)} ELSE s.c${index} END`
        : `s.c${index}`,
    ),
    ...quoted.map((other) => `(s.belay_old).${other}`),
  ];
  return `INSERT INTO ${quoteQualifiedName(table.shadow ?? { schema: '', name: '' })} (${columns.join(', ')})
          OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM ${kept} s WHERE s.belay_found`;
}

function putNewSql({ table, given, hasOldKeys }: StageOrder): string {
  const columns = given.map((index) => name(table, index));
  return `INSERT INTO ${quoteQualifiedName(table.shadow ?? { schema: '', name: '' })} (${columns.join(', ')})
          OVERRIDING SYSTEM VALUE SELECT ${given.map((index) => `s.c${index}`).join(', ')}
            FROM ${kept} s WHERE NOT s.belay_found${hasOldKeys ? " AND s.unsent = '{}'" : ''}`;
}

/** Deletes the rows of the shadow whose keys are staged. @returns how many there were */
export async function deleteStaged(shadow: Session, table: MappedTable): Promise<number> {
  const deleted = await shadow.run(
    `DELETE FROM ${shadowRelation(table)} t USING ${stage} s WHERE ${matches(table)}`,
    doingTable(table),
  );
  return deleted ?? 0;
}

/** The stage as an order for keys only. */
export const keysOnly = (table: MappedTable): StageOrder => ({ table, given: keyOf(table) });
