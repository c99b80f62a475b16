import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { BelayError } from '../../../src/errors.js';
import { openStore } from '../../../src/store/open-store.js';
import { failure } from '../../support/failure.js';
import { describeS3, s3Environment, s3Server } from '../../support/s3.js';
import { type S3Fault, s3ErrorAnswer } from '../../support/s3-proxy.js';
import { expectNothing, part, put, withScene } from './s3-scene.js';

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

describeS3('an S3 store that refuses', () => {
  describeRefusals();

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
