import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { BelayError } from '../../../src/errors.js';
import { openStore } from '../../../src/store/open-store.js';
import type { Store, StoredStream } from '../../../src/store/store.js';
import { failure } from '../../support/failure.js';
import {
  describeS3,
  s3Environment,
  s3Server,
  type TestBucket,
  withBucket,
  withFaultyBucket,
} from '../../support/s3.js';
import { type S3Fault, type S3Proxy, type S3Rule, s3ErrorAnswer } from '../../support/s3-proxy.js';
import { mebibyte, randomStream, readAll, sha256, streamThen } from './contract.js';

interface Scene {
  readonly store: Store;
  readonly proxy: S3Proxy;
  readonly bucket: TestBucket;
}

const big = 20 * mebibyte;
const part = { method: 'PUT', query: /partNumber=/ };
const begin = { method: 'POST', query: /^uploads/ };
const complete = { method: 'POST', query: /uploadId=/ };

/** A store behind the proxy, which is not patient. */
function withScene(
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

async function expectNothing({ bucket }: Scene): Promise<void> {
  expect(await bucket.keys()).toEqual([]);
  expect(await bucket.uploads()).toEqual([]);
}

async function putAndExpectWhole(scene: Scene, sizeBytes = big): Promise<StoredStream> {
  const { source, bytes } = randomStream(sizeBytes);
  const stored = await scene.store.putStream('shop/a.dump', source);
  await expectWhole(scene, bytes, stored);
  return stored;
}

const put = (store: Store) => store.putStream('shop/a.dump', randomStream(big).source);

function describeBursts(): void {
  const bursts = [
    ['503 SlowDown', s3ErrorAnswer(503, 'SlowDown')],
    ['429 TooManyRequests', s3ErrorAnswer(429, 'TooManyRequests')],
    ['500 InternalError', s3ErrorAnswer(500, 'InternalError')],
    ['502 of a proxy', { type: 'answer', status: 502, body: '<html>Bad Gateway</html>' }],
  ] as const;
  it.each(bursts)('uploads through a burst of %s', (_, fault) =>
    withScene(async (scene) => {
      for (const rule of [begin, part, complete]) scene.proxy.fail({ ...rule, fault, times: 2 });
      expect(await putAndExpectWhole(scene)).toMatchObject({ confirmedBy: 'checksum' });
      const sent = scene.proxy.calls.filter(({ query }) => query.includes('partNumber='));
      expect(sent.length).toBeGreaterThanOrEqual(5);
    }),
  );

  it.each(bursts)('reads, lists and deletes through a burst of %s', (_, fault) =>
    withScene(async ({ store, proxy }) => {
      for (const method of ['PUT', 'GET', 'HEAD', 'DELETE']) {
        proxy.fail({ fault, method, times: 2 });
      }
      expect(await store.create('a', Buffer.from('x'))).toBe('created');
      expect(await store.read('a')).toEqual(Buffer.from('x'));
      expect(await store.list('')).toHaveLength(1);
      await store.delete('a');
      expect(await store.stat('a')).toBeUndefined();
    }),
  );

  it('gives up a server that stays busy, says so, and leaves nothing', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: s3ErrorAnswer(503, 'SlowDown'), times: Infinity });
      const error = await failure(put(scene.store), 'STORE_UNAVAILABLE');
      expect(error.message).toMatch(/503 SlowDown.*\(6 attempts in \d+ s\)/);
      await expectNothing(scene);
    }));
}

