import { Readable } from 'node:stream';
import { BelayError } from '../errors.js';
import { endOnAbort, throwIfAborted } from './interruption.js';
import type { S3Connection } from './s3-connection.js';
import { isMissingObject, readFailure, retryCost } from './s3-failure.js';
import { plainEtag } from './s3-object-facts.js';
import { missingObject } from './small-object.js';

export interface OpenedObject {
  readonly stream: Readable;
  readonly sizeBytes: number;
}

interface Opened {
  readonly body: Readable;
  readonly etag: string;
  /** Where in the object the body begins. */
  readonly from: number;
  /** Of the whole object. */
  readonly sizeBytes: number;
}

/** How often a stream is taken up again without a byte having come in between. */
const resumeBudget = 6;

/**
 * Opens an object. Its stream is taken up again where a connection broke.
 * @throws BelayError STORE_OBJECT_MISSING
 */
export async function openObject(
  connection: S3Connection,
  key: string,
  signal: AbortSignal | undefined,
): Promise<OpenedObject> {
  const ended = new AbortController();
  const first = await openAt(connection, key, 0, signal);
  const chunks = readOn(connection, key, first, ended.signal);
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: 256 * 1024 });
  const detach = endOnAbort(stream, signal);
  // Also where nobody has read any of it; and a generator that waits for bytes cannot be told to return.
  stream.once('close', () => {
    detach();
    ended.abort();
    first.body.destroy();
  });
  return { stream, sizeBytes: first.sizeBytes };
}

async function* readOn(
  connection: S3Connection,
  key: string,
  first: Opened,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const startedAt = performance.now();
  let opened = first;
  let position = 0;
  let left = resumeBudget;
  for (let attempt = 1; ; attempt += 1) {
    let skip = position - opened.from;
    let thrown: unknown = Object.assign(new Error('it ended early'), { code: 'IncompleteBody' });
    const stop = () => opened.body.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const chunk of opened.body as AsyncIterable<Buffer>) {
        const bytes = skip > 0 ? chunk.subarray(skip) : chunk;
        skip -= Math.min(skip, chunk.length);
        position += bytes.length;
        if (bytes.length > 0) [left, attempt] = [resumeBudget, 1];
        yield bytes;
      }
    } catch (error) {
      thrown = error;
    } finally {
      signal.removeEventListener('abort', stop);
      opened.body.destroy();
    }
    throwIfAborted(signal);
    if (position >= first.sizeBytes) return;
    const failure = readFailure(thrown);
    left -= retryCost(failure) ?? 1;
    const request = { action: `read ${key}`, right: 's3:GetObject' };
    const durationMs = performance.now() - startedAt;
    if (left <= 0) throw connection.explain(failure, request, attempt, durationMs);
    await connection.pause(attempt, failure, signal);
    opened = await openAt(connection, key, position, signal);
    if (opened.etag !== first.etag) throw replaced(connection, key, opened.body);
  }
}

/** Asks without If-Match, which Ceph refuses even where it fits: the answer's own ETag tells as much. */
async function openAt(
  connection: S3Connection,
  key: string,
  from: number,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const { sdk, client } = connection;
  const opened = await connection.call<Opened | 'missing'>({
    ...{ action: `read ${key}`, right: 's3:GetObject (and s3:ListBucket)', signal },
    send: async (abortSignal) => {
      const range = from > 0 ? { Range: `bytes=${from}-` } : {};
      const command = new sdk.GetObjectCommand({ ...connection.object(key), ...range });
      const answer = await client.send(command, { abortSignal });
      // A server that does not do ranges answers with everything.
      const at = /^bytes (\d+)-\d+\/\d+$/.exec(answer.ContentRange ?? '');
      const begin = Number(at?.[1] ?? 0);
      return {
        body: answer.Body as unknown as Readable,
        etag: plainEtag(answer.ETag),
        from: begin,
        sizeBytes: begin + (answer.ContentLength ?? 0),
      };
    },
    recover: (failure) => (isMissingObject(failure) ? 'missing' : undefined),
  });
  if (opened === 'missing') throw missingObject(connection.location, key);
  return opened;
}

function replaced(connection: S3Connection, key: string, body: Readable): BelayError {
  body.destroy();
  return new BelayError(
    'STORE_UNAVAILABLE',
    `${key} was replaced in ${connection.location} while it was being read`,
    { hint: 'Run the command again, and find out what else writes there.', details: { key } },
  );
}
