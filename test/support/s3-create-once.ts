import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Server } from './s3-server.js';

/** One after the other, for each key. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<void>>();

  run(key: string, work: () => Promise<void>): Promise<void> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    this.#last.set(key, mine);
    return mine;
  }
}

const clients = new Map<string, S3Client>();

async function exists(server: S3Server, path: string): Promise<boolean> {
  const client =
    clients.get(server.endpoint) ??
    new S3Client({
      endpoint: server.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    });
  clients.set(server.endpoint, client);
  const [, bucket = '', key = ''] = /^\/([^/]+)\/(.*)$/s.exec(path) ?? [];
  return client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    () => false,
  );
}

/** "If-None-Match: *" as AWS does it, before a server that ignores it in buckets with versions. */
export async function createOnce(
  server: S3Server,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  create: () => Promise<void>,
): Promise<void> {
  if (!(await exists(server, path))) return create();
  request.resume();
  response.writeHead(412, { 'content-type': 'application/xml' });
  response.end('<Error><Code>PreconditionFailed</Code></Error>');
}
