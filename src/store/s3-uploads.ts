import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import type { S3Connection } from './s3-connection.js';
import type { UnfinishedUpload } from './store.js';

interface Place {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

/** Uploads in parts that were begun and neither completed nor aborted. */
export async function listUploads(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<UnfinishedUpload[]> {
  const { prefix: storePrefix } = connection.at;
  const found: UnfinishedUpload[] = [];
  let from: Place | undefined = {};
  while (from) {
    const page = await readPage(connection, prefix, from, signal);
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
      const key = Key.slice(storePrefix.length);
      found.push({ key, uploadId: UploadId, startedAt: Initiated ?? new Date(0) });
    }
    from = placeBehind(page);
  }
  return found;
}

function readPage(
  connection: S3Connection,
  prefix: string,
  from: Place,
  signal: AbortSignal | undefined,
): Promise<ListMultipartUploadsCommandOutput> {
  const { sdk, client, at } = connection;
  return connection.call({
    action: 'look for unfinished uploads',
    ...{ right: 's3:ListBucketMultipartUploads', signal },
    send: (abortSignal) => {
      const where = { Bucket: at.bucket, Prefix: `${at.prefix}${prefix}` };
      const command = new sdk.ListMultipartUploadsCommand({ ...where, ...from });
      return client.send(command, { abortSignal });
    },
  });
}

function placeBehind(page: ListMultipartUploadsCommandOutput): Place | undefined {
  const { NextKeyMarker, NextUploadIdMarker, IsTruncated } = page;
  if (!IsTruncated || !NextKeyMarker) return undefined;
  return { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker ?? '' };
}

/** One that is gone already is no failure. */
export async function abortUpload(
  connection: S3Connection,
  { key, uploadId }: Pick<UnfinishedUpload, 'key' | 'uploadId'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { sdk, client } = connection;
  await connection.call<true>({
    ...{ action: `remove the unfinished ${key}`, right: 's3:AbortMultipartUpload', signal },
    send: async (abortSignal) => {
      const command = new sdk.AbortMultipartUploadCommand({
        ...connection.object(key),
        UploadId: uploadId,
      });
      await client.send(command, { abortSignal });
      return true;
    },
    recover: ({ code, status }) => (code === 'NoSuchUpload' || status === 404 ? true : undefined),
  });
}
