import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestKey } from '../../src/domain/archive-keys.js';
import {
  encodeLedgerEntry,
  type LedgerEntry,
  ledgerKey,
  type NewLedgerEntry,
  sha256Of,
} from '../../src/domain/ledger.js';
import { type ArchiveManifest, encodeManifest } from '../../src/domain/manifest.js';
import type { ProgressEvent } from '../../src/domain/reporter.js';
import { BelayError } from '../../src/errors.js';
import { appendToLedger, recordInLedger, recordRefusal } from '../../src/features/ledger/append.js';
import { readLedgerHead } from '../../src/features/ledger/head.js';
import { readLedger } from '../../src/features/ledger/read.js';
import { verifyLedger } from '../../src/features/ledger/verify.js';
import { FolderStore } from '../../src/store/folder-store.js';
import type { Store } from '../../src/store/store.js';
import { sampleManifest } from '../support/sample-manifest.js';
import { makeTempFolder } from '../support/temp-folder.js';

const target = { server: 'db:5432', database: 'shop' };

function newEntry(changes: Partial<NewLedgerEntry> = {}): NewLedgerEntry {
  return {
    ...{ action: 'drill', target, snapshot: null, outcome: 'done', rows: 3, details: {} },
    ...changes,
  };
}

/** A store in a folder of the test, and what is done to its files behind Belay's back. */
function makeStore() {
  const folder = makeTempFolder();
  const store = new FolderStore(folder);
  const fileOf = (number: number) => join(folder, ledgerKey(number));
  const append = async (count: number) => {
    for (let n = 0; n < count; n += 1) await appendToLedger(store, newEntry());
  };
  const edit = async (number: number, change: (entry: LedgerEntry) => object) => {
    const { seal: _seal, ...entry } = JSON.parse(await readFile(fileOf(number), 'utf8'));
    await writeFile(fileOf(number), encodeLedgerEntry({ ...entry, ...change(entry) }));
  };
  return { folder, store, fileOf, append, edit };
}

