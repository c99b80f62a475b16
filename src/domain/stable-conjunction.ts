import { afterQuoted } from './quoted-text.js';

/**
 * `a BETWEEN 1 AND 2 AND b` is first printed as `((a >= 1) AND (a <= 2)) AND b`, but after a dump and a restore as
 * `(a >= 1) AND (a <= 2) AND b`: where an AND begins with another one, PostgreSQL reads both as one. The same holds for OR.
 */

type Join = 'AND' | 'OR';

/** A bracket that is open: what has been seen directly in it. */
interface Group {
  /** Where it begins in the result. */
  readonly start: number;
  /** What joins its parts, if anything does. */
  join?: Join;
  /** A group with which it begins. */
  first?: Closed;
}

interface Closed {
  readonly start: number;
  /** Just after its closing bracket. */
  readonly end: number;
  readonly join: Join | undefined;
}

const joinAt = /^ (AND|OR)[ \n]/;

/** Closes the innermost group, and tells the one around it if that begins with it. */
function close(open: Group[], result: string): void {
  const closed = open.pop();
  const around = open.at(-1);
  if (!closed || around?.start !== closed.start - 1) return;
  around.first = { start: closed.start, end: result.length, join: closed.join };
}

/** The result up to an AND or OR, without the brackets of a first part that is joined in the same way. */
function joined(group: Group, result: string, join: Join): string {
  group.join = join;
  const { first } = group;
  if (first?.end !== result.length || first.join !== join) return result;
  return result.slice(0, first.start) + result.slice(first.start + 1, -1);
}

/**
 * Brings ANDs and ORs into the form that a dump and restore keeps.
 *
 * @example
 * flattenConjunctions('(((a >= 1) AND (a <= 2)) AND (b > 3))'); // '((a >= 1) AND (a <= 2) AND (b > 3))'
 */
export function flattenConjunctions(sql: string): string {
  if (!sql.includes('((') || !(sql.includes(') AND ') || sql.includes(') OR '))) return sql;
  let result = '';
  const open: Group[] = [];
  for (let i = 0; i < sql.length; ) {
    const char = sql[i] ?? '';
    const group = open.at(-1);
    const end = char === "'" || char === '"' ? afterQuoted(sql, i) : i + 1;
    const join = char === ' ' ? joinAt.exec(sql.slice(i, i + 5))?.[1] : undefined;
    if (group && join) result = joined(group, result, join as Join);
    if (char === '(') open.push({ start: result.length });
    result += sql.slice(i, end);
    if (char === ')') close(open, result);
    i = end;
  }
  return result;
}
