import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  /** "webhook-id" */
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Record<string, unknown>;
  };
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** What it answers from now on; "hang": nothing. */
  answer(next: number | 'hang' | ((response: ServerResponse) => void)): void;
  close(): Promise<void>;
}

/** A web server that takes messages, as somebody else would run it. */
export async function startReceiver(port = 0, host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = [];
  let next: Parameters<Receiver['answer']>[0] = 200;
  const server = createServer(async (request, response) => {
    const text = await readAll(request);
    const id = String(request.headers['webhook-id'] ?? '');
    const body = text === '' ? {} : JSON.parse(text);
    received.push({ id, path: request.url ?? '', headers: request.headers, text, body });
    if (typeof next === 'function') next(response);
    else if (next !== 'hang') response.writeHead(next).end('thanks');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    ...{ url: `http://${host}:${own}/hook`, port: own, received },
    answer: (value) => {
      next = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The check that the specification asks of receivers, written by itself. */
export function isSigned({ headers, text }: Received, secret: string): boolean {
  const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']];
  const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp));
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
  const signatures = String(headers['webhook-signature']).split(' ');
  return ageSeconds < 300 && signatures.includes(`v1,${mac}`);
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
