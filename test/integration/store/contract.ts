import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { describeStreams } from './contract-streams.js';
import { type Contract, expectNothing, keysOf, text } from './contract-subject.js';
import { randomStream } from './sample-streams.js';

function describeCreation({ withStore }: Contract): void {
  it('lets exactly one of 20 writers create an object', () =>
    withStore(async ({ store }) => {
      const texts = Array.from({ length: 20 }, (_, index) => text(`writer ${index}`));
      const results = await Promise.all(texts.map((bytes) => store.create('tag', bytes)));
      expect(results.filter((result) => result === 'created')).toHaveLength(1);
      const winner = texts[results.indexOf('created')];
      expect(await store.read('tag')).toEqual(winner);
      expect(await store.create('tag', text('too late'))).toBe('exists');
      expect(await store.listUnfinished('')).toEqual([]);
    }));

  it('recognises what it has created itself', () =>
    withStore(async ({ store }) => {
      expect(await store.create('a', text('mine'))).toBe('created');
      expect(await store.create('a', text('mine'))).toBe('created');
    }));

  it('creates again what was deleted', () =>
    withStore(async ({ store }) => {
      await store.create('a', text('one'));
      await store.delete('a');
      expect(await store.create('a', text('two'))).toBe('created');
    }));

  it('proves that it is fit for use, as often as one likes and from many sides', () =>
    withStore(async ({ store }) => {
      await Promise.all([store.prepare(), store.prepare(), store.prepare()]);
      await store.prepare();
      expect(await keysOf(store)).toEqual(['belay-store.json']);
    }));

  it('writes and replaces small objects, also empty ones', () =>
    withStore(async ({ store }) => {
      await store.write('a', text('one'));
      await store.write('a', text(''));
      expect(await store.read('a')).toEqual(text(''));
      expect(await store.list('')).toMatchObject([{ key: 'a', sizeBytes: 0 }]);
    }));

  it('deletes twice, and what never was', () =>
    withStore(async ({ store }) => {
      await store.write('a/b', text('x'));
      await store.delete('a/b');
      await store.delete('a/b');
      await store.delete('never/was');
      await expectNothing(store);
    }));
}

function describeLists({ withStore, ...contract }: Contract): void {
  it('lists by prefix, in the order of bytes', () =>
    withStore(async ({ store }) => {
      const keys = ['b/2', 'a', 'b/10', 'ba/1', 'b.c', 'B/1', 'b/~1', 'b/é', 'b/\u{ff5e}', 'b/😀'];
      for (const key of keys) await store.write(key, text(key));
      const sorted = [
        'B/1',
        'a',
        'b.c',
        'b/10',
        'b/2',
        'b/~1',
        'b/é',
        'b/\u{ff5e}',
        'b/😀',
        'ba/1',
      ];
      expect(await keysOf(store)).toEqual(sorted);
      expect(await keysOf(store, 'b/')).toEqual(sorted.slice(3, 9));
      expect(await keysOf(store, 'b')).toEqual(sorted.slice(2));
      expect(await keysOf(store, 'b/1')).toEqual(['b/10']);
      expect(await keysOf(store, 'x/')).toEqual([]);
      const behind = await store.list('b', { after: 'b/2', limit: 2 });
      expect(behind.map(({ key }) => key)).toEqual(['b/~1', 'b/é']);
      expect(await store.list('b/', { after: 'b/😀' })).toEqual([]);
    }));

  it('lists more than a thousand objects', () =>
    withStore(async ({ store }) => {
      const keys = Array.from(
        { length: 1_105 },
        (_, index) => `n/${String(index).padStart(6, '0')}`,
      );
      const rest = keys.values();
      const writer = async () => {
        for (const key of rest) await store.create(key, text(key));
      };
      await Promise.all(Array.from({ length: 16 }, writer));
      expect(await keysOf(store, 'n/')).toEqual(keys);
      const some = await store.list('n/', { after: 'n/000009', limit: 1_050 });
      expect(some.map(({ key }) => key)).toEqual(keys.slice(10, 1_060));
    }));

  it.each([
    '~2e~2e',
    '%2F%',
    'a b',
    ' ',
    'quote\'"<&>',
    '名前',
    'e\u0301',
    '+?#&=',
    '-rf',
    '*',
    '$(x)',
  ])('keeps objects under the key %j', (name) =>
    withStore(async ({ store }) => {
      const key = `odd/${name}/${name}`;
      await store.putStream(key, Readable.from([text(name)]));
      expect(await keysOf(store)).toEqual([key]);
      expect(await store.read(key)).toEqual(text(name));
      expect(await store.create(key, text('other'))).toBe('exists');
      await store.delete(key);
      await expectNothing(store);
    }),
  );

  it.each([
    '../elsewhere',
    '/etc/passwd',
    'a/../../b',
    'a//b',
    './a',
    '',
    'a/',
    'a\\b',
    'new\nline',
    'nul\0',
    'note.lock',
    `x.part-${'0'.repeat(16)}`,
    'x'.repeat(201),
    '\ud800',
  ])('refuses the key %j', (key) =>
    withStore(async ({ store }) => {
      await failure(store.read(key), 'STORE_OBJECT_MISSING');
      await failure(store.readStream(key), 'STORE_OBJECT_MISSING');
      await failure(store.create(key, text('x')), 'STORE_OBJECT_MISSING');
      await failure(store.write(key, text('x')), 'STORE_OBJECT_MISSING');
      await failure(store.delete(key), 'STORE_OBJECT_MISSING');
      await failure(store.putStream(key, Readable.from([])), 'STORE_OBJECT_MISSING');
      await expectNothing(store);
    }),
  );

  it('finds unfinished uploads and removes them', () =>
    withStore(async ({ store, leaveUnfinished }) => {
      await store.write('shop/1/archives/whole.dump', text('x'));
      await leaveUnfinished('shop/1/archives/half.dump');
      await leaveUnfinished('other/1/archives/half.dump');
      expect(await keysOf(store)).toEqual(['shop/1/archives/whole.dump']);
      const found = await store.listUnfinished('shop/');
      expect(found).toEqual([
        {
          ...{ key: 'shop/1/archives/half.dump', uploadId: expect.any(String) },
          startedAt: expect.any(Date),
        },
      ]);
      for (const upload of [...found, ...found]) await store.abortUnfinished(upload);
      const left = await store.listUnfinished('');
      expect(left.map(({ key }) => key)).toEqual(['other/1/archives/half.dump']);
      expect(await keysOf(store)).toEqual(['shop/1/archives/whole.dump']);
      expect(contract.confirmedBy).toBeDefined();
    }));
}

