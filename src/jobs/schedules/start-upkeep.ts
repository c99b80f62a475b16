import { setTimeout as sleep } from 'node:timers/promises';
import { loadedBranches } from '../../config/branches-config.js';
import { dataHome } from '../../config/data-home.js';
import { describeCaller } from '../../contract/caller.js';
import { parseDuration } from '../../domain/duration.js';
import { toBelayError } from '../../errors.js';
import type { RemovedBranch } from '../../features/branch/gc.js';
import { stopIdleServers } from '../../features/branch/stop-idle.js';
import { upkeepBranches } from '../../features/branch/upkeep.js';
import { actingFor } from '../../features/ledger/acting-for.js';
import { readPointers } from '../../process/branch-cluster-index.js';
import type { Catalog } from '../catalog/catalog.js';
import type { OpenDatabases } from '../databases/open-databases.js';

export interface StartUpkeepOptions {
  readonly catalog: Catalog;
  readonly databases: Pick<OpenDatabases, 'list' | 'open' | 'exclusiveKey'>;
  readonly env: NodeJS.ProcessEnv;
  /** Told of branches that were removed because their time was over. */
  readonly onRemoved?: ((database: string, removed: readonly RemovedBranch[]) => void) | undefined;
  readonly onError?: ((database: string, error: Error) => void) | undefined;
  /** How often idle servers of branches are looked for, in milliseconds; default 30 s. */
  readonly idleEveryMs?: number | undefined;
  /** How often expired branches are looked for, by any of the servers; default 5 min. */
  readonly expiredEveryMs?: number | undefined;
}

const defaultIdleEveryMs = 30_000;
const defaultExpiredEveryMs = 300_000;
const defaultAutoStopMs = 600_000;
const closePatienceMs = 2_000;
const caller = { kind: 'schedule', id: 'upkeep', name: 'upkeep' } as const;

/**
 * Looks after the branches of the databases that this server reaches: removes those that have expired, and stops servers on this
 * machine that nobody uses. Never fails: what could not be done is tried again.
 */
export function startUpkeep(options: StartUpkeepOptions): { close(): Promise<void> } {
  const end = new AbortController();
  const loop = run(options, end.signal);
  return {
    close: async () => {
      end.abort();
      // A server that does not answer is being connected to: the end must not wait for it.
      await Promise.race([loop, sleep(closePatienceMs, undefined, { ref: false })]);
    },
  };
}

async function run(options: StartUpkeepOptions, signal: AbortSignal): Promise<void> {
  const { idleEveryMs = defaultIdleEveryMs, onError } = options;
  while (!signal.aborted) {
    try {
      const databases = await options.databases.list();
      for (const { name, kind } of databases) {
        if (signal.aborted) return;
        if (kind === 'direct') await lookAfter(options, name, signal);
      }
    } catch (error) {
      if (!signal.aborted) onError?.('', toBelayError(error));
    }
    await sleep(idleEveryMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function lookAfter(
  options: StartUpkeepOptions,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { databases, env, onRemoved, onError } = options;
  try {
    const isDue = await claimUpkeep(options, await databases.exclusiveKey(name));
    // Most databases have no branches with servers of their own: then they need not be asked.
    const hasServers = (await readPointers(dataHome(env))).length > 0;
    if (!isDue && !hasServers) return;
    const target = await databases.open(name, 'upkeep', caller);
    try {
      const { autoStop } = await loadedBranches(target);
      const idleMs = autoStop === undefined ? defaultAutoStopMs : parseDuration(autoStop);
      if (hasServers) await stopIdleServers(target, { idleMs, signal });
      if (!isDue) return;
      const { removed } = await actingFor(describeCaller(caller), () =>
        upkeepBranches(target, { everyMs: 0, signal }),
      );
      if (removed.length > 0) onRemoved?.(name, removed);
    } finally {
      await target.close();
    }
  } catch (error) {
    if (!signal.aborted) onError?.(name, toBelayError(error));
  }
}

/** Of all servers one looks each time. */
async function claimUpkeep(
  { catalog, expiredEveryMs = defaultExpiredEveryMs }: StartUpkeepOptions,
  targetKey: string,
): Promise<boolean> {
  const rows = await catalog.query(
    `INSERT INTO belay_server.upkeep AS u (target_key, looked_at) VALUES ($1, clock_timestamp())
     ON CONFLICT (target_key) DO UPDATE SET looked_at = clock_timestamp()
      WHERE u.looked_at <= clock_timestamp() - $2 * interval '1 millisecond'
         OR u.looked_at > clock_timestamp()
     RETURNING target_key`,
    [targetKey, expiredEveryMs],
    'taking turns in the upkeep of branches',
  );
  return rows.length > 0;
}
