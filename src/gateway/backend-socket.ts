import net from 'node:net';
import tls from 'node:tls';
import {
  type ConnectionSettings,
  type HostAddress,
  isSocketDirectory,
} from '../postgres/connection-settings.js';
import { describeServer } from '../postgres/connection-url.js';
import { nameTlsFailure, type Transport, tlsNotOffered, verifiesServer } from '../postgres/tls.js';
import { MessageInbox } from './message-inbox.js';
import { int32, packet, requestCodes } from './protocol.js';

/** One way to one server. A cancel request goes the same way as the session it is for. */
export interface BackendAddress {
  readonly settings: ConnectionSettings;
  readonly host: HostAddress;
  readonly transport: Transport;
}

const keepAliveMs = 60_000;
/** Pieces of large results: fewer, larger ones cost less than many small ones. */
const highWaterMark = 256 * 1024;

/** Opens the connection, TLS included; nothing of the protocol but that has been spoken then. */
export async function openBackendSocket(address: BackendAddress): Promise<net.Socket> {
  const { settings, host, transport } = address;
  const socket = new net.Socket({ highWaterMark } as net.SocketConstructorOpts);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  const timer = startTimer(socket, settings.connectTimeoutMs);
  try {
    await connect(socket, host);
    if (!transport.tls) return socket;
    return await startTls(socket, address, transport.tls);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function startTimer(socket: net.Socket, timeoutMs: number): NodeJS.Timeout | undefined {
  if (timeoutMs <= 0) return undefined;
  return setTimeout(() => {
    const error = new Error(`no answer within ${timeoutMs / 1000} s`);
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }));
  }, timeoutMs);
}

function connect(socket: net.Socket, { host, port, address }: HostAddress): Promise<void> {
  const place = isSocketDirectory(host)
    ? { path: `${host}/.s.PGSQL.${port}` }
    : { host: address ?? host, port };
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(place, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

const yes = 'S'.charCodeAt(0);

async function startTls(
  socket: net.Socket,
  { settings, host }: BackendAddress,
  options: tls.ConnectionOptions,
): Promise<net.Socket> {
  const server = describeServer({ ...settings, hosts: [host] });
  const inbox = new MessageInbox(socket, 1);
  socket.write(packet(int32(requestCodes.ssl)));
  const [answer] = await inbox.bytes(1);
  const isClean = inbox.unread === 0;
  inbox.release();
  if (answer !== yes) throw tlsNotOffered(server, undefined);
  // Bytes before the handshake came from nobody who has proven anything.
  if (!isClean) throw tlsNotOffered(server, new Error('data before the TLS handshake'));
  const encrypted = tls.connect({
    ...{ host: host.address ?? host.host, ...options, socket },
    servername: options.servername ?? (net.isIP(host.host) === 0 ? host.host : ''),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      encrypted.once('error', reject);
      encrypted.once('secureConnect', () => {
        encrypted.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw nameTlsFailure(error, server, verifiesServer(settings.ssl));
  }
  return encrypted;
}
