import { BelayError } from '../errors.js';
import {
  type ConnectionSettings,
  hasConnectionEnvironment,
  resolveConnection,
} from '../postgres/settings.js';
import type { VariableLookup } from './variables.js';

/** Where to look. */
export interface UrlSearch {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly lookup: VariableLookup;
}

/** What was found first, not yet looked at. */
export interface UrlCandidate {
  /** Undefined: libpq's variables alone. */
  readonly url: string | undefined;
  /** The variable that holds the URL, so that a config can refer to it instead of copying it. */
  readonly variable?: string | undefined;
  /** Where it was found, for people: "--url", "DATABASE_URL in .env". */
  readonly source: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** The URL that is given, else BELAY_URL, else DATABASE_URL. */
export function findUrl(search: UrlSearch, url: string | undefined): UrlCandidate | undefined {
  const { cwd, env } = search;
  if (url !== undefined) return { url, source: '--url', cwd, env };
  return findUrlVariable(search, 'BELAY_URL') ?? findUrlVariable(search, 'DATABASE_URL');
}

/** The URL that one variable holds. */
export function findUrlVariable(search: UrlSearch, name: string): UrlCandidate | undefined {
  const { cwd, env, lookup } = search;
  const variable = lookup(name);
  if (!variable) return undefined;
  const where = variable.source === 'environment' ? '' : ` in ${variable.source}`;
  return { url: variable.value, variable: name, source: `${name}${where}`, cwd, env };
}

const connectionVariables = [
  ...['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE', 'PGSERVICE'],
  ...['PGSSLMODE', 'PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY', 'PGPASSFILE', 'PGOPTIONS'],
];

/** libpq's variables; those of `.env` files only where the process itself names no server. */
export function findConnectionEnvironment(search: UrlSearch): UrlCandidate | undefined {
  const { cwd, env, lookup } = search;
  if (hasConnectionEnvironment(env)) {
    return { url: undefined, source: 'PG* variables', cwd, env };
  }
  const found = connectionVariables.flatMap((name) => {
    const variable = lookup(name);
    return variable ? [[name, variable] as const] : [];
  });
  const merged = {
    ...env,
    ...Object.fromEntries(found.map(([name, { value }]) => [name, value])),
  };
  if (!hasConnectionEnvironment(merged)) return undefined;
  const file = found.find(([, { source }]) => source !== 'environment')?.[1].source;
  return { url: undefined, source: `PG* variables in ${file}`, cwd, env: merged };
}

/**
 * Resolves a candidate. An error says which of several sources is wrong: the user may not know that
 * this one was used.
 * @throws BelayError BAD_URL
 */
export async function connectionOf(candidate: UrlCandidate): Promise<ConnectionSettings> {
  const { url, source, env, cwd } = candidate;
  try {
    return await resolveConnection({ url, env, cwd });
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'BAD_URL') throw error;
    throw new BelayError('BAD_URL', `${source}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}
