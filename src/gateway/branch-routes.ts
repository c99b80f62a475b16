import { unwatchFile, watchFile } from 'node:fs';
import { loadedBranches } from '../config/branches-config.js';
import { currentBranchFile } from '../config/current-branch.js';
import { resolveTarget } from '../config/resolve-target.js';
import { parseDuration } from '../domain/duration.js';
import { type RunOptions, silentReporter } from '../domain/reporter.js';
import { toBelayError } from '../errors.js';
import { noteUse } from '../features/branch/change-record.js';
import type { FoundBranch } from '../features/branch/driver.js';
import { findBranch, openRoot } from '../features/branch/find-branch.js';
import { startBranchServer } from '../features/branch/start-server.js';
import { stopIdleServers } from '../features/branch/stop-idle.js';
import { upkeepBranches } from '../features/branch/upkeep.js';
import type { OpenTargetOptions } from '../features/target/open-target.js';
import { type ConnectionSettings, connectionUrl, describeServer } from '../postgres/settings.js';
import { runningPort } from '../process/branch-cluster.js';
import type { GatewayRoute, GatewayRoutes } from './routes.js';

export interface BranchRoutesOptions extends OpenTargetOptions, RunOptions {
  /** How often idle servers of cluster branches are looked for, in milliseconds; default 30 s. */
  readonly lookEveryMs?: number | undefined;
}

/** The routes to the branches of one target. */
export interface BranchRoutes extends GatewayRoutes {
  /** Of the target itself: user and password are those that clients log in with. */
  readonly settings: ConnectionSettings;
  /** Stops what works in the background. */
  close(): void;
}

const defaultAutoStopMs = 600_000;
const defaultLookEveryMs = 30_000;
/** A branch that was looked up stays known for so long: a pool opens many connections at once. */
const knownForMs = 2_000;
/** A switch is noticed within this time. */
const watchEveryMs = 100;

/**
 * The routes of a target's branches, for the gateway: the current branch of a working tree, and every branch by its name. Servers of
 * cluster branches are started when somebody comes, and stopped when nobody has been there for a while.
 *
 * @throws BelayError as `openTarget`
 */
export async function openBranchRoutes(options: BranchRoutesOptions): Promise<BranchRoutes> {
  const { cwd = process.cwd(), env = process.env } = options;
  const root = await openRoot({ ...options, action: 'gateway' });
  const { settings } = root;
  await root.close();
  const { autoStop } = await loadedBranches({ cwd, env });
  const file = await currentBranchFile({ cwd, env });
  const routes = new Routes({ ...options, cwd, env }, settings);
  const idleMs = autoStop === undefined ? defaultAutoStopMs : parseDuration(autoStop);
  const timer = setInterval(
    () => routes.lookAfter(idleMs),
    options.lookEveryMs ?? defaultLookEveryMs,
  ).unref();
  return {
    database: settings.database,
    settings,
    find: (branch) => routes.find(branch),
    watch: (changed) => {
      // Polled: the file and its folder come and go, and notifications differ on every system.
      watchFile(file, { interval: watchEveryMs, persistent: false }, changed);
      return () => unwatchFile(file, changed);
    },
    used: (route, connections) => routes.used(route, connections),
    close: () => clearInterval(timer),
  };
}

type Place = BranchRoutesOptions & { readonly cwd: string; readonly env: NodeJS.ProcessEnv };

class Routes {
  readonly #place: Place;
  readonly #root: ConnectionSettings;
  readonly #known = new Map<
    string,
    { readonly at: number; readonly found: Promise<FoundBranch> }
  >();
  readonly #folders = new Map<string, string>();
  readonly #used = new Map<string, number>();
  #isLooking = false;

  constructor(place: Place, root: ConnectionSettings) {
    this.#place = place;
    this.#root = root;
  }

  async find(branch: string | null): Promise<GatewayRoute> {
    if (branch !== null) return this.#routeTo(await this.#lookUp(branch));
    const { cwd, env } = this.#place;
    const url = connectionUrl(this.#root, { withPassword: true });
    // Named by the environment, as the target would be: what leads to the current branch needs no query.
    const found = await resolveTarget({ cwd, env: { ...env, BELAY_URL: url }, follow: true });
    const current = found.branch;
    if (current === null) return route(null, this.#root);
    const isDown = current.folder !== null && (await runningPort(current.folder)) === null;
    if (isDown) return this.#routeTo(await this.#lookUp(current.name));
    if (current.folder !== null) this.#folders.set(keyOf(found.settings), current.folder);
    return route(current.name, found.settings);
  }

  async #routeTo(branch: FoundBranch): Promise<GatewayRoute> {
    const { folder, record } = branch;
    const isDown = folder !== null && (await runningPort(folder)) === null;
    const { env, reporter, signal } = this.#place;
    const up = isDown
      ? (await startBranchServer(branch, { env, reporter, signal })).branch
      : branch;
    if (isDown) this.#known.delete(record.name);
    if (folder !== null) this.#folders.set(keyOf(up.settings), folder);
    return route(record.name, up.settings);
  }

  #lookUp(name: string): Promise<FoundBranch> {
    const known = this.#known.get(name);
    if (known && performance.now() - known.at < knownForMs) return known.found;
    const found = this.#read(name);
    this.#known.set(name, { at: performance.now(), found });
    found.catch(() => this.#known.delete(name));
    return found;
  }

  async #read(name: string): Promise<FoundBranch> {
    const root = await openRoot({ ...this.#place, action: 'gateway' });
    try {
      const found = await findBranch(root, name);
      await noteUse(root, found);
      return found;
    } finally {
      await root.close();
    }
  }

  used({ key }: GatewayRoute, connections: number): void {
    if (connections === 0) this.#used.delete(key);
    else this.#used.set(key, connections);
  }

  /** Stops servers that nobody uses, and removes what has expired. Never fails: nobody waits for it. */
  async lookAfter(idleMs: number): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { reporter = silentReporter, signal } = this.#place;
    try {
      const root = await openRoot({ ...this.#place, action: 'gateway' });
      try {
        const isUsed = (folder: string) => this.#isUsed(folder);
        await stopIdleServers(root, { idleMs, isUsed, reporter, signal });
        await upkeepBranches(root, { reporter, signal });
      } finally {
        await root.close();
      }
    } catch (error) {
      const why = toBelayError(error).message;
      reporter({ type: 'note', message: `branches were not looked after: ${why}` });
    } finally {
      this.#isLooking = false;
    }
  }

  #isUsed(folder: string): boolean {
    return [...this.#used.keys()].some((key) => this.#folders.get(key) === folder);
  }
}

function route(branch: string | null, settings: ConnectionSettings): GatewayRoute {
  return { branch, key: keyOf(settings), settings };
}

function keyOf(settings: ConnectionSettings): string {
  return [describeServer(settings), settings.database, settings.options ?? ''].join('\n');
}
