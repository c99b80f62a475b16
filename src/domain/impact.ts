import type { Safety } from './safety.js';

/** Lock modes of tables, from the weakest to the strongest, as PostgreSQL's manual names them. */
export const lockModes = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;

export type LockMode = (typeof lockModes)[number];

/**
 * How others feel a lock, weighed by what is done under it and by the table's size and traffic. "none": nobody feels it (an
 * empty or new table, a weak lock). "brief": it is held for a moment, yet it waits for those who use the table, and everybody
 * else waits behind it: `lock_timeout` and another attempt. "long": others wait while rows are read or written.
 */
export type LockHazard = 'none' | 'brief' | 'long';

/** How a number came about. "estimate": the server's statistics, where counting took too long. */
export type Measured = 'exact' | 'estimate' | 'unknown';

/** What one statement does to one object. */
export interface Impact {
  /** Name of the rule that found it, e.g. "drop-column": for waivers, policies and SARIF. */
  readonly rule: string;
  /** e.g. "DROP COLUMN", "ALTER COLUMN TYPE", "DELETE". */
  readonly operation: string;
  /** What it is done to, under the name that it has when the statement runs: `schema.table` or `schema.table.column`. */
  readonly object: string;
  readonly safety: Safety;
  /** Rows that the statement removes or changes; where it would fail, rows on which it fails. Null: not known. */
  readonly rowsAffected: number | null;
  /** Values, other than NULL, that it removes or changes in rows that stay. Null: not known. */
  readonly valuesAtRisk: number | null;
  /** What is lost without a backup, rows and values, each counted once. Null: not known. */
  readonly recordsAtRisk: number | null;
  readonly measured: Measured;
  /** It fails on the rows that are there now. Null: not known. */
  readonly wouldFail: boolean | null;
  /** What happens and why, in a sentence; also why something is not known. */
  readonly reason: string;
  /** The lock that it takes on the object's table; null where it takes none that others feel. */
  readonly lock: LockMode | null;
  /** Every row is written anew. */
  readonly rewrite: boolean;
  /** Every row is read while the lock is held. */
  readonly scan: boolean;
  /** The other object whose removal takes this one along (CASCADE). */
  readonly because: string | null;
  /** Rows that break it, or values that change: by their key, at most a few. */
  readonly samples: readonly string[];
  /** The safer way, written out for this statement; null where there is none. */
  readonly saferWay: string | null;
  /** Index of statements before it that change what it is about: its numbers are those of now. */
  readonly after: readonly number[];
  /** How others feel the lock; missing: nobody does. */
  readonly hazard?: LockHazard;
  /** Rows of the object's table by the server's statistics; null or -1: not known. */
  readonly tableRows?: number | null;
}

/** One statement of a plan. */
export interface StatementImpact {
  /** From 1. */
  readonly index: number;
  /** Of its file, from 1. */
  readonly line: number;
  /** Of its line, from 1, in characters. */
  readonly column?: number;
  readonly file: string;
  readonly sql: string;
  /** Name of its node in PostgreSQL's grammar. */
  readonly kind: string;
  /** False where PostgreSQL refuses it within a transaction. */
  readonly transactional: boolean;
  readonly impacts: readonly Impact[];
  readonly safety: Safety;
  /** Rules that a comment in the SQL waives for it, with the reason that it gives. */
  readonly waivers: readonly Waiver[];
}

/** `-- belay:allow RULE[, RULE…]: REASON`, before or within the statement. */
export interface Waiver {
  readonly rule: string;
  readonly reason: string;
  readonly line: number;
  /** It is for all statements of its file (`belay:allow-file`). */
  readonly forFile?: boolean;
}

/** What a migration would do to the data that is there now. */
export interface ImpactPlan {
  readonly statements: readonly StatementImpact[];
  readonly totals: ImpactTotals;
  readonly safety: Safety;
  /** What somebody should know of the whole: parts that were not looked at, and why. */
  readonly notes: readonly string[];
  /** When the numbers were taken, ISO 8601. */
  readonly measuredAt: string;
}

export interface ImpactTotals {
  readonly statements: number;
  /** Sum over what is known. */
  readonly recordsAtRisk: number;
  readonly rowsAffected: number;
  readonly valuesAtRisk: number;
  /** Impacts whose loss could not be counted exactly. */
  readonly unknown: number;
  readonly wouldFail: number;
}
