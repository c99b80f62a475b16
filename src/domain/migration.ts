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

/** Versions are longer than numbers are exact. */
function comparePart(a: string, b: string): number {
  const areNumbers = /^\d/.test(a) && /^\d/.test(b);
  const [x, y] = areNumbers ? [BigInt(a), BigInt(b)] : [a, b];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * The order of versions: runs of digits by their value, all else by code unit, so that "9" comes before "10" and
 * "1.9" before "1.10".
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (const [i, part] of left.entries()) {
    const other = right[i];
    const order = other === undefined ? 1 : comparePart(part, other);
    if (order !== 0) return order;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Whether a version is the one that somebody means: itself, `version_name`, or its number without the leading zeros.
 */
export function isVersion(
  reference: string,
  { version, name }: { readonly version: string; readonly name: string },
): boolean {
  const short = (text: string) => text.replace(/^0+(?=\d)/, '');
  return (
    reference === version ||
    reference === `${version}_${name}` ||
    (/^\d+$/.test(reference) && short(reference) === short(version))
  );
}
