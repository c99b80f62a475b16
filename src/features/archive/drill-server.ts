import type { DatabaseLocale, Requirements } from '../../domain/manifest.js';
import type { Reporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { createRolesSql, drillDatabaseSql } from '../../postgres/empty-database.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { resolveConnection } from '../../postgres/resolve-connection.js';
import { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { withThrowawayCluster } from '../../process/throwaway-cluster.js';
import { localServerPlace } from '../local/local-server.js';
import { claimDrillName, dropDrillDatabase, removeDeadDrills } from './drill-claim.js';

/** A PostgreSQL into which archives are restored only to look whether they can be. */
export interface DrillServer {
  readonly settings: ConnectionSettings;
  readonly session: Session;
  /** Nobody else is on it: roles may be made, and settings are those of something thrown away. */
  readonly isPrivate: boolean;
}

export interface DrillServerOptions {
  /** Major version of the source: definitions are printed differently by others. */
  readonly major: number;
  /** A server of the user's instead of a private one, as a URL; default BELAY_DRILL_SERVER. */
  readonly drillServer?: string | undefined;
  /** How many tables, indexes and large objects one transaction will lock. */
  readonly objects: number;
  /** Programs of the user's will connect to a private server: over TCP, which all of them can. */
  readonly isForPrograms?: boolean | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly reporter: Reporter;
}

const applicationName = 'belay drill';

/** Has a server for a drill: a private one that is made for it, or the one that the user names. */
export function withDrillServer<T>(
  options: DrillServerOptions,
  work: (server: DrillServer) => Promise<T>,
): Promise<T> {
  const named = options.drillServer ?? (options.env.BELAY_DRILL_SERVER || undefined);
  return named === undefined ? onPrivateServer(options, work) : onNamedServer(options, named, work);
}

const connections = 20;
/** For programs that keep pools. */
const programConnections = 100;

async function onPrivateServer<T>(
  { major, objects, isForPrograms = false, env, signal, reporter }: DrillServerOptions,
  work: (server: DrillServer) => Promise<T>,
): Promise<T> {
  const { home } = localServerPlace({ env });
  const settings = {
    max_connections: String(isForPrograms ? programConnections : connections),
    max_locks_per_transaction: String(Math.max(256, Math.ceil((objects * 1.5) / connections))),
  };
  const options = { home, major, env, settings, isOnTcp: isForPrograms, signal, reporter };
  return withThrowawayCluster(options, (cluster) =>
    onServer(
      {
        hosts: [{ host: cluster.host, port: cluster.port }],
        user: cluster.user,
        password: cluster.password,
        database: 'postgres',
        ssl: { mode: 'disable' },
        connectTimeoutMs: 10_000,
      },
      true,
      work,
    ),
  );
}

async function onNamedServer<T>(
  { major, env }: DrillServerOptions,
  url: string,
  work: (server: DrillServer) => Promise<T>,
): Promise<T> {
  const settings = await resolveConnection({ url, env });
  return onServer(settings, false, (server) => {
    const actual = Math.floor(server.session.serverVersion / 10000);
    if (actual === major) return work(server);
    throw new BelayError('USAGE', `the drill server is PostgreSQL ${actual}, the source ${major}`, {
      hint: 'Name a server of the same major version: others print definitions differently, so nothing could be compared.',
    });
  });
}

async function onServer<T>(
  settings: ConnectionSettings,
  isPrivate: boolean,
  work: (server: DrillServer) => Promise<T>,
): Promise<T> {
  const session = await Session.open(settings, { applicationName });
  try {
    return await work({ settings, session, isPrivate });
  } finally {
    await session.close();
  }
}

export interface DrillDatabaseOptions {
  readonly locale: DatabaseLocale;
  readonly requires: Requirements;
  readonly reporter: Reporter;
}

/** Makes an empty database for one drill, with the roles that it needs, and removes it afterwards. */
export async function withDrillDatabase<T>(
  server: DrillServer,
  options: DrillDatabaseOptions,
  work: (database: string) => Promise<T>,
): Promise<T> {
  const { session } = server;
  if (!server.isPrivate) await removeDeadDrills(session);
  const name = await claimDrillName(session);
  if (server.isPrivate) await createRoles(session, options.requires);
  await createDatabase(session, name, options);
  try {
    return await work(name);
  } finally {
    // A private server goes as a whole, and may be gone already.
    if (!server.isPrivate) await dropDrillDatabase(session, name).catch(() => {});
  }
}

async function createRoles(session: Session, { roles }: Requirements): Promise<void> {
  const existing = await session.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_roles',
  );
  const names = new Set(existing.map(({ name }) => name));
  const sql = createRolesSql(roles.filter(({ name }) => !names.has(name)));
  if (sql) await session.execute(sql, 'making the roles that the archive needs');
}

/** Errors of CREATE DATABASE for a locale that this machine does not have. */
const unknownLocale = new Set(['42809', '22023', '42704', '0A000', '22P02']);

async function createDatabase(
  session: Session,
  name: string,
  { locale, reporter }: DrillDatabaseOptions,
): Promise<void> {
  const { serverVersion } = session;
  try {
    await session.execute(drillDatabaseSql(name, locale, serverVersion), 'making a database');
  } catch (error) {
    if (!unknownLocale.has(sqlStateOf(error) ?? '')) throw error;
    reporter({
      type: 'warning',
      message: `the drill sorts text by code point: the locale "${locale.locale ?? locale.collate}" is not on this machine`,
    });
    const plain = {
      collate: 'C',
      ctype: 'C',
      provider: 'libc',
      locale: null,
      icuRules: null,
    } as const;
    await session.execute(
      drillDatabaseSql(name, { ...plain, encoding: locale.encoding }, serverVersion),
      'making a database',
    );
  }
}

/** Opens sessions in a database of the drill server. */
export function drillSession(server: DrillServer, database: string): Promise<Session> {
  return Session.open(server.settings, { database, applicationName });
}
