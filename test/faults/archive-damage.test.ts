import { cp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeLedgerEntry, ledgerKey, sha256Of } from '../../src/domain/ledger.js';
import { type ArchiveManifest, encodeManifest, parseManifest } from '../../src/domain/manifest.js';
import {
  drillSnapshot,
  restoreSnapshot,
  type Target,
  verifyArchives,
  verifyLedger,
} from '../../src/index.js';
import { databasesOf, failure, withTarget } from '../support/targets.js';
import {
  type ArchiveScene,
  expectSealed,
  openArchiveScene,
  repair,
  sealHere,
} from './archive/scene.js';

/** As age encrypts them: each with its own tag. */
const chunkBytes = 64 * 1024 + 16;

let scene: ArchiveScene;
let store: string;
/** The store as it was. */
let untouched: string;
let identityFile: string;
let wrongIdentityFile: string;

beforeAll(async () => {
  scene = await openArchiveScene({ blobMegabytes: 1 });
  store = scene.env.BELAY_STORE ?? '';
  untouched = join(scene.folder, 'untouched');
  const keys = [await generateIdentity(), await generateIdentity()] as const;
  [identityFile, wrongIdentityFile] = ['key', 'wrong-key'].map((name) =>
    join(scene.folder, name),
  ) as [string, string];
  await writeFile(identityFile, `${keys[0]}\n`, { mode: 0o600 });
  await writeFile(wrongIdentityFile, `${keys[1]}\n`, { mode: 0o600 });
  await sealHere(scene, 'plain');
  await sealHere(scene, 'secret', { encryptTo: [await identityToRecipient(keys[0])] });
  await cp(store, untouched, { recursive: true });
});
afterAll(() => scene?.close());

afterEach(async () => {
  await rm(store, { recursive: true });
  await cp(untouched, store, { recursive: true });
  await expectSealed(scene);
});

const on = <T>(work: (target: Target) => Promise<T>) => withTarget(scene.shop.url, work, scene.env);

async function manifestFile(tag: string): Promise<string> {
  const names = await readdir(store, { recursive: true });
  const name = names.find((one) => one.endsWith(`/manifests/${tag}.json`));
  if (!name) throw new Error(`no manifest of ${tag} in ${names}`);
  return join(store, name);
}

async function readManifest(tag: string): Promise<ArchiveManifest> {
  const parsed = parseManifest(await readFile(await manifestFile(tag)));
  if (parsed.type !== 'manifest') throw new Error(`the manifest of ${tag} is ${parsed.type}`);
  return parsed.manifest;
}

const archiveFile = async (tag: string) => join(store, (await readManifest(tag)).archive.key);

/** Changes an archive, and makes its manifest anew as whoever may write to the store could. */
async function damage(
  tag: string,
  change: (bytes: Buffer) => Buffer,
  { isManifestMadeToFit = false } = {},
): Promise<void> {
  const file = await archiveFile(tag);
  const bytes = change(await readFile(file));
  await writeFile(file, bytes);
  if (!isManifestMadeToFit) return;
  const manifest = await readManifest(tag);
  const fits = { sizeBytes: bytes.length, sha256: sha256Of(bytes) };
  await reseal(tag, { ...manifest, archive: { ...manifest.archive, ...fits } });
}

const reseal = async (tag: string, manifest: ArchiveManifest) =>
  writeFile(await manifestFile(tag), encodeManifest(manifest));

/** Neither a restore nor a drill takes it, and nothing of it stays. */
async function expectRefused(reference: string): Promise<void> {
  const key = { reference, identityFile };
  const { server } = scene;
  const drill = { ...key, drillServer: server.adminUrl };
  await failure(
    on((target) => drillSnapshot(target, drill)),
    'SEAL_BROKEN',
  );
  await failure(
    on((target) => restoreSnapshot(target, { ...key, to: 'elsewhere' })),
    'SEAL_BROKEN',
  );
  expect(await databasesOf(server, 'belay_drill_')).toEqual([]);
  expect(await databasesOf(server, scene.shop.name)).toEqual([scene.shop.name]);
  expect(await databasesOf(server, 'elsewhere')).toEqual([]);
}

