import {
  type ConnectionSettings,
  defaultConnectTimeoutMs,
  type HostAddress,
  isSocketDirectory,
} from './connection-settings.js';

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The first server for people: `host:port` or `/socket/dir:port`. Holds no secret. */
export function describeServer(settings: ConnectionSettings): string {
  const [first] = settings.hosts;
  return first ? `${bracketed(first.host)}:${first.port}` : 'no server';
}

/** True where an address is this machine, by itself and not by what a name may resolve to. */
function isLocalAddress({ host, address }: HostAddress): boolean {
  // The connection goes to `address`, whatever `host` says.
  const name = (address ?? host).toLowerCase();
  return (
    isSocketDirectory(name) ||
    name === 'localhost' ||
    name === '::1' ||
    /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(name)
  );
}

/** True when every host is this machine: a unix socket, localhost, 127.0.0.0/8 or ::1. */
export function isLocalServer(settings: ConnectionSettings): boolean {
  return settings.hosts.every(isLocalAddress);
}

export interface ConnectionUrlOptions {
  /** Instead of the settings' database. */
  readonly database?: string | undefined;
  /** Put the password in: for the user's own eyes or files only. Default false. */
  readonly withPassword?: boolean | undefined;
}

/** Escapes a value for a query; `/` is allowed there, and paths stay readable. */
function queryValue(value: string): string {
  return encodeURIComponent(value).replaceAll('%2F', '/');
}

/**
 * The settings as a URL that libpq and other drivers read. What is a default is left out.
 *
 * One unix socket is written as `localhost` with `?host=/dir`: drivers that go through a URL parser
 * refuse an empty or an escaped host, and those that know `host=` let it win.
 *
 * @example
 * connectionUrl(settings, { database: 'shop' }); // 'postgresql://app@db.example.com:5432/shop'
 */
export function connectionUrl(
  settings: ConnectionSettings,
  options: ConnectionUrlOptions = {},
): string {
  const [first] = settings.hosts;
  const password =
    options.withPassword && settings.password ? `:${encodeURIComponent(settings.password)}` : '';
  const parameters: [string, string | undefined][] = [];
  let authority = settings.hosts.map(authorityOf).join(',');
  if (first && settings.hosts.length === 1 && isSocketDirectory(first.host)) {
    authority = `localhost:${first.port}`;
    parameters.push(['host', first.host]);
  }
  parameters.push(...parametersOf(settings));
  const query = parameters
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${queryValue(value as string)}`)
    .join('&');
  const database = encodeURIComponent(options.database ?? settings.database);
  const user = encodeURIComponent(settings.user);
  return `postgresql://${user}${password}@${authority}/${database}${query ? `?${query}` : ''}`;
}

function authorityOf({ host, port }: HostAddress): string {
  return `${host.includes(':') ? `[${host}]` : encodeURIComponent(host)}:${port}`;
}

function parametersOf(settings: ConnectionSettings): [string, string | undefined][] {
  const { ssl, hosts, connectTimeoutMs } = settings;
  const addresses = hosts.some(({ address }) => address !== undefined)
    ? hosts.map(({ address }) => address ?? '').join(',')
    : undefined;
  return [
    ['hostaddr', addresses],
    ['sslmode', ssl.mode === 'prefer' ? undefined : ssl.mode],
    ['sslrootcert', ssl.rootCertFile],
    ['sslcert', ssl.certFile],
    ['sslkey', ssl.keyFile],
    [
      'connect_timeout',
      connectTimeoutMs === defaultConnectTimeoutMs
        ? undefined
        : String(Math.ceil(connectTimeoutMs / 1000)),
    ],
    ['options', settings.options],
    ['target_session_attrs', settings.targetSessionAttributes],
  ];
}
