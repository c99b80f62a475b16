import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { deleteSnapshot } from '../../src/index.js';
import { describeS3, type TestBucket, withFaultyBucket } from '../support/s3.js';
import { type S3Fault, type S3Proxy, type S3Rule, s3ErrorAnswer } from '../support/s3-proxy.js';
import { withTarget } from '../support/targets.js';
import {
  type ArchiveScene,
  archivesOf,
  expectNothingLeft,
  expectSealed,
  openArchiveScene,
  repair,
  verifyLedgerOf,
} from './archive/scene.js';
import type { VictimEnd } from './archive/victim.js';

const part = (number: number) => ({ method: 'PUT', query: new RegExp(`partNumber=${number}&`) });
const complete = { method: 'POST', query: /^uploadId=/ };
const manifest = { method: 'PUT', path: /\/manifests\// };
const entry = { method: 'PUT', path: /\/ledger\// };
const denied = s3ErrorAnswer(403, 'InvalidAccessKeyId');
const hang: S3Fault = { type: 'hang' };
const always = Number.POSITIVE_INFINITY;

describeS3('checkpoints on S3', () => {
  let scene: ArchiveScene;
  let proxy: S3Proxy;
  let bucket: TestBucket;
  let endBucket: () => void = () => {};
  let bucketEnded: Promise<void>;

  beforeAll(async () => {
    const found = await new Promise<{ bucket: TestBucket; proxy: S3Proxy }>((resolve, reject) => {
      bucketEnded = withFaultyBucket(async (made, before) => {
        resolve({ bucket: made, proxy: before });
        await new Promise<void>((end) => {
          endBucket = end;
        });
      });
      bucketEnded.catch(reject);
    });
    ({ bucket, proxy } = found);
    scene = await openArchiveScene({ store: bucket, blobMegabytes: 17 });
  });
  afterAll(async () => {
    endBucket();
    await bucketEnded;
    await scene?.close();
  });
  afterEach(() => proxy.heal());

  const checkpoint = (tag: string) => scene.start(['checkpoint', '--tag', tag, '--no-drill']);

  async function checkpointThrough(tag: string, ...rules: S3Rule[]): Promise<VictimEnd> {
    for (const rule of rules) proxy.fail(rule);
    const end = await checkpoint(tag).ended;
    proxy.heal();
    return end;
  }

  /** It is sealed and whole, one entry tells of it, and it may go again: hashing all of them takes time. */
  async function expectGoesThrough(end: VictimEnd, tag: string, entriesBefore: number) {
    expect(end.output).toContain('checkpoint');
    expect(end.exitCode).toBe(0);
    scene.sealed.set(tag, 'not-run');
    await expectSealed(scene);
    expect(await verifyLedgerOf(scene)).toMatchObject({ ok: true, entries: entriesBefore + 1 });
    await expectNothingLeft(scene);
    await withTarget(
      scene.shop.url,
      (target) => deleteSnapshot(target, { reference: tag, confirm: () => true }),
      scene.env,
    );
    scene.sealed.delete(tag);
  }

  async function expectRefused({ exitCode, output }: VictimEnd, why: RegExp): Promise<void> {
    expect(output).toMatch(why);
    expect(exitCode).toBe(6);
    await expectSealed(scene);
  }

  const bursts = ['PUT', 'POST', 'GET', 'HEAD', 'DELETE'].flatMap((method) =>
    [
      s3ErrorAnswer(503, 'SlowDown'),
      s3ErrorAnswer(429, 'TooManyRequests'),
      s3ErrorAnswer(500, 'InternalError'),
    ].map((fault): S3Rule => ({ method, fault, skip: 1 })),
  );
  const lost = [part(1), complete, manifest, entry].map(
    (rule): S3Rule => ({ ...rule, fault: { type: 'lose-answer' } }),
  );
  const goesThrough: readonly { readonly what: string; readonly rules: readonly S3Rule[] }[] = [
    { what: 'bursts of 503, 429 and 500', rules: bursts },
    {
      what: 'a connection that is reset inside a part, and 200 with an error body on CompleteMultipart',
      rules: [
        { ...part(2), fault: { type: 'reset-request', afterBytes: 1_000_000 } },
        { ...complete, fault: s3ErrorAnswer(200, 'InternalError') },
      ],
    },
    {
      what: 'lost answers to a part, to CompleteMultipart, to the manifest, to the entry',
      rules: lost,
    },
  ];
  it.each(goesThrough)('go through $what', async ({ rules }) => {
    const { entries } = await verifyLedgerOf(scene);
    await expectGoesThrough(await checkpointThrough('x', ...rules), 'x', entries);
  });

  it('end with 6 on a server that hangs in the middle, in time, and leave nothing', async () => {
    const end = await checkpointThrough('x', { ...part(2), fault: hang, times: always });
    await expectRefused(end, /has not answered for 2 s/);
    expect(end.durationMs).toBeLessThan(30_000);
    await expectNothingLeft(scene);
  });

  it('end with 6 on a server that answers nothing at all, in time', async () => {
    const end = await checkpointThrough('x', { fault: hang, times: always });
    await expectRefused(end, /has not answered for 2 s/);
    expect(end.durationMs).toBeLessThan(30_000);
  });

  it('end with 6 where CompleteMultipart is never done, and leave nothing', async () => {
    const fault = s3ErrorAnswer(200, 'InvalidPart');
    const end = await checkpointThrough('x', { ...complete, fault, times: always });
    await expectRefused(end, /InvalidPart/);
    await expectNothingLeft(scene);
  });

  it('end with 6 in the wrong region, and say which is right', async () => {
    const elements = { Region: 'eu-central-1' };
    const fault = s3ErrorAnswer(400, 'AuthorizationHeaderMalformed', { elements });
    await expectRefused(await checkpointThrough('x', { fault, times: always }), /eu-central-1/);
  });

  it('end with 6 where the clock is wrong, and say so', async () => {
    const elements = { ServerTime: new Date(Date.now() - 3_600_000).toISOString() };
    const fault = s3ErrorAnswer(403, 'RequestTimeTooSkewed', { elements });
    await expectRefused(await checkpointThrough('x', { fault, times: always }), /clock/);
  });

  it('end with 6 where credentials are revoked in the middle; repair cleans up when they are back', async () => {
    const seen = proxy.calls.length;
    const victim = checkpoint('x');
    const isBegun = () => proxy.calls.slice(seen).some(({ query }) => part(1).query.test(query));
    await victim.until(isBegun, 'a part');
    proxy.fail({ fault: denied, times: always });
    const end = await victim.ended;
    proxy.heal();
    await expectRefused(end, /does not know the access key/);
    expect(await repair(scene)).toEqual(['unfinished-upload', 'run-mark']);
    await expectNothingLeft(scene);
  });

  it('say that they are sealed where credentials are revoked before the entry; repair adds it', async () => {
    const end = await checkpointThrough('late', { ...entry, fault: denied, times: always });
    scene.sealed.set('late', 'not-run');
    expect(end.output).toContain('"late" is sealed, but not locked or not in the ledger');
    expect(end.exitCode).toBe(6);
    expect((await verifyLedgerOf(scene)).broken).toMatchObject([
      { why: expect.stringContaining('no entry tells of the manifest') },
    ]);
    expect(await repair(scene)).toEqual(['not-recorded', 'run-mark']);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('are whole where the manifest was written and nobody could say so', async () => {
    proxy.fail({ ...manifest, fault: { type: 'lose-answer' } });
    const victim = checkpoint('unsaid');
    await victim.until(() => proxy.calls.some(({ path, method }) => isManifest(path, method)), '');
    proxy.fail({ fault: denied, times: always });
    const end = await victim.ended;
    proxy.heal();
    expect(end.exitCode).toBe(6);
    scene.sealed.set('unsaid', 'not-run');
    expect(await repair(scene)).toEqual(['not-recorded', 'run-mark']);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('out of reach do not keep repair from the server, and it says so', async () => {
    proxy.fail({ fault: denied, times: always });
    const { exitCode, json, stderr } = await scene.belay(['repair', '--json']);
    expect(stderr).toContain('the store was not repaired');
    expect(exitCode).toBe(0);
    expect(json).toEqual({ ok: true, found: [], cleaned: [] });
  });

  const isManifest = (path: string, method: string) =>
    method === 'PUT' && path.endsWith('/manifests/unsaid.json');

  /** Kills it when a request comes that then hangs. */
  async function killAt(tag: string, rule: Omit<S3Rule, 'fault'>): Promise<void> {
    const seen = proxy.calls.length;
    proxy.fail({ ...rule, fault: hang, times: always });
    const victim = checkpoint(tag);
    const isThere = () =>
      proxy.calls
        .slice(seen)
        .some(
          ({ method, path, query }) =>
            method === rule.method &&
            (rule.path?.test(path) ?? true) &&
            (rule.query?.test(query) ?? true),
        );
    await victim.until(isThere, 'the request');
    await victim.kill();
    proxy.heal();
  }

  it('killed by -9 mid-dump leave parts, which repair removes', async () => {
    await killAt('x', part(2));
    await expectSealed(scene);
    expect(await bucket.uploads()).toHaveLength(1);
    expect(await repair(scene)).toEqual(['unfinished-upload', 'run-mark']);
    await expectNothingLeft(scene);
  });

  it('killed by -9 between upload and manifest do not exist, and repair removes the file', async () => {
    await killAt('x', manifest);
    await expectSealed(scene);
    expect(await repair(scene)).toEqual(['unsealed', 'run-mark']);
    await expectNothingLeft(scene);
  });

  it('killed by -9 between manifest and ledger entry exist, and repair adds the entry', async () => {
    await killAt('unrecorded', entry);
    scene.sealed.set('unrecorded', 'not-run');
    expect(await verifyLedgerOf(scene)).toMatchObject({ ok: false });
    expect(await repair(scene)).toEqual(['not-recorded', 'run-mark']);
    await expectSealed(scene);
    await expectNothingLeft(scene);
    expect((await archivesOf(scene)).map(({ tag }) => tag)).toContain('unrecorded');
  });

  it('ended by SIGTERM mid-upload leave nothing', async () => {
    const seen = proxy.calls.length;
    const victim = checkpoint('x');
    const isBegun = () => proxy.calls.slice(seen).some(({ query }) => part(1).query.test(query));
    await victim.until(isBegun, 'a part');
    victim.process.kill('SIGTERM');
    expect((await victim.ended).exitCode).toBe(143);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });
});
