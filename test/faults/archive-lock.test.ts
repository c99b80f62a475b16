import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  describeS3,
  s3Server,
  type TestBucket,
  withBucket,
  withFaultyBucket,
} from '../support/s3.js';
import {
  type ArchiveScene,
  archivesOf,
  expectNothingLeft,
  expectSealed,
  openArchiveScene,
  repair,
  verifyLedgerOf,
  withStore,
} from './archive/scene.js';

describeS3('locked checkpoints', () => {
  let folder: ArchiveScene;
  beforeAll(async () => {
    await s3Server();
    folder = await openArchiveScene();
  });
  afterAll(() => folder?.close());

  const lockArguments = ['--no-drill', '--lock-days', '1'];

  async function versionsOf({ client, name: Bucket }: TestBucket) {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    return Versions.filter(({ Key }) => /\/(archives|manifests)\//.test(Key ?? ''));
  }

  /** As whoever has the credentials could, past Belay. */
  async function deleteVersions(bucket: TestBucket): Promise<string[]> {
    const versions = await versionsOf(bucket);
    const results = versions.map(({ Key, VersionId }) =>
      bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key, VersionId })).then(
        () => 'deleted',
        (error: Error) => error.name,
      ),
    );
    return Promise.all(results);
  }

  it('are deleted by nobody: not by delete, nor prune, nor past Belay', () =>
    withBucket(
      async (bucket) => {
        const scene = withStore(folder, bucket);
        const made = await scene.belay(['checkpoint', '--tag', 'locked', ...lockArguments]);
        expect(made.stderr + made.exitCode).toMatch(/0$/);
        const newer = await scene.belay(['checkpoint', '--tag', 'newer', '--no-drill']);
        expect(newer.exitCode).toBe(0);
        scene.sealed.set('locked', 'not-run').set('newer', 'not-run');
        const refused = await scene.belay(['delete', 'locked', '--yes', '--json']);
        expect(refused.exitCode).toBe(3);
        expect(refused.json.error.code).toBe('PROTECTED');
        const pruned = await scene.belay(['prune', '--keep-last', '0', '--yes', '--json']);
        expect(pruned.exitCode).toBe(0);
        expect(pruned.json.removed).toMatchObject([{ tag: 'newer' }]);
        scene.sealed.delete('newer');
        await expectSealed(scene);
        const refusals = (await deleteVersions(bucket)).filter((one) => one === 'AccessDenied');
        expect(refusals).toHaveLength(2);
        await expectSealed(scene);
      },
      { objectLock: true },
    ));

  it('are refused by a bucket without Object Lock before anything is written', () =>
    withBucket(async (bucket) => {
      const scene = withStore(folder, bucket);
      const args = ['checkpoint', '--tag', 'x', ...lockArguments, '--json'];
      const { exitCode, json } = await scene.belay(args);
      expect(exitCode).toBe(6);
      expect(json.error.code).toBe('STORE_MISCONFIGURED');
      expect((await bucket.keys()).filter((key) => key !== 'belay-store.json')).toEqual([]);
    }));

  it('are locked by repair where Belay was killed before it could', () =>
    withFaultyBucket(
      async (bucket, proxy) => {
        const scene = withStore(folder, bucket);
        proxy.fail({ method: 'PUT', query: /retention/, fault: { type: 'hang' }, times: Infinity });
        const victim = scene.start(['checkpoint', '--tag', 'late', ...lockArguments]);
        const isAsked = () =>
          proxy.calls.some(({ method, query }) => method === 'PUT' && /retention/.test(query));
        await victim.until(isAsked, 'the lock');
        await victim.kill();
        proxy.heal();
        scene.sealed.set('late', 'not-run');
        expect((await archivesOf(scene)).map(({ tag }) => tag)).toEqual(['late']);
        expect(await repair(scene)).toEqual(['not-recorded', 'run-mark']);
        expect(await verifyLedgerOf(scene)).toMatchObject({ ok: true, entries: 1 });
        await expectSealed(scene);
        await expectNothingLeft(scene);
        expect(await deleteVersions(bucket)).toEqual(['AccessDenied', 'AccessDenied']);
      },
      { objectLock: true },
    ));
});
