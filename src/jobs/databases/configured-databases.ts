import { loadConfig } from '../../config/load-config.js';
import {
  type ResolvedTarget,
  type ResolveTargetInput,
  resolveTarget,
} from '../../config/resolve-target.js';
import { BelayError } from '../../errors.js';
import { connectionUrl, describeServer, isLocalServer } from '../../postgres/settings.js';
import type { DescribedConnection } from './connection.js';
import type { RegisteredDatabase } from './databases.js';
import { targetKey } from './target-key.js';

/** A database that the server's own command line or configuration names. */
export interface ConfiguredDatabase {
  readonly name: string;
  /** With the password, if there is one. */
  readonly url: string;
  readonly environment: RegisteredDatabase['environment'];
  /** Null: the server's own. */
  readonly store: string | null;
  readonly connection: DescribedConnection;
}

export type ConfiguredInput = Pick<ResolveTargetInput, 'url' | 'target' | 'cwd' | 'env'>;

/**
 * The databases that a server is started with: the one that the command line names, else all targets of the configuration, else what
 * the environment names, else none. A target of the configuration has its name there; any other the database's own.
 * @throws BelayError BAD_URL, BAD_CONFIG, NO_TARGET where a target that was named is not there
 */
export async function configuredDatabases(
  input: ConfiguredInput,
): Promise<readonly ConfiguredDatabase[]> {
  const { cwd = process.cwd(), env = process.env } = input;
  const isNamed = input.url !== undefined || input.target !== undefined;
  const loaded = isNamed ? undefined : await loadConfig({ cwd, env });
  const names = Object.keys(loaded?.config.targets ?? {});
  const found = new Map<string, ConfiguredDatabase>();
  for (const target of names) {
    const one = describe(await resolveTarget({ target, cwd, env }), target);
    found.set(one.name, one);
  }
  const first = await resolveIfThere(input, isNamed);
  if (first) {
    const one = describe(first, first.name);
    const isKnown = [...found.values()].some(
      ({ connection }) => connection.targetKey === one.connection.targetKey,
    );
    if (!isKnown) found.set(one.name, one);
  }
  return [...found.values()];
}

async function resolveIfThere(
  input: ConfiguredInput,
  isNamed: boolean,
): Promise<ResolvedTarget | undefined> {
  try {
    return await resolveTarget(input);
  } catch (error) {
    if (!isNamed && error instanceof BelayError && error.code === 'NO_TARGET') return undefined;
    throw error;
  }
}

function describe(
  { settings, environment }: ResolvedTarget,
  name: string | undefined,
): ConfiguredDatabase {
  const isLocal = isLocalServer(settings);
  const { database } = settings;
  return {
    name: registeredName(name ?? database),
    url: connectionUrl(settings, { withPassword: true }),
    environment: environment ?? (isLocal ? 'development' : 'production'),
    store: null,
    connection: {
      ...{ server: describeServer(settings), database },
      ...{ targetKey: targetKey(settings), isLocal },
    },
  };
}

/** Names of databases may hold anything; registered ones stand in URLs and scripts. */
function registeredName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '');
  return plain === '' ? 'database' : plain.slice(0, 63);
}
