import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { BelayError } from '../errors.js';
import {
  type ConnectionSettings,
  type HostAddress,
  isSocketDirectory,
  type SslSettings,
} from './connection-settings.js';
import { sqlStateOf } from './pg-error.js';

/** How one attempt talks: TLS with these options, or plain. */
export type Transport = { readonly tls: ConnectionOptions } | { readonly tls: undefined };

const plain: Transport = { tls: undefined };

/**
 * What to try with one host, in order: libpq's meaning of sslmode. The second is for a server that
 * will not have the first.
 */
export async function transportsFor(
  settings: ConnectionSettings,
  address: HostAddress,
): Promise<readonly Transport[]> {
  const { ssl } = settings;
  // As libpq: a socket is inside this machine, and servers offer no TLS there.
  if (isSocketDirectory(address.host) || ssl.mode === 'disable') return [plain];
  const encrypted: Transport = { tls: await tlsOptions(ssl, address) };
  if (ssl.mode === 'allow') return [plain, encrypted];
  if (ssl.mode === 'prefer') return [encrypted, plain];
  return [encrypted];
}

/** True where the server's certificate has to be good. */
export function verifiesServer(ssl: SslSettings): boolean {
  switch (ssl.mode) {
    case 'verify-ca':
    case 'verify-full':
      return true;
    case 'require':
      // libpq's rule: with a root certificate, "require" means "verify-ca".
      return ssl.rootCertFile !== undefined;
    default:
      return false;
  }
}

async function tlsOptions(ssl: SslSettings, address: HostAddress): Promise<ConnectionOptions> {
  const verifies = verifiesServer(ssl);
  const options: ConnectionOptions = { rejectUnauthorized: verifies };
  if (verifies && ssl.rootCertFile !== undefined && ssl.rootCertFile !== 'system') {
    options.ca = await readCertificate(ssl.rootCertFile, 'root certificate');
  }
  if (ssl.mode !== 'verify-full') options.checkServerIdentity = () => undefined;
  if (ssl.certFile !== undefined && ssl.keyFile !== undefined) {
    options.cert = await readCertificate(ssl.certFile, 'client certificate');
    options.key = await readCertificate(ssl.keyFile, 'client key');
  }
  if (address.address !== undefined) {
    // The connection goes to the address; the certificate carries the name.
    options.host = address.host;
    if (net.isIP(address.host) === 0) options.servername = address.host;
  }
  return options;
}

async function readCertificate(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BelayError('FILE_ERROR', `cannot read the ${what} ${file} (${code ?? 'unknown'})`, {
      hint: 'Check sslrootcert, sslcert and sslkey of the URL, or the PGSSL* variables.',
      cause: error,
    });
  }
}

/** The server answered that it has no TLS. */
export function tlsNotOffered(server: string, cause: unknown): BelayError {
  return new BelayError('SERVER_UNREACHABLE', `the server ${server} does not offer TLS`, {
    hint: 'sslmode asks for it: turn TLS on in the server, or use sslmode=prefer on a network you trust.',
    cause,
  });
}

/**
 * Gives a failure of the TLS layer a name; anything else comes back as it is. Network failures come from the system
 * and have a `syscall`, refusals of PostgreSQL have a SQLSTATE: a code that is neither is OpenSSL's or Node's verdict.
 */
export function nameTlsFailure(error: unknown, server: string, verifies: boolean): unknown {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof BelayError || code === undefined || sqlStateOf(error)) return error;
  if (isHandshakeFailure(error)) {
    return new BelayError('AUTHENTICATION_FAILED', `TLS with ${server} failed: ${message}`, {
      hint: 'Check sslcert and sslkey, and what the server accepts (ssl_min_protocol_version, ssl_ciphers).',
      cause: error,
    });
  }
  if (!verifies || 'syscall' in (error as object) || code === 'ECONNRESET') return error;
  return new BelayError(
    'AUTHENTICATION_FAILED',
    `the certificate of ${server} is not trusted: ${message}`,
    {
      hint: 'Give the authority that signed it with sslrootcert=FILE; sslmode=verify-full also needs the host to be the name in the certificate.',
      cause: error,
    },
  );
}

/** The two sides could not agree to talk TLS at all. */
export function isHandshakeFailure(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'EPROTO' || (code?.startsWith('ERR_SSL_') ?? false);
}
