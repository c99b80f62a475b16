import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  drillSnapshot,
  exportSnapshot,
  type ProgressEvent,
  pushSnapshot,
  restoreSnapshot,
  showSnapshot,
  takeCheckpoint,
  verifyArchives,
} from '../../../src/index.js';
import { runProgram } from '../../../src/process/run.js';
import {
  archiveFile,
  beside,
  checkpoint,
  keysOf,
  readManifest,
  restorePlainly,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { type TestDatabase, withDatabase } from '../../support/servers.js';
import { addItem, createShop, databasesOf, failure, itemsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const hasAge = await runProgram('age', ['--version']).then(
  ({ exitCode }) => exitCode === 0,
  () => false,
);
const items = ['rope', 'harness', 'belay device'];

describe(`archives encrypted to age recipients, on ${server.name}`, () => {
  const store = storeFolder();
  const key = beside(store, 'key');
  const wrongKey = beside(store, 'wrong-key');
  let shop: TestDatabase;
  let recipient: string;
  beforeAll(async () => {
    shop = await createShop(server);
    const identity = await generateIdentity();
    recipient = await identityToRecipient(identity);
    await writeFile(key, `# made for a test\n${identity}\n`, { mode: 0o600 });
    await writeFile(wrongKey, `${await generateIdentity()}\n`, { mode: 0o600 });
    await checkpoint(shop.url, store, { tag: 'sealed', encryptTo: [recipient] });
  });
  afterAll(() => shop.drop());

  const shown = () => withStore(shop.url, store, (target) => showSnapshot(target, 'sealed'));

  it('are sealed and proven by who has no key', async () => {
    const { copies } = await shown();
    expect(copies).toMatchObject([{ encrypted: true, drill: { status: 'proven' } }]);
    const { archive } = await readManifest(store, 'sealed');
    expect(archive.key).toMatch(/\.dump\.age$/);
    expect(archive.encryption).toMatchObject({ method: 'age', recipients: [recipient] });
    expect(archive.sizeBytes).toBeGreaterThan(archive.encryption?.plainSizeBytes ?? 0);
    const { ok, checked } = await withStore(shop.url, store, (target) => verifyArchives(target));
    expect({ ok, checked }).toEqual({ ok: true, checked: 1 });
  });

  it.skipIf(!hasAge)(
    'are opened by the program age (skipped where it is not installed)',
    async () => {
      const file = beside(store, 'opened');
      await runProgram('age', ['--decrypt', '-i', key, '-o', file, archiveFile(await shown())], {
        mustSucceed: true,
      });
      const restored = await restorePlainly(server, tools.pgRestore.path, file);
      expect(await itemsOf(restored.url)).toEqual(items);
      await restored.drop();
    },
  );

  it.each([
    ['no key', (): string | undefined => undefined],
    ['another key', (): string | undefined => wrongKey],
  ] as const)(
    'restore, drill and export fail with %s, at once, and leave nothing',
    async (_what, identity) => {
      const identityFile = identity();
      const databases = await databasesOf(server, shop.name);
      const file = beside(store, 'refused');
      await withStore(shop.url, store, async (target) => {
        const options = { reference: 'sealed', identityFile };
        const attempts: (() => Promise<unknown>)[] = [
          () => restoreSnapshot(target, options),
          () => restoreSnapshot(target, { ...options, to: `${shop.name}_to` }),
          () => drillSnapshot(target, options),
          () => exportSnapshot(target, { ...options, file }),
        ];
        for (const attempt of attempts) {
          const error = await failure(attempt(), 'NEEDS_IDENTITY');
          expect(error.exitCode).toBe(2);
          expect(error.hint).toBeTruthy();
        }
      });
      expect(await databasesOf(server, shop.name)).toEqual(databases);
      expect(await keysOf(dirname(store), /^refused/)).toEqual([]);
      // That nobody has the key says nothing about the archive.
      expect((await shown()).copies).toMatchObject([{ drill: { status: 'proven' } }]);
    },
  );

  it('are restored, drilled and exported with the key', async () => {
    await addItem(shop.url, 'later');
    const env = { BELAY_IDENTITY: key };
    const file = beside(store, 'exported');
    await withStore(
      shop.url,
      store,
      async (target) => {
        expect(await drillSnapshot(target, { reference: 'sealed' })).toMatchObject({ ok: true });
        await exportSnapshot(target, { reference: 'sealed', file });
        await restoreSnapshot(target, { reference: 'sealed' });
      },
      env,
    );
    expect(await itemsOf(shop.url)).toEqual(items);
    const plain = await restorePlainly(server, tools.pgRestore.path, file);
    expect(await itemsOf(plain.url)).toEqual(items);
    await plain.drop();
    const to = `${shop.name}_key`;
    await withStore(shop.url, store, (target) =>
      restoreSnapshot(target, { reference: 'sealed', to, identityFile: key }),
    );
    expect(await itemsOf(withDatabase(shop.url, to))).toEqual(items);
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  });

  it('go to another store without the key, as they are', async () => {
    const other = beside(store, 'other');
    await withStore(shop.url, store, (target) =>
      pushSnapshot(target, { reference: 'sealed', to: other }),
    );
    const [there, here] = await Promise.all([
      readManifest(other, 'sealed'),
      readManifest(store, 'sealed'),
    ]);
    expect(there.archive.sha256).toBe(here.archive.sha256);
    expect(there.archive.encryption).toEqual(here.archive.encryption);
  });

  it('several recipients can each open it', async () => {
    const second = beside(store, 'second');
    const identity = await generateIdentity();
    await writeFile(second, identity);
    const encryptTo = [recipient, await identityToRecipient(identity)];
    await checkpoint(shop.url, store, { tag: 'two', encryptTo, drill: false });
    for (const identityFile of [key, second]) {
      const file = beside(store, 'two');
      await withStore(shop.url, store, (target) =>
        exportSnapshot(target, { reference: 'two', file, identityFile }),
      );
    }
  });

  it('read back for a drill they need the key: that is said before anything is dumped', async () => {
    const before = await keysOf(store);
    const steps: string[] = [];
    const options = { tag: 'x', drill: 'readback', encryptTo: [recipient] } as const;
    const reporter = (event: ProgressEvent) =>
      void (event.type === 'step' && steps.push(event.name));
    await failure(
      withStore(shop.url, store, (target) => takeCheckpoint(target, { ...options, reporter })),
      'NEEDS_IDENTITY',
    );
    expect(steps).toEqual([]);
    expect(await keysOf(store)).toEqual(before);
  });

  it.each(['age1nobody', '', 'ssh-ed25519 AAAA', 'AGE-SECRET-KEY-1QQQ'])(
    '%j is no recipient, and nothing is made',
    async (wrong) => {
      const before = await keysOf(store);
      const error = await failure(
        withStore(shop.url, store, (target) =>
          takeCheckpoint(target, { tag: 'x', encryptTo: [wrong] }),
        ),
        'BAD_RECIPIENT',
      );
      if (wrong.startsWith('AGE-SECRET')) expect(error.message).not.toContain(wrong);
      expect(await keysOf(store)).toEqual(before);
    },
  );
});
