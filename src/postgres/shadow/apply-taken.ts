import type { MappedTable } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../session.js';
import { describeKey } from './apply-refusal.js';
import { doingTable, keyOf, stage } from './apply-stage.js';
import { hasNotes, isNoted } from './shadow-notes.js';

/**
 * The migration and the target may both have made a row with the same key: both took the next number of a sequence, say. They are
 * two rows, and bringing the target's over would lose the other in silence.
 * @throws BelayError SHADOW_ROW_REFUSED
 */
export async function refuseTakenKeys(shadow: Session, table: MappedTable): Promise<void> {
  if (!(await hasNotes(shadow, table))) return;
  const columns = keyOf(table).map((index) => `s.c${index}::text`);
  const taken = await shadow.query<{ key: (string | null)[] }>(
    `SELECT ARRAY[${columns.join(', ')}]::text[] AS key FROM ${stage} s WHERE ${isNoted(table, 'inserted')} LIMIT 1`,
    [],
    doingTable(table),
  );
  const [first] = taken;
  if (!first) return;
  const name = `${table.source.schema}.${table.source.name}`;
  throw new BelayError(
    'SHADOW_ROW_REFUSED',
    `row ${describeKey(table, first.key)} of ${name} was inserted by the target, and another one with this key by the migration`,
    {
      hint: 'Nothing was brought over. Let the migration insert rows with keys that nobody else takes, and make the shadow anew.',
      details: { table: name, key: first.key, constraint: null, column: null, sqlState: null },
    },
  );
}
