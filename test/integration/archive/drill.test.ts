import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArchiveManifest } from '../../../src/domain/manifest.js';
import {
  type DrillOptions,
  drillSnapshot,
  listSnapshots,
  openConfiguredStore,
  readLedger,
  restoreSnapshot,
  showSnapshot,
  takeCheckpoint,
  verifyLedger,
} from '../../../src/index.js';
import {
  checkpoint,
  copyOf,
  forgeManifest,
  keysOf,
  readManifest,
  storeFolder,
  withScripts,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestRole,
  type TestDatabase,
  testServers,
  withDatabase,
} from '../../support/servers.js';
import { createShop, databasesOf, failure, rowsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const otherMajor = testServers().filter(({ major }) => major !== server.major);

describe(`drills on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    await checkpoint(shop.url, store, { tag: 'deep', drill: 'deep' });
  });
  afterAll(() => shop.drop());

  const drill = (options: DrillOptions, env: NodeJS.ProcessEnv = {}, at = store) =>
    withStore(shop.url, at, (target) => drillSnapshot(target, options), env);

  /** A copy of the store in which a manifest says something else, under a seal that fits. */
  async function withManifest(change: (manifest: ArchiveManifest) => ArchiveManifest) {
    const copy = await copyOf(store);
    await forgeManifest(copy, 'deep', change);
    return copy;
  }

  it('a deep one is recorded beside the archive, in the timeline and in the ledger', async () => {
    const result = await drill({ reference: 'deep', deep: true });
    expect(result).toMatchObject({ ok: true, restore_drill: 'proven', differences: [] });
    const [key] = await keysOf(store, /\/drills\/.*-proven\.json$/);
    const record = JSON.parse(await readFile(join(store, key ?? ''), 'utf8'));
    expect(record).toMatchObject({ status: 'proven', depth: 'deep', differences: [] });
    const { copies } = await withStore(shop.url, store, (target) => showSnapshot(target, 'deep'));
    expect(copies).toMatchObject([{ type: 'archive', drill: { status: 'proven' } }]);
    const { entries } = await readLedger(await openConfiguredStore({ store }));
    expect(entries.at(-1)).toMatchObject({
      action: 'drill',
      outcome: 'done',
      snapshot: { tag: 'deep' },
    });
  });

  it('a deep one finds a changed value that counting does not', async () => {
    const copy = await withManifest((manifest) => ({
      ...manifest,
      contentHashes: { ...manifest.contentHashes, 'public.items': '3/1' },
    }));
    expect(await drill({ reference: 'deep' }, {}, copy)).toMatchObject({ ok: true });
    expect(await drill({ reference: 'deep', deep: true }, {}, copy)).toMatchObject({
      ok: false,
      restore_drill: 'failed',
      differences: [{ what: 'content', name: 'public.items', expected: '3/1' }],
    });
    // The newest drill is what counts from now on.
    const { snapshots } = await withStore(shop.url, copy, (target) => listSnapshots(target));
    expect(snapshots[0]?.copies).toMatchObject([{ drill: { status: 'failed' } }]);
  });

  it('finds a row more or less, a missing table, a sequence elsewhere and another schema', async () => {
    const copy = await withManifest((manifest) => {
      const { fingerprint } = manifest.snapshot;
      if (!fingerprint) throw new Error('it was never counted');
      const forged = {
        ...fingerprint,
        schemaChecksum: '0'.repeat(64),
        rowCounts: { 'public.items': 4, 'public.gone': 1 },
        sequences: { 'public.items_id_seq': { lastValue: '9', isCalled: true } },
      };
      return { ...manifest, snapshot: { ...manifest.snapshot, fingerprint: forged } };
    });
    const { ok, differences } = await drill({ reference: 'deep' }, {}, copy);
    expect(ok).toBe(false);
    const found = differences.map(({ what, name }) => `${what} ${name}`).sort();
    expect(found).toEqual([
      'rows public.gone',
      'rows public.items',
      'schema schema',
      'sequence public.items_id_seq',
    ]);
    expect(differences).toContainEqual({
      ...{ what: 'rows', name: 'public.items', expected: '4', actual: '3' },
    });
  });

  it('names an extension that the drill server has not got, and so does a restore', async () => {
    const copy = await withManifest((manifest) => ({
      ...manifest,
      requires: {
        ...manifest.requires,
        extensions: [{ name: 'no_such_thing', version: '2.1', schema: 'public' }],
      },
    }));
    const { ok, differences } = await drill({ reference: 'deep' }, {}, copy);
    expect({ ok, differences }).toMatchObject({ ok: false, differences: [{ what: 'extension' }] });
    expect(differences[0]?.actual).toContain('no_such_thing 2.1');
    const before = await databasesOf(server, shop.name);
    const error = await failure(
      withStore(shop.url, copy, (target) => restoreSnapshot(target, { reference: 'deep' })),
      'EXTENSION_MISSING',
    );
    expect(error.message).toContain('no_such_thing 2.1');
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('read back what lies in the store', async () => {
    const { snapshot } = await checkpoint(shop.url, store, { tag: 'readback', drill: 'readback' });
    expect(await readManifest(store, 'readback')).toMatchObject({
      drill: { status: 'proven', depth: 'readback' },
    });
    expect(snapshot.copies).toMatchObject([{ drill: { status: 'proven' } }]);
  });

  it('is not run where nobody wants it, and can be later', async () => {
    const sealed = await checkpoint(shop.url, store, { tag: 'later', drill: false });
    expect(sealed).toMatchObject({ restore_drill: 'not-run' });
    expect(await readManifest(store, 'later')).toMatchObject({
      drill: { status: 'not-run', at: null },
    });
    expect(await drill({ reference: 'later' })).toMatchObject({ restore_drill: 'proven' });
  });

  it('a failed one keeps the archive under another tag, and the asked one stays free', async () => {
    const env = await withScripts(store, tools, {
      pgRestore: `case "$*" in *--dbname*) echo 'out of luck' >&2; exit 1 ;; esac`,
    });
    const result = await withStore(
      shop.url,
      store,
      (target) => takeCheckpoint(target, { tag: 'wanted', lockDays: 3 }),
      env,
    );
    expect(result).toMatchObject({ ok: false, tag: 'wanted', restore_drill: 'failed' });
    expect(result.differences).toMatchObject([
      { what: 'restore', actual: expect.stringContaining('out of luck') },
    ]);
    expect(result.snapshot.tag).toMatch(/^wanted-failed-[0-9a-z]{6}$/);
    expect(result.snapshot.protectedUntil).toBeNull();
    const kept = await keysOf(store, /manifests\/wanted/);
    expect(kept.map((key) => basename(key))).toEqual([`${result.snapshot.tag}.json`]);
    const ledger = await openConfiguredStore({ store });
    expect((await readLedger(ledger)).entries.at(-1)).toMatchObject({
      ...{ action: 'checkpoint', outcome: 'failed', snapshot: { tag: result.snapshot.tag } },
    });
    expect(await verifyLedger(ledger)).toMatchObject({ ok: true });
    // It was the pg_restore: now it works.
    await checkpoint(shop.url, store, { tag: 'wanted' });
  });

  it('on a server of the user’s works, whoever owns what, and leaves nothing behind', async () => {
    const drillServer = server.adminUrl;
    const owner = await createTestRole(server);
    await run(
      shop.url,
      `ALTER TABLE items OWNER TO ${owner.name}; GRANT SELECT ON items TO PUBLIC`,
    );
    const before = await rowsOf(server.adminUrl, 'SELECT datname FROM pg_database ORDER BY 1');
    try {
      const made = await checkpoint(shop.url, store, { tag: 'on-server', drillServer });
      expect(made.restore_drill).toBe('proven');
      expect(
        await drill({ reference: 'on-server' }, { BELAY_DRILL_SERVER: drillServer }),
      ).toMatchObject({ ok: true });
      expect(JSON.stringify(await readManifest(store, 'on-server'))).not.toContain(server.password);
    } finally {
      await run(shop.url, `ALTER TABLE items OWNER TO postgres; REVOKE ALL ON items FROM PUBLIC`);
      await owner.drop();
    }
    const after = await rowsOf(
      server.adminUrl,
      `SELECT datname FROM pg_database WHERE datname LIKE 'belay_drill_%'`,
    );
    expect(after.filter(({ datname }) => !before.some((one) => one.datname === datname))).toEqual(
      [],
    );
  });

  it('a drill server out of reach, or with a wrong password, is an error and nothing is sealed', async () => {
    const before = await keysOf(store);
    const wrong = new URL(server.adminUrl);
    wrong.password = 'wr0ng-one';
    for (const [url, code] of [
      ['postgres://u:s3cret@127.0.0.1:1/x', 'SERVER_UNREACHABLE'],
      [wrong.href, 'AUTHENTICATION_FAILED'],
      [withDatabase(server.adminUrl, 'no_such_database'), 'TARGET_NOT_FOUND'],
    ] as const) {
      const error = await failure(
        withStore(shop.url, store, (target) =>
          takeCheckpoint(target, { tag: 'x', drillServer: url }),
        ),
        code,
      );
      expect(`${error.message} ${error.hint}`).not.toMatch(/s3cret|wr0ng-one/);
    }
    expect(await keysOf(store)).toEqual(before);
  });

  it.each(otherMajor)(
    '$name is refused as its drill server: it prints definitions differently',
    async (other) => {
      const before = await keysOf(store);
      const error = await failure(
        withStore(shop.url, store, (target) =>
          takeCheckpoint(target, { tag: 'x', drillServer: other.adminUrl }),
        ),
        'USAGE',
      );
      expect(error.message).toContain(`PostgreSQL ${other.major}`);
      expect(await keysOf(store)).toEqual(before);
    },
  );
});
