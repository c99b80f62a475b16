import { expect } from 'vitest';
import { openStore } from '../../../src/store/open-store.js';
import type { Store, StoredStream } from '../../../src/store/store.js';
import { type TestBucket, withFaultyBucket } from '../../support/s3.js';
import type { S3Proxy } from '../../support/s3-proxy.js';
import { mebibyte, randomStream, readAll, sha256 } from './sample-streams.js';

/** A store behind a proxy that does what it is told. */
export interface Scene {
  readonly store: Store;
  readonly proxy: S3Proxy;
  readonly bucket: TestBucket;
}

export const big = 20 * mebibyte;
export const part = { method: 'PUT', query: /partNumber=/ };
export const begin = { method: 'POST', query: /^uploads/ };
export const complete = { method: 'POST', query: /uploadId=/ };

/** A store behind the proxy, which is not patient. */
export function withScene(
  work: (scene: Scene) => Promise<void>,
  options: { readonly objectLock?: boolean; readonly timeout?: string } = {},
): Promise<void> {
  return withFaultyBucket(async (bucket, proxy) => {
    const env = { ...bucket.env, BELAY_STORE_TIMEOUT: options.timeout ?? '2s' };
    const store = await openStore(bucket.location, { env });
    await work({ store, proxy, bucket });
    await store.close();
  }, options);
}

async function expectWhole({ bucket, store }: Scene, bytes: Buffer, stored: StoredStream) {
  expect(stored).toMatchObject({ sha256: sha256(bytes), sizeBytes: bytes.length });
  expect(await bucket.keys()).toEqual([stored.key]);
  expect(await bucket.uploads()).toEqual([]);
  expect((await readAll(await store.readStream(stored.key))).equals(bytes)).toBe(true);
}

export async function expectNothing({ bucket }: Scene): Promise<void> {
  expect(await bucket.keys()).toEqual([]);
  expect(await bucket.uploads()).toEqual([]);
}

export async function putAndExpectWhole(scene: Scene, sizeBytes = big): Promise<StoredStream> {
  const { source, bytes } = randomStream(sizeBytes);
  const stored = await scene.store.putStream('shop/a.dump', source);
  await expectWhole(scene, bytes, stored);
  return stored;
}

export const put = (store: Store) => store.putStream('shop/a.dump', randomStream(big).source);