function describeHangs(): void {
  it('sends a part again that the server does not answer', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: { type: 'hang' }, skip: 1 });
      await putAndExpectWhole(scene);
    }));

  it('gives up a server that never answers a part, and leaves nothing', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: { type: 'hang' }, times: Infinity });
      const error = await failure(put(scene.store), 'STORE_UNAVAILABLE');
      expect(error.message).toMatch(/has not answered for 2 s \(3 attempts in \d+ s\)/);
      await expectNothing(scene);
    }));

  it('does not wait for ever to clean up after a server that hangs', () =>
    withScene(async ({ store, proxy, bucket }) => {
      proxy.fail({ fault: { type: 'hang' }, skip: 2, times: Infinity });
      const startedAt = performance.now();
      await failure(put(store), 'STORE_UNAVAILABLE');
      expect(performance.now() - startedAt).toBeLessThan(40_000);
      expect(await bucket.keys()).toEqual([]);
      proxy.heal();
      for (const upload of await store.listUnfinished('')) await store.abortUnfinished(upload);
      expect(await bucket.uploads()).toEqual([]);
    }));

  it('ends at once when it is aborted while the server hangs, and leaves nothing', () =>
    withScene(
      async (scene) => {
        scene.proxy.fail({ ...part, fault: { type: 'hang' }, times: Infinity });
        const abort = new AbortController();
        const source = randomStream(big).source;
        const putting = scene.store.putStream('shop/a.dump', source, { signal: abort.signal });
        putting.catch(() => {});
        while (!scene.proxy.calls.some(({ query }) => query.includes('partNumber=')))
          await sleep(20);
        const startedAt = performance.now();
        abort.abort('SIGTERM');
        await failure(putting, 'TERMINATED');
        expect(performance.now() - startedAt).toBeLessThan(1_500);
        expect(source.destroyed).toBe(true);
        await expectNothing(scene);
      },
      { timeout: '1m' },
    ));
}

function describePauses(): void {
  it('gives a server as long as it asks for', () =>
    withScene(async ({ store, proxy }) => {
      const headers = { 'retry-after': '3' };
      proxy.fail({ fault: s3ErrorAnswer(503, 'SlowDown', { headers }) });
      const startedAt = performance.now();
      expect(await store.read('a')).toBeUndefined();
      expect(performance.now() - startedAt).toBeGreaterThan(2_900);
    }));

  it('ends at once when it is aborted between two attempts', () =>
    withScene(async ({ store, proxy }) => {
      const headers = { 'retry-after': '60' };
      proxy.fail({ fault: s3ErrorAnswer(503, 'SlowDown', { headers }), times: Infinity });
      const startedAt = performance.now();
      await failure(store.read('a', { signal: AbortSignal.timeout(500) }), 'INTERRUPTED');
      expect(performance.now() - startedAt).toBeLessThan(3_000);
    }));
}

function describeConnections(): void {
  it('sends a part again whose connection was reset in the middle', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: { type: 'reset-request', afterBytes: 3_000_000 } });
      await putAndExpectWhole(scene);
    }));

  it('gives up where every connection is reset, and leaves nothing', () =>
    withScene(async (scene) => {
      const fault: S3Fault = { type: 'reset-request', afterBytes: 100_000 };
      scene.proxy.fail({ ...part, fault, times: Infinity });
      const error = await failure(put(scene.store), 'STORE_UNAVAILABLE');
      expect(error.message).toContain('no connection to');
      await expectNothing(scene);
    }));

  it('sends a part again that was damaged on its way', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: { type: 'flip-bit' }, skip: 1 });
      await putAndExpectWhole(scene);
    }));

  it('sends a small object again that was damaged on its way', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ method: 'PUT', fault: { type: 'flip-bit' } });
      await putAndExpectWhole(scene, 1_000);
    }));

  it.each([
    ['is reset', 'reset-answer'],
    ['stands still', 'stall-answer'],
  ] as const)('reads on where a connection %s', (_, type) =>
    withScene(async (scene) => {
      const { source, bytes } = randomStream(big);
      await scene.store.putStream('shop/a.dump', source);
      for (const afterBytes of [5_000_000, 1, 7_000_000]) {
        scene.proxy.fail({ method: 'GET', fault: { type, afterBytes } });
      }
      // The rules take turns: each of them counts only what the one before has let through.
      const back = await readAll(await scene.store.readStream('shop/a.dump'));
      expect(sha256(back)).toBe(sha256(bytes));
      const gets = scene.proxy.calls.filter(({ method }) => method === 'GET');
      expect(gets.length).toBe(4);
    }),
  );

  it('does not put two objects together where one is replaced while it is being read', () =>
    withScene(async ({ store, proxy }) => {
      await store.putStream('a', randomStream(big).source);
      proxy.fail({ method: 'GET', fault: { type: 'reset-answer', afterBytes: 5_000_000 } });
      const stream = await store.readStream('a');
      await store.putStream('a', randomStream(big).source);
      const error = await failure(readAll(stream), 'STORE_UNAVAILABLE');
      expect(error.message).toContain('replaced');
    }));

  it('gives up reading where nothing more comes', () =>
    withScene(async ({ store, proxy }) => {
      await store.putStream('a', randomStream(big).source);
      proxy.fail({ method: 'GET', fault: { type: 'reset-answer', afterBytes: 1_000_000 } });
      proxy.fail({ method: 'GET', fault: s3ErrorAnswer(503, 'SlowDown'), times: Infinity });
      await failure(readAll(await store.readStream('a')), 'STORE_UNAVAILABLE');
    }));
}

