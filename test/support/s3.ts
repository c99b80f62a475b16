import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { describe, inject } from 'vitest';
import { type S3Proxy, startS3Proxy } from './s3-proxy.js';
import { type S3Server, s3ServerIn } from './s3-server.js';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The S3 server of this run; the first test that asks starts it. */
export function s3Server(): Promise<S3Server> {
  const folder = inject('s3ServerFolder');
  if (folder === null) throw new Error('there is no S3 server on this machine: use describeS3');
  return s3ServerIn(folder);
}

/** Tests that need the S3 server; where it cannot be, they are skipped and say why. */
export function describeS3(name: string, define: () => void): void {
  if (inject('s3ServerFolder') !== null) describe(name, define);
  else describe.skip(`${name} (no S3 server: radosgw is not installed)`, define);
}

/** What `openStore` needs to find the server. */
export function s3Environment(server: S3Server): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKey,
    AWS_SECRET_ACCESS_KEY: server.secretKey,
    AWS_REGION: 'us-east-1',
  };
}

/** A client that asks the server itself, past every proxy. */
function s3ClientOf(server: S3Server): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** A bucket of one test's own. */
export interface TestBucket {
  readonly name: string;
  /** "s3://…", for `openStore`. */
  readonly location: string;
  /** For `openStore` and for children. */
  readonly env: NodeJS.ProcessEnv;
  readonly server: S3Server;
  readonly client: S3Client;
  /** Keys of all objects, sorted as the server does. */
  keys(): Promise<string[]>;
  /** Keys of the uploads that were never finished. */
  uploads(): Promise<string[]>;
}

export interface BucketOptions {
  /**
   * With Object Lock, and so with versions. In such buckets this server ignores "If-None-Match: *", so `env` leads through a proxy that does what
   * AWS does there.
   */
  readonly objectLock?: boolean;
}

let buckets = 0;

function testBucket(server: S3Server, env: NodeJS.ProcessEnv): TestBucket {
  buckets += 1;
  const name = `belay-test-${process.pid}-${buckets}-${Date.now().toString(36)}`;
  const client = s3ClientOf(server);
  const Bucket = name;
  return {
    ...{ name, location: `s3://${name}`, env, server, client },
    keys: async () => {
      const keys: string[] = [];
      for (let token: string | undefined, isMore = true; isMore; ) {
        const page = { Bucket, ...(token ? { ContinuationToken: token } : {}) };
        const found = await client.send(new ListObjectsV2Command(page));
        keys.push(...(found.Contents ?? []).map(({ Key = '' }) => Key));
        token = found.NextContinuationToken;
        isMore = token !== undefined;
      }
      return keys;
    },
    uploads: async () => {
      const found = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return (found.Uploads ?? []).map(({ Key = '' }) => Key);
    },
  };
}

async function remove({ name: Bucket, client, keys }: TestBucket): Promise<void> {
  for (const Key of await keys()) await client.send(new DeleteObjectCommand({ Bucket, Key }));
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of Uploads ?? []) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}

/** Runs a test with a new bucket, and removes that. One with Object Lock stays as long as the server. */
export async function withBucket<T>(
  work: (bucket: TestBucket) => Promise<T>,
  options: BucketOptions = {},
): Promise<T> {
  const server = await s3Server();
  const { objectLock = false } = options;
  const proxy = objectLock ? await startS3Proxy(server, { createsOnce: true }) : undefined;
  const bucket = testBucket(server, proxy?.env ?? s3Environment(server));
  try {
    await bucket.client.send(
      new CreateBucketCommand({ Bucket: bucket.name, ObjectLockEnabledForBucket: objectLock }),
    );
    const result = await work(bucket);
    if (!objectLock) await remove(bucket);
    return result;
  } finally {
    bucket.client.destroy();
    await proxy?.close();
  }
}

/** The same, with a proxy in front of the server that can be told to fail; `bucket.env` leads through it. */
export async function withFaultyBucket<T>(
  work: (bucket: TestBucket, proxy: S3Proxy) => Promise<T>,
  options: BucketOptions = {},
): Promise<T> {
  const proxy = await startS3Proxy(await s3Server(), { createsOnce: options.objectLock ?? false });
  try {
    return await withBucket((bucket) => work({ ...bucket, env: proxy.env }, proxy), options);
  } finally {
    await proxy.close();
  }
}
