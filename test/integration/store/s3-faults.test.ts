import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { describeS3 } from '../../support/s3.js';
import { type S3Fault, s3ErrorAnswer } from '../../support/s3-proxy.js';
import {
  begin,
  big,
  complete,
  expectNothing,
  part,
  put,
  putAndExpectWhole,
  withScene,
} from './s3-scene.js';
import { randomStream, readAll, sha256, streamThen } from './sample-streams.js';

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

describeS3('an S3 store in trouble', () => {
  // Most of their time is waiting.
  describe.concurrent('bursts', describeBursts);
  describe.concurrent('hangs', describeHangs);
  describe.concurrent('pauses', describePauses);
  describe.concurrent('broken connections', describeConnections);

  it('stops reading its source when a part has failed', () =>
    withScene(async (scene) => {
      scene.proxy.fail({ ...part, fault: s3ErrorAnswer(403, 'AccessDenied'), times: Infinity });
      const source = streamThen(big, () => new Promise(() => {}));
      await failure(scene.store.putStream('shop/a.dump', source), 'STORE_DENIED');
      expect(source.destroyed).toBe(true);
      await expectNothing(scene);
    }));
});