function describeLostAnswers(): void {
  const lost: S3Fault = { type: 'lose-answer' };
  it.each<[string, Omit<S3Rule, 'fault'>]>([
    ['beginning an upload', begin],
    ['a part', part],
    ['completing an upload', complete],
    ['looking at the result', { method: 'HEAD', skip: 1 }],
  ])('uploads in parts where the answer to %s is lost', (_, rule) =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...rule, fault: lost });
      expect(await putAndExpectWhole(scene)).toMatchObject({ confirmedBy: 'checksum' });
    }),
  );

  it('uploads where every answer to completing is lost', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...complete, fault: lost });
      scene.proxy.fail({
        ...complete,
        fault: s3ErrorAnswer(500, 'InternalError'),
        times: Infinity,
      });
      await putAndExpectWhole(scene);
    }));

  it('uploads one small object where the answer is lost', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ method: 'PUT', fault: lost });
      await putAndExpectWhole(scene, 1_000);
    }));

  it('knows what it has created where the answer is lost', () =>
    withScene(async ({ store, proxy }) => {
      proxy.fail({ method: 'PUT', fault: lost });
      expect(await store.create('tag', Buffer.from('mine'))).toBe('created');
      expect(await store.read('tag')).toEqual(Buffer.from('mine'));
      proxy.fail({ method: 'PUT', fault: lost });
      expect(await store.create('tag', Buffer.from('theirs'))).toBe('exists');
    }));

  it('deletes where the answer is lost', () =>
    withScene(async (scene) => {
      await scene.store.write('a', Buffer.from('x'));
      scene.proxy.fail({ method: 'DELETE', fault: lost });
      await scene.store.delete('a');
      await expectNothing(scene);
    }));
}

function describeCompletion(): void {
  const errorInside: S3Fault = { ...s3ErrorAnswer(200, 'InternalError') };

  it('completes again after a 200 with an error in it', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...complete, fault: errorInside });
      await putAndExpectWhole(scene);
    }));

  it('takes a 200 with an error in it for a failure, and leaves nothing', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...complete, fault: errorInside, times: Infinity });
      await failure(put(scene.store), 'STORE_UNAVAILABLE');
      await expectNothing(scene);
    }));

  it('notices that the store holds less than was sent', () =>
    withScene(async ({ store, proxy }) => {
      const answer: S3Fault = { type: 'answer', status: 200, headers: { 'content-length': '5' } };
      proxy.fail({ method: 'HEAD', fault: answer, skip: 1 });
      const error = await failure(put(store), 'STORE_UNAVAILABLE');
      expect(error.message).toContain(`written with ${big} bytes`);
    }));

  it('says that only the size is confirmed where the ETags are no checksums', () =>
    withScene(async (scene) => {
      const fault: S3Fault = { type: 'change-etag', etag: 'made-up' };
      scene.proxy.fail({ method: 'PUT', fault });
      expect(await putAndExpectWhole(scene, 1_000)).toMatchObject({ confirmedBy: 'size' });
    }));

  it('sends again what the server says to have otherwise', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: { type: 'change-etag', etag: '0'.repeat(32) } });
      expect(await putAndExpectWhole(scene)).toMatchObject({ confirmedBy: 'checksum' });
    }));

  it('stores at a server that makes its ETags up, as known from its marker', () =>
    withScene(async ({ store, proxy, bucket }) => {
      await store.prepare();
      const fault: S3Fault = { type: 'change-etag', etag: 'f'.repeat(32) };
      proxy.fail({ fault, times: Infinity });
      const stored = await store.putStream('a', randomStream(1_000).source);
      expect(stored.confirmedBy).toBe('size');
      expect(await bucket.keys()).toEqual(['a', 'belay-store.json']);
    }));
}

