import { BelayError } from '../errors.js';
import { type PostgresInstallation, supportedMajors } from './installation.js';

export interface InstallationWish {
  /** Version of the data directory that has to be served; nothing else can. Null: none yet. */
  readonly dataMajor: number | null;
  /** Version that the user asks for. */
  readonly major?: number | undefined;
}

function listOf(installations: readonly PostgresInstallation[]): string {
  if (installations.length === 0) return 'none';
  return installations.map(({ version, binDir }) => `${version} in ${binDir}`).join(', ');
}

/**
 * Picks the server to use, from a list with the one to prefer first.
 *
 * @throws BelayError POSTGRES_NOT_FOUND where none fits; USAGE where the wish contradicts the data
 */
export function chooseInstallation(
  installations: readonly PostgresInstallation[],
  { dataMajor, major }: InstallationWish,
): PostgresInstallation {
  if (dataMajor !== null && major !== undefined && dataMajor !== major) {
    throw new BelayError('USAGE', `the local data is of PostgreSQL ${dataMajor}, not ${major}`, {
      hint: `Leave the version out, or set BELAY_HOME to another folder for a server of version ${major}.`,
    });
  }
  const needed = dataMajor ?? major;
  const chosen =
    needed === undefined ? installations[0] : installations.find((one) => one.major === needed);
  if (chosen) return chosen;
  const { oldest, newest } = supportedMajors;
  const what =
    needed === undefined ? `no PostgreSQL ${oldest} to ${newest}` : `no PostgreSQL ${needed}`;
  const why = dataMajor === null ? '' : ', which the local data needs';
  throw new BelayError('POSTGRES_NOT_FOUND', `${what} is on this machine${why}`, {
    hint: `Install it, or set BELAY_PG_BIN to the folder of its programs. Found: ${listOf(installations)}.`,
    details: { needed: needed ?? null, found: installations.map(({ version }) => version) },
  });
}
