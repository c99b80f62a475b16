import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  drillSnapshot,
  listSnapshots,
  restoreSnapshot,
  takeCheckpoint,
  type VerifyResult,
  verifyArchives,
} from '../../../src/index.js';
import {
  archiveFile,
  checkpoint,
  copyOf,
  forgeManifest,
  keysOf,
  manifestFile,
  readManifest,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { addItem, createShop, databasesOf, failure } from '../../support/targets.js';

const { server } = await findDumpableServer();

interface Tampering {
  readonly what: string;
  readonly tamper: (store: string) => Promise<void>;
  readonly broken: readonly object[];
  /** What reading "first" ends in afterwards. */
  readonly reading: 'SEAL_BROKEN' | 'fine';
}

const archiveOf = async (store: string, tag: string) =>
  join(store, (await readManifest(store, tag)).archive.key);

async function flipBit(file: string, at: (length: number) => number): Promise<void> {
  const bytes = await readFile(file);
  const index = at(bytes.length);
  bytes[index] = (bytes[index] ?? 0) ^ 0b100;
  await writeFile(file, bytes);
}

async function edit(file: string, from: RegExp, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(from);
  await writeFile(file, text.replace(from, to));
}

const broken = (what: string, name: unknown, why: unknown = expect.any(String)) =>
  expect.objectContaining({ what, name, why });

const tamperings: readonly Tampering[] = [
  {
    what: 'one bit flipped in the middle of an archive',
    tamper: async (store) => flipBit(await archiveOf(store, 'first'), (length) => length >> 1),
    broken: [broken('archive', 'first', expect.stringContaining('SHA-256'))],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'one bit flipped in its last byte',
    tamper: async (store) => flipBit(await archiveOf(store, 'first'), (length) => length - 1),
    broken: [broken('archive', 'first')],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'an archive that lacks its end',
    tamper: async (store) => truncate(await archiveOf(store, 'first'), 900),
    broken: [broken('archive', 'first', expect.stringContaining('900 bytes'))],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'an archive that is gone',
    tamper: async (store) => rm(await archiveOf(store, 'first')),
    broken: [broken('archive', 'first', expect.stringContaining('missing'))],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'two archives exchanged',
    tamper: async (store) => {
      const [a, b] = [await archiveOf(store, 'first'), await archiveOf(store, 'second')];
      await rename(a, `${a}.x`);
      await rename(b, a);
      await rename(`${a}.x`, b);
    },
    broken: [broken('archive', 'second'), broken('archive', 'first')],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'a manifest that was edited',
    tamper: async (store) =>
      edit(await manifestFile(store, 'first'), /"public.items": 3/, '"public.items": 2'),
    broken: [
      broken('manifest', 'first', expect.stringContaining('edited')),
      broken('ledger', expect.anything(), expect.stringContaining('first')),
    ],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'a manifest that was edited and sealed again',
    tamper: (store) =>
      forgeManifest(store, 'first', (manifest) => ({ ...manifest, portableChecksum: '0' })),
    broken: [broken('ledger', expect.anything(), expect.stringContaining('first'))],
    // It still restores to what it says: only the ledger knows.
    reading: 'fine',
  },
  {
    what: 'two manifests exchanged',
    tamper: async (store) => {
      const [a, b] = [await manifestFile(store, 'first'), await manifestFile(store, 'second')];
      await rename(a, `${a}.x`);
      await rename(b, a);
      await rename(`${a}.x`, b);
    },
    broken: [
      broken('manifest', 'first', expect.stringContaining('"second"')),
      broken('manifest', 'second', expect.stringContaining('"first"')),
    ],
    reading: 'SEAL_BROKEN',
  },
  {
    what: 'an entry of the ledger that is gone',
    tamper: (store) => rm(join(store, 'ledger/000000000001.json')),
    broken: [broken('ledger', '1')],
    reading: 'fine',
  },
  {
    what: 'an entry of the ledger that was edited',
    tamper: (store) => edit(join(store, 'ledger/000000000002.json'), /"done"/, '"failed"'),
    broken: [broken('ledger', '2')],
    reading: 'fine',
  },
  {
    what: 'a manifest that was deleted with its archive',
    tamper: async (store) => {
      await rm(await archiveOf(store, 'second'));
      await rm(await manifestFile(store, 'second'));
    },
    broken: [broken('ledger', expect.anything(), expect.stringContaining('second'))],
    reading: 'fine',
  },
];

describe(`verify on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    for (const tag of ['first', 'second']) {
      await checkpoint(shop.url, store, { tag, drill: false });
      // Two dumps of the same rows within a second are the same bytes.
      await addItem(shop.url, `after ${tag}`);
    }
  });
  afterAll(() => shop.drop());

  const verify = (at: string, reference?: string): Promise<VerifyResult> =>
    withStore(shop.url, at, (target) => verifyArchives(target, { reference }));

  it('finds nothing where nothing was changed, and hashes every archive', async () => {
    expect(await verify(store)).toEqual({ ok: true, checked: 2, broken: [] });
    expect(await verify(store, 'first')).toEqual({ ok: true, checked: 1, broken: [] });
    await failure(verify(store, 'third'), 'SNAPSHOT_NOT_FOUND');
  });

  it.each(tamperings)('names $what', async ({ tamper, broken: expected, reading }) => {
    const copy = await copyOf(store);
    await tamper(copy);
    const found = await verify(copy);
    expect(found.ok).toBe(false);
    for (const one of expected) expect(found.broken).toContainEqual(one);
    if (reading === 'fine') return;
    const databases = await databasesOf(server, shop.name);
    const restore = () =>
      withStore(shop.url, copy, (target) =>
        restoreSnapshot(target, { reference: 'first', to: `${shop.name}_to` }),
      );
    const error = await failure(restore(), reading);
    expect(error.exitCode).toBe(7);
    const { id } = (await readManifest(store, 'first')).snapshot;
    expect(error.message).toMatch(new RegExp(`"?first|${id}`));
    expect(await databasesOf(server, shop.name)).toEqual(databases);
  });

  it('a broken archive is not drilled as if it were good, and does not hide the others', async () => {
    const copy = await copyOf(store);
    await flipBit(await archiveOf(copy, 'first'), (length) => length - 40);
    await writeFile(await manifestFile(copy, 'second'), '{"belay": 1');
    await withStore(shop.url, copy, async (target) => {
      await failure(drillSnapshot(target, { reference: 'first' }), 'SEAL_BROKEN');
      const { snapshots } = await listSnapshots(target);
      expect(snapshots.map(({ tag }) => tag)).toEqual(['first']);
      // What cannot be read still has its tag: it must not be written over.
      await failure(takeCheckpoint(target, { tag: 'second', drill: false }), 'TAG_EXISTS');
      const { snapshot } = await takeCheckpoint(target, { tag: 'third', drill: false });
      expect(await keysOf(copy, new RegExp(snapshot.id))).toHaveLength(1);
      expect(archiveFile(snapshot)).toContain(copy);
    });
  });

  it('a manifest of a later Belay is left alone and named', async () => {
    const copy = await copyOf(store);
    await edit(await manifestFile(copy, 'first'), /"belay": 1,/, '"belay": 2,');
    const found = await verify(copy);
    expect(found.broken).toContainEqual(
      broken('manifest', 'first', expect.stringContaining('newer')),
    );
  });
});