function describeRefusals(): void {
  it('says which right is missing when it is taken away in the middle, and leaves nothing', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: s3ErrorAnswer(403, 'AccessDenied'), skip: 1, times: 99 });
      const error = await failure(put(scene.store), 'STORE_DENIED');
      expect(error.hint).toContain('s3:PutObject');
      await expectNothing(scene);
    }));

  it('makes no object with credentials that run out in the middle', () =>
    withScene(async ({ store, proxy, bucket }) => {
      const fault = s3ErrorAnswer(400, 'ExpiredToken', { elements: { 'Token-0': 'tok-s3cret' } });
      proxy.fail({ fault, skip: 3, times: Infinity });
      const error = await failure(put(store), 'STORE_DENIED');
      expect(error.message).toContain('run out');
      expect(JSON.stringify([error, String(error.cause)])).not.toContain('tok-s3cret');
      expect(await bucket.keys()).toEqual([]);
      // Nobody could remove it then; who may, finds it.
      proxy.heal();
      const left = await store.listUnfinished('shop/');
      for (const upload of left) await store.abortUnfinished(upload);
      expect(await bucket.uploads()).toEqual([]);
    }));

  it.each<[string, S3Fault]>([
    [
      '301',
      s3ErrorAnswer(301, 'PermanentRedirect', { headers: { 'x-amz-bucket-region': 'eu-south-7' } }),
    ],
    [
      '400',
      s3ErrorAnswer(400, 'AuthorizationHeaderMalformed', { elements: { Region: 'eu-south-7' } }),
    ],
  ])('names the right region where the answer is %s', (_, fault) =>
    withScene(async ({ store, proxy }) => {
      proxy.fail({ fault, times: Infinity });
      for (const work of [() => store.prepare(), () => store.list('')]) {
        const error = await failure(work(), 'STORE_MISCONFIGURED');
        expect(error.message).toContain('eu-south-7');
        expect(error.hint).toContain('AWS_REGION=eu-south-7');
      }
      if ('headers' in fault && fault.status === 301) {
        const error = await failure(store.stat('a'), 'STORE_MISCONFIGURED');
        expect(error.hint).toContain('AWS_REGION=eu-south-7');
      }
    }),
  );

  it('goes by the clock of the server where its own is wrong', () =>
    withScene(async (scene) => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
      try {
        await scene.store.write('a', Buffer.from('x'));
        expect(await scene.store.read('a')).toEqual(Buffer.from('x'));
      } finally {
        vi.useRealTimers();
      }
    }));

  it('says how wrong the clock is where that does not help', () =>
    withScene(async ({ store, proxy }) => {
      const date = new Date(Date.now() + 7_200_000).toUTCString();
      const fault = s3ErrorAnswer(403, 'RequestTimeTooSkewed', { headers: { date } });
      proxy.fail({ fault, times: Infinity });
      const error = await failure(store.list(''), 'STORE_MISCONFIGURED');
      expect(error.message).toMatch(/clock is 120 minutes behind/);
    }));

  it('says that the server cannot create conditionally', () =>
    withScene(async ({ store, proxy }) => {
      proxy.fail({ method: 'PUT', fault: s3ErrorAnswer(501, 'NotImplemented'), times: Infinity });
      const error = await failure(store.prepare(), 'STORE_MISCONFIGURED');
      expect(error.message).toContain('NotImplemented');
    }));

  it('tries again where two creations met', () =>
    withScene(async ({ store, proxy }) => {
      proxy.fail({ method: 'PUT', fault: s3ErrorAnswer(409, 'ConditionalRequestConflict') });
      expect(await store.create('a', Buffer.from('x'))).toBe('created');
    }));

  it('says that the store is full', () =>
    withScene(async (scene) => {
      const fault = s3ErrorAnswer(403, 'QuotaExceeded');
      scene.proxy.fail({ ...part, fault, skip: 1, times: Infinity });
      await failure(put(scene.store), 'DISK_FULL');
      await expectNothing(scene);
    }));

  it('notices a server that takes a lock and does not lock', () =>
    withScene(
      async ({ store, proxy }) => {
        await store.write('a', Buffer.from('x'));
        proxy.fail({ method: 'PUT', query: /retention/, fault: { type: 'answer', status: 200 } });
        const until = new Date(Date.now() + 3_600_000);
        const error = await failure(store.lock('a', until), 'STORE_MISCONFIGURED');
        expect(error.message).toContain('did not lock');
      },
      { objectLock: true },
    ));

  it('locks where the answer is lost', () =>
    withScene(
      async ({ store, proxy }) => {
        await store.write('a', Buffer.from('x'));
        proxy.fail({ method: 'PUT', query: /retention/, fault: { type: 'lose-answer' } });
        const until = new Date(Date.now() + 3_600_000);
        expect(await store.lock('a', until)).toMatchObject({ mode: 'compliance' });
      },
      { objectLock: true },
    ));
}

