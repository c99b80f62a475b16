import os from 'node:os';
import path from 'node:path';
import {
  type ConnectionSettings,
  defaultConnectTimeoutMs,
  defaultPort,
  type HostAddress,
  type TargetSessionAttributes,
} from './connection-settings.js';
import {
  badUrl,
  type ConnectionParameters,
  keepKnown,
  parseConnectionString,
} from './connection-string.js';
import { defaultPasswordFile, readPasswordFile } from './password-file.js';
import { readService } from './service-file.js';
import { pathExists, readSsl } from './ssl-parameters.js';

/** libpq's environment variables and the keyword each stands for. */
const environmentKeywords: readonly (readonly [string, string])[] = [
  ['PGHOST', 'host'],
  ['PGHOSTADDR', 'hostaddr'],
  ['PGPORT', 'port'],
  ['PGUSER', 'user'],
  ['PGPASSWORD', 'password'],
  ['PGDATABASE', 'dbname'],
  ['PGSSLMODE', 'sslmode'],
  ['PGSSLROOTCERT', 'sslrootcert'],
  ['PGSSLCERT', 'sslcert'],
  ['PGSSLKEY', 'sslkey'],
  ['PGPASSFILE', 'passfile'],
  ['PGCONNECT_TIMEOUT', 'connect_timeout'],
  ['PGOPTIONS', 'options'],
  ['PGTARGETSESSIONATTRS', 'target_session_attrs'],
];

/** The variables that say where; the others only say how. */
const placeVariables = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGSERVICE'];

/** True when libpq's variables name a server, user or database, so that no URL is needed. */
export function hasConnectionEnvironment(env: NodeJS.ProcessEnv): boolean {
  return placeVariables.some((name) => Boolean(env[name]));
}

export interface ResolveConnectionInput {
  /** A URL or a `key=value` string. Undefined: only the environment and the defaults. */
  readonly url?: string | undefined;
  /** Default: the process environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Relative file names in the parameters start here. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Instead of the database the string names; taken as it is. */
  readonly database?: string | undefined;
}

/**
 * Finds out where to connect by libpq's rules: the string, then its service, then the PG* variables,
 * then the defaults; the password also from the passfile.
 *
 * A database name is taken as it is: libpq's tools would read `a=b` as a connection string again.
 * @throws BelayError BAD_URL, whose message never holds the string
 */
export async function resolveConnection(
  input: ResolveConnectionInput,
): Promise<ConnectionSettings> {
  const env = input.env ?? process.env;
  const home = env.HOME || os.homedir();
  const fromCwd = (file: string) => path.resolve(input.cwd ?? process.cwd(), file);
  const parameters = await collectParameters(input.url, env, home);
  const user = parameters.user ?? localUser(env);
  const database = input.database ?? parameters.dbname ?? user;
  const hosts = await readHosts(parameters);
  const password =
    parameters.password ??
    (await readPasswordFile(
      parameters.passfile ? fromCwd(parameters.passfile) : defaultPasswordFile(env, home),
      { hosts, user, database, defaultSocketDirectories: socketDirectories },
    ));
  return {
    hosts,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    ssl: await readSsl(parameters, hosts, home, fromCwd),
    connectTimeoutMs: readTimeout(parameters.connect_timeout),
    ...(parameters.options === undefined ? {} : { options: parameters.options }),
    ...readTargetSessionAttributes(parameters.target_session_attrs),
  };
}

async function collectParameters(
  url: string | undefined,
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<ConnectionParameters> {
  const explicit = url === undefined ? {} : parseConnectionString(url);
  const service = explicit.service ?? env.PGSERVICE;
  return {
    ...keepKnown(environmentKeywords.map(([name, keyword]) => [keyword, env[name] ?? ''])),
    ...(service ? await readService(service, env, home) : {}),
    ...explicit,
  };
}

function localUser(env: NodeJS.ProcessEnv): string {
  try {
    return os.userInfo().username;
  } catch {
    // In a container the user id may have no name.
    const name = env.USER || env.LOGNAME || env.USERNAME;
    if (name) return name;
    throw badUrl('no user name is given', 'Put it into the URL, or set PGUSER.');
  }
}

/** Where distributions put the server's socket: Debian and Red Hat, then PostgreSQL's own default. */
const socketDirectories = process.platform === 'win32' ? [] : ['/var/run/postgresql', '/tmp'];

/** libpq has one directory built in; Belay cannot know which, so a socket that is there decides. */
async function findDefaultHost(port: string | undefined): Promise<string> {
  for (const directory of socketDirectories) {
    if (await pathExists(path.join(directory, `.s.PGSQL.${port ?? defaultPort}`))) return directory;
  }
  for (const directory of socketDirectories) {
    if (await pathExists(directory)) return directory;
  }
  return 'localhost';
}

function readPort(text: string): number {
  if (text.trim() === '') return defaultPort;
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  // The value stays out of the message: in a URL with a raw "/" in the password it is a part of it.
  throw badUrl('the port is not a number from 1 to 65535');
}

async function readHosts(parameters: ConnectionParameters): Promise<HostAddress[]> {
  const names = parameters.host?.split(',');
  const addresses = parameters.hostaddr?.split(',');
  const ports = parameters.port?.split(',') ?? [''];
  if (names && addresses && names.length !== addresses.length) {
    throw badUrl(
      `${names.length} hosts and ${addresses.length} host addresses are given`,
      'Give as many addresses (hostaddr, PGHOSTADDR) as hosts.',
    );
  }
  const count = (names ?? addresses ?? ['']).length;
  if (ports.length !== 1 && ports.length !== count) {
    throw badUrl(
      `${count} hosts and ${ports.length} ports are given`,
      'Give one port, or one for each host.',
    );
  }
  const isDefault = (index: number) => !names?.[index] && !addresses?.[index];
  const needsDefault = Array.from({ length: count }, (_, index) => index).some(isDefault);
  const defaultHost = needsDefault ? await findDefaultHost(parameters.port) : '';
  return Array.from({ length: count }, (_, index): HostAddress => {
    const address = addresses?.[index] || undefined;
    const host = names?.[index] || address || defaultHost;
    const port = readPort(ports[ports.length === 1 ? 0 : index] ?? '');
    return address === undefined || address === host ? { host, port } : { host, port, address };
  });
}

function readTimeout(text: string | undefined): number {
  if (text === undefined) return defaultConnectTimeoutMs;
  if (!/^\s*-?\d{1,7}\s*$/.test(text)) {
    throw badUrl('connect_timeout is not a number of seconds', 'Write it like connect_timeout=10.');
  }
  return Math.max(0, Number(text)) * 1000;
}

function readTargetSessionAttributes(text: string | undefined): {
  targetSessionAttributes?: TargetSessionAttributes;
} {
  switch (text) {
    case 'read-write':
    case 'read-only':
    case 'primary':
    case 'standby':
      return { targetSessionAttributes: text };
    // Belay writes, so a preference for a standby is none of its concern.
    case 'prefer-standby':
    case 'any':
    case undefined:
      return {};
    default:
      throw badUrl(
        'target_session_attrs has a value that libpq does not know',
        'Use any, read-write, read-only, primary or standby.',
      );
  }
}
