import { hostname } from 'node:os';
import { branchIsGone } from '../../config/follow-current-branch.js';
import {
  type ResolvedTarget,
  type ResolveTargetInput,
  resolveTarget,
} from '../../config/resolve-target.js';
import { findStoreLocation } from '../../config/store-location.js';
import { parseBranchRecord } from '../../domain/branch-record.js';
import type { CurrentBranch } from '../../domain/current-branch.js';
import { BelayError } from '../../errors.js';
import { withoutLoginTriggers } from '../../postgres/login-triggers.js';
import { Session } from '../../postgres/session.js';
import { type ConnectionSettings, describeServer, isLocalServer } from '../../postgres/settings.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';

const oldestServer = 140000;

/** An open connection to the server of a target, and what is known about the target. */
export interface Target {
  /** Name of the database. */
  readonly database: string;
  /** "host:port" or the socket's folder and port; no secret. */
  readonly server: string;
  readonly settings: ConnectionSettings;
  readonly environment: 'development' | 'production' | undefined;
  /** The server runs on this machine: unix socket or loopback address. */
  readonly isLocal: boolean;
  /** Name in the configuration, if it comes from there. */
  readonly name: string | undefined;
  /** Where the URL was found, for people. */
  readonly source: string;
  /** The working tree's current branch, where the target is that branch; else null. */
  readonly branch: CurrentBranch | null;
  /** Of a branch: the target that it belongs to. Else the same as `settings`. */
  readonly root: ConnectionSettings;
  /** The session on the maintenance database that does the work and holds the lock. */
  readonly main: Session;
  /** The environment and folder that the command runs in: for tools, credentials and the store. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /**
   * The store of its archives, opened at the first call and closed with the target.
   * @throws BelayError as `openStore`
   */
  openStore(): Promise<Store>;
  /** Opens another session on the maintenance database. The caller closes it. */
  openHelper(): Promise<Session>;
  /** Opens a session on any database of the server. The caller closes it. */
  openDatabase(database: string): Promise<Session>;
  close(): Promise<void>;
}

export interface OpenTargetOptions extends ResolveTargetInput {
  /** Shown in pg_stat_activity and to whoever waits for the lock, e.g. "restore". */
  readonly action?: string | undefined;
  /** A folder or "s3://bucket/prefix"; default: BELAY_STORE, the config's, the user's data folder. */
  readonly store?: string | undefined;
}

/**
 * Connects to the server of a target. Never to the target itself: that would be a session in the way.
 *
 * @example
 * const target = await openTarget({ url: 'postgres://localhost/shop' });
 * try {
 *   await takeSnapshot(target, { tag: 'baseline' });
 * } finally {
 *   await target.close();
 * }
 * @throws BelayError NO_TARGET, BAD_URL, SERVER_UNREACHABLE, AUTHENTICATION_FAILED, SERVER_TOO_OLD,
 *   NO_MAINTENANCE_DATABASE
 */
export async function openTarget(options: OpenTargetOptions = {}): Promise<Target> {
  const resolved = await resolveTarget(options);
  const { settings } = resolved;
  const applicationName = `belay ${options.action ?? 'library'} ${process.pid}@${hostname()}`.slice(
    0,
    63,
  );
  const main = await openMaintenance(resolved, applicationName).catch((error: unknown) => {
    throw aboutBranch(error, resolved);
  });
  let environment: Target['environment'];
  try {
    checkVersion(main);
    await checkBranch(main, resolved);
    environment = (await isBranch(main, resolved)) ? 'development' : resolved.environment;
  } catch (error) {
    await main.close();
    throw error;
  }
  const { cwd = process.cwd(), env = process.env } = options;
  const store = storeOpener({ store: options.store, cwd, env });
  return {
    ...{ env, cwd, openStore: store.open },
    database: settings.database,
    server: describeServer(settings),
    settings,
    environment,
    isLocal: isLocalServer(settings),
    name: resolved.name,
    source: resolved.source,
    ...{ branch: resolved.branch, root: resolved.root },
    main,
    openHelper: () => Session.open(settings, { database: main.database, applicationName }),
    openDatabase: async (database) =>
      Session.open(await withoutLoginTriggers(main, settings, database), {
        database,
        applicationName,
      }),
    close: async () => {
      await store.close();
      await main.close();
    },
  };
}

