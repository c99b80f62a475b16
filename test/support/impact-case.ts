import type { LockMode } from '../../src/domain/impact.js';
import type { Safety } from '../../src/domain/safety.js';

/**
 * A number that a plan must say: SQL with one number, run on the fixture and independent of the code under
 * test; or the number itself; null: the plan has to say that it does not know.
 */
export type Count = string | number | null;

/** What a plan must say of one object. What is left out does not matter. */
export interface ExpectedImpact {
  readonly rule: string;
  readonly object: string;
  readonly operation?: string;
  readonly safety?: Safety;
  readonly rows?: Count;
  readonly values?: Count;
  readonly records?: Count;
  readonly fails?: boolean | null;
  readonly rewrite?: boolean;
  readonly scan?: boolean;
  readonly lock?: LockMode | null;
  /** Name of what takes it along, or a part of it. */
  readonly because?: string | null;
}

export interface ExpectedStatement {
  readonly sql: string;
  /** The impacts that matter. Others may be there, but must neither lose anything nor fail. */
  readonly impacts?: readonly ExpectedImpact[];
  readonly safety?: Safety;
  /** Sum of what all impacts of the statement lose, where it is not the sum over `impacts`. */
  readonly total?: Count;
  /** Whatever it says in detail: not SAFE, and never that nothing is lost. */
  readonly opaque?: boolean;
  /** By whatever impact: the statement fails, does not, or nobody can know. */
  readonly fails?: boolean | null;
  readonly transactional?: boolean;
  /** It fails for real, but only PostgreSQL can know that: a plan must not say that it does not. */
  readonly mayFail?: true;
}

export interface ImpactCase {
  readonly name: string;
  readonly statements: readonly ExpectedStatement[];
  /** Whether the script runs in one transaction, as migrations do. Default true. */
  readonly inTransaction?: boolean;
  /** PostgreSQL from this version on. */
  readonly minMajor?: number;
  /** Planned by the role of the fixture, which may read little; else by a superuser. */
  readonly asRole?: boolean;
  /**
   * What is really gone after the script, where that differs from what it says before: SQL or a number; "unknown" where
   * there is nothing to compare with. Always with a reason in a comment.
   */
  readonly really?: Count | 'unknown';
  /** Why it is not run for real. */
  readonly notTried?: string;
}

/** A case of one statement. */
export function one(
  sql: string,
  expected: Omit<ExpectedStatement, 'sql'>,
  more: Omit<ImpactCase, 'name' | 'statements'> = {},
): ImpactCase {
  return { name: sql.replaceAll(/\s+/g, ' '), statements: [{ sql, ...expected }], ...more };
}

/** A case of several statements that follow one another. */
export function script(
  name: string,
  statements: readonly ExpectedStatement[],
  more: Omit<ImpactCase, 'name' | 'statements'> = {},
): ImpactCase {
  return { name, statements, ...more };
}

/** A statement that cannot work, whatever it names: nothing is lost. */
export const failing = (sql: string, more: Omit<ImpactCase, 'name' | 'statements'> = {}) =>
  one(sql, { fails: true, total: 0 }, more);

/** A statement by which nothing is lost and which works. */
export const harmless = (sql: string, more: Omit<ImpactCase, 'name' | 'statements'> = {}) =>
  one(sql, { total: 0 }, more);
