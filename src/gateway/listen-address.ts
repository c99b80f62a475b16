import net from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { BelayError } from '../errors.js';
import type { GatewayOptions } from './gateway-options.js';

/** Whoever reaches the gateway is as good as on this machine: it must not be reached from elsewhere. @throws BelayError USAGE */
export function checkLoopback(host: string): void {
  if (host === 'localhost' || host === '::1') return;
  if (net.isIPv4(host) && host.startsWith('127.')) return;
  throw new BelayError('USAGE', `the gateway does not listen on ${host}`, {
    hint: 'It serves this machine alone: 127.0.0.1, ::1 or localhost. From elsewhere, use a tunnel (ssh -L).',
  });
}

/** Why a port cannot be listened on. */
export function listenError(error: NodeJS.ErrnoException, port: number): BelayError {
  if (error.code === 'EADDRINUSE') {
    return new BelayError('PORT_TAKEN', `port ${port} is in use`, {
      hint: 'Does another gateway run already? Else name a free port with --port.',
      details: { port },
      cause: error,
    });
  }
  return new BelayError('GATEWAY_FAILED', `cannot listen on port ${port}: ${error.message}`, {
    hint: 'Ports below 1024 need rights; name another with --port.',
    cause: error,
  });
}

/** @throws BelayError USAGE where key and certificate are none, or not each other's */
export function tlsContext(tls: GatewayOptions['tls']): SecureContext | undefined {
  try {
    return tls && createSecureContext(tls);
  } catch (error) {
    throw new BelayError(
      'USAGE',
      `the key and the certificate cannot be used: ${(error as Error).message}`,
      {
        hint: 'Both as PEM, the key without a passphrase, and made for each other.',
        cause: error,
      },
    );
  }
}
