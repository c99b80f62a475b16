import { createReadStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/store/open-store.js';
import { endS3Server, missingS3Programs, s3ServerIn } from '../../test/support/s3-server.js';
import { makeServerFolder } from '../../test/support/throwaway-server.js';
import { syncFiles } from '../caches.js';
import { NotMeasurable } from '../file-system.js';

/** Where archives are put; the next run gets an empty one. */
export interface Place {
  readonly name: 'folder' | 'S3';
  /** What a child needs to reach it. */
  readonly env: NodeJS.ProcessEnv;
  /** For `--store`. */
  newLocation(): Promise<string>;
  /** What a user without Belay would do with a finished file. */
  upload(file: string, location: string): Promise<void>;
  empty(location: string): Promise<void>;
}

/** @param parent on the file system that is measured */
export function folderPlace(parent: string): Place {
  return {
    name: 'folder',
    env: {},
    newLocation: () => mkdtemp(join(parent, 'store-')),
    upload: async (file, location) => {
      await mkdir(location, { recursive: true });
      const copy = join(location, 'bench.dump');
      await copyFile(file, copy);
      await syncFiles([copy, location]);
    },
    empty: (location) => rm(location, { recursive: true, force: true }),
  };
}

const bucket = 'bench';

/**
 * A real S3 server on this machine: it takes its share of the processors, in every comparison the same.
 * @throws NotMeasurable
 */
export async function withS3Place(work: (place: Place) => Promise<void>): Promise<void> {
  const missing = await missingS3Programs();
  if (missing.length > 0) throw new NotMeasurable(`it needs ${missing.join(', ')}`);
  const folder = await makeServerFolder();
  try {
    const { endpoint, accessKey, secretKey } = await s3ServerIn(folder);
    const env = {
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
    };
    await makeBucket(env);
    await work(s3Place(env));
  } finally {
    await endS3Server(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeBucket(env: Readonly<Record<string, string>>): Promise<void> {
  // The SDK's wish for a newer Node is no result.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({
    ...{ endpoint: env.AWS_ENDPOINT_URL, region: env.AWS_REGION, forcePathStyle: true },
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}

function s3Place(env: NodeJS.ProcessEnv): Place {
  let runs = 0;
  const withStore = async <T>(
    location: string,
    use: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>,
  ) => {
    const store = await openStore(location, { env });
    return use(store).finally(() => store.close());
  };
  return {
    name: 'S3',
    env,
    newLocation: async () => {
      runs += 1;
      return `s3://${bucket}/run-${runs}`;
    },
    // In parts and in parallel, as the programs of the providers do, and without their start-up.
    upload: async (file, location) =>
      withStore(location, async (store) => {
        await store.putStream('bench.dump', createReadStream(file, { highWaterMark: 1024 * 1024 }));
      }),
    empty: (location) =>
      withStore(location, async (store) => {
        for (const { key } of await store.list('')) await store.delete(key);
      }),
  };
}
