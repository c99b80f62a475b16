import type { Loss } from '../../domain/impact/finding.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, type Session } from '../session.js';
import type { RowEvent } from './keep-rows.js';
import { plainColumns } from './kept-columns.js';
import { displayName, type KeptTable, readKeptTables, type TableColumn } from './kept-table.js';

/** One thing to keep before a statement. `loss` is the index of what was named as lost. */
export type LostRecords = { readonly loss: number; readonly table: KeptTable } & (
  | {
      readonly what: 'column' | 'conversion';
      readonly column: TableColumn;
    }
  | { readonly what: 'table' }
  | { readonly what: 'rows'; readonly event: RowEvent; readonly forEachRow: boolean }
);

/** Of one table, rows that are removed get a greater number than those that are changed: they are put back first. */
const order = ['conversion', 'column', 'UPDATE', 'DELETE', 'TRUNCATE', 'table'];

/**
 * What there is to keep of a statement's losses, as things are named now: with the tables that inherit, each for its own rows, and
 * partitions only where their whole is not kept. What is not there any more is left out.
 */
export async function findLostRecords(
  session: Session,
  losses: readonly Loss[],
): Promise<LostRecords[]> {
  const named = await readKeptTables(
    session,
    losses.map(({ table }) => table),
  );
  const known = new Set(named.map(({ oid }) => oid));
  const further = named.flatMap((table) => (table.isPartitioned ? [] : table.inheritors));
  const inheriting = await readKeptTables(session, [
    ...new Set(further.filter((oid) => !known.has(oid))),
  ]);
  const tables = new Map([...named, ...inheriting].map((table) => [table.oid, table]));
  const found = new Map<string, LostRecords>();
  for (const [index, loss] of losses.entries()) {
    for (const lost of expand(loss, index, tables)) {
      const before = found.get(keyOf(lost));
      if (!before || (lost.what === 'rows' && lost.forEachRow)) found.set(keyOf(lost), lost);
    }
  }
  const all = [...found.values()];
  return all
    .filter((lost) => !isKeptElsewhere(lost, all))
    .sort(
      (a, b) => a.table.oid - b.table.oid || order.indexOf(nameOf(a)) - order.indexOf(nameOf(b)),
    );
}

const nameOf = (lost: LostRecords): string => (lost.what === 'rows' ? lost.event : lost.what);

function keyOf(lost: LostRecords): string {
  const column = 'column' in lost ? lost.column.number : '';
  return [nameOf(lost), lost.table.oid, column].join('/');
}

function expand(
  loss: Loss,
  index: number,
  tables: ReadonlyMap<number, KeptTable>,
): readonly LostRecords[] {
  const table = tables.get(loss.table);
  if (!table) return [];
  const inheritors = table.isPartitioned
    ? []
    : table.inheritors.flatMap((oid) => tables.get(oid) ?? []);
  switch (loss.what) {
    case 'table':
      return [{ what: 'table', loss: index, table }];
    case 'rows':
      return loss.events.flatMap((event) => {
        const forEachRow = event !== 'TRUNCATE' && inheritors.length > 0;
        return [table, ...inheritors].map((each) => {
          return { what: 'rows', loss: index, table: each, event, forEachRow } as const;
        });
      });
    default: {
      const lost = plainColumns(table).find(({ number }) => number === loss.column);
      if (!lost) return [];
      return [table, ...inheritors].flatMap((each) => {
        const column = plainColumns(each).find(({ name }) => name === lost.name);
        return column ? [{ what: loss.what, loss: index, table: each, column }] : [];
      });
    }
  }
}

/** Rows of a partition go with its whole; a column goes with its table. */
function isKeptElsewhere(lost: LostRecords, all: readonly LostRecords[]): boolean {
  const isOfWhole = (other: LostRecords) => lost.table.partitionOf.includes(other.table.oid);
  return all.some((other) => {
    if (other.what === 'table' && other !== lost) {
      if (isOfWhole(other) || other.table.oid === lost.table.oid) return true;
    }
    if (!isOfWhole(other) || nameOf(other) !== nameOf(lost)) return false;
    if ('column' in lost) return 'column' in other && other.column.name === lost.column.name;
    return lost.what === 'rows' && lost.event === 'TRUNCATE';
  });
}

/** A row has at most 1,600 columns; of an update each is kept twice, and some room is left. */
const mostUpdatedColumns = 750;

/**
 * Says before anything is run what would keep records from being kept.
 * @throws BelayError PERMISSION_DENIED, CANNOT_BACK_UP
 */
export function checkLostRecords(lost: LostRecords): void {
  const { table } = lost;
  const name = displayName(table);
  const reads = lost.what !== 'rows' || lost.event === 'TRUNCATE';
  if (lost.what === 'rows' && !table.mayTrigger) {
    throw denied(`rows of ${name}: the role may not put a trigger on it`, table, 'TRIGGER');
  }
  if (reads && !table.maySelect) {
    throw denied(`records of ${name}: the role may not read it`, table, 'SELECT');
  }
  if (reads && table.hidesRows && !table.mayLiftForce) {
    throw new BelayError(
      'PERMISSION_DENIED',
      `cannot keep the records of ${name}: row-level security hides some of them from the role`,
      { hint: `Run it as the owner "${table.owner}" or as a role with BYPASSRLS.` },
    );
  }
  if (lost.what !== 'rows' || lost.event === 'TRUNCATE') return;
  if (table.hasForeignPartition) {
    throw cannot(`rows of ${name}: it has partitions on another server, which hand over none`);
  }
  if (lost.event === 'UPDATE' && table.columns.length > mostUpdatedColumns) {
    throw cannot(`rows of ${name}: it has more than ${mostUpdatedColumns} columns`);
  }
}

function denied(what: string, { sql, owner }: KeptTable, right: string): BelayError {
  return new BelayError('PERMISSION_DENIED', `cannot keep the ${what}`, {
    hint: `The owner can: GRANT ${right} ON ${sql} TO … (owner: ${quoteIdentifier(owner)}). Or back up to files (--backup files).`,
  });
}

const cannot = (what: string): BelayError =>
  new BelayError('CANNOT_BACK_UP', `cannot keep the ${what}`, {
    hint: 'Nothing was run. Back up to files instead (--backup files).',
  });
