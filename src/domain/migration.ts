/** A piece of SQL that a file holds, and where. */
export interface MigrationScript {
  /** Path of the file, relative to the project where that is possible. */
  readonly file: string;
  /** Line of the file on which `sql` begins, from 1. */
  readonly line: number;
  readonly sql: string;
  /** False where the file says that it must not run in one transaction. */
  readonly inTransaction: boolean;
}

/** A migration as the project's files have it. */
export interface MigrationFile {
  /** What orders and names it, e.g. "20261120103000" or "0007". */
  readonly version: string;
  /** What follows the version in its file's name, e.g. "add_invoices"; may be empty. */
  readonly name: string;
  /** Null where the way up is no SQL (a program of another tool). */
  readonly up: MigrationScript | null;
  /** Null where nobody wrote a way down. */
  readonly down: MigrationScript | null;
  /** SHA-256, hexadecimal, over the bytes of the way up; what tells that an applied file was changed. */
  readonly checksum: string;
}

/** A migration as the database's own record has it. */
export interface AppliedMigration {
  readonly version: string;
  readonly name: string;
  /** ISO 8601; null where the tool keeps no time. */
  readonly appliedAt: string | null;
  /** As in {@link MigrationFile}, or of the tool's own making; null where it keeps none. */
  readonly checksum: string | null;
  /** What was run to apply it and would be run to take it back, where the record keeps that. */
  readonly up: MigrationScript | null;
  readonly down: MigrationScript | null;
}

/** Version "0" is the state before the first migration. */
export const versionBeforeFirst = '0';

const parts = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];

/**
 * The order of versions: runs of digits by their value, all else by code unit, so that "9" comes before "10" and
 * "1.9" before "1.10".
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const [x, y] = [left[i], right[i]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const numeric = /^\d/.test(x) && /^\d/.test(y);
    const order = numeric ? compareNumbers(x, y) : x < y ? -1 : x > y ? 1 : 0;
    if (order !== 0) return order;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Versions are longer than numbers are exact. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
