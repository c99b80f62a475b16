import type { LockHazard, LockMode } from '../impact.js';
import type { Safety } from '../safety.js';
import type { Measure } from './measure.js';

/**
 * Rows or values of the live database that a statement takes away, by the catalog's own identities: these stay when
 * things are renamed on the way. What a record backup has to keep before the statement runs.
 */
export type Loss =
  /** The values of a column that goes, also by CASCADE. */
  | { readonly what: 'column'; readonly table: number; readonly column: number }
  /** The values of a column whose type is changed. */
  | { readonly what: 'conversion'; readonly table: number; readonly column: number }
  /** A table that goes with its rows. */
  | { readonly what: 'table'; readonly table: number }
  /** Rows that are changed or removed by UPDATE, DELETE, MERGE, ON CONFLICT, TRUNCATE, foreign keys' actions. */
  | {
      readonly what: 'rows';
      readonly table: number;
      readonly events: readonly ('UPDATE' | 'DELETE' | 'TRUNCATE')[];
    };

/** What the count of a finding's measure says. */
export type CountMeaning =
  /** Rows that are lost. */
  | 'rows-lost'
  /** Values that are lost in rows that stay. */
  | 'values-lost'
  /** Rows that are changed; `changed` of them have a value that is overwritten. */
  | 'rows-changed'
  /** Rows that make the statement fail. */
  | 'failures'
  /** A conversion: the count fails, `changed` is lost in silence. */
  | 'conversion'
  /** Rows that the statement only touches, without losing anything. */
  | 'rows-touched';

/** What a statement does to an object, before anything was counted. */
export interface Finding {
  readonly rule: string;
  readonly operation: string;
  readonly object: string;
  readonly safety: Safety;
  readonly reason: string;
  readonly lock: LockMode | null;
  readonly rewrite: boolean;
  readonly scan: boolean;
  readonly because: string | null;
  readonly saferWay: string | null;
  /** What is to be counted; null: there is nothing to count, or `unmeasured` says why not. */
  readonly measure: Measure | null;
  readonly counts: CountMeaning | null;
  /** Why something that would have to be counted is not; null otherwise. */
  readonly unmeasured: string | null;
  /** Known without counting: it fails whatever the rows (something depends on it, it is not there). */
  readonly fails: boolean | null;
  /** What a record backup keeps; null: nothing is lost that it could keep. */
  readonly loss: Loss | null;
  /** Oid of the live table that is locked or lost from, for its size and traffic; null: none. */
  readonly table: number | null;
  /** Index (from 1) of earlier statements that change the rows which this one counts: then counts are as things are now. */
  readonly after: readonly number[];
  /** How others feel the lock, by the table's size and traffic; missing: nobody feels anything. */
  readonly hazard?: LockHazard;
}

/** What most findings do not have. */
const defaults = {
  lock: null,
  rewrite: false,
  scan: false,
  because: null,
  saferWay: null,
  measure: null,
  counts: null,
  unmeasured: null,
  fails: null,
  loss: null,
  table: null,
  after: [],
} as const;

/** A finding with defaults for all that most findings do not have. */
export type FindingFacts = Pick<Finding, 'rule' | 'operation' | 'object' | 'safety' | 'reason'> &
  Partial<Finding>;

/** Scripts have hundred thousands of statements: one copy is made here, not one for each line. */
export function finding(facts: FindingFacts): Finding {
  return Object.assign({}, defaults, facts);
}
