export type InstallationSource =
  | 'BELAY_PG_BIN'
  | 'PATH'
  | 'debian'
  | 'pgdg-rpm'
  | 'homebrew'
  | 'postgres-app'
  | 'windows'
  | 'npm';

/** A PostgreSQL server on this machine. */
export interface PostgresInstallation {
  readonly source: InstallationSource;
  /** The folder of `postgres` and `initdb`. */
  readonly binDir: string;
  /** e.g. "15.18". */
  readonly version: string;
  readonly major: number;
  /** Whether pg_dump and pg_restore are there too. */
  readonly hasClientTools: boolean;
}

/** The versions of servers that Belay works with. */
export const supportedMajors = { oldest: 14, newest: 18 } as const;

/**
 * Reads what `postgres --version` and its like print.
 * @returns null where it is no released or beta version, e.g. of a fork
 */
export function parseVersion(text: string): { version: string; major: number } | null {
  const match = /\(PostgreSQL\)\s+((\d+)(?:\.\d+|(?:beta|rc|devel)\d*)?)/.exec(text);
  return match?.[1] && match[2] ? { version: match[1], major: Number(match[2]) } : null;
}

export function isSupported(major: number): boolean {
  return major >= supportedMajors.oldest && major <= supportedMajors.newest;
}

/** Numeric parts of a version, so that 15.9 comes before 15.18. */
export function versionOrder(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return major * 1_000 + minor;
}
