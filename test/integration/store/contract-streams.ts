import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { type Contract, expectNothing, text } from './contract-subject.js';
import { mebibyte, randomStream, readAll, sha256, streamThen } from './sample-streams.js';

/** Writing and reading streams. */
export function describeStreams({ withStore, confirmedBy }: Contract): void {
  it.each([
    ['no bytes', 0],
    ['one byte', 1],
    ['exactly one part', 8 * mebibyte],
    ['one byte more than a part', 8 * mebibyte + 1],
    ['20 MB', 20_000_000],
  ])('stores and gives back a stream of %s', (_, sizeBytes) =>
    withStore(async ({ store }) => {
      const { source, bytes } = randomStream(sizeBytes);
      const before = Date.now();
      const stored = await store.putStream('shop/7301/archives/a.dump', source);
      expect(stored).toEqual({
        ...{ key: 'shop/7301/archives/a.dump', sizeBytes, sha256: sha256(bytes), confirmedBy },
        modifiedAt: expect.any(Date),
      });
      expect(Math.abs(stored.modifiedAt.getTime() - before)).toBeLessThan(60_000);
      const back = await readAll(await store.readStream('shop/7301/archives/a.dump'));
      expect(back.equals(bytes)).toBe(true);
      expect(await store.stat('shop/7301/archives/a.dump')).toMatchObject({ sizeBytes });
      expect(await store.listUnfinished('')).toEqual([]);
    }),
  );

  it('needs no right idea of how much will come', () =>
    withStore(async ({ store }) => {
      for (const expectedBytes of [1, 20_000_000, 400_000_000]) {
        const { source, bytes } = randomStream(20_000_000);
        const stored = await store.putStream('a', source, { expectedBytes });
        expect(stored.sha256).toBe(sha256(bytes));
      }
    }));

  it('replaces an object', () =>
    withStore(async ({ store }) => {
      await store.putStream('a', Readable.from([text('old and long')]));
      await store.putStream('a', Readable.from([text('new')]));
      expect(await store.read('a')).toEqual(text('new'));
    }));

  it.each([
    ['at once', 0],
    ['in the first part', mebibyte],
    ['in the third part', 20 * mebibyte],
  ])('throws what the source throws %s, and leaves nothing', (_, sizeBytes) =>
    withStore(async ({ store }) => {
      // As a broken connection would be: it must not be taken for a failure of the store.
      const broken = Object.assign(new Error('dump failed'), { code: 'EIO', syscall: 'read' });
      const source = streamThen(sizeBytes, () => Promise.reject(broken));
      await expect(store.putStream('a', source)).rejects.toBe(broken);
      expect(source.destroyed).toBe(true);
      await expectNothing(store);
    }),
  );

  it('takes a source that is closed before its end for a failure', () =>
    withStore(async ({ store }) => {
      const source: Readable = streamThen(mebibyte, async () => {
        source.destroy();
        await sleep(10);
      });
      await expect(store.putStream('a', source)).rejects.toThrow();
      await expectNothing(store);
    }));

  it.each([
    ['a source that has brought nothing', 0],
    ['a source that stands still', 20 * mebibyte],
  ])('ends at once when it is aborted with %s, and leaves nothing', (_, sizeBytes) =>
    withStore(async ({ store }) => {
      const abort = new AbortController();
      let abortedAt = 0;
      const source = streamThen(sizeBytes, async () => {
        await sleep(300);
        abortedAt = performance.now();
        abort.abort();
        await new Promise(() => {});
      });
      const putting = store.putStream('a', source, { signal: abort.signal });
      await failure(putting, 'INTERRUPTED');
      expect(performance.now() - abortedAt).toBeLessThan(2_000);
      expect(source.destroyed).toBe(true);
      await expectNothing(store);
    }),
  );

  it('does not begin what was aborted before', () =>
    withStore(async ({ store }) => {
      const signal = AbortSignal.abort('SIGTERM');
      const source = Readable.from([text('x')]);
      await failure(store.putStream('a', source, { signal }), 'TERMINATED');
      expect(source.destroyed).toBe(true);
      await failure(store.create('a', text('x'), { signal }), 'TERMINATED');
      await failure(store.list('', { signal }), 'TERMINATED');
      await expectNothing(store);
    }));

  it('ends a stream that is being read when it is aborted', () =>
    withStore(async ({ store }) => {
      await store.putStream('a', randomStream(20_000_000).source);
      const abort = new AbortController();
      const stream = await store.readStream('a', { signal: abort.signal });
      const reading = (async () => {
        for await (const _ of stream) abort.abort();
      })();
      await failure(reading, 'INTERRUPTED');
    }));

  it('says which object is missing', () =>
    withStore(async ({ store }) => {
      const error = await failure(store.readStream('shop/none.dump'), 'STORE_OBJECT_MISSING');
      expect(error.message).toContain('shop/none.dump');
      expect(await store.read('shop/none.dump')).toBeUndefined();
      expect(await store.stat('shop/none.dump')).toBeUndefined();
    }));
}
