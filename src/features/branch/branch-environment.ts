import { standardAddress } from '../../domain/isolation-address.js';
import { type ConnectionSettings, connectionUrl } from '../../postgres/settings.js';
import {
  type RedirectedEnvironment,
  redirectEnvironment,
} from '../rehearsal/redirect-environment.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';

/** A variable of the environment that leads to a branch. May hold a password. */
export interface BranchVariable {
  readonly name: string;
  /** Null: must not be set. */
  readonly value: string | null;
}

/**
 * The variables by which programs find a branch, or the target itself: `DATABASE_URL`, libpq's, and `BELAY_URL`, which stays
 * the target's, so that Belay knows what the branch belongs to.
 *
 * @example
 * for (const { name, value } of branchVariables(root, branch)) if (value !== null) process.env[name] = value;
 */
export function branchVariables(
  root: Pick<Target, 'settings'>,
  branch: Pick<FoundBranch, 'settings'> | null,
  { variable = 'DATABASE_URL' }: { readonly variable?: string | undefined } = {},
): readonly BranchVariable[] {
  const settings = branch?.settings ?? root.settings;
  const { hosts, user, password, database, options, ssl } = settings;
  const addresses = hosts.map(({ address }) => address ?? '').join(',');
  return [
    ...urlVariables(root.settings, settings, variable),
    { name: 'PGHOST', value: hosts.map(({ host }) => host).join(',') },
    { name: 'PGHOSTADDR', value: /[^,]/.test(addresses) ? addresses : null },
    { name: 'PGPORT', value: hosts.map(({ port }) => port).join(',') },
    { name: 'PGUSER', value: user },
    { name: 'PGPASSWORD', value: password ?? null },
    { name: 'PGDATABASE', value: database },
    { name: 'PGOPTIONS', value: options ?? null },
    { name: 'PGSERVICE', value: null },
    { name: 'PGSSLMODE', value: ssl.mode === 'prefer' ? null : ssl.mode },
  ];
}

/** The URLs alone, for an `.env` file. */
export function branchUrlVariables(
  root: Target,
  { settings }: Pick<FoundBranch, 'settings'>,
  variable = 'DATABASE_URL',
): readonly BranchVariable[] {
  return urlVariables(root.settings, settings, variable);
}

function urlVariables(
  root: ConnectionSettings,
  settings: ConnectionSettings,
  variable: string,
): BranchVariable[] {
  const urlOf = (one: ConnectionSettings) => connectionUrl(one, { withPassword: true });
  return [
    { name: variable, value: urlOf(settings) },
    { name: 'BELAY_URL', value: urlOf(root) },
  ];
}

export interface BranchEnvironmentOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Variables more that get the branch's URL, whatever they hold. */
  readonly urlVariables?: readonly string[] | undefined;
}

/**
 * The environment in which a command finds the branch where it would find the target: every variable of the environment
 * and of the project's `.env` files that means the target leads to the branch. Only `BELAY_URL` stays the target's.
 *
 * @example
 * const { env } = await branchEnvironment(root, branch, { cwd: process.cwd(), env: process.env });
 */
export async function branchEnvironment(
  root: Target,
  branch: Pick<FoundBranch, 'settings'> | null,
  options: BranchEnvironmentOptions,
): Promise<RedirectedEnvironment> {
  const own = root.settings;
  const settings = branch?.settings ?? own;
  const redirected = await redirectEnvironment({
    target: { settings: own, database: own.database },
    copy: { settings, database: settings.database },
    ...options,
  });
  const rootUrl = connectionUrl(own, { withPassword: true });
  const env: NodeJS.ProcessEnv = { ...redirected.env, BELAY_URL: rootUrl };
  if (settings.options !== undefined) {
    addOptions(env, redirected.variables, settings.options);
    env.PGOPTIONS = settings.options;
  } else {
    // The target would have them too, were they meant for it: they are left of a schema branch.
    delete env.PGOPTIONS;
  }
  return { env, variables: redirected.variables };
}

/** A schema branch has the database in common with its target: only the search path makes the difference. */
function addOptions(env: NodeJS.ProcessEnv, variables: readonly string[], options: string): void {
  for (const name of variables) {
    const value = env[name];
    if (name === 'BELAY_URL' || value === undefined) continue;
    if (standardAddress(value) === null || !/^[\w+:.-]+:\/\//.test(value)) continue;
    const others = value.replace(/([?&])options=[^&]*(?:&|$)/, '$1').replace(/[?&]$/, '');
    const parameter = `options=${encodeURIComponent(options)}`;
    env[name] = `${others}${others.includes('?') ? '&' : '?'}${parameter}`;
  }
}