/** The server of a branch of its own is stopped when nobody has used it for a while. */
function aboutBranch(error: unknown, { branch }: ResolvedTarget): unknown {
  const isDown = error instanceof BelayError && error.code === 'SERVER_UNREACHABLE';
  if (!isDown || branch?.isolation !== 'cluster') return error;
  return new BelayError(error.code, `the server of branch "${branch.name}" does not answer`, {
    hint: `\`belay branch start ${JSON.stringify(branch.name)}\` starts it; \`belay branch switch main\` goes back to the target itself.`,
    cause: error,
  });
}

/**
 * A branch that somebody else has deleted must not be made anew by a command that makes what is missing, and "database not
 * found" would not say how to go on.
 * @throws BelayError BRANCH_NOT_FOUND
 */
async function checkBranch(session: Session, { branch }: ResolvedTarget): Promise<void> {
  if (branch === null) return;
  const rows = await session.query('SELECT FROM pg_database WHERE datname = $1', [branch.database]);
  if (rows.length > 0) return;
  throw branchIsGone(branch.name, `there is no database "${branch.database}"`);
}

/**
 * Whether the database is a branch by its own record: made by Belay to be worked in, whatever its target is. A schema branch
 * is not: a restore would replace the target's own database.
 */
async function isBranch(session: Session, { settings, branch }: ResolvedTarget): Promise<boolean> {
  if (branch?.isolation === 'cluster') return true;
  const { database } = settings;
  const [row] = await session.query<{ comment: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [database],
  );
  const parsed = parseBranchRecord(row?.comment ?? null);
  return parsed.type === 'record' && parsed.record.database === database;
}

/** Opens a store when it is first asked for: most commands need none. */
function storeOpener(options: { store: string | undefined; cwd: string; env: NodeJS.ProcessEnv }) {
  let opened: Promise<Store> | undefined;
  const open = async () => openStore(await findStoreLocation(options), { env: options.env });
  return {
    open: () => {
      opened ??= open();
      return opened;
    },
    close: async () => {
      await opened?.then((store) => store.close()).catch(() => {});
    },
  };
}

function checkVersion(session: Session): void {
  if (session.serverVersion >= oldestServer) return;
  const major = Math.floor(session.serverVersion / 10000);
  throw new BelayError(
    'SERVER_TOO_OLD',
    `the server is PostgreSQL ${major}; Belay needs 14 or later`,
    {
      hint: 'Nothing was done. PostgreSQL 13 and older no longer get fixes: upgrade the server.',
    },
  );
}

/**
 * The database from which Belay works. Advisory locks hold within one database, so every Belay must choose the
 * same one for a target: `postgres`, and only where that is not possible the next.
 */
async function openMaintenance(
  resolved: ResolvedTarget,
  applicationName: string,
): Promise<Session> {
  const target = resolved.settings.database;
  const candidates = resolved.maintenanceDatabase
    ? [resolved.maintenanceDatabase]
    : ['postgres', 'template1'].filter((name) => name !== target);
  const problems: BelayError[] = [];
  for (const database of candidates) {
    try {
      return await Session.open(resolved.settings, { database, applicationName });
    } catch (error) {
      if (!(error instanceof BelayError) || !canTryAnother(error)) throw error;
      problems.push(error);
    }
  }
  // A wrong password fails on every database alike: that is the truth to tell, not "no database found".
  const refused = problems.find(({ code }) => code === 'AUTHENTICATION_FAILED');
  if (refused) throw refused;
  throw new BelayError(
    'NO_MAINTENANCE_DATABASE',
    `cannot connect to any of ${candidates.map((name) => `"${name}"`).join(', ')} beside the target`,
    {
      hint: 'Copying and renaming need a session on another database: name one with --maintenance-db or `maintenanceDatabase` in the config.',
      cause: problems[0],
    },
  );
}

function canTryAnother(error: BelayError): boolean {
  return ['TARGET_NOT_FOUND', 'PERMISSION_DENIED', 'AUTHENTICATION_FAILED'].includes(error.code);
}
