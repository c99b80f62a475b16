import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/open-store.js';
import { failure } from '../../support/failure.js';
import { describeS3, type TestBucket, withBucket } from '../../support/s3.js';
import { type S3Fault, type S3Rule, s3ErrorAnswer } from '../../support/s3-proxy.js';
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
import { randomStream } from './sample-streams.js';

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

describeS3('answers of an S3 server', () => {
  // Most of their time is waiting.
  describe.concurrent('that are lost', describeLostAnswers);
  describe.concurrent('that are not what they seem', describeCompletion);
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
