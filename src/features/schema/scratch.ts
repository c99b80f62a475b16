import type { DatabaseLocale, Requirements } from '../../domain/manifest.js';
import type { Reporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { readDatabaseLocale, readRequirements } from '../../postgres/requirements.js';
import { readRights } from '../../postgres/rights.js';
import type { Session } from '../../postgres/session.js';
import { findInstallations } from '../../process/postgres-installation.js';
import {
  type DrillServer,
  drillSession,
  withDrillDatabase,
  withDrillServer,
} from '../archive/drill-server.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';

/** Where schemas are built only to be looked at. */
export interface Scratch {
  /** Nobody else is on the server; else it is the target's own. */
  readonly isPrivate: boolean;
  readonly major: number;
  /** Makes an empty database, gives a session in it, and removes it. */
  withDatabase<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

export interface ScratchOptions {
  /** What the databases have to be like; null: like any. */
  readonly target: Target | null;
  /**
   * Whose SQL is run: Belay's own is made from catalogs and can be run beside the target. A file of the user's may hold
   * anything, such as CREATE ROLE, and is kept from the target's server where that is possible.
   */
  readonly runs: 'own' | 'foreign';
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly reporter: Reporter;
}

const noNeeds: Requirements = { roles: [], tablespaces: [], extensions: [] };
const plainLocale: DatabaseLocale = {
  ...{ encoding: 'UTF8', collate: 'C.UTF-8', ctype: 'C.UTF-8' },
  ...{ provider: 'libc', locale: null, icuRules: null },
};

interface Like {
  readonly locale: DatabaseLocale;
  readonly requires: Requirements;
}

/** What a database of the target's needs, for one that has the same schema. */
async function readLike(target: Target): Promise<Like> {
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const session = await open();
      return {
        locale: await readDatabaseLocale(session),
        requires: await readRequirements(session),
      };
    },
  );
}

/**
 * Has a place where databases can be made and thrown away: the target's own server, which has its roles and
 * extensions, or a private one of the same version.
 * @throws BelayError POSTGRES_NOT_FOUND where neither is possible, with what to do
 */
export async function withScratch<T>(
  options: ScratchOptions,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const { target } = options;
  if (!target) return onPrivate(options, { locale: plainLocale, requires: noNeeds }, work);
  const like = await readLike(target);
  const { isAllowed, isEnough } = await rightsOf(target, like);
  if (options.runs === 'own' && isAllowed && isEnough) return onTarget(options, target, like, work);
  let isPrivate = false;
  try {
    return await onPrivate(options, like, (scratch) => {
      isPrivate = true;
      return work(scratch);
    });
  } catch (error) {
    const isMissing = error instanceof BelayError && error.code === 'POSTGRES_NOT_FOUND';
    if (isPrivate || !isMissing) throw error;
    if (isAllowed) return onTarget(options, target, like, work);
    throw noPlace(target, error);
  }
}

/** Extensions are made by superusers, or may need one. */
async function rightsOf({ main }: Target, { requires }: Like) {
  const { mayCreateDatabases, isSuperuser } = await readRights(main);
  const { standby } = await main.queryOne<{ standby: boolean }>(
    'SELECT pg_is_in_recovery() AS standby',
  );
  const isPlain = requires.extensions.every(({ name }) => name === 'plpgsql');
  return { isAllowed: mayCreateDatabases && !standby, isEnough: isSuperuser || isPlain };
}

function noPlace(target: Target, cause: BelayError): BelayError {
  const major = Math.floor(target.main.serverVersion / 10000);
  return new BelayError(
    'POSTGRES_NOT_FOUND',
    `schemas cannot be built: the role may not create databases on ${target.server}, and no PostgreSQL ${major} is on this machine`,
    {
      hint: `Let a superuser run ALTER ROLE … CREATEDB, install PostgreSQL ${major}, or name a server of that version in BELAY_DRILL_SERVER.`,
      cause,
    },
  );
}

function onTarget<T>(
  { reporter }: ScratchOptions,
  target: Target,
  like: Like,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const server: DrillServer = {
    settings: target.settings,
    session: target.main,
    isPrivate: false,
  };
  return work(scratchOn(server, like, reporter));
}

/** Enough for building thousands of tables in one transaction. */
const objects = 20_000;

async function onPrivate<T>(
  options: ScratchOptions,
  like: Like,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const { env, signal, reporter, target } = options;
  const major = target ? Math.floor(target.main.serverVersion / 10000) : await newestMajor(env);
  return withDrillServer({ major, objects, env, signal, reporter }, (server) =>
    work(scratchOn(server, like, reporter)),
  );
}

async function newestMajor(env: NodeJS.ProcessEnv): Promise<number> {
  const majors = (await findInstallations(env)).map(({ major }) => major);
  if (majors.length > 0) return Math.max(...majors);
  throw new BelayError('POSTGRES_NOT_FOUND', 'there is no PostgreSQL to build the schemas in', {
    hint: 'Install one, set BELAY_PG_BIN to the folder of its programs, or name a database with --url.',
  });
}

function scratchOn(server: DrillServer, like: Like, reporter: Reporter): Scratch {
  return {
    isPrivate: server.isPrivate,
    major: Math.floor(server.session.serverVersion / 10000),
    withDatabase: (work) =>
      withDrillDatabase(server, { ...like, reporter }, (database) =>
        closingSessions(
          () => drillSession(server, database),
          async (open) => work(await open()),
        ),
      ),
  };
}

/** For sides whose schema is there without building anything. */
export async function noScratch(): Promise<Scratch> {
  throw new BelayError('BUG', 'a schema that is there was to be built');
}
