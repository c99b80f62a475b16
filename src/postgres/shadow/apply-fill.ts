import type { MappedTable } from '../../domain/shadow.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { findRefusedKey, inSavepoint, isRefusal, rowRefused } from './apply-refusal.js';
import {
  copyInto,
  doingTable,
  keyOf,
  mappedColumn,
  type RowSource,
  type StageOrder,
  shadowColumn,
  stage,
} from './apply-stage.js';

/** Values that the shadow is to convert as an ALTER would, in the types of the target. */
const raw = 'pg_temp.belay_raw';

/** A key is compared, never converted: what the shadow cannot read as its own key is refused. */
const isConverted = (table: MappedTable, index: number): boolean =>
  table.columns[index]?.isAssignable === true && !keyOf(table).includes(index);

function stageColumns({ table, given, hasOldKeys }: StageOrder, isRaw: boolean): string {
  const columns = given.map((index) =>
    isRaw && isConverted(table, index)
      ? `NULL::${mappedColumn(table, index).sourceType} AS c${index}`
      : `${shadowColumn(table, index, 't')} AS c${index}`,
  );
  const old = hasOldKeys
    ? [
        ...keyOf(table).map((index, place) => `${shadowColumn(table, index, 't')} AS o${place}`),
        'NULL::int[] AS unsent',
      ]
    : [];
  return [...columns, ...old].join(', ');
}

/**
 * Puts rows into the stage. COPY reads each value with its type's own input function: `''::text::varchar(3)` would cut off
 * what is too long, without a word.
 * @returns how many there are
 */
export async function fillStage(
  shadow: Session,
  order: StageOrder,
  rows: RowSource,
): Promise<number> {
  const { table, given } = order;
  const doing = doingTable(table);
  const converts = given.some((index) => isConverted(table, index));
  await createTemporary(shadow, stage, order, false);
  if (!converts) return copyInto(shadow, stage, rows(), doing);
  await createTemporary(shadow, raw, order, true);
  const count = await copyInto(shadow, raw, rows(), doing);
  await convert(shadow, table);
  return count;
}

async function createTemporary(
  shadow: Session,
  name: string,
  order: StageOrder,
  isRaw: boolean,
): Promise<void> {
  const unqualified = name.slice('pg_temp.'.length);
  const from = quoteQualifiedName(order.table.shadow ?? { schema: '', name: '' });
  await shadow.execute(
    `SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${name};
     CREATE TEMP TABLE ${unqualified} ON COMMIT DROP AS
       SELECT ${stageColumns(order, isRaw)} FROM ${from} t WITH NO DATA`,
    doingTable(order.table),
  );
}

/** As assigning does it, and ALTER COLUMN … TYPE: what is too long is refused, not cut off. */
async function convert(shadow: Session, table: MappedTable): Promise<void> {
  const attempt = (where: string) =>
    shadow.execute(
      `INSERT INTO ${stage} SELECT s.* FROM ${raw} s WHERE ${where}`,
      doingTable(table),
    );
  try {
    await inSavepoint(shadow, () => attempt('true'));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw rowRefused(table, await findRefusedKey(shadow, table, attempt, raw), error);
  }
}
