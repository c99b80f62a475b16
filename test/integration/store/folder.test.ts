import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, type TestContext } from 'vitest';
import { runProgram } from '../../../src/process/run.js';
import { openStore } from '../../../src/store/open-store.js';
import { failure } from '../../support/failure.js';
import { mountFolder } from '../../support/mounted-folder.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { describeContract } from './contract.js';
import type { ContractSubject } from './contract-subject.js';
import { randomStream } from './sample-streams.js';

async function withFolder(work: (subject: ContractSubject) => Promise<void>): Promise<void> {
  const folder = join(makeTempFolder(), 'store');
  const store = await openStore(folder);
  await work({
    store,
    leaveUnfinished: async (key) => {
      const path = join(folder, `${key}.part-${'0123456789abcdef'}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'half');
    },
  });
}

describe('a store in a folder', () => {
  describeContract({
    ...{ withStore: withFolder, withLockingStore: withFolder },
    ...{ confirmedBy: 'size', lockMode: 'read-only' },
  });

  it('keeps files and folders for its owner alone', async () => {
    const folder = join(makeTempFolder(), 'deep', 'store');
    const store = await openStore(folder);
    await store.prepare();
    await store.putStream('shop/a.dump', Readable.from([Buffer.from('x')]));
    const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    expect(await modeOf(folder)).toBe('700');
    expect(await modeOf(join(folder, 'shop'))).toBe('700');
    expect(await modeOf(join(folder, 'shop/a.dump'))).toBe('600');
    await store.lock('shop/a.dump', new Date(Date.now() + 60_000));
    expect(await modeOf(join(folder, 'shop/a.dump'))).toBe('400');
  });

  it('takes a lock whose note was edited for a lock', async () => {
    const folder = makeTempFolder();
    const store = await openStore(folder);
    await store.write('a', Buffer.from('x'));
    await store.lock('a', new Date(Date.now() + 60_000));
    for (const note of ['', '{"until":', '{"until":"soon"}', '{}', 'null']) {
      await writeFile(join(folder, 'a.lock'), note, { mode: 0o600 });
      await failure(store.delete('a'), 'STORE_MISCONFIGURED');
      expect(await readdir(folder)).toEqual(['a', 'a.lock']);
    }
  });

  it('is no file: that would look like an empty store', async () => {
    const file = join(makeTempFolder(), 'file');
    await writeFile(file, 'x');
    const store = await openStore(file);
    const error = await failure(store.list(''), 'STORE_MISCONFIGURED');
    expect(error.message).toContain(file);
  });

  it('lists nothing where there is no folder yet', async () => {
    const store = await openStore(join(makeTempFolder(), 'none'));
    expect(await store.list('')).toEqual([]);
    expect(await store.listUnfinished('')).toEqual([]);
    expect(await store.read('a')).toBeUndefined();
  });

  it('leaves alone what is not its own', async () => {
    const folder = makeTempFolder({ 'notes.txt': 'mine', 'a.part-old': 'mine' });
    const store = await openStore(folder);
    expect(await store.listUnfinished('')).toEqual([]);
    await store.abortUnfinished({
      ...{ key: 'notes', uploadId: '/../notes.txt', startedAt: new Date() },
    });
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('says that the disk is full, and leaves nothing half-written', async (context) => {
    const disk = await mounted(context);
    const store = await openStore(disk.path);
    await store.write('before', Buffer.from('kept'));
    const error = await failure(
      store.putStream('shop/a.dump', randomStream(6_000_000).source),
      'DISK_FULL',
    );
    expect(error.message).toContain(join(disk.path, 'shop/a.dump'));
    expect(await store.listUnfinished('')).toEqual([]);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['before']);
    // There is room again.
    await store.putStream('shop/a.dump', randomStream(1_000_000).source);
  });

  it('names the path that it may not write', async (context) => {
    const disk = await mounted(context);
    const store = await openStore(disk.path);
    await store.write('a', Buffer.from('x'));
    await runProgram('mount', ['-o', 'remount,ro', disk.path], { mustSucceed: true });
    const error = await failure(store.write('shop/b', Buffer.from('x')), 'STORE_DENIED');
    expect(error.message).toContain(join(disk.path, 'shop/b'));
    expect(error.hint).toBeTruthy();
    await failure(store.delete('a'), 'STORE_DENIED');
    expect(await store.read('a')).toEqual(Buffer.from('x'));
  });
});

/** A disk of 4 MB of the test's own. */
async function mounted(context: TestContext) {
  const disk = await mountFolder({ type: 'tmpfs', sizeBytes: 4_000_000 });
  if (typeof disk === 'string') return context.skip(disk);
  context.onTestFinished(() => disk.remove());
  return disk;
}
