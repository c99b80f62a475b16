import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { BelayError } from '../errors.js';
import type { ApiEnv } from './http/api.js';

export interface Listener {
  readonly port: number;
  /** Takes no more connections; those that are idle end. */
  stop(): void;
  /** Resolves when the last request is answered; after `graceMs` they are cut off. */
  ended(graceMs: number): Promise<void>;
}

/** How long a client may take to send its headers, and its whole request: slow ones must not hold connections. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;

/** @throws BelayError PORT_TAKEN, SERVE_FAILED */
export async function listen(
  app: Hono<ApiEnv>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 2_000,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16 * 1024,
    },
  }) as Server;
  // A request that has come whole may take as long as its job does.
  server.timeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    ...closingOf(server),
  };
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): BelayError {
  if (error.code === 'EADDRINUSE') {
    return new BelayError('PORT_TAKEN', `port ${port} on ${host} is in use`, {
      hint: 'Give another one with --port, or 0 for any that is free.',
      cause: error,
    });
  }
  return new BelayError('SERVE_FAILED', `cannot listen on ${host} port ${port} (${error.code})`, {
    hint: 'Give an address of this machine with --host, and a port from 1024 on.',
    cause: error,
  });
}

function closingOf(server: Server): Pick<Listener, 'stop' | 'ended'> {
  let closed: Promise<void> | undefined;
  const stop = () => {
    closed ??= new Promise((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
  };
  return {
    stop,
    ended: async (graceMs) => {
      stop();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
