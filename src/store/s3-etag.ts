import { createHash } from 'node:crypto';
import { markerKey } from './prove-creation.js';
import type { S3Connection } from './s3-connection.js';
import { plainEtag } from './s3-object-facts.js';

const answers = new WeakMap<S3Connection, Promise<boolean>>();

/**
 * Whether the ETags of this store are checksums. Some servers make them up where they encrypt; then one that differs from the MD5
 * of what was sent says nothing. Asked only when that has happened: the object that every store has tells.
 */
function etagsAreChecksums(connection: S3Connection): Promise<boolean> {
  let answer = answers.get(connection);
  if (!answer) {
    answer = compareMarker(connection);
    answers.set(connection, answer);
    answer.catch(() => answers.delete(connection));
  }
  return answer;
}

function compareMarker(connection: S3Connection): Promise<boolean> {
  const { sdk, client } = connection;
  return connection.call({
    ...{ action: `read ${markerKey}`, right: 's3:GetObject' },
    send: async () => {
      const answer = await client.send(new sdk.GetObjectCommand(connection.object(markerKey)));
      const bytes = await answer.Body?.transformToByteArray();
      return (
        plainEtag(answer.ETag) ===
        createHash('md5')
          .update(bytes ?? '')
          .digest('hex')
      );
    },
    recover: ({ status }) => (status === 404 ? true : undefined),
  });
}

/** The ETag of an upload in parts: the MD5 of their MD5s, and their number. */
export function compositeEtag(md5s: readonly Buffer[]): string {
  return `${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-${md5s.length}`;
}

interface Answer {
  readonly ETag?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

/**
 * Compares the ETag that the server answered with the MD5 of what was sent.
 * @returns whether that proves what the server has; false: it says nothing
 * @throws an error as of a server that has noticed it itself, so that it is sent again
 */
export async function confirmBytes(
  connection: S3Connection,
  answer: Answer,
  md5: Buffer,
): Promise<boolean> {
  const etag = plainEtag(answer.ETag);
  if (etag === md5.toString('hex')) return true;
  const isEncrypted =
    answer.ServerSideEncryption?.startsWith('aws:') || answer.SSECustomerAlgorithm;
  if (isEncrypted || !/^[0-9a-f]{32}$/.test(etag)) return false;
  if (!(await etagsAreChecksums(connection))) return false;
  throw Object.assign(new Error('the server holds other bytes than were sent'), {
    code: 'BadDigest',
  });
}
