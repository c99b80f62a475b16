import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { libpqEnvironment } from '../../postgres/libpq-environment.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { type StreamedProgram, streamProgram } from '../../process/stream-program.js';

export interface DumpOrder {
  /** Path of pg_dump. */
  readonly pgDump: string;
  readonly settings: ConnectionSettings;
  readonly database: string;
  readonly env: NodeJS.ProcessEnv;
  /** Name of the exported snapshot to read; undefined: nobody writes to the database. */
  readonly snapshotName?: string | undefined;
  /** What it is to leave out; default: nothing. */
  readonly more?: readonly string[] | undefined;
  /** Of gzip. */
  readonly compression: number;
  readonly lockTimeoutMs: number;
  /** pg_dump counts as hung when it prints nothing for so long although somebody waits for it. */
  readonly idleMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Starts pg_dump of a database in custom format; its bytes come on stdout. */
export function startDump(order: DumpOrder): StreamedProgram {
  const { settings, database, env, snapshotName } = order;
  return streamProgram(
    order.pgDump,
    [
      '--format=custom',
      `--compress=${order.compression}`,
      '--no-password',
      `--lock-wait-timeout=${order.lockTimeoutMs}`,
      ...(snapshotName === undefined ? [] : [`--snapshot=${snapshotName}`]),
      ...(order.more ?? []),
    ],
    {
      env: libpqEnvironment(settings, { database, applicationName: 'belay dump', env }),
      stdin: 'none',
      stdout: 'pipe',
      idleMs: order.idleMs,
      signal: order.signal,
      errorCode: 'DUMP_FAILED',
      errorHint: 'No archive was made. What pg_dump says is the reason.',
    },
  );
}

/** Room between the source and each reader, so that a moment's rest of one does not stop the other. */
const bufferBytes = 4 * 1024 * 1024;

export interface Distribution {
  /** One for each reader; all get the same bytes. */
  readonly readers: readonly Readable[];
  /** Size and SHA-256 of everything, when the source has ended. Rejects with the source's error. */
  readonly done: Promise<Digest>;
}

export interface Digest {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Gives the bytes of one stream to several readers, as fast as the slowest takes them. When the source fails, every
 * reader fails: none may take a broken stream for a whole one. A reader that goes away holds nobody up.
 */
export function distribute(source: Readable, count: number): Distribution {
  const readers = Array.from(
    { length: count },
    () => new PassThrough({ highWaterMark: bufferBytes }),
  );
  // Whoever reads hears of it; a reader nobody listens to any more must not end the process.
  for (const reader of readers) reader.on('error', () => {});
  const done = pump(source, readers).catch((error: Error) => {
    for (const reader of readers) reader.destroy(error);
    throw error;
  });
  done.catch(() => {});
  return { readers, done };
}

/** pg_dump writes 4 KiB at a time. Passing that on as it comes takes this process a quarter more work. */
const chunkBytes = 256 * 1024;

async function* inLargerChunks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of source) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < chunkBytes) continue;
    yield Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

async function pump(source: Readable, readers: readonly PassThrough[]): Promise<Digest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of inLargerChunks(source)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    for (const reader of readers) await write(reader, chunk);
  }
  for (const reader of readers) reader.end();
  return { sizeBytes, sha256: hash.digest('hex') };
}

async function write(reader: PassThrough, chunk: Buffer): Promise<void> {
  if (reader.destroyed || reader.write(chunk)) return;
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.race([once(reader, 'drain', { signal }), once(reader, 'close', { signal })]).catch(
    () => {},
  );
  controller.abort();
}