describeS3('an S3 store in trouble', () => {
  // Most of their time is waiting.
  describe.concurrent('bursts', describeBursts);
  describe.concurrent('hangs', describeHangs);
  describe.concurrent('pauses', describePauses);
  describe.concurrent('broken connections', describeConnections);
  describe.concurrent('lost answers', describeLostAnswers);
  describe.concurrent('completion', describeCompletion);
  describe('refusals', describeRefusals);

  it('stops reading its source when a part has failed', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: s3ErrorAnswer(403, 'AccessDenied'), times: Infinity });
      const source = streamThen(big, () => new Promise(() => {}));
      await failure(scene.store.putStream('shop/a.dump', source), 'STORE_DENIED');
      expect(source.destroyed).toBe(true);
      await expectNothing(scene);
    }));

  it('says that there are no credentials', async () => {
    const { AWS_ENDPOINT_URL } = s3Environment(await s3Server());
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
    try {
      const store = await openStore('s3://bucket/x', { env: { AWS_ENDPOINT_URL } });
      const error = await failure(store.list(''), 'STORE_DENIED');
      expect(error.message).toContain('no credentials');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('an S3 endpoint that is none', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's3cret' };

  async function listAt(endpoint: string, code: BelayError['code']): Promise<BelayError> {
    const env = { ...keys, AWS_ENDPOINT_URL: endpoint, BELAY_STORE_TIMEOUT: '1s' };
    const store = await openStore('s3://bucket', { env });
    return failure(store.list(''), code);
  }

  async function withServer(answer: string, work: (url: string) => Promise<void>): Promise<void> {
    const server = createServer((_, response) => response.end(answer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('says that nobody listens there', async () => {
    let url = '';
    await withServer('', async (closed) => {
      url = closed;
    });
    const error = await listAt(url, 'STORE_UNAVAILABLE');
    expect(error.message).toMatch(/127\.0\.0\.1:\d+ \(ECONNREFUSED\) \(6 attempts in \d+ s\)/);
  });

  it('says that the name does not exist', async () => {
    const error = await listAt('http://belay.invalid', 'STORE_UNAVAILABLE');
    expect(error.message).toContain('belay.invalid');
  });

  it('says that this is a web page', () =>
    withServer('<!doctype html><title>Welcome</title><p>Hello', async (url) => {
      await listAt(url, 'STORE_MISCONFIGURED');
    }));

  it('says that there is no TLS', () =>
    withServer('', async (url) => {
      const error = await listAt(url.replace('http', 'https'), 'STORE_MISCONFIGURED');
      expect(error.message).toContain('no secure connection');
    }));
});

describeS3('a bucket of its own', () => {
  it('says what the test support promises: nothing of a test is left', async () => {
    let seen: TestBucket | undefined;
    await withBucket(async (bucket) => {
      seen = bucket;
      const store = await openStore(bucket.location, { env: bucket.env });
      await store.putStream('a', Readable.from([Buffer.from('x')]));
    });
    const gone = await openStore(seen?.location ?? '', { env: seen?.env });
    await failure(gone.list(''), 'STORE_MISCONFIGURED');
  });
});