function describeLocks({ withStore, withLockingStore, lockMode }: Contract): void {
  const inAnHour = () => new Date(Date.now() + 3_600_000);

  it('locks an object until a time, and then nobody deletes or replaces it', () =>
    withLockingStore(async ({ store }) => {
      expect(await store.checkLocking()).toBe(lockMode);
      await store.putStream('a', randomStream(9_000_000).source);
      await store.write('free', text('x'));
      const until = inAnHour();
      const lock = await store.lock('a', until);
      expect(lock.mode).toBe(lockMode);
      expect(lock.until.getTime()).toBeGreaterThanOrEqual(until.getTime());
      expect(lock.until.getTime()).toBeLessThan(until.getTime() + 1_000);
      expect(await store.lockOf('a')).toEqual(lock);
      expect(await store.lockOf('free')).toBeUndefined();
      expect(await store.lockOf('none')).toBeUndefined();
      const refused = await failure(store.delete('a'), 'PROTECTED');
      expect(refused.message).toContain('a is locked');
      await failure(store.write('a', text('x')), 'PROTECTED');
      await failure(store.putStream('a', Readable.from([text('x')])), 'PROTECTED');
      expect(await store.create('a', text('x'))).toBe('exists');
      expect((await store.stat('a'))?.sizeBytes).toBe(9_000_000);
      await store.delete('free');
      expect(await keysOf(store)).toEqual(['a']);
    }));

  it('makes a lock longer, never shorter', () =>
    withLockingStore(async ({ store }) => {
      await store.write('a', text('x'));
      const first = await store.lock('a', inAnHour());
      expect(await store.lock('a', new Date(Date.now() + 60_000))).toEqual(first);
      const longer = await store.lock('a', new Date(Date.now() + 7_200_000));
      expect(longer.until.getTime()).toBeGreaterThan(first.until.getTime());
      expect(await store.lockOf('a')).toEqual(longer);
    }));

  it('lets go when the time is over', () =>
    withLockingStore(async ({ store }) => {
      await store.write('a', text('x'));
      await store.lock('a', new Date(Date.now() + 1_000));
      await failure(store.delete('a'), 'PROTECTED');
      await sleep(2_100);
      expect(await store.lockOf('a')).toBeUndefined();
      await store.delete('a');
      await expectNothing(store);
    }));

  it('cannot lock what is not there', () =>
    withLockingStore(async ({ store }) => {
      await failure(store.lock('none', inAnHour()), 'STORE_OBJECT_MISSING');
    }));

  it('knows no lock where nothing was locked', () =>
    withStore(async ({ store }) => {
      await store.write('a', text('x'));
      expect(await store.lockOf('a')).toBeUndefined();
    }));
}

/** What every store has to do, whatever it is made of. */
export function describeContract(contract: Contract): void {
  describe('streams', () => describeStreams(contract));
  describe('creation', () => describeCreation(contract));
  describe('lists and keys', () => describeLists(contract));
  describe('locks', () => describeLocks(contract));
}
