import { connect, createServer } from 'node:net';
import { BelayError } from '../errors.js';

const address = '127.0.0.1';

/** First port that Belay tries for its own server: not 5432, which belongs to the user's. */
export const defaultPort = 54320;
const portsTried = 100;

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => finish(true));
    socket.on('connect', () => finish(true));
    socket.on('error', () => finish(false));
  });
}

function canListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' ? bound?.port : undefined));
    });
  });
}

/** Whether nothing listens on a local port. Some systems let two listen, so it also knocks. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await canListen(port)) !== undefined && !(await answers(port));
}

/** A free port that the system picks. */
export async function anyFreePort(): Promise<number> {
  const port = await canListen(0);
  if (port === undefined) throw new BelayError('PORT_TAKEN', 'no local port is free');
  return port;
}

/**
 * Picks a port: the one asked for, else the one used before if it is free, else the first free one
 * from 54320 up.
 *
 * @throws BelayError PORT_TAKEN
 */
export async function choosePort(asked?: number, before?: number): Promise<number> {
  if (asked !== undefined) {
    if (await isPortFree(asked)) return asked;
    throw new BelayError('PORT_TAKEN', `port ${asked} is in use`, {
      hint: 'Leave out --port to let Belay pick a free one.',
      details: { port: asked },
    });
  }
  if (before !== undefined && (await isPortFree(before))) return before;
  for (let port = defaultPort; port < defaultPort + portsTried; port += 1) {
    if (await isPortFree(port)) return port;
  }
  const last = defaultPort + portsTried - 1;
  throw new BelayError('PORT_TAKEN', `ports ${defaultPort} to ${last} are all in use`, {
    hint: 'Name a free one with --port.',
  });
}