async function brokenSeals(): Promise<string[]> {
  const { ok, broken } = await on((target) => verifyArchives(target));
  expect(ok).toBe(broken.length === 0);
  return broken.map(({ what, name, why }) => `${what} ${name}: ${why}`);
}

function flipBit(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(at) ^ 4, at);
  return flipped;
}

/** Behind the header, whose last line begins with "---", and a nonce. */
const firstChunkAt = (bytes: Buffer) => bytes.indexOf('\n', bytes.indexOf('\n--- ') + 1) + 1 + 16;

function swapChunks(bytes: Buffer): Buffer {
  const at = firstChunkAt(bytes);
  const chunk = (index: number) =>
    bytes.subarray(at + index * chunkBytes, at + (index + 1) * chunkBytes);
  return Buffer.concat([
    bytes.subarray(0, at),
    ...[chunk(1), chunk(0)],
    bytes.subarray(at + 2 * chunkBytes),
  ]);
}

function withoutLastChunk(bytes: Buffer): Buffer {
  const at = firstChunkAt(bytes);
  return bytes.subarray(0, at + Math.floor((bytes.length - at - 1) / chunkBytes) * chunkBytes);
}

describe('an archive', () => {
  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut in half', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['without its last byte', (bytes) => bytes.subarray(0, -1)],
    ['with a byte too many', (bytes) => Buffer.concat([bytes, Buffer.from('x')])],
    ['with one bit flipped among its rows', (bytes) => flipBit(bytes, bytes.length / 2)],
    ['with one bit flipped in its head', (bytes) => flipBit(bytes, 20)],
  ])('%s is refused', async (_how, change) => {
    await damage('plain', change);
    await expectRefused('plain');
    expect(await brokenSeals()).toEqual([expect.stringMatching(/^archive plain: /)]);
  });

  it('that is broken ends `verify` with 7, and says which', async () => {
    await damage('plain', (bytes) => flipBit(bytes, bytes.length - 100));
    const { exitCode, json } = await scene.belay(['verify', '--json']);
    expect(exitCode).toBe(7);
    expect(json.broken).toMatchObject([{ what: 'archive', name: 'plain' }]);
    expect((await scene.belay(['verify', 'base'])).exitCode).toBe(0);
  });

  it.each([
    ['two chunks swapped', swapChunks],
    ['the last chunk missing', withoutLastChunk],
  ])(
    'encrypted, with %s, is refused, also where the manifest was made to fit',
    async (_how, change) => {
      await damage('secret', change);
      await expectRefused('secret');
      expect(await brokenSeals()).toEqual([expect.stringMatching(/^archive secret: /)]);
      await rm(store, { recursive: true });
      await cp(untouched, store, { recursive: true });
      await damage('secret', change, { isManifestMadeToFit: true });
      await expectRefused('secret');
      expect(await brokenSeals()).toEqual([expect.stringMatching(/^ledger .* another manifest/)]);
    },
  );

  it('encrypted is not opened by another key, nor without one', async () => {
    const wrong = { reference: 'secret', identityFile: wrongIdentityFile, to: 'elsewhere' };
    await failure(
      on((target) => restoreSnapshot(target, wrong)),
      'NEEDS_IDENTITY',
    );
    await failure(
      on((target) => drillSnapshot(target, { reference: 'secret' })),
      'NEEDS_IDENTITY',
    );
    expect(await databasesOf(scene.server, scene.shop.name)).toEqual([scene.shop.name]);
  });
});

