import { access, copyFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BelayConfig, configFileName, type TargetConfig } from '../../config/config.js';
import { projectFolders } from '../../config/project-folders.js';
import { connectionOf, type UrlCandidate, type UrlSearch } from '../../config/url-candidate.js';
import { readVariables } from '../../config/variables.js';
import type { Reporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import {
  type ConnectionSettings,
  connectionUrl,
  describeServer,
  isLocalServer,
  resolveConnection,
} from '../../postgres/settings.js';
import { detectMigrationTools, type MigrationTool } from './detect-migration-tool.js';
import { findDatabaseUrl } from './find-database-url.js';

export interface InitProjectOptions {
  /** The project's folder: the config goes there. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Instead of what the project says. A password in it is not written. */
  readonly url?: string | undefined;
  /** Replace a config that is there; the old one is kept beside it. */
  readonly force?: boolean | undefined;
  /** What the production guard shall go by. Default: "development" for a server on this machine. */
  readonly environment?: 'development' | 'production' | undefined;
  readonly reporter?: Reporter | undefined;
}

export interface InitializedProject {
  /** Absolute path of what was written. */
  readonly config: string;
  readonly target: {
    readonly name: string;
    readonly database: string;
    /** `host:port`, or the socket's folder and port. */
    readonly server: string;
    /** Where the URL was found, for people: "DATABASE_URL in .env". */
    readonly source: string;
    /** null: not known, so the production guard holds. */
    readonly environment: 'development' | 'production' | null;
  };
  readonly migrationTool: MigrationTool | null;
}

const passwordHint = `The password is not in the config. Give it with PGPASSWORD or the passfile (~/.pgpass), or put a reference into the URL, postgres://user:\${NAME}@host/database, and set NAME in .env.`;

/**
 * Writes `belay.config.json` for a project: its database and its migration tool. Reads files and
 * variables only; the server need not run. No password is ever written.
 *
 * @example
 * const { config, target, migrationTool } = await initProject({ cwd: '/srv/shop' });
 * @throws BelayError NO_TARGET, BAD_URL, CONFIG_EXISTS, FILE_ERROR
 */
export async function initProject(options: InitProjectOptions = {}): Promise<InitializedProject> {
  const cwd = path.resolve(options.cwd ?? process.cwd());
  const env = options.env ?? process.env;
  const note: Note = (message) => options.reporter?.({ type: 'note', message });
  const file = path.join(cwd, configFileName);
  // Before anything is looked for: whoever has a config wants to hear just that.
  const isThere = await exists(file);
  if (isThere && !options.force) throw configExists(file);

  const search: UrlSearch = { cwd, env, lookup: await readVariables(cwd, env) };
  const candidate = await findDatabaseUrl(search, options.url);
  if (!candidate) throw noUrl();
  const settings = await connectionOf(candidate);
  const isLocal = isLocalServer(settings);
  const environment = options.environment ?? (isLocal ? 'development' : null);
  // A variable can come to mean another server, and a mark of "development" would then take the
  // production guard away from it. A server on this machine needs no mark.
  const mark = candidate.variable ? options.environment : (environment ?? undefined);
  const name = environment === 'development' ? 'dev' : 'main';
  const url = await configUrl(search, candidate, settings, note);
  const [tool, ...others] = await detectMigrationTools(cwd);
  await writeConfig(file, isThere, makeConfig(name, { url, environment: mark }, tool), note);

  const server = describeServer(settings);
  if (environment === null) note(unknownEnvironment(name, server));
  if (tool)
    for (const other of others) note(`${other.tool} is here too; the config names ${tool.tool}.`);
  await noteShadowed(cwd, env, note);
  const { source } = candidate;
  return {
    config: file,
    target: { name, database: settings.database, server, source, environment },
    migrationTool: tool ?? null,
  };
}

type Note = (message: string) => void;

function makeConfig(
  name: string,
  target: TargetConfig,
  tool: MigrationTool | undefined,
): BelayConfig {
  const { url, environment } = target;
  const migrations = tool && {
    tool: tool.tool,
    ...(tool.directory === null ? {} : { directory: tool.directory }),
  };
  return {
    defaultTarget: name,
    targets: { [name]: environment ? { url, environment } : { url } },
    ...(migrations ? { migrations } : {}),
  };
}

/** The URL as the config may hold it: a reference to the variable, or the URL without its password. */
async function configUrl(
  search: UrlSearch,
  candidate: UrlCandidate,
  settings: ConnectionSettings,
  note: Note,
): Promise<string> {
  if (candidate.variable) return `\${${candidate.variable}}`;
  const url = connectionUrl(settings);
  if (settings.password === undefined) return url;
  const { env, cwd, lookup } = search;
  const later = await resolveConnection({ url, env, cwd });
  if (later.password === settings.password) return url;
  // A `.env` file is read for references only, so a password there has to be referred to. The user
  // is percent-encoded: the first "@" is the one before the host.
  if (lookup('PGPASSWORD')?.value === settings.password)
    return url.replace('@', `:\${PGPASSWORD}@`);
  note(passwordHint);
  return url;
}

async function writeConfig(
  file: string,
  isThere: boolean,
  config: BelayConfig,
  note: Note,
): Promise<void> {
  const fresh = `${file}.new-${process.pid}`;
  const old = `${file}.old`;
  try {
    // Written aside and renamed, so that a kill leaves the old config or the new one, whole.
    await writeFile(fresh, `${JSON.stringify(config, null, 2)}\n`);
    if (isThere) await copyFile(file, old);
    await rename(fresh, file);
    if (isThere) note(`The config that was there is kept as ${path.basename(old)}.`);
  } catch (error) {
    await rm(fresh, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw new BelayError('FILE_ERROR', `cannot write ${file} (${code ?? 'unknown reason'})`, {
      hint: 'Check that the folder is there and that you may write to it.',
      cause: error,
    });
  }
}

/** The nearest config wins, so a new one may take the place of one further up. */
async function noteShadowed(cwd: string, env: NodeJS.ProcessEnv, note: Note): Promise<void> {
  const [, ...above] = await projectFolders(cwd, env);
  for (const folder of above) {
    const other = path.join(folder, configFileName);
    if (await exists(other)) note(`${other} no longer holds for ${cwd} and the folders in it.`);
  }
}

function unknownEnvironment(name: string, server: string): string {
  return `${server} is not this machine, so it counts as production: what replaces or removes something is refused. If it is not, set "environment": "development" for the target "${name}".`;
}

function configExists(file: string): BelayError {
  return new BelayError('CONFIG_EXISTS', `${file} is there already`, {
    hint: 'Change it by hand, or replace it with `belay init --force`; the old one is kept beside it.',
    details: { file },
  });
}

function noUrl(): BelayError {
  return new BelayError('NO_TARGET', 'no database URL was found in this project', {
    hint: 'Give --url postgres://…, or set DATABASE_URL (also in .env). No PostgreSQL at hand? `belay local start` runs one for you.',
  });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
