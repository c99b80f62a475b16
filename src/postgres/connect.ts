import net from 'node:net';
import pg from 'pg';
import { BelayError } from '../errors.js';
import type {
  ConnectionSettings,
  HostAddress,
  TargetSessionAttributes,
} from './connection-settings.js';
import { describeServer } from './connection-url.js';
import { sqlStateOf } from './pg-error.js';
import {
  isHandshakeFailure,
  nameTlsFailure,
  type Transport,
  tlsNotOffered,
  transportsFor,
  verifiesServer,
} from './tls.js';

export interface ConnectOptions {
  /** Instead of the settings' database. */
  readonly database?: string | undefined;
  /** Shown in pg_stat_activity, so that a DBA and a waiting Belay see who it is. */
  readonly applicationName: string;
}

/**
 * Opens one connection, trying each host in order.
 * @returns a connected client with an `error` listener attached: an idle client whose backend is
 * terminated emits `error`, which would end the process.
 * @throws what `pg` throws, for mapPostgresError; BelayError where `pg` gives no code to go by
 */
export async function connectClient(
  settings: ConnectionSettings,
  options: ConnectOptions,
): Promise<pg.Client> {
  const failures: { server: string; error: unknown }[] = [];
  for (const address of settings.hosts) {
    const server = describeServer({ ...settings, hosts: [address] });
    try {
      const client = await connectHost(settings, address, options, server);
      if (await hasWantedAttributes(client, settings.targetSessionAttributes)) return client;
      await client.end();
      throw wrongKindOfServer(server, settings.targetSessionAttributes);
    } catch (error) {
      if (settings.hosts.length === 1 || !mayTryNextHost(error)) throw error;
      failures.push({ server, error });
    }
  }
  throw noHostLeft(failures);
}

/** As libpq: the next host is for one that is down, starting or the wrong kind, not for a refusal. */
function mayTryNextHost(error: unknown): boolean {
  if (error instanceof BelayError) return error.code === 'READ_ONLY_SERVER';
  const sqlState = sqlStateOf(error);
  return sqlState === undefined || sqlState === '57P03';
}

function noHostLeft(failures: readonly { server: string; error: unknown }[]): BelayError {
  const reasons = failures.map(({ server, error }) => `${server}: ${reasonOf(error)}`).join('; ');
  const [first] = failures;
  return new BelayError('SERVER_UNREACHABLE', `none of the servers can be used: ${reasons}`, {
    hint: 'Are they running, and are the addresses right?',
    cause: first?.error,
  });
}

