import { CreateMultipartUploadCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { openStore } from '../../../src/store/open-store.js';
import type { Store } from '../../../src/store/store.js';
import { failure } from '../../support/failure.js';
import {
  type BucketOptions,
  describeS3,
  s3Environment,
  s3Server,
  type TestBucket,
  withBucket,
} from '../../support/s3.js';
import { describeContract } from './contract.js';
import type { ContractSubject } from './contract-subject.js';

const open = ({ location, env }: Pick<TestBucket, 'location' | 'env'>) =>
  openStore(location, { env });

const withStoreIn =
  (options: BucketOptions) => (work: (subject: ContractSubject) => Promise<void>) =>
    withBucket(async (bucket) => {
      const store = await open({ ...bucket, location: `${bucket.location}/team one/~x` });
      await work({
        store,
        leaveUnfinished: async (key) => {
          const target = { Bucket: bucket.name, Key: `team one/~x/${key}` };
          await bucket.client.send(new CreateMultipartUploadCommand(target));
        },
      });
      await store.close();
    }, options);

const requestsOf = (store: Store) => [
  () => store.prepare(),
  () => store.list(''),
  () => store.read('a'),
  () => store.listUnfinished(''),
];

describeS3('a store in an S3 bucket', () => {
  describeContract({
    withStore: withStoreIn({}),
    withLockingStore: withStoreIn({ objectLock: true }),
    ...{ confirmedBy: 'checksum', lockMode: 'compliance' },
  });

  it('writes below its prefix, and sees nothing else', () =>
    withBucket(async (bucket) => {
      const whole = await open(bucket);
      const part = await open({ ...bucket, location: `${bucket.location}/team/` });
      await whole.write('team-2/x', Buffer.from('x'));
      await part.write('a', Buffer.from('x'));
      expect(part.location).toBe(`${bucket.location}/team`);
      expect(await bucket.keys()).toEqual(['team-2/x', 'team/a']);
      expect((await part.list('')).map(({ key }) => key)).toEqual(['a']);
    }));

  it('refuses a bucket in which an object can be created twice', () =>
    withBucket(
      async (bucket) => {
        // This server ignores the condition in buckets with versions.
        const store = await open({ ...bucket, env: s3Environment(bucket.server) });
        const error = await failure(store.prepare(), 'STORE_MISCONFIGURED');
        expect(error.message).toContain('created twice');
      },
      { objectLock: true },
    ));

  it('says that a bucket has no Object Lock', () =>
    withBucket(async (bucket) => {
      const store = await open(bucket);
      const error = await failure(store.checkLocking(), 'STORE_MISCONFIGURED');
      expect(error.message).toContain(`"${bucket.name}" has no Object Lock`);
    }));

  it('keeps what a lock covers also from somebody with all rights', () =>
    withBucket(
      async (bucket) => {
        const store = await open(bucket);
        await store.write('a', Buffer.from('x'));
        await store.lock('a', new Date(Date.now() + 3_600_000));
        await failure(store.delete('a'), 'PROTECTED');
        const { Versions, DeleteMarkers } = await bucket.client.send(
          new ListObjectVersionsCommand({ Bucket: bucket.name }),
        );
        expect([Versions?.length, DeleteMarkers ?? []]).toEqual([1, []]);
      },
      { objectLock: true },
    ));

  it('names the bucket that does not exist', async () => {
    const env = s3Environment(await s3Server());
    const store = await openStore('s3://belay-no-such-bucket/shop', { env });
    for (const work of requestsOf(store)) {
      const error = await failure(work(), 'STORE_MISCONFIGURED');
      expect(error.message).toContain('no bucket "belay-no-such-bucket"');
    }
  });

  it.each([
    ['AWS_ACCESS_KEY_ID', 'does not know the access key'],
    ['AWS_SECRET_ACCESS_KEY', 'the secret key does not belong to the access key'],
  ])('says what is wrong where %s is', (name, words) =>
    withBucket(async (bucket) => {
      const store = await open({ ...bucket, env: { ...bucket.env, [name]: 'wrong-s3cret' } });
      for (const work of requestsOf(store)) {
        const error = await failure(work(), 'STORE_DENIED');
        expect(error.message).toContain(words);
        expect(`${error.message} ${error.hint} ${JSON.stringify(error)}`).not.toContain('s3cret');
        expect(error.cause).toBeUndefined();
      }
      await failure(store.stat('a'), 'STORE_DENIED');
    }),
  );
});
