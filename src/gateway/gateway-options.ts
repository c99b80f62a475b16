import type { Reporter } from '../domain/reporter.js';

/** Not a port that PostgreSQL or PgBouncer take by themselves. */
export const defaultGatewayPort = 6543;

export interface GatewayOptions {
  /** The user of the URL: he logs in with `password`, everybody else with the server itself. */
  readonly user: string;
  /** What this user has to know; the servers behind get the passwords of their routes. */
  readonly password: string;
  /** Default 6543; 0: any free one. */
  readonly port?: number | undefined;
  /** An address of this machine's loopback; default "127.0.0.1". */
  readonly host?: string | undefined;
  /** Key and certificate as PEM: with them, clients may talk TLS. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined;
  /** How many clients at once; default 500. */
  readonly maxConnections?: number | undefined;
  /** How long a statement may go on after a switch before its session is ended; default 5 s. */
  readonly switchWaitMs?: number | undefined;
  /** How long a server may be starting before its clients are told; default 30 s. */
  readonly startWaitMs?: number | undefined;
  /** How long a client may take to say who it is; default 10 s. */
  readonly loginWaitMs?: number | undefined;
  /** How long busy sessions may go on when the gateway is stopped; default 5 s. */
  readonly stopWaitMs?: number | undefined;
  readonly reporter?: Reporter | undefined;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
}

/** One session of a client. */
export interface GatewayConnection {
  /** The branch that it is led to; null: the target itself, or none at the moment. */
  readonly branch: string | null;
  /** It waits for nothing: it can be led elsewhere. */
  readonly idle: boolean;
}

/** A gateway that listens. */
export interface Gateway {
  /** The stable URL, with the password: for the user's own eyes. */
  readonly url: string;
  readonly port: number;
  connections(): readonly GatewayConnection[];
  /** Resolves when it has stopped, by `close` or by the signal. */
  readonly closed: Promise<void>;
  /** Stops listening, ends idle sessions, gives busy ones a moment. */
  close(): Promise<void>;
}