function reasonOf(error: unknown): string {
  // A name with several addresses fails with one error for each and no message of its own.
  if (error instanceof AggregateError && error.errors[0]) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** Tries the transports that sslmode allows for one host. */
async function connectHost(
  settings: ConnectionSettings,
  address: HostAddress,
  options: ConnectOptions,
  server: string,
): Promise<pg.Client> {
  const [first, second] = await transportsFor(settings, address);
  if (!first) throw new BelayError('BUG', `no way to connect to ${server}`);
  const attempt = new ConnectionAttempt(settings, address, options, first);
  try {
    return await attempt.connect();
  } catch (error) {
    if (second && attempt.mayBeTheTransport(error)) {
      const other = new ConnectionAttempt(settings, address, options, second);
      try {
        return await other.connect();
      } catch (otherError) {
        // Without TLS on offer the plain attempt's own refusal is the reason to tell.
        if (other.tlsWasRefused) throw error;
        throw nameTlsFailure(otherError, server, verifiesServer(settings.ssl));
      }
    }
    if (attempt.tlsWasRefused) throw tlsNotOffered(server, error);
    throw nameTlsFailure(error, server, verifiesServer(settings.ssl));
  }
}

/** One socket to one host. The socket is Belay's own, so that no failure can leave it open. */
class ConnectionAttempt {
  readonly #settings: ConnectionSettings;
  readonly #socket = new net.Socket();
  readonly #client: pg.Client;
  #answer: number | undefined;

  constructor(
    settings: ConnectionSettings,
    address: HostAddress,
    options: ConnectOptions,
    transport: Transport,
  ) {
    this.#settings = settings;
    this.#client = new pg.Client({
      host: address.address ?? address.host,
      port: address.port,
      user: settings.user,
      password: () => this.#password(),
      database: options.database ?? settings.database,
      application_name: options.applicationName,
      options: settings.options,
      keepAlive: true,
      // Firewalls forget a quiet connection, e.g. during a long copy, after some minutes.
      keepAliveInitialDelayMillis: 60_000,
      sslnegotiation: 'postgres',
      ssl: transport.tls ?? false,
      stream: () => this.#socket,
    });
    pinOptions(this.#client, settings.options);
    this.#client.on('error', () => {});
    if (transport.tls) {
      // The first byte of a server that was asked for TLS is its answer, "S" or "N". Reading it here
      // is the only way to know: `pg` reports a refusal as an Error without a code.
      this.#socket.once('data', (chunk: Buffer) => {
        this.#answer = chunk[0];
      });
    }
  }

  get tlsWasRefused(): boolean {
    return this.#answer === 'N'.charCodeAt(0);
  }

  /** True when the other transport may fare better: no TLS here, or pg_hba.conf wants the other. */
  mayBeTheTransport(error: unknown): boolean {
    return this.tlsWasRefused || isHandshakeFailure(error) || sqlStateOf(error) === '28000';
  }

  async connect(): Promise<pg.Client> {
    const timer = this.#startTimer();
    try {
      await this.#client.connect();
      return this.#client;
    } catch (error) {
      this.#socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A timer of our own: the one of `pg` ends in an Error without a code. */
  #startTimer(): NodeJS.Timeout | undefined {
    const { connectTimeoutMs } = this.#settings;
    if (connectTimeoutMs <= 0) return undefined;
    return setTimeout(() => {
      const message = `no answer within ${connectTimeoutMs / 1000} s`;
      this.#socket.destroy(
        Object.assign(new Error(message), { code: 'ETIMEDOUT', syscall: 'connect' }),
      );
    }, connectTimeoutMs);
  }

  /** Called when the server asks. As a function it also keeps `pg` from looking for one elsewhere. */
  #password(): string {
    const { password, user } = this.#settings;
    if (password !== undefined) return password;
    throw new BelayError('AUTHENTICATION_FAILED', `the server wants a password for "${user}"`, {
      hint: 'Put it into the URL, PGPASSWORD or the passfile (~/.pgpass, readable by you alone).',
    });
  }
}

/** `pg` falls back to PGOPTIONS of this process, but settings are meant to be complete. */
function pinOptions(client: pg.Client, options: string | undefined): void {
  const { connectionParameters } = client as unknown as {
    connectionParameters: { options: string | undefined };
  };
  connectionParameters.options = options;
}

/** What a session must show to count as the wanted kind of server. */
const attributeTests: Readonly<Record<TargetSessionAttributes, string>> = {
  'read-write': `current_setting('transaction_read_only') = 'off'`,
  'read-only': `current_setting('transaction_read_only') = 'on'`,
  primary: 'NOT pg_is_in_recovery()',
  standby: 'pg_is_in_recovery()',
};

async function hasWantedAttributes(
  client: pg.Client,
  wanted: TargetSessionAttributes | undefined,
): Promise<boolean> {
  if (wanted === undefined) return true;
  try {
    const { rows } = await client.query<{ fits: boolean }>(
      `SELECT ${attributeTests[wanted]} AS fits`,
    );
    return rows[0]?.fits ?? false;
  } catch (error) {
    await client.end();
    throw error;
  }
}

function wrongKindOfServer(
  server: string,
  wanted: TargetSessionAttributes | undefined,
): BelayError {
  return new BelayError('READ_ONLY_SERVER', `the server ${server} is not ${wanted}`, {
    hint: 'target_session_attrs asks for that kind: add the host of one that is.',
  });
}
