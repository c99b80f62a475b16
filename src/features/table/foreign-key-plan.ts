import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { LostForeignKey } from '../../domain/table-loss.js';
import type { Session } from '../../postgres/session.js';
import { type ForeignKey, readForeignKeys } from '../../postgres/table/foreign-keys.js';
import { readTableFacts, type TableFacts } from '../../postgres/table/read-tables.js';
import type { Blueprint } from './blueprint.js';

const keyName = ({ table, name }: Pick<ForeignKey, 'table' | 'name'>): string =>
  `${formatQualifiedName(table)}\0${name}`;

/** Columns that a table has not got; undefined: there is no such table. */
function missingColumns(
  facts: TableFacts | undefined,
  columns: readonly string[],
): string[] | undefined {
  if (!facts || !'rp'.includes(facts.kind)) return undefined;
  const there = new Set(facts.columns.map(({ name }) => name));
  return columns.filter((column) => !there.has(column));
}

/** Foreign keys that other tables had on the snapshot's, and have lost with the table or its key. */
export async function comingBack(session: Session, { incoming }: Blueprint): Promise<ForeignKey[]> {
  const tables = await readTableFacts(
    session,
    incoming.map(({ table }) => table),
  );
  const present = await readForeignKeys(
    session,
    'outgoing',
    tables.filter((facts) => facts !== undefined),
  );
  const there = new Set(present.map(keyName));
  return incoming.flatMap((key, index) => {
    const facts = tables[index];
    const isPossible = missingColumns(facts, key.columns)?.length === 0;
    if (!isPossible || there.has(keyName(key))) return [];
    return [{ ...key, owned: facts?.owned ?? false, ofPartitioned: facts?.kind === 'p' }];
  });
}

/** Of the snapshot's own foreign keys those that have something to refer to. */
export async function possibleOutgoing(
  session: Session,
  { outgoing }: Blueprint,
): Promise<{ readonly outgoing: ForeignKey[]; readonly lost: LostForeignKey[] }> {
  const tables = await readTableFacts(
    session,
    outgoing.map(({ refersTo }) => refersTo),
  );
  const possible: ForeignKey[] = [];
  const lost: LostForeignKey[] = [];
  for (const [index, key] of outgoing.entries()) {
    const missing = missingColumns(tables[index], key.keyColumns);
    const refersTo = formatQualifiedName(key.refersTo);
    const why = missing
      ? `${refersTo} has no column ${missing.join(', ')} any more`
      : `there is no table ${refersTo} any more`;
    if (missing?.length === 0) possible.push(key);
    else lost.push({ constraint: key.name, table: formatQualifiedName(key.table), why });
  }
  return { outgoing: possible, lost };
}