describe('appending', () => {
  it('numbers entries, chains them by the hash of their bytes, and says who and when', async () => {
    const { store, fileOf } = makeStore();
    const first = await appendToLedger(store, newEntry({ action: 'checkpoint', rows: 312_004 }));
    const second = await appendToLedger(store, newEntry({ outcome: 'failed' }));
    expect([first.number, second.number]).toEqual([1, 2]);
    expect(first.sha256).toBe(sha256Of(await readFile(fileOf(1))));
    const { entries } = await readLedger(store);
    expect(entries).toMatchObject([
      { number: 1, previous: null, action: 'checkpoint', rows: 312_004, target },
      { number: 2, previous: first.sha256, action: 'drill', outcome: 'failed' },
    ]);
    expect(entries[0]?.actor).toEqual({
      user: expect.stringMatching(/./),
      host: expect.stringMatching(/./),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect(Math.abs(Date.parse(entries[0]?.at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await readLedgerHead(store)).toEqual(second);
  });

  it('20 writers at once get 20 numbers, and the chain is whole', async () => {
    const { folder, store } = makeStore();
    const heads = await Promise.all(
      Array.from({ length: 20 }, (_, writer) =>
        appendToLedger(new FolderStore(folder), newEntry({ details: { writer } })),
      ),
    );
    const numbers = heads.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(await verifyLedger(store)).toMatchObject({ ok: true, entries: 20, broken: [] });
    const { entries } = await readLedger(store);
    const writers = entries.map(({ details }) => details.writer as number);
    expect(writers.sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
  });

  it('finds the end of a long ledger without reading it', async () => {
    const { store, append, fileOf } = makeStore();
    await append(1);
    const many = 2_500;
    const [first] = (await readLedger(store)).entries;
    for (let number = 2; number <= many; number += 1) {
      await writeFile(fileOf(number), encodeLedgerEntry(first as LedgerEntry));
    }
    const { counted, calls } = counting(store);
    expect((await appendToLedger(counted, newEntry())).number).toBe(many + 1);
    // The note is old here: three pages of names, and one entry.
    expect(calls).toEqual({ read: 2, list: 3 });
    expect((await appendToLedger(counted, newEntry())).number).toBe(many + 2);
    // Now it is not.
    expect(calls).toEqual({ read: 3, list: 4 });
  });

  it('keeps passwords out, wherever a caller has put them', async () => {
    const { store, fileOf } = makeStore();
    const url = 'postgres://app:hunter2@db/shop';
    await appendToLedger(store, newEntry({ details: { a: [{ b: `failed: ${url}` }] } }));
    const text = await readFile(fileOf(1), 'utf8');
    expect(text).not.toContain('hunter2');
    expect(text).toContain('app:***@db/shop');
    expect((await verifyLedger(store)).ok).toBe(true);
  });

  it('names the store that cannot be written to', async () => {
    const folder = makeTempFolder({ 'a-file': '' });
    const store = new FolderStore(join(folder, 'a-file'));
    await expect(appendToLedger(store, newEntry())).rejects.toThrow(BelayError);
    await expect(appendToLedger(store, newEntry())).rejects.toThrow('a-file');
  });
});

/** Counts what is asked of a store. */
function counting(store: Store) {
  const calls = { read: 0, list: 0 };
  const counted = new Proxy(store, {
    get: (inner, name: keyof Store) => {
      if (name === 'read' || name === 'list') calls[name] += 1;
      const value = inner[name];
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
  return { counted, calls };
}

describe('reading', () => {
  it('gives the newest last, a part where one is asked for', async () => {
    const { store, append } = makeStore();
    expect(await readLedger(store)).toEqual({ entries: [], unreadable: [] });
    await append(5);
    const numbers = async (options: object) =>
      (await readLedger(store, options)).entries.map(({ number }) => number);
    expect(await numbers({})).toEqual([1, 2, 3, 4, 5]);
    expect(await numbers({ limit: 2 })).toEqual([4, 5]);
    expect(await numbers({ after: 3 })).toEqual([4, 5]);
    expect(await numbers({ after: 1, limit: 10 })).toEqual([2, 3, 4, 5]);
    expect(await numbers({ limit: 0 })).toEqual([]);
  });

  it('one that makes no sense does not hide the others', async () => {
    const { store, append, fileOf } = makeStore();
    await append(3);
    await writeFile(fileOf(2), '{}');
    const { entries, unreadable } = await readLedger(store);
    expect(entries.map(({ number }) => number)).toEqual([1, 3]);
    expect(unreadable).toEqual([{ number: 2, why: 'it is not an entry of a ledger' }]);
  });
});

describe('verifying', () => {
  it('an empty ledger and a whole one are right', async () => {
    const { store, append } = makeStore();
    const nothing = { entries: 0, manifests: 0, head: null, broken: [] };
    expect(await verifyLedger(store)).toEqual({ ok: true, ...nothing });
    await append(4);
    const head = await readLedgerHead(store);
    expect(await verifyLedger(store)).toMatchObject({ ok: true, entries: 4, head, broken: [] });
  });

  type Scene = ReturnType<typeof makeStore>;
  const swap = async ({ fileOf }: Scene, a: number, b: number) => {
    await rename(fileOf(a), fileOf(100));
    await rename(fileOf(b), fileOf(a));
    await rename(fileOf(100), fileOf(b));
  };

  it.each<[string, (scene: Scene) => Promise<void>, number[], RegExp]>([
    [
      'an edited entry',
      async ({ fileOf }) => {
        const text = await readFile(fileOf(3), 'utf8');
        await writeFile(fileOf(3), text.replace('"rows": 3', '"rows": 2'));
      },
      [3],
      /edited/,
    ],
    [
      'an edited newest entry',
      async ({ fileOf }) => {
        const text = await readFile(fileOf(6), 'utf8');
        await writeFile(fileOf(6), text.replace('"done"', '"failed"'));
      },
      [6],
      /edited/,
    ],
    [
      'an entry edited with its seal made anew',
      ({ edit }) => edit(3, () => ({ rows: 2 })),
      [3],
      /not the entry that 4 was written after/,
    ],
    [
      'the newest entry edited with its seal made anew',
      ({ edit }) => edit(6, () => ({ rows: 2 })),
      [6],
      /not the entry that the note/,
    ],
    ['one byte added at the end', ({ fileOf }) => appendByte(fileOf(3)), [3], /written after/],
    ['a deleted entry', ({ fileOf }) => rm(fileOf(3)), [3], /^it is missing$/],
    ['the deleted first entry', ({ fileOf }) => rm(fileOf(1)), [1], /missing/],
    ['the deleted newest entry', ({ fileOf }) => rm(fileOf(6)), [6], /the note .* knows it/],
    [
      'several deleted entries',
      async ({ fileOf }) => {
        for (const n of [2, 3, 4]) await rm(fileOf(n));
      },
      [2],
      /entries 2 to 4 are missing/,
    ],
    [
      'two entries that changed places',
      (scene) => swap(scene, 3, 4),
      [3, 4],
      /moved to this place/,
    ],
    [
      'two entries that changed places and numbers',
      async (scene) => {
        await swap(scene, 3, 4);
        await scene.edit(3, () => ({ number: 3 }));
        await scene.edit(4, () => ({ number: 4 }));
      },
      [2, 3, 4],
      /written after/,
    ],
    [
      'an entry renumbered to the end',
      ({ fileOf }) => rename(fileOf(6), fileOf(7)),
      [6, 7],
      /missing|moved/,
    ],
    [
      'a closed gap: an entry deleted and the others renumbered',
      async ({ fileOf, edit }) => {
        await rm(fileOf(3));
        for (const n of [4, 5, 6]) {
          await rename(fileOf(n), fileOf(n - 1));
          await edit(n - 1, () => ({ number: n - 1 }));
        }
      },
      [2, 3, 4, 6],
      /written after|knows it/,
    ],
    [
      'a file of something else',
      ({ fileOf }) => writeFile(fileOf(3), '{"a":1}'),
      [3],
      /not an entry/,
    ],
    ['an entry of a later version', ({ edit }) => edit(3, () => ({ belay: 2 })), [3], /newer/],
    [
      'a foreign entry far behind',
      ({ fileOf }) => writeFile(fileOf(10 ** 12 - 1), ''),
      [7, 999999999999],
      /missing|not an entry/,
    ],
  ])('finds %s', async (_, tamper, numbers, why) => {
    const scene = makeStore();
    await scene.append(6);
    expect((await verifyLedger(scene.store)).ok).toBe(true);
    await tamper(scene);
    const { ok, broken } = await verifyLedger(scene.store);
    expect(ok).toBe(false);
    expect(broken.map(({ number }) => number)).toEqual(numbers);
    for (const finding of broken) expect(finding.why).toMatch(why);
  });

  const appendByte = async (file: string) =>
    writeFile(file, Buffer.concat([await readFile(file), Buffer.from('\n')]));

  it('a deleted newest entry leaves a gap that no later one closes', async () => {
    const { store, append, fileOf } = makeStore();
    await append(3);
    await rm(fileOf(3));
    expect((await appendToLedger(store, newEntry())).number).toBe(4);
    expect((await verifyLedger(store)).broken).toEqual([{ number: 3, why: 'it is missing' }]);
  });

  it('a head noted elsewhere must be in the chain', async () => {
    const { folder, store, append, fileOf } = makeStore();
    await append(3);
    const { sha256 } = (await readLedgerHead(store)) ?? { sha256: '' };
    await append(2);
    for (const expectedHead of [sha256, sha256.slice(0, 16)]) {
      expect((await verifyLedger(store, { expectedHead })).ok).toBe(true);
    }
    for (const n of [3, 4, 5]) await rm(fileOf(n));
    await rm(join(folder, 'ledger~head.json'));
    // Nothing in the store can tell: this is what a noted head is for.
    expect((await verifyLedger(store)).ok).toBe(true);
    const { ok, broken } = await verifyLedger(store, { expectedHead: sha256 });
    expect(ok).toBe(false);
    expect(broken).toEqual([{ number: null, why: `no entry has the hash ${sha256}` }]);
    await expect(verifyLedger(store, { expectedHead: 'abc' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});

describe('manifests and entries', () => {
  const place = { database: 'shop', cluster: '7301' };
  const fileOfTag = (folder: string, tag: string) => join(folder, manifestKey(place, tag));

  /** Seals a manifest and records it, as a checkpoint does. */
  async function seal(folder: string, tag: string, id: string, record = true) {
    const store = new FolderStore(folder);
    const ledger = await readLedgerHead(store);
    const manifest: ArchiveManifest = sampleManifest({ ledger, snapshot: { id, tag } });
    const bytes = encodeManifest(manifest);
    await mkdir(dirname(fileOfTag(folder, tag)), { recursive: true });
    await writeFile(fileOfTag(folder, tag), bytes);
    if (!record) return;
    const details = { manifestSha256: sha256Of(bytes) };
    const snapshot = { id, tag };
    await appendToLedger(store, newEntry({ action: 'checkpoint', snapshot, details }));
  }

  async function sealThree() {
    const scene = makeStore();
    await seal(scene.folder, 'one', 'aaaaaaaaaaaa');
    await seal(scene.folder, 'feature/two', 'bbbbbbbbbbbb');
    await seal(scene.folder, 'three', 'cccccccccccc');
    const whole = { ok: true, entries: 3, manifests: 3 };
    expect(await verifyLedger(scene.store)).toMatchObject(whole);
    return scene;
  }

  it('betray a deleted entry even where the note beside the ledger was put right', async () => {
    const { folder, store, fileOf } = await sealThree();
    await rm(fileOf(3));
    await rm(join(folder, 'ledger~head.json'));
    const { ok, broken } = await verifyLedger(store);
    expect(ok).toBe(false);
    expect(broken).toEqual([
      { number: null, why: expect.stringContaining('manifests/three.json') },
    ]);
    await rm(fileOf(2));
    const { broken: more } = await verifyLedger(store);
    expect(more[0]).toEqual({
      number: 2,
      why: expect.stringMatching(/missing: the manifest .*three/),
    });
  });

  it('betray a whole ledger written anew', async () => {
    const { folder, store, append } = await sealThree();
    await rm(join(folder, 'ledger'), { recursive: true });
    await rm(join(folder, 'ledger~head.json'));
    await append(3);
    const { broken } = await verifyLedger(store);
    expect(broken.map(({ number }) => number)).toEqual([1, 2, null, null, null]);
  });

  it('a manifest that is gone, or another one, is told with its entry', async () => {
    const { folder, store } = await sealThree();
    await rm(fileOfTag(folder, 'one'));
    const file = fileOfTag(folder, 'feature/two');
    await writeFile(file, (await readFile(file, 'utf8')).replace('4000', '4001'));
    expect((await verifyLedger(store)).broken).toEqual([
      { number: 1, why: expect.stringMatching(/manifest of "one" is gone/) },
      { number: 2, why: expect.stringMatching(/another manifest of "feature\/two"/) },
    ]);
  });

  it.each<[string, Partial<NewLedgerEntry>]>([
    ['delete', { snapshot: { id: 'bbbbbbbbbbbb', tag: 'feature/two' } }],
    ['prune', { details: { removed: ['cccccccccccc', 'bbbbbbbbbbbb'] } }],
  ])('what %s has removed need not be there', async (action, changes) => {
    const { folder, store } = await sealThree();
    await appendToLedger(store, newEntry({ action, ...changes }));
    await rm(fileOfTag(folder, 'feature/two'));
    expect(await verifyLedger(store)).toMatchObject({ ok: true, manifests: 2 });
  });

  it('a refused delete excuses nothing', async () => {
    const { folder, store } = await sealThree();
    const snapshot = { id: 'aaaaaaaaaaaa', tag: 'one' };
    await appendToLedger(store, newEntry({ action: 'delete', outcome: 'refused', snapshot }));
    await rm(fileOfTag(folder, 'one'));
    expect((await verifyLedger(store)).broken).toHaveLength(1);
  });

  it('a renamed archive has its new manifest, and the old one may go', async () => {
    const { folder, store } = await sealThree();
    const manifest = sampleManifest({ snapshot: { id: 'aaaaaaaaaaaa', tag: 'uno' } });
    const bytes = encodeManifest(manifest);
    await writeFile(fileOfTag(folder, 'uno'), bytes);
    const snapshot = { id: 'aaaaaaaaaaaa', tag: 'uno' };
    const details = { manifestSha256: sha256Of(bytes) };
    await appendToLedger(store, newEntry({ action: 'rename', snapshot, details }));
    await rm(fileOfTag(folder, 'one'));
    expect(await verifyLedger(store)).toMatchObject({ ok: true, manifests: 3 });
    await rm(fileOfTag(folder, 'uno'));
    expect((await verifyLedger(store)).broken).toMatchObject([{ number: 4 }]);
  });

  it('a checkpoint that is just being recorded is not taken for a gap', async () => {
    const { folder, store } = await sealThree();
    await seal(folder, 'four', 'dddddddddddd', false);
    const verifying = verifyLedger(store);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const details = { manifestSha256: sha256Of(await readFile(fileOfTag(folder, 'four'))) };
    const snapshot = { id: 'dddddddddddd', tag: 'four' };
    await appendToLedger(store, newEntry({ action: 'checkpoint', snapshot, details }));
    expect(await verifying).toMatchObject({ ok: true, entries: 4, manifests: 4 });
  });
});

describe('recording where the work must not fail for it', () => {
  const broken = async (): Promise<Store> => {
    throw new BelayError('STORE_UNAVAILABLE', 'no answer from s3://u:hunter2@bucket');
  };
  const collect = () => {
    const events: ProgressEvent[] = [];
    return { events, reporter: (event: ProgressEvent) => void events.push(event) };
  };

  it('a store out of reach is a warning, without a password', async () => {
    const { events, reporter } = collect();
    expect(await recordInLedger(broken, newEntry({ action: 'restore' }), { reporter })).toBeNull();
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('no answer') }]);
    expect(JSON.stringify(events)).toContain('this restore is not in the ledger');
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });

  it('a store that hangs is given up', async () => {
    const { events, reporter } = collect();
    const hanging = () => new Promise<Store>(() => {});
    const options = { reporter, timeoutMs: 50 };
    expect(await recordInLedger(hanging, newEntry(), options)).toBeNull();
    expect(JSON.stringify(events)).toContain('did not answer within 50 ms');
  });

  it('refusals are entries, other errors are none', async () => {
    const { folder, store } = makeStore();
    const work = { action: 'delete', target, snapshot: { id: 'aaaaaaaaaaaa', tag: 'one' } };
    const refusal = new BelayError('PROTECTED', '"one" is protected');
    const open = async () => store;
    expect(await recordRefusal(open, refusal, work)).toMatchObject({ number: 1 });
    expect(await recordRefusal(open, new BelayError('LOCKED', 'x'), work)).toBeNull();
    expect(await recordRefusal(open, new Error('x'), work)).toBeNull();
    expect((await readLedger(store)).entries).toMatchObject([
      {
        ...{ action: 'refusal', outcome: 'refused', snapshot: work.snapshot, rows: null },
        details: { refused: 'delete', code: 'PROTECTED', message: '"one" is protected' },
      },
    ]);
    expect(await readdir(join(folder, 'ledger'))).toEqual(['000000000001.json']);
  });
});
