import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestOf,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { finished, pipeline } from 'node:stream/promises';
import { createOnce, KeyedQueue } from './s3-create-once.js';
import type { S3Server } from './s3-server.js';

/** A request as the proxy saw it. */
export interface S3Call {
  readonly method: string;
  /** Decoded: "/bucket/shop/x.dump". */
  readonly path: string;
  /** As sent: "partNumber=1&uploadId=…". */
  readonly query: string;
}

/** What happens to a request. */
export type S3Fault =
  /** An answer without asking the server. */
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The request is taken, and nothing ever comes. */
  | { readonly type: 'hang' }
  /** The connection is reset when so much of the request's body has been passed on. */
  | { readonly type: 'reset-request'; readonly afterBytes: number }
  /** The connection is reset, or stands still, when so much of the answer's body has been passed on. */
  | { readonly type: 'reset-answer' | 'stall-answer'; readonly afterBytes: number }
  /** The server does it, and the connection is reset instead of an answer. */
  | { readonly type: 'lose-answer' }
  /** The server does it, and the answer says this ETag. */
  | { readonly type: 'change-etag'; readonly etag: string }
  /** One bit of the request's body is another. */
  | { readonly type: 'flip-bit' };

export interface S3Rule {
  readonly fault: S3Fault;
  /** All of these have to fit; default: any. */
  readonly method?: string;
  readonly path?: RegExp;
  readonly query?: RegExp;
  /** How many of the requests that fit are passed on first; default 0. */
  readonly skip?: number;
  /** How many then fail; default 1. Infinity: from then on. */
  readonly times?: number;
}

export interface S3Proxy {
  readonly env: NodeJS.ProcessEnv;
  readonly server: S3Server;
  /** All requests so far, those that were failed too. */
  readonly calls: readonly S3Call[];
  /** Adds a rule; the first that fits counts. */
  fail(rule: S3Rule): void;
  /** From now on everything is passed on. */
  heal(): void;
  close(): Promise<void>;
}

export interface S3ProxyOptions {
  /** Do "If-None-Match: *" for the server, also in buckets with versions. */
  readonly createsOnce?: boolean;
  /** Speak TLS, as "localhost". */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
}

/** An error as an S3 server says it. */
export function s3ErrorAnswer(
  status: number,
  code: string,
  more: {
    readonly elements?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): S3Fault {
  const elements = Object.entries({ Code: code, Message: `made up: ${code}`, ...more.elements });
  const inner = elements.map(([name, text]) => `<${name}>${text}</${name}>`).join('');
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner}</Error>`;
  const headers = { 'content-type': 'application/xml', ...more.headers };
  return { type: 'answer', status, headers, body };
}

interface CountedRule extends S3Rule {
  seen: number;
}

function fits(rule: S3Rule, { method, path, query }: S3Call): boolean {
  return (
    (rule.method === undefined || rule.method === method) &&
    (rule.path === undefined || rule.path.test(path)) &&
    (rule.query === undefined || rule.query.test(query))
  );
}

/** The fault for a request, if any; counts it. */
function chooseFault(rules: readonly CountedRule[], call: S3Call): S3Fault | undefined {
  for (const rule of rules) {
    if (!fits(rule, call)) continue;
    rule.seen += 1;
    const { skip = 0, times = 1, seen } = rule;
    if (seen > skip && seen <= skip + times) return rule.fault;
  }
  return undefined;
}

function callOf(request: IncomingMessage): S3Call {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  return { method: request.method ?? '', path: decodeURIComponent(path), query };
}

interface Exchange {
  readonly server: S3Server;
  readonly agent: Agent;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: S3Fault | undefined;
}

/** The body as it is passed on. */
async function* bodyOf({ request, fault }: Exchange): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    const bytes = Buffer.from(chunk);
    if (fault?.type === 'flip-bit' && position === 0 && bytes.length > 0) {
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    }
    position += bytes.length;
    if (fault?.type === 'reset-request' && position > fault.afterBytes) {
      yield bytes.subarray(0, bytes.length - (position - fault.afterBytes));
      request.socket.resetAndDestroy();
      throw new Error('reset');
    }
    yield bytes;
  }
}

function headersOf({ rawHeaders }: IncomingMessage, fault: S3Fault | undefined): string[] {
  if (fault?.type !== 'change-etag') return rawHeaders;
  return rawHeaders.map((value, index) =>
    rawHeaders[index - 1]?.toLowerCase() === 'etag' && index % 2 === 1 ? `"${fault.etag}"` : value,
  );
}

async function passOn(exchange: Exchange): Promise<void> {
  const { server, agent, request, response, fault } = exchange;
  const { hostname, port } = new URL(server.endpoint);
  const upstream = requestOf({
    ...{ hostname, port, agent, method: request.method, path: request.url },
    // Host too: it is signed.
    headers: request.headers,
  });
  const answering = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once('response', resolve).once('error', reject);
  });
  answering.catch(() => {});
  // A client that gives up must not leave a request open at the server.
  request.once('close', () => request.complete || upstream.destroy());
  await pipeline(bodyOf(exchange), upstream);
  const answer = await answering;
  if (fault?.type === 'lose-answer') {
    answer.resume();
    await finished(answer);
    request.socket.resetAndDestroy();
    return;
  }
  response.writeHead(answer.statusCode ?? 502, headersOf(answer, fault));
  if (fault?.type === 'reset-answer' || fault?.type === 'stall-answer') {
    let left = fault.afterBytes;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      response.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) break;
    }
    // What was written goes out first.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (fault.type === 'reset-answer') request.socket.resetAndDestroy();
    return;
  }
  await pipeline(answer, response);
}

async function respond(exchange: Exchange): Promise<void> {
  const { request, response, fault } = exchange;
  if (fault?.type === 'answer') {
    request.resume();
    await finished(request);
    response.writeHead(fault.status, { date: new Date().toUTCString(), ...fault.headers });
    response.end(request.method === 'HEAD' ? undefined : fault.body);
  } else if (fault?.type === 'hang') {
    request.resume();
  } else {
    await passOn(exchange);
  }
}

/** Stands in front of the server and does to requests what it is told. */
export async function startS3Proxy(
  server: S3Server,
  options: S3ProxyOptions = {},
): Promise<S3Proxy> {
  const rules: CountedRule[] = [];
  const calls: S3Call[] = [];
  const agent = new Agent({ keepAlive: true });
  const queue = new KeyedQueue();
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const call = callOf(request);
    calls.push(call);
    const exchange = { server, agent, request, response, fault: chooseFault(rules, call) };
    const work = () => respond(exchange);
    const isCreation = options.createsOnce && request.headers['if-none-match'] === '*';
    const done = isCreation
      ? queue.run(call.path, () => createOnce(server, call.path, request, response, work))
      : work();
    // A client that is gone has no socket any more.
    done.catch(() => response.destroy());
  };
  const proxy = options.tls ? createTlsServer(options.tls, answer) : createServer(answer);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    env: {
      AWS_ENDPOINT_URL: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: server.accessKey,
      AWS_SECRET_ACCESS_KEY: server.secretKey,
      AWS_REGION: 'us-east-1',
    },
    server,
    calls,
    fail: (rule) => rules.push({ ...rule, seen: 0 }),
    heal: () => rules.splice(0),
    close: async () => {
      proxy.closeAllConnections();
      agent.destroy();
      await new Promise<void>((resolve) => proxy.close(() => resolve()));
    },
  };
}
