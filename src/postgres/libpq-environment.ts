import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import type { ConnectionSettings, SslSettings } from './connection-settings.js';
import { verifiesServer } from './tls.js';

export interface LibpqEnvironmentOptions {
  /** Instead of the settings' database. Any name: libpq takes this variable as it is. */
  readonly database?: string | undefined;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Default: the process environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * A path that cannot exist. libpq looks into the home folder for each file that is not named, and would find other
 * passwords and certificates there than the ones that Belay connects with.
 */
const noFile = join(devNull, 'none');

/** Where systems keep the authorities that they trust, as one file. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** libpq knows the word "system" since version 16, and takes it for the name of a file before. */
function systemRoots(env: NodeJS.ProcessEnv): string {
  const candidates = env.SSL_CERT_FILE ? [env.SSL_CERT_FILE, ...systemBundles] : systemBundles;
  return candidates.find((file) => existsSync(file)) ?? 'system';
}

function sslVariables(ssl: SslSettings, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // libpq verifies whenever it finds a root certificate, whatever the mode.
  const root = verifiesServer(ssl) ? ssl.rootCertFile : undefined;
  return {
    PGSSLMODE: ssl.mode,
    PGSSLROOTCERT: root === 'system' ? systemRoots(env) : (root ?? noFile),
    PGSSLCERT: ssl.certFile ?? noFile,
    PGSSLKEY: ssl.keyFile ?? noFile,
  };
}

/**
 * The whole environment for pg_dump, pg_restore and psql, so that they connect exactly as Belay does. All `PG*`
 * variables of the caller are left out; name, password and database travel here and never in arguments.
 *
 * Start the program with `--no-password`: it would ask on the terminal. Give pg_restore an empty `--dbname=`: an
 * argument would be read as a connection string where it holds a `=`.
 */
export function libpqEnvironment(
  settings: ConnectionSettings,
  { database, applicationName, env = process.env }: LibpqEnvironmentOptions,
): NodeJS.ProcessEnv {
  const { hosts, user, password, ssl, options, connectTimeoutMs } = settings;
  const others = Object.entries(env).filter(([name]) => !/^PG/i.test(name));
  const hasAddress = hosts.some(({ address }) => address !== undefined);
  return {
    ...Object.fromEntries(others),
    PGHOST: hosts.map(({ host }) => host).join(','),
    ...(hasAddress ? { PGHOSTADDR: hosts.map(({ address }) => address ?? '').join(',') } : {}),
    PGPORT: hosts.map(({ port }) => port).join(','),
    PGUSER: user,
    ...(password === undefined ? {} : { PGPASSWORD: password }),
    PGPASSFILE: noFile,
    PGDATABASE: database ?? settings.database,
    ...sslVariables(ssl, env),
    // Belay does not speak it, so it must not be what makes the difference.
    PGGSSENCMODE: 'disable',
    ...(options === undefined ? {} : { PGOPTIONS: options }),
    PGCONNECT_TIMEOUT: String(Math.ceil(connectTimeoutMs / 1000)),
    PGTARGETSESSIONATTRS: settings.targetSessionAttributes ?? 'any',
    PGAPPNAME: applicationName,
  };
}
