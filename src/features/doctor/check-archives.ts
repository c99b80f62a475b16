import { findStoreLocation } from '../../config/store-location.js';
import { toBelayError } from '../../errors.js';
import { chooseInstallation } from '../../process/choose-installation.js';
import { findInstallations } from '../../process/postgres-installation.js';
import { majorOf } from '../archive/archive-options.js';
import type { OpenTargetOptions, Target } from '../target/open-target.js';
import { type Check, ok, warn } from './check.js';

/** How long a store may take to answer. */
const patienceMs = 15_000;

/** Whether archives can be kept: the store answers, may be written to, and creates conditionally. */
export async function checkStore(target: Target, options: OpenTargetOptions): Promise<Check> {
  const name = 'store';
  const location = await findStoreLocation(options);
  try {
    const store = await target.openStore();
    await store.prepare({ signal: AbortSignal.timeout(patienceMs) });
    const note = store.kind === 'folder' ? ', on this machine: as safe as its disk' : '';
    return ok(name, `${store.location} answers and can be written to${note}`);
  } catch (error) {
    const { message, hint } = toBelayError(error);
    return warn(name, `${location}: ${message}`, hint ?? null);
  }
}

/** Whether archives can be proven here: a drill needs a server of the same major version. */
export async function checkDrillServer(target: Target): Promise<Check> {
  const name = 'drill server';
  const major = majorOf(target.main.serverVersion);
  if (target.env.BELAY_DRILL_SERVER) return ok(name, 'named by BELAY_DRILL_SERVER');
  try {
    const { version, binDir } = chooseInstallation(await findInstallations(target.env), {
      dataMajor: null,
      major,
    });
    return ok(name, `PostgreSQL ${version} in ${binDir}`);
  } catch {
    return warn(
      name,
      `no PostgreSQL ${major} server is on this machine, so checkpoints cannot be proven here`,
      `Install postgresql-${major}, or name a scratch server with --drill-server or BELAY_DRILL_SERVER. Snapshots need none.`,
    );
  }
}
