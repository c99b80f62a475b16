import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { mapPostgresError } from '../pg-error.js';
import type { Session } from '../session.js';

/** A part of the data that is encoded at once; whole lines, so that no letter is cut in two. */
const chunkLength = 256 * 1024;

/**
 * Runs a `COPY … FROM stdin` with the data that follows it in a file.
 * @returns the number of rows
 */
export async function copyDataIn(session: Session, sql: string, data: string): Promise<number> {
  const target = session.client.query(copyFrom(sql));
  // Told once more when the connection closes; whoever waits for the pipeline has heard of it.
  target.on('error', () => {});
  try {
    await pipeline(Readable.from(chunksOf(data), { objectMode: false }), target);
  } catch (error) {
    throw mapPostgresError(error, 'running a migration');
  }
  return target.rowCount;
}

function* chunksOf(data: string): Generator<Buffer> {
  for (let from = 0; from < data.length; ) {
    const newline = data.indexOf('\n', from + chunkLength);
    const end = newline < 0 ? data.length : newline + 1;
    yield Buffer.from(data.slice(from, end));
    from = end;
  }
}
