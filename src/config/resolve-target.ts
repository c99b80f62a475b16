import path from 'node:path';
import { BelayError } from '../errors.js';
import type { ConnectionSettings } from '../postgres/settings.js';
import type { TargetConfig } from './config.js';
import { followCurrentBranch } from './follow-current-branch.js';
import { type LoadedConfig, loadConfig } from './load-config.js';
import type { FoundTarget, ResolvedTarget } from './resolved-target.js';
import { isSameTarget, mayBeSameTarget } from './same-target.js';
import {
  connectionOf,
  findConnectionEnvironment,
  findUrl,
  type UrlCandidate,
  type UrlSearch,
} from './url-candidate.js';
import { expandReferences, readVariables } from './variables.js';

export type { ResolvedTarget } from './resolved-target.js';

export interface ResolveTargetInput {
  /** A URL or libpq string; wins over everything else. */
  readonly url?: string | undefined;
  /** The name of a target in the config. */
  readonly target?: string | undefined;
  /** Wins over the config's. */
  readonly maintenanceDatabase?: string | undefined;
  /**
   * Where neither `url` nor `target` is given: true leads from the target to the working tree's current branch, "root"
   * from a branch that the environment names back to the target. Default: neither.
   */
  readonly follow?: boolean | 'root' | undefined;
  /** Where the project is. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: the process environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

interface Project extends UrlSearch {
  readonly loaded: LoadedConfig | undefined;
}

/**
 * Finds the database that Belay is pointed at: `url`, else the named `target`, else BELAY_URL, else
 * DATABASE_URL (both also from `.env`), else the config's default, else libpq's variables.
 *
 * @example
 * const { settings, source } = await resolveTarget({ target: 'dev' });
 * @throws BelayError NO_TARGET, BAD_URL, BAD_CONFIG
 */
export async function resolveTarget(input: ResolveTargetInput = {}): Promise<ResolvedTarget> {
  const cwd = input.cwd ?? process.cwd();
  const env = input.env ?? process.env;
  const project: Project = {
    cwd,
    env,
    lookup: await readVariables(cwd, env),
    loaded: await loadConfig({ cwd, env }),
  };
  const found =
    input.url === undefined && input.target !== undefined
      ? await resolveNamed(project, input.target, `target "${input.target}"`)
      : await resolveUnnamed(project, input.url);
  const { maintenanceDatabase = found.maintenanceDatabase, follow = false } = input;
  const target = { ...found, maintenanceDatabase };
  const isNamed = input.url !== undefined || input.target !== undefined;
  if (isNamed || follow === false) return { ...target, branch: null, root: target.settings };
  return followCurrentBranch(target, { cwd, env, isBack: follow === 'root' });
}

async function resolveUnnamed(project: Project, url: string | undefined): Promise<FoundTarget> {
  const candidate = findUrl(project, url);
  if (candidate) return resolveCandidate(project, candidate);
  const defaultName = defaultTargetName(project.loaded);
  if (defaultName !== undefined) {
    return resolveNamed(project, defaultName, `target "${defaultName}" (the default)`);
  }
  const fromVariables = findConnectionEnvironment(project);
  if (fromVariables) return resolveCandidate(project, fromVariables);
  throw new BelayError('NO_TARGET', 'no database to work on was found', {
    hint: 'Give --url postgres://…, set DATABASE_URL (also in .env) or PGHOST and PGDATABASE, or run `belay init`. No PostgreSQL at hand? `belay local start` runs one for you.',
  });
}

/** The only target is the default one; with several, somebody has to choose. */
function defaultTargetName(loaded: LoadedConfig | undefined): string | undefined {
  if (!loaded) return undefined;
  const names = Object.keys(loaded.config.targets);
  return loaded.config.defaultTarget ?? (names.length === 1 ? names[0] : undefined);
}

async function resolveCandidate(project: Project, candidate: UrlCandidate): Promise<FoundTarget> {
  const settings = await connectionOf(candidate);
  const configured = await findConfigured(project, settings);
  return {
    settings,
    name: configured?.name,
    environment: configured?.target.environment,
    maintenanceDatabase: configured?.target.maintenanceDatabase,
    source: candidate.source,
  };
}

async function resolveNamed(project: Project, name: string, source: string): Promise<FoundTarget> {
  const { loaded } = project;
  const names = Object.keys(loaded?.config.targets ?? {});
  if (!loaded || !names.includes(name)) {
    const where = loaded ? loaded.path : 'there is no belay.config.json here';
    throw new BelayError('NO_TARGET', `no target is named "${name}": ${where}`, {
      hint: names.length > 0 ? `Known targets: ${names.join(', ')}.` : 'Run `belay init` first.',
    });
  }
  const target = loaded.config.targets[name] as TargetConfig;
  return {
    settings: await connectionOfTarget(project, loaded, name, target),
    name,
    environment: target.environment,
    maintenanceDatabase: target.maintenanceDatabase,
    source: `${source} in ${path.relative(project.cwd, loaded.path)}`,
  };
}

function connectionOfTarget(
  project: Project,
  loaded: LoadedConfig,
  name: string,
  target: TargetConfig,
): Promise<ConnectionSettings> {
  const where = `targets.${name}.url in ${loaded.path}`;
  const url = expandReferences(target.url, project.lookup, where);
  return connectionOf({ url, source: where, env: project.env, cwd: loaded.directory });
}

/**
 * The configured target that a URL from elsewhere means. A doubtful match is good enough for
 * "production", which only adds a guard, and never for "development", which takes one away.
 */
async function findConfigured(project: Project, settings: ConnectionSettings) {
  const { loaded } = project;
  if (!loaded) return undefined;
  let equal: { name: string; target: TargetConfig } | undefined;
  for (const [name, target] of Object.entries(loaded.config.targets)) {
    let other: ConnectionSettings;
    try {
      other = await connectionOfTarget(project, loaded, name, target);
    } catch {
      // Its variables are not set here, so nothing can be said about it; nobody asked for it either.
      continue;
    }
    if (target.environment === 'production' && mayBeSameTarget(settings, other)) {
      return { name, target };
    }
    if (!equal && isSameTarget(settings, other)) equal = { name, target };
  }
  return equal;
}
