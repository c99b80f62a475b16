import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveFile, beside, keysOf, storeFolder, withScripts } from '../support/archives.js';
import { findDumpableServer } from '../support/dump-tools.js';
import { runBelay, type TestDatabase } from '../support/servers.js';
import { snapshotShape } from '../support/snapshot-shape.js';
import { addItem, createShop, itemsOf, run } from '../support/targets.js';

const { server, tools } = await findDumpableServer();
const items = ['rope', 'harness', 'belay device'];
const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const archiveShape = (changes: object = {}) => ({
  ...{ type: 'archive', sizeBytes: expect.any(Number), sha256, encrypted: false },
  ...{ location: expect.stringMatching(/^\/.*\.dump$/), drill: { status: 'proven', at: time } },
  ...changes,
});

/** One database, one store, and the commands in the order in which somebody may use them. */
describe(`the JSON of commands on archives, on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  const belay = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    runBelay(args, { env: { BELAY_URL: shop.url, BELAY_STORE: store, ...env } });

  /** Exit 0, one document on stdout, and no progress on stderr. */
  async function json(...args: string[]) {
    const result = await belay([...args, '--json']);
    expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    expect(result.stdout.endsWith('}\n')).toBe(true);
    return result.json;
  }

  async function refused(exitCode: number, code: string, ...args: string[]) {
    const result = await belay([...args, '--json']);
    expect({ exitCode: result.exitCode, error: result.json.error?.code }).toEqual({
      exitCode,
      error: code,
    });
    expect(result.json).toMatchObject({
      ok: false,
      error: { message: expect.any(String), hint: expect.any(String) },
    });
    return result.json.error;
  }

  it('checkpoint', async () => {
    const made = await json('checkpoint', '--tag', 'pre-deploy', '-d', 'before it');
    expect(made).toMatchObject({
      ...{
        ok: true,
        tag: 'pre-deploy',
        restore_drill: 'proven',
        rows: 3,
        tables: 1,
        differences: [],
      },
      ...{ size: expect.stringMatching(/^[\d.]+ [kMG]?B$/), sizeBytes: expect.any(Number), sha256 },
      durationMs: expect.any(Number),
      ledger: { number: 1, sha256 },
    });
    expect(made.snapshot).toMatchObject(
      snapshotShape({
        ...{ tag: 'pre-deploy', description: 'before it', reason: 'before-migration' },
        copies: [archiveShape({ sizeBytes: made.sizeBytes, sha256: made.sha256 })],
      }),
    );
    expect(existsSync(archiveFile(made.snapshot))).toBe(true);
    expect((await json('show', 'pre-deploy')).copies).toEqual(made.snapshot.copies);
    await refused(5, 'TAG_EXISTS', 'checkpoint', '--tag', 'pre-deploy');
    await refused(2, 'BAD_TAG', 'checkpoint', '--tag', '../x');
  });

  it('checkpoint without a tag and without a drill', async () => {
    const made = await json('checkpoint', '--no-drill');
    expect(made).toMatchObject({ ok: true, restore_drill: 'not-run' });
    expect(made.tag).toMatch(/^checkpoint-\d{8}-\d{6}$/);
    expect(made.snapshot.copies).toMatchObject([{ drill: { status: 'not-run', at: null } }]);
  });

  it('a checkpoint that is not proven is exit 7, and its tag stays free', async () => {
    const env = await withScripts(store, tools, {
      pgRestore: 'case "$*" in *--dbname*) exit 1 ;; esac',
    });
    const failed = await belay(['checkpoint', '--tag', 'wanted', '--json'], env);
    expect(failed.exitCode).toBe(7);
    expect(failed.json).toMatchObject({
      ...{ ok: false, tag: 'wanted', restore_drill: 'failed' },
      snapshot: { tag: expect.stringMatching(/^wanted-failed-/) },
      differences: [{ what: 'restore' }],
    });
    const text = await belay(['checkpoint', '--tag', 'wanted'], env);
    expect(text.exitCode).toBe(7);
    expect(text.stdout).toContain('NOT proven');
    await json('checkpoint', '--tag', 'wanted', '--drill', 'deep');
  });

  it('drill', async () => {
    expect(await json('drill', 'wanted', '--deep')).toMatchObject({
      ...{ ok: true, restore_drill: 'proven', differences: [] },
      snapshot: snapshotShape({
        tag: 'wanted',
        copies: [archiveShape()],
        reason: 'before-migration',
      }),
    });
    await refused(4, 'SNAPSHOT_NOT_FOUND', 'drill', 'nothing');
  });

  it('snapshot --archive, and what only a clone cannot do', async () => {
    const both = await json('snapshot', 'both', '--archive');
    expect(both.copies).toMatchObject([
      { type: 'clone' },
      archiveShape({ drill: { status: expect.any(String), at: expect.toSatisfy(() => true) } }),
    ]);
    await json('snapshot', 'clone');
    await refused(2, 'NEEDS_ARCHIVE', 'drill', 'clone');
    await refused(2, 'NEEDS_ARCHIVE', 'verify', 'clone');
    const { snapshots } = await json('list');
    expect(snapshots.map(({ tag }: { tag: string }) => tag).slice(0, 2)).toEqual(['clone', 'both']);
  });

  it('push, pull, export, import', async () => {
    const other = beside(store, 'other');
    expect(await json('push', 'clone', '--to', other)).toMatchObject({
      ...{ ok: true, copied: true, store: other },
      snapshot: { tag: 'clone', copies: [{ type: 'archive' }] },
    });
    expect(await json('push', 'clone', '--to', other)).toMatchObject({ ok: true, copied: false });
    expect(await json('pull', 'pre-deploy', '--from', store)).toMatchObject({
      ok: true,
      copied: false,
    });
    await refused(4, 'SNAPSHOT_NOT_FOUND', 'pull', 'nothing', '--from', other);
    const file = beside(store, 'x=');
    expect(await json('export', 'pre-deploy', file)).toMatchObject({
      ...{ ok: true, file, sizeBytes: expect.any(Number), sha256, snapshot: { tag: 'pre-deploy' } },
    });
    await refused(6, 'FILE_ERROR', 'export', 'pre-deploy', file);
    expect(await json('import', file, '--tag', 'imported')).toMatchObject({
      ...{ ok: true, copied: true, store },
      snapshot: { tag: 'imported', fingerprint: { rows: 3 } },
    });
    await refused(2, 'NOT_AN_ARCHIVE', 'import', fileURLToPath(import.meta.url), '--tag', 'script');
    await refused(5, 'TAG_EXISTS', 'import', file, '--tag', 'imported');
    await refused(2, 'USAGE', 'import', file);
  });

  it('restore, in place and --to, with --no-owner and an identity', async () => {
    await addItem(shop.url, 'later');
    expect(await json('restore', 'pre-deploy')).toMatchObject({
      ...{ ok: true, database: shop.name, verified: true, outageMs: expect.any(Number) },
      ...{ snapshot: { tag: 'pre-deploy' }, previous: { reason: 'before-restore' } },
    });
    expect(await itemsOf(shop.url)).toEqual(items);
    expect(await json('undo')).toMatchObject({ ok: true });
    const to = `-x=${shop.name}`;
    expect(await json('restore', 'imported', '--to', to, '--no-owner')).toMatchObject({
      database: to,
    });
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
    const identity = await generateIdentity();
    const key = beside(store, 'key');
    await writeFile(key, identity);
    const recipient = await identityToRecipient(identity);
    const made = await json('checkpoint', '--tag', 'secret', '--encrypt-to', recipient);
    expect(made.snapshot.copies).toMatchObject([{ encrypted: true, drill: { status: 'proven' } }]);
    await refused(2, 'NEEDS_IDENTITY', 'restore', 'secret');
    await refused(2, 'BAD_RECIPIENT', 'checkpoint', '--encrypt-to', 'age1nobody');
    await json('restore', 'secret', '--identity', key);
  });

  it('rename, protect, delete and prune', async () => {
    expect(await json('rename', 'imported', 'theirs')).toMatchObject({
      ok: true,
      previousTag: 'imported',
    });
    await json('protect', 'theirs');
    await refused(3, 'PROTECTED', 'delete', 'theirs', '--yes');
    await json('unprotect', 'theirs');
    await refused(3, 'NOT_CONFIRMED', 'delete', 'theirs');
    expect(await json('delete', 'theirs', '--yes')).toMatchObject({
      ok: true,
      snapshot: { tag: 'theirs' },
    });
    await json('checkpoint', '--tag', 'locked', '--lock-days', '1', '--no-drill');
    await refused(3, 'PROTECTED', 'delete', 'locked', '--yes');
    const { removed, kept, freedBytes } = await json('prune', '--keep-last', '0', '--yes');
    expect(freedBytes).toBeGreaterThan(0);
    expect(removed.map(({ tag }: { tag: string }) => tag)).toContain('pre-deploy');
    expect(kept.map(({ tag }: { tag: string }) => tag)).toEqual(
      expect.arrayContaining(['locked', 'secret']),
    );
  });

  it('verify: exit 7 names what is broken', async () => {
    expect(await json('verify')).toMatchObject({
      ok: true,
      checked: expect.any(Number),
      broken: [],
    });
    expect(await json('verify', 'secret')).toMatchObject({ ok: true, checked: 1 });
    const file = archiveFile(await json('show', 'secret'));
    const bytes = readFileSync(file);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const verified = await belay(['verify', '--json']);
    expect(verified.exitCode).toBe(7);
    expect(verified.json).toMatchObject({
      ...{ ok: false, broken: [{ what: 'archive', name: 'secret', why: expect.any(String) }] },
    });
    const text = await belay(['verify', 'secret']);
    expect(text.exitCode).toBe(7);
    expect(text.stdout).toContain('secret');
  });

  it('nothing of the server’s password is in the store', async () => {
    for (const key of await keysOf(store, /\.json$/)) {
      expect(readFileSync(join(store, key), 'utf8')).not.toContain(server.password);
    }
  });
});
