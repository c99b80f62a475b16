/** How the TLS modes of libpq map to what a connection checks; see `sslmode` in libpq's manual. */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface SslSettings {
  readonly mode: SslMode;
  /** File of trusted root certificates, or "system" for the ones Node trusts. */
  readonly rootCertFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface HostAddress {
  /** A name, an address, or the absolute path of a unix socket's directory. */
  readonly host: string;
  readonly port: number;
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
  readonly connectTimeoutMs: number;
  /** libpq's `options`, e.g. "-c search_path=app". */
  readonly options?: string | undefined;
}
