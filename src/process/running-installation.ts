import { readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { chooseInstallation } from './choose-installation.js';
import { readDataDirectoryMajor } from './data-directory.js';
import type { PostgresInstallation } from './installation.js';
import { findInstallations } from './postgres-installation.js';
import { readPostmasterState } from './postmaster.js';

/** The folder of the programs of a server that runs, where the system tells. */
async function programsOf(dataDir: string): Promise<string | undefined> {
  const { running, file } = await readPostmasterState(dataDir);
  if (!running || !file) return undefined;
  return readlink(`/proc/${file.pid}/exe`).then(dirname, () => undefined);
}

/**
 * The programs for a copy of a data directory: those that run the original, because the libraries of its extensions are
 * beside them, else others of the same version.
 * @throws BelayError POSTGRES_NOT_FOUND
 */
export async function findInstallationFor(
  dataDir: string,
  env: NodeJS.ProcessEnv,
): Promise<PostgresInstallation> {
  const dataMajor = await readDataDirectoryMajor(dataDir);
  const binDir = await programsOf(dataDir);
  const known = await findInstallations(env);
  const same = known.find((installation) => installation.binDir === binDir);
  if (same) return same;
  // Somewhere that Belay does not look by itself; the variable names such places.
  const found = binDir
    ? await findInstallations({ ...env, BELAY_PG_BIN: binDir }).catch(() => [])
    : [];
  return chooseInstallation([...found.slice(0, 1), ...known], { dataMajor });
}
