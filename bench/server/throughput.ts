import { connect, type Socket } from 'node:net';

export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly token?: string | undefined;
  readonly connections: number;
  readonly durationMs: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Answers other than 200. */
  readonly failed: number;
}

/**
 * Asks for one path again and again over connections that stay open. The client does as little as it can: it takes the same
 * processor as the server, and what it does more than that would make two servers look alike.
 */
export async function measureThroughput(order: LoadOrder): Promise<LoadResult> {
  const request = requestOf(order);
  const counts = { requests: 0, failed: 0 };
  const startedAt = performance.now();
  const endsAt = startedAt + order.durationMs;
  const clients = Array.from({ length: order.connections }, () =>
    askAgainAndAgain(order.port, request, endsAt, counts),
  );
  await Promise.all(clients);
  const seconds = (performance.now() - startedAt) / 1000;
  return { ...counts, requestsPerSecond: counts.requests / seconds };
}

function requestOf({ port, path, token }: LoadOrder): string {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${authorization}\r\n`;
}

interface Counts {
  requests: number;
  failed: number;
}

function askAgainAndAgain(
  port: number,
  request: string,
  endsAt: number,
  counts: Counts,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(request));
    const reader = new AnswerReader();
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      const status = reader.take(chunk);
      if (status === undefined) return;
      counts.requests += 1;
      if (status !== 200) counts.failed += 1;
      if (performance.now() < endsAt) socket.write(request);
      else socket.end();
    });
  });
}

/** Knows when an answer is whole: by its length, or by the last chunk. */
class AnswerReader {
  private head: Buffer | undefined;
  private missing: number | undefined;
  private isChunked = false;
  private tail = '';
  private status = 0;

  /** @returns the status once the answer is whole */
  take(chunk: Buffer): number | undefined {
    if (this.missing !== undefined) return this.takeBody(chunk);
    const received = this.head ? Buffer.concat([this.head, chunk]) : chunk;
    const end = received.indexOf('\r\n\r\n');
    this.head = end < 0 ? received : undefined;
    if (end < 0) return undefined;
    // The body is counted, not read: it would take longer than all else, and only where it is long.
    const head = received.toString('latin1', 0, end);
    this.status = Number(head.slice(9, 12));
    this.isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    this.missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    return this.takeBody(received.subarray(end + 4));
  }

  private takeBody(chunk: Buffer): number | undefined {
    if (this.isChunked) {
      this.tail = `${this.tail}${chunk.toString('latin1')}`.slice(-7);
      if (!this.tail.endsWith('\r\n0\r\n\r\n')) return undefined;
    } else {
      this.missing = (this.missing ?? 0) - chunk.length;
      if (this.missing > 0) return undefined;
    }
    this.missing = undefined;
    this.tail = '';
    return this.status;
  }
}
