import type { GetObjectRetentionCommandOutput } from '@aws-sdk/client-s3';
import { BelayError } from '../errors.js';
import { lockedError } from './folder-lock.js';
import type { S3Connection } from './s3-connection.js';
import { headObject, lockFrom } from './s3-object-facts.js';
import { missingObject } from './small-object.js';
import type { ObjectLock } from './store.js';

type Signal = AbortSignal | undefined;

/** @throws BelayError STORE_MISCONFIGURED where the bucket has no Object Lock */
export async function checkBucketLocking(connection: S3Connection, signal: Signal): Promise<void> {
  const { sdk, client, at } = connection;
  const state = await connection.call({
    action: 'see whether the bucket has Object Lock',
    ...{ right: 's3:GetBucketObjectLockConfiguration', signal },
    send: async (abortSignal) => {
      const command = new sdk.GetObjectLockConfigurationCommand({ Bucket: at.bucket });
      const answer = await client.send(command, { abortSignal });
      return answer.ObjectLockConfiguration?.ObjectLockEnabled ?? 'no';
    },
    recover: ({ code, status }) =>
      code === 'ObjectLockConfigurationNotFoundError' || (status === 404 && code !== 'NoSuchBucket')
        ? 'no'
        : undefined,
  });
  if (state === 'Enabled') return;
  throw new BelayError('STORE_MISCONFIGURED', `the bucket "${at.bucket}" has no Object Lock`, {
    hint: 'Make a bucket with Object Lock (aws s3api create-bucket --object-lock-enabled-for-bucket), or do not ask for a lock.',
    details: { bucket: at.bucket },
  });
}

/** Deleting in a bucket with versions only puts a marker over the object, lock or not: so it has to be asked first. */
export async function refuseLockedObject(connection: S3Connection, key: string, signal: Signal) {
  const lock = (await headObject(connection, key, signal))?.lock;
  if (lock) throw lockedError(key, lock);
}

/** Servers keep whole seconds. */
function wholeSecond(time: Date): Date {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000);
}

/** Locks the version that is there now, and looks whether the server did. */
export async function lockObject(
  connection: S3Connection,
  key: string,
  until: Date,
  signal: Signal,
): Promise<ObjectLock> {
  const facts = await headObject(connection, key, signal);
  if (!facts) throw missingObject(connection.location, key);
  const { versionId, lock } = facts;
  if (lock?.mode === 'compliance' && lock.until >= until) return lock;
  const { sdk, client } = connection;
  const version = versionId === undefined ? {} : { VersionId: versionId };
  const Retention = { Mode: 'COMPLIANCE', RetainUntilDate: wholeSecond(until) } as const;
  await connection.call<unknown>({
    ...{ action: `lock ${key}`, right: 's3:PutObjectRetention', signal },
    send: (abortSignal) => {
      const target = { ...connection.object(key), ...version };
      const command = new sdk.PutObjectRetentionCommand({ ...target, Retention });
      return client.send(command, { abortSignal });
    },
  });
  const found = await readRetention(connection, key, version, signal);
  if (found?.mode === 'compliance' && found.until >= until) return found;
  throw new BelayError(
    'STORE_MISCONFIGURED',
    `${connection.location} took the lock on ${key}, and did not lock it`,
    {
      hint: 'The server does not do Object Lock. Use another one, or do not ask for a lock.',
      details: { key, until: until.toISOString() },
    },
  );
}

const noLock = new Set(['NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError']);

async function readRetention(
  connection: S3Connection,
  key: string,
  version: { readonly VersionId?: string },
  signal: Signal,
): Promise<ObjectLock | undefined> {
  const { sdk, client } = connection;
  const { Retention } = await connection.call<GetObjectRetentionCommandOutput | NotLocked>({
    ...{ action: `see the lock on ${key}`, right: 's3:GetObjectRetention', signal },
    send: (abortSignal) => {
      const command = new sdk.GetObjectRetentionCommand({ ...connection.object(key), ...version });
      return client.send(command, { abortSignal });
    },
    recover: ({ code }) => (noLock.has(code) ? { Retention: undefined } : undefined),
  });
  return lockFrom({
    ObjectLockMode: Retention?.Mode,
    ObjectLockRetainUntilDate: Retention?.RetainUntilDate,
  });
}

interface NotLocked {
  readonly Retention: undefined;
}
