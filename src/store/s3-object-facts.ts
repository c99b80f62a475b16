import type { S3Connection } from './s3-connection.js';
import { isMissingObject } from './s3-failure.js';
import type { ObjectLock, StoredObject } from './store.js';

/** What HEAD tells of an object. */
export interface ObjectFacts extends StoredObject {
  /** Without its quotes. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly lock: ObjectLock | undefined;
}

export function plainEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replaceAll('"', '').toLowerCase();
}

interface LockHeaders {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}

/** A legal hold has no end, and whoever has the right can take it off. */
const untilTakenOff = new Date('9999-12-31T23:59:59Z');

export function lockFrom(headers: LockHeaders): ObjectLock | undefined {
  if (headers.ObjectLockLegalHoldStatus === 'ON')
    return { until: untilTakenOff, mode: 'governance' };
  const until = headers.ObjectLockRetainUntilDate;
  if (!until || until <= new Date()) return undefined;
  return { until, mode: headers.ObjectLockMode === 'COMPLIANCE' ? 'compliance' : 'governance' };
}

/** Undefined where there is no such object. */
export async function headObject(
  connection: S3Connection,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts | undefined> {
  const { sdk, client } = connection;
  const facts = await connection.call<ObjectFacts | 'missing'>({
    ...{ action: `look at ${key}`, right: 's3:GetObject (and s3:ListBucket)', signal },
    send: async (abortSignal) => {
      const command = new sdk.HeadObjectCommand(connection.object(key));
      const answer = await client.send(command, { abortSignal });
      return {
        key,
        sizeBytes: answer.ContentLength ?? 0,
        modifiedAt: answer.LastModified ?? new Date(0),
        etag: plainEtag(answer.ETag),
        versionId: answer.VersionId,
        lock: lockFrom(answer),
      };
    },
    recover: (failure) => (isMissingObject(failure) ? 'missing' : undefined),
  });
  return facts === 'missing' ? undefined : facts;
}
