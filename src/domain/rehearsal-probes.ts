import type { ProbeRun, RehearsedProbe } from './rehearsal.js';

/** An answer is slower when it takes this many times as long, and this much longer. */
const slowerFactor = 2;
const slowerMs = 50;

/** Whether one run took much longer than another. */
export function isMuchSlower(before: ProbeRun, after: ProbeRun): boolean {
  return (
    after.durationMs > slowerFactor * before.durationMs &&
    after.durationMs - before.durationMs > slowerMs
  );
}

/** Whether two runs gave the same answer; what is not known of one of them, as it is another each time, is not compared. */
export function isSameAnswer(before: ProbeRun, after: ProbeRun): boolean {
  const isSame = <T>(a: T | null, b: T | null) => a === null || b === null || a === b;
  return (
    JSON.stringify(before.columns) === JSON.stringify(after.columns) &&
    isSame(before.rows, after.rows) &&
    isSame(before.hash, after.hash)
  );
}

/**
 * What a migration did to a query.
 *
 * @example
 * probeVerdict(worked, failed); // "broken"
 */
export function probeVerdict(before: ProbeRun, after: ProbeRun): RehearsedProbe['verdict'] {
  if (before.error !== null) return after.error === null ? 'mended' : 'failing';
  if (after.error !== null) return 'broken';
  if (!isSameAnswer(before, after)) return 'changed';
  return isMuchSlower(before, after) ? 'slower' : 'same';
}

/** A value for `$1` and its kin. */
export type ProbeParameter = string | null;

/**
 * The values of the last comment `-- params: [1, "a", null]` in the text above a statement.
 * @returns undefined: there is none
 * @throws SyntaxError where it is no list in JSON
 */
export function probeParameters(above: string): readonly ProbeParameter[] | undefined {
  const comments = [...above.matchAll(/^[ \t]*--[ \t]*params:[ \t]*(.*?)[ \t]*$/gim)];
  const text = comments.at(-1)?.[1];
  if (text === undefined) return undefined;
  const values: unknown = JSON.parse(text);
  if (!Array.isArray(values)) throw new SyntaxError('not a list');
  return values.map(parameterOf);
}

function parameterOf(value: unknown): ProbeParameter {
  if (value === null) return null;
  if (Array.isArray(value)) return arrayLiteral(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** As PostgreSQL writes arrays: `{1,"a b",NULL}`. */
function arrayLiteral(values: readonly unknown[]): string {
  const items = values.map((value) => {
    if (Array.isArray(value)) return arrayLiteral(value);
    const text = parameterOf(value);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${items.join(',')}}`;
}

/**
 * Where in the rows that a query gives its ORDER BY stands, as far as its output has it: the order of rows that are alike there is the
 * server's choice. Null: it has no ORDER BY. Undefined: it orders by something else than its output.
 */
export type SortColumns = readonly (number | string)[] | null | undefined;

type Tree = Readonly<Record<string, unknown>>;

const nodeIn = (value: unknown, name: string): Tree | undefined =>
  (value as Record<string, Tree> | undefined)?.[name];

/** Reads what a statement is ordered by at its top level: numbers of columns from 1, or names of its output. */
export function sortColumnsOf(kind: string, tree: Tree): SortColumns {
  const clause = kind === 'SelectStmt' ? tree.sortClause : undefined;
  if (!Array.isArray(clause) || clause.length === 0) return null;
  const items = clause.map((item: unknown) => sortItem(nodeIn(item, 'SortBy')?.node));
  return items.every((one) => one !== undefined) ? items : undefined;
}

function sortItem(node: unknown): number | string | undefined {
  const constant = nodeIn(node, 'A_Const');
  const number = nodeIn(constant, 'ival')?.ival;
  if (typeof number === 'number') return number;
  const fields = nodeIn(node, 'ColumnRef')?.fields;
  // `t.name` may be another column than the output's of that name.
  if (!Array.isArray(fields) || fields.length !== 1) return undefined;
  const name = nodeIn(fields[0], 'String')?.sval;
  return typeof name === 'string' ? name : undefined;
}

/** The highest number of `$1`, `$2`, … in a statement. */
export function parameterCount(tree: unknown): number {
  if (Array.isArray(tree)) return Math.max(0, ...tree.map(parameterCount));
  if (tree === null || typeof tree !== 'object') return 0;
  const number = nodeIn(tree, 'ParamRef')?.number;
  if (typeof number === 'number') return number;
  return Object.values(tree).reduce<number>((most, one) => Math.max(most, parameterCount(one)), 0);
}
