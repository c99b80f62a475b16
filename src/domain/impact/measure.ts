/** A table of the live database to count in. */
export interface MeasuredTable {
  readonly oid: number;
  /** Qualified and quoted, as FROM takes it. */
  readonly sql: string;
  /** Only its own rows, not those of inheritors. False for partitioned tables. */
  readonly only: boolean;
  /** Schemas in which the script looks up functions and operators, as `SET search_path` takes them; null: Belay's own. */
  readonly searchPath: string | null;
}

/**
 * What can be counted in the live database to know what a statement would do. Names and expressions are SQL that is valid
 * there now: what the script has renamed before has its old name in them. Measures of one table that need no other
 * row than their own are counted in one scan.
 */
export type Measure =
  /** Rows for which a condition is true; null: all rows. */
  | { readonly what: 'rows'; readonly table: MeasuredTable; readonly where: string | null }
  /** Values of a column that are not NULL. `column` is quoted; `where`: only in these rows. */
  | {
      readonly what: 'values';
      readonly table: MeasuredTable;
      readonly column: string;
      readonly where: string | null;
    }
  /**
   * Rows that a statement changes (where), and those of them in which one of the columns has a value that is not NULL.
   */
  | {
      readonly what: 'overwrites';
      readonly table: MeasuredTable;
      readonly where: string | null;
      readonly columns: readonly string[];
    }
  /** A change of type: how many values fail, and how many come out as another value. `using` null: an assignment cast. */
  | {
      readonly what: 'conversion';
      readonly table: MeasuredTable;
      readonly column: string;
      /** Types as `format_type` prints them, e.g. "character varying(20)". */
      readonly from: string;
      readonly to: string;
      readonly using: string | null;
      /** Expression of its default, which is converted too; none where it is left out. */
      readonly default?: string | null;
    }
  /** Rows that break a constraint: for which the condition is true. */
  | { readonly what: 'violations'; readonly table: MeasuredTable; readonly breaks: string }
  /** Rows that are not the only one with their values. */
  | {
      readonly what: 'duplicates';
      readonly table: MeasuredTable;
      /** Columns or expressions, quoted. */
      readonly by: readonly string[];
      /** Predicate of a partial index; null: all rows. */
      readonly where: string | null;
      readonly nullsNotDistinct: boolean;
      /** A primary key: rows with a NULL break it too. */
      readonly notNull: boolean;
    }
  /** Rows that refer to nothing. */
  | {
      readonly what: 'orphans';
      readonly table: MeasuredTable;
      readonly columns: readonly string[];
      readonly references: {
        readonly table: MeasuredTable;
        readonly columns: readonly string[];
      };
      readonly match: 'simple' | 'full';
    }
  /** Two rows of which the operators are all true. */
  | {
      readonly what: 'exclusion';
      readonly table: MeasuredTable;
      readonly elements: readonly { readonly expression: string; readonly operator: string }[];
      readonly where: string | null;
    }
  /** A query of its own with one row: `rows` and optionally `values`, both bigint. `tables` for the estimate. */
  | {
      readonly what: 'query';
      readonly sql: string;
      readonly searchPath: string | null;
      readonly tables: readonly MeasuredTable[];
    };

/** What was counted for one {@link Measure}. */
export interface Measurement {
  /** Rows, values, or failures, by the kind of measure; null: not known. */
  readonly count: number | null;
  /** "conversion": values that come out as another one; "overwrites": rows with a value. Else null. */
  readonly changed: number | null;
  /** All rows of the table, where that came along. */
  readonly total: number | null;
  readonly measured: 'exact' | 'estimate' | 'unknown';
  /** Why it is not exact, for people; null where it is. */
  readonly why: string | null;
  /** A few of what was found: keys of rows, or `key: old → new`. */
  readonly samples: readonly string[];
  /** Failures that were found before counting had to end, where `count` is null. */
  readonly atLeast?: number;
  /** Why PostgreSQL refuses the statement whatever the rows: there is no such conversion. */
  readonly refused?: string;
}
