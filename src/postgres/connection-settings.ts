/** How the TLS modes of libpq map to what a connection checks; see `sslmode` in libpq's manual. */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface SslSettings {
  readonly mode: SslMode;
  /** File of trusted root certificates, or "system" for the ones Node trusts. */
  readonly rootCertFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Which kind of server is wanted where several are named; libpq's `target_session_attrs`. */
export type TargetSessionAttributes = 'read-write' | 'read-only' | 'primary' | 'standby';

export interface HostAddress {
  /** A name, an address, or the absolute path of a unix socket's directory. */
  readonly host: string;
  readonly port: number;
  /** libpq's `hostaddr`: connect here; `host` is then only the name in certificate and passfile. */
  readonly address?: string | undefined;
}

/** Everything needed to connect, resolved: nothing is left to look up in the environment. */
export interface ConnectionSettings {
  /** Tried in order until one accepts. Never empty. */
  readonly hosts: readonly HostAddress[];
  readonly user: string;
  /** A secret: never printed, logged, or passed in argv. */
  readonly password?: string | undefined;
  readonly database: string;
  readonly ssl: SslSettings;
  /** For each host; 0 waits without a limit. */
  readonly connectTimeoutMs: number;
  /** libpq's `options`, e.g. "-c search_path=app". */
  readonly options?: string | undefined;
  /** Hosts of another kind are passed over. Undefined: any will do. */
  readonly targetSessionAttributes?: TargetSessionAttributes | undefined;
}

/** What a connection gets that names no timeout: long enough for a sleeping managed server. */
export const defaultConnectTimeoutMs = 10_000;

export const defaultPort = 5432;

/** True for the directory of a unix socket. */
export function isSocketDirectory(host: string): boolean {
  return host.startsWith('/');
}
