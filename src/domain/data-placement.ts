import {
  type ColumnShape,
  keepsRows,
  type Placed,
  type Placement,
  type Skipped,
  type StepShapes,
  type TableShape,
} from './data-rollback.js';
import type { KeptColumn, RecordBackup } from './record-backup.js';

type Numbers = Map<number, string>;

interface Followed {
  /** Of the table as it is now, `schema` and `name` in one. */
  table: string;
  /** Names of the columns now by their numbers when the backup was made. */
  readonly columns: Numbers;
}

const keyOf = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  JSON.stringify([schema, name]);

const columnOf = (table: TableShape, name: string | undefined): ColumnShape | undefined =>
  table.columns.find((column) => column.name === name);

/** How a column that the backup of rows of several tables may have says in which table the row was. */
const isTableOid = ({ number }: KeptColumn): boolean => number < 0;

/** What a step leaves of a table. */
export function twinOf(
  { before }: StepShapes,
  { oid }: Pick<TableShape, 'oid'>,
): TableShape | null {
  return before.find((table) => table.oid === oid) ?? null;
}

/**
 * Follows tables and columns from their names now to their names after each step of a rollback, and finds the place of each
 * backup's records: by the catalog's identities, which survive renames, else by the names that things had.
 */
export class Places {
  readonly #followed: Map<number, Followed>;

  /** @param live tables of the database as they are now */
  constructor(live: readonly TableShape[]) {
    this.#followed = new Map(
      live.map((table) => [
        table.oid,
        {
          table: keyOf(table),
          columns: new Map(table.columns.map(({ number, name }) => [number, name])),
        },
      ]),
    );
  }

  /** Goes one step on. @param backups of the step's migrations, in the order in which they are put back */
  step(
    shapes: StepShapes,
    backups: readonly RecordBackup[],
  ): { readonly placements: readonly Placement[]; readonly skipped: readonly Skipped[] } {
    this.#advance(shapes);
    for (const backup of backups) if (backup.kind === 'table') this.#findAgain(shapes, backup);
    const placements: Placement[] = [];
    const skipped: Skipped[] = [];
    for (const backup of backups) {
      const found = this.#place(shapes, backup);
      if (typeof found === 'string') skipped.push({ backup, why: found });
      else placements.push(found);
    }
    return { placements, skipped };
  }

  #advance({ before, after }: StepShapes): void {
    const byName = new Map(before.map((table) => [keyOf(table), table]));
    const byOid = new Map(after.map((table) => [table.oid, table]));
    for (const [oid, followed] of this.#followed) {
      const was = byName.get(followed.table);
      const is = was && byOid.get(was.oid);
      if (!was || !is) {
        this.#followed.delete(oid);
        continue;
      }
      followed.table = keyOf(is);
      for (const [number, name] of followed.columns) {
        const column = columnOf(was, name);
        const now = column && is.columns.find((one) => one.number === column.number);
        if (now) followed.columns.set(number, now.name);
        else followed.columns.delete(number);
      }
    }
  }

  /** A dropped table is another one for the catalogs when it is made again. */
  #findAgain(shapes: StepShapes, backup: RecordBackup): void {
    if (this.#followed.has(backup.tableOid)) return;
    const made = shapes.after.filter((table) => twinOf(shapes, table) === null);
    const named = made.find(
      ({ schema, name }) => schema === backup.tableSchema && name === backup.tableName,
    );
    // It may have been renamed by its migration before it was dropped.
    const wanted = JSON.stringify(backup.columns.map(({ name }) => name).sort());
    const alike = made.filter(
      ({ columns }) =>
        JSON.stringify(columns.flatMap((one) => (one.isGenerated ? [] : [one.name])).sort()) ===
        wanted,
    );
    const table = named ?? (alike.length === 1 ? alike[0] : undefined);
    if (!table) return;
    const names = backup.columns.filter(({ name }) => columnOf(table, name));
    const columns: Numbers = new Map(names.map(({ number, name }) => [number, name]));
    this.#followed.set(backup.tableOid, { table: keyOf(table), columns });
  }

  #place(shapes: StepShapes, backup: RecordBackup): Placement | string {
    const { tableSchema: schema, tableName, tableOid, columnName, kind } = backup;
    if (backup.dataTable === null) return 'its records were pruned';
    const followed = this.#followed.get(tableOid);
    const wanted = followed?.table ?? keyOf({ schema, name: tableName });
    const table = shapes.after.find((one) => keyOf(one) === wanted);
    if (!table) return 'there is no such table after the rollback';
    const find = ({ number, name }: KeptColumn): ColumnShape | undefined =>
      columnOf(table, followed?.columns.get(number)) ?? columnOf(table, name);
    const placed = (columns: readonly KeptColumn[]): Placed[] =>
      columns.flatMap((kept) => {
        const column = find(kept);
        return column && !column.isGenerated ? [{ kept, column }] : [];
      });
    const isValue = (kept: KeptColumn) => {
      if (keepsRows(backup)) return !isTableOid(kept);
      return kind === 'update' ? kept.after !== null : kept.name === columnName;
    };
    const values = placed(backup.columns.filter(isValue));
    if (values.length === 0) return 'what it keeps is not there after the rollback';
    const before = twinOf(shapes, table);
    const place = { backup, table, before, values };
    const keyColumns = backup.columns.filter((kept) => kept.isKey && !this.#isLost(kept, backup));
    const keys = placed(keyColumns.filter((kept) => !isTableOid(kept)));
    const missing = keyColumns.find(
      (kept) => !isTableOid(kept) && !keys.some((one) => one.kept === kept),
    );
    if (kind === 'column' && followed) {
      for (const { kept, column } of values) followed.columns.set(kept.number, column.name);
    }
    if (backup.identity !== 'whole-row' && !keepsRows(backup) && missing) {
      return `the column "${missing.name}" that finds its rows is not there any more`;
    }
    return { ...place, keys };
  }

  /** The value that is put back does not find the row. */
  #isLost({ name }: KeptColumn, { kind, columnName }: RecordBackup): boolean {
    return kind === 'column' && name === columnName;
  }
}

/** Backups in the order in which they are put back: what was lost last comes first, and parents before their children. */
export function orderBackups(
  backups: readonly RecordBackup[],
  /** Versions, newest first. */
  migrations: readonly string[],
): RecordBackup[] {
  const place = ({ migrationVersion }: RecordBackup) => migrations.indexOf(migrationVersion);
  return backups
    .filter((backup) => place(backup) >= 0)
    .sort((a, b) => place(a) - place(b) || b.statement - a.statement || b.id - a.id);
}

/** Among the placements of one statement those come first to whose tables the others refer. */
export function parentsFirst(placements: readonly Placement[]): Placement[] {
  const left = [...placements];
  const done: Placement[] = [];
  while (left.length > 0) {
    const [head] = left as [Placement, ...Placement[]];
    const peers = left.filter(
      ({ backup }) =>
        backup.statement === head.backup.statement &&
        backup.migrationVersion === head.backup.migrationVersion,
    );
    const waits = ({ table }: Placement) =>
      peers.some((other) => other.table !== table && refersTo(table, other.table));
    const next = peers.find((one) => !waits(one)) ?? head;
    done.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return done;
}

function refersTo(table: TableShape, other: TableShape): boolean {
  return table.constraints.some(
    (constraint) => constraint.kind === 'foreign key' && constraint.parent === other.oid,
  );
}

/** The name of a column as the schema model writes it. */
export function formatColumnName(table: TableShape, column: ColumnShape): string {
  return `${table.sql}.${column.sql}`;
}