describe('a manifest', () => {
  it('that was edited is refused; the archive behind it stays, however old', async () => {
    const [file, archive] = [await manifestFile('plain'), await archiveFile('plain')];
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"rows": 3', '"rows": 4'));
    const longAgo = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
    await utimes(archive, longAgo, longAgo);
    await expectRefused('plain');
    expect(await brokenSeals()).toEqual([
      expect.stringMatching(/^manifest plain: .*edited/),
      expect.stringMatching(/^ledger .* another manifest/),
    ]);
    await repair(scene);
    await writeFile(file, text);
    await expectSealed(scene);
  });

  it('in the place of another is refused', async () => {
    await cp(await manifestFile('base'), await manifestFile('plain'));
    await expectRefused('plain');
    expect(await brokenSeals()).toEqual(
      expect.arrayContaining([expect.stringContaining('it is the manifest of "base"')]),
    );
  });

  it('that was edited and sealed again is found by the ledger', async () => {
    const manifest = await readManifest('plain');
    const drill = { ...manifest.drill, at: '2026-01-01T00:00:00.000Z' };
    await reseal('plain', { ...manifest, drill });
    expect(await brokenSeals()).toEqual([
      expect.stringMatching(/^ledger .*it recorded another manifest of "plain"/),
    ]);
  });

  it('sealed again over the archive of another is found by the ledger, and by no repair silenced', async () => {
    const [plain, base] = [await readManifest('plain'), await readManifest('base')];
    await reseal('plain', { ...plain, archive: base.archive });
    const found = [expect.stringMatching(/^ledger .*it recorded another manifest of "plain"/)];
    expect(await brokenSeals()).toEqual(found);
    await repair(scene);
    expect(await brokenSeals()).toEqual(found);
  });

  it('of a checkpoint that never was is found by the ledger, and by no repair silenced', async () => {
    const plain = await readManifest('plain');
    const snapshot = { ...plain.snapshot, id: '000000000000', tag: 'forged' };
    const file = (await manifestFile('plain')).replace('plain.json', 'forged.json');
    await writeFile(file, encodeManifest({ ...plain, snapshot }));
    const found = [expect.stringMatching(/^ledger .*no entry tells of the manifest/)];
    expect(await brokenSeals()).toEqual(found);
    await repair(scene);
    expect(await brokenSeals()).toEqual(found);
  });
});

describe('a ledger', () => {
  const entryFile = (number: number) => join(store, ledgerKey(number));

  async function edit(number: number): Promise<void> {
    const { seal: _seal, ...entry } = JSON.parse(await readFile(entryFile(number), 'utf8'));
    await writeFile(entryFile(number), encodeLedgerEntry({ ...entry, rows: 0 }));
  }

  async function swap(a: number, b: number): Promise<void> {
    await rename(entryFile(a), `${entryFile(a)}.aside`);
    await rename(entryFile(b), entryFile(a));
    await rename(`${entryFile(a)}.aside`, entryFile(b));
  }

  it.each<[string, number, () => Promise<void>]>([
    ['without its first entry', 1, () => rm(entryFile(1))],
    ['without an entry', 2, () => rm(entryFile(2))],
    ['without its newest entry', 3, () => rm(entryFile(3))],
    ['with an entry that was edited and sealed again', 2, () => edit(2)],
    ['with two entries exchanged', 1, () => swap(1, 2)],
  ])('%s is broken', async (_how, number, change) => {
    await change();
    const opened = await scene.openStore();
    const { ok, broken } = await verifyLedger(opened);
    expect(ok).toBe(false);
    expect(broken.map((finding) => finding.number)).toContain(number);
  });

  it('that is broken ends `ledger verify` and `verify` with 7', async () => {
    await rm(entryFile(2));
    const [ledger, verify] = await Promise.all([
      scene.belay(['ledger', 'verify', '--json']),
      scene.belay(['verify', '--json']),
    ]);
    expect([ledger.exitCode, verify.exitCode]).toEqual([7, 7]);
    expect(verify.json).toMatchObject({ ok: false, checked: 3 });
  });
});
