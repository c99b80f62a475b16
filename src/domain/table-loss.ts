/** One key that rows refer to and that is not there. */
export interface MissingKey {
  /** Values of the key's columns, as PostgreSQL prints them. */
  readonly key: readonly string[];
  readonly rows: number;
}

/** A foreign key that does not hold any more once the table is back. */
export interface BrokenReference {
  readonly constraint: string;
  /** The table whose rows refer to nothing, "schema.table". */
  readonly table: string;
  readonly refersTo: string;
  /** Rows that refer to a row that will not be there. */
  readonly rows: number;
  /** The first of the keys that are missing. */
  readonly keys: readonly MissingKey[];
}

/** A foreign key of the snapshot's table that cannot be made at all. */
export interface LostForeignKey {
  readonly constraint: string;
  readonly table: string;
  readonly why: string;
}

/** What of a table is replaced. Rows are compared by primary key, where both have the same. */
export interface ReplacedRows {
  readonly table: string;
  /** null: there is no such table now. */
  readonly rowsNow: number | null;
  readonly rowsThen: number;
  /** Rows that are only in the table as it is now: they leave with it. null: there is no common key. */
  readonly onlyNow: number | null;
  readonly onlyThen: number | null;
  readonly different: number | null;
}

/** What putting the snapshot's tables in place would do, measured. */
export interface TableLoss {
  readonly tables: readonly ReplacedRows[];
  readonly brokenReferences: readonly BrokenReference[];
  readonly lostForeignKeys: readonly LostForeignKey[];
}

/** Whether anything would not hold together any more. */
export function isHarmful({ brokenReferences, lostForeignKeys }: TableLoss): boolean {
  return brokenReferences.length > 0 || lostForeignKeys.length > 0;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** e.g. "2 rows of public.payments refer to rows that public.orders would not have (7, 8)" */
export function describeBrokenReference(broken: BrokenReference): string {
  const keys = broken.keys.map(({ key }) => key.join(', '));
  const one = broken.keys[0]?.key.length === 1;
  const listed = keys.map((key) => (one ? key : `(${key})`)).join(', ');
  const verb = broken.rows === 1 ? 'refers' : 'refer';
  return `${plural(broken.rows, 'row')} of ${broken.table} ${verb} to rows that ${broken.refersTo} would not have (${listed}${broken.keys.reduce((sum, { rows }) => sum + rows, 0) < broken.rows ? ', …' : ''})`;
}

export function describeReplacedRows(rows: ReplacedRows): string {
  const { table, rowsNow, rowsThen, onlyNow, onlyThen, different } = rows;
  if (rowsNow === null) return `${table}: ${plural(rowsThen, 'row')} come back`;
  const counts = `${table}: ${plural(rowsNow, 'row')} now, ${rowsThen} then`;
  if (onlyNow === null) return counts;
  return `${counts}; ${onlyNow} only now, ${onlyThen} only then, ${different} different`;
}
