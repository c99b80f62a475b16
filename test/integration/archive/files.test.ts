import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  exportSnapshot,
  importArchive,
  listSnapshots,
  restoreSnapshot,
  takeCheckpoint,
  takeSnapshot,
} from '../../../src/index.js';
import { libpqEnvironment } from '../../../src/postgres/libpq-environment.js';
import { resolveConnection } from '../../../src/postgres/settings.js';
import { runProgram } from '../../../src/process/run.js';
import {
  beside,
  checkpoint,
  keysOf,
  readManifest,
  restorePlainly,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  withDatabase,
} from '../../support/servers.js';
import { createShop, databasesOf, failure, itemsOf, rowsOf, run } from '../../support/targets.js';

const { server, tools } = await findDumpableServer();
const store = storeFolder();
const items = ['rope', 'harness', 'belay device'];

/** A dump as somebody without Belay makes it. */
async function dumpPlainly(url: string, args: string[]): Promise<string> {
  const file = beside(store, '-f=ile of "others"');
  const settings = await resolveConnection({ url, env: {} });
  const env = libpqEnvironment(settings, { applicationName: 'belay-test' });
  await runProgram(tools.pgDump.path, [`--file=${file}`, ...args], { env, mustSucceed: true });
  return file;
}

describe(`export on ${server.name}`, () => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    await checkpoint(shop.url, store, { tag: 'archive' });
    await withStore(shop.url, store, (target) => takeSnapshot(target, { tag: 'clone' }));
  });
  afterAll(() => shop.drop());

  const exportTo = (reference: string, file: string) =>
    withStore(shop.url, store, (target) => exportSnapshot(target, { reference, file }));

  it.each(['archive', 'clone'])(
    'makes a file for pg_restore of a snapshot with nothing but its %s',
    async (tag) => {
      const file = beside(store, `-x='${tag}`);
      const result = await exportTo(tag, file);
      const bytes = await readFile(file);
      expect(result).toMatchObject({ ok: true, file, sizeBytes: bytes.length });
      expect(result.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect((await stat(file)).mode & 0o077).toBe(0);
      const restored = await restorePlainly(server, tools.pgRestore.path, file);
      expect(await stateOf(restored.url)).toEqual(await stateOf(shop.url));
      await restored.drop();
    },
  );

  it('never overwrites, and leaves no part of a file', async () => {
    const file = beside(store, 'mine');
    await writeFile(file, 'my own');
    const error = await failure(exportTo('archive', file), 'FILE_ERROR');
    expect(error.message).toContain(file);
    expect(await readFile(file, 'utf8')).toBe('my own');
    await failure(exportTo('archive', dirname(file)), 'FILE_ERROR');
    await failure(exportTo('archive', `${beside(store, 'no-folder')}/x`), 'FILE_ERROR');
    await failure(exportTo('nothing', beside(store, 'x')), 'SNAPSHOT_NOT_FOUND');
    expect(await keysOf(dirname(store), /\.part-/)).toEqual([]);
  });

  it('an archive that was changed in the store becomes no file', async () => {
    const changed = beside(store, 'changed');
    await withStore(shop.url, changed, async (target) => {
      const { snapshot } = await takeCheckpoint(target, { tag: 'changed', drill: false });
      const [copy] = snapshot.copies;
      if (copy?.type !== 'archive') throw new Error('it has no archive');
      const bytes = await readFile(copy.location);
      bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
      await writeFile(copy.location, bytes);
      const file = beside(store, 'broken');
      await failure(exportSnapshot(target, { reference: 'changed', file }), 'SEAL_BROKEN');
      expect(await keysOf(dirname(store), new RegExp(basename(file)))).toEqual([]);
    });
  });
});

describe(`import on ${server.name}`, () => {
  let shop: TestDatabase;
  let home: TestDatabase;
  beforeAll(async () => {
    [shop, home] = await Promise.all([createShop(server), createTestDatabase(server)]);
  });
  afterAll(async () => {
    await shop.drop();
    await home.drop();
  });

  const importFile = (file: string, tag: string) =>
    withStore(home.url, store, (target) =>
      importArchive(target, { file, tag, description: 'theirs' }),
    );

  it('of a file that Belay did not make: proven, on the timeline, restored', async () => {
    const file = await dumpPlainly(shop.url, ['-Fc']);
    const result = await importFile(file, 'theirs');
    expect(result).toMatchObject({
      ...{ ok: true, copied: true, store },
      snapshot: {
        ...{ tag: 'theirs', description: 'theirs', reason: 'manual' },
        fingerprint: { rows: 3, tables: 1, rowCounts: { 'public.items': 3 } },
        copies: [{ type: 'archive', drill: { status: 'proven' } }],
      },
    });
    expect((await readManifest(store, 'theirs')).archive).toMatchObject({ source: 'file' });
    const { snapshots } = await withStore(home.url, store, (target) => listSnapshots(target));
    expect(snapshots.map(({ tag }) => tag)).toEqual(['theirs']);
    await withStore(home.url, store, (target) => restoreSnapshot(target, { reference: 'theirs' }));
    expect(await itemsOf(home.url)).toEqual(items);
    await failure(importFile(file, 'theirs'), 'TAG_EXISTS');
  });

  it('of a file whose owners and grants nobody here has heard of', async () => {
    const [owner, reader] = await Promise.all([createTestRole(server), createTestRole(server)]);
    const odd = `"o=w'n er-${owner.name}"`;
    await run(
      shop.url,
      `CREATE ROLE ${odd}; ALTER TABLE items OWNER TO ${owner.name}; GRANT SELECT ON items TO ${reader.name};
       CREATE SCHEMA theirs AUTHORIZATION ${odd}; ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.name} GRANT SELECT ON TABLES TO ${reader.name}`,
    );
    const file = await dumpPlainly(shop.url, ['-Fc']);
    await run(
      shop.url,
      `REASSIGN OWNED BY ${owner.name}, ${odd} TO postgres; DROP OWNED BY ${owner.name}; DROP OWNED BY ${reader.name}, ${odd}; DROP ROLE ${owner.name}, ${reader.name}, ${odd}`,
    );
    const { snapshot } = await importFile(file, 'strangers');
    expect(snapshot.copies).toMatchObject([{ drill: { status: 'proven' } }]);
    const { requires } = await readManifest(store, 'strangers');
    expect(requires.roles.map(({ name }) => name)).toEqual(
      [odd.slice(1, -1), 'postgres', owner.name, reader.name].sort(),
    );
    const restore = (noOwner: boolean) =>
      withStore(home.url, store, (target) =>
        restoreSnapshot(target, { reference: 'strangers', to: `${home.name}_to`, noOwner }),
      );
    const error = await failure(restore(false), 'ROLE_MISSING');
    for (const name of [owner.name, reader.name]) expect(error.message).toContain(name);
    await restore(true);
    const url = withDatabase(home.url, `${home.name}_to`);
    expect(await itemsOf(url)).toEqual(items);
    expect(
      await rowsOf(
        url,
        `SELECT relowner::regrole::text AS owner, relacl AS grants FROM pg_class WHERE relname = 'items'`,
      ),
    ).toEqual([{ owner: 'postgres', grants: null }]);
    await run(server.adminUrl, `DROP DATABASE "${home.name}_to"`);
  });

  it('of what pg_restore cannot read as a whole is refused, and nothing is left', async () => {
    const whole = await dumpPlainly(shop.url, ['-Fc']);
    const bytes = await readFile(whole);
    const half = beside(store, 'half');
    const empty = beside(store, 'empty');
    const folder = beside(store, 'folder');
    await writeFile(half, bytes.subarray(0, 500));
    await writeFile(empty, '');
    await mkdir(folder);
    const before = await keysOf(store);
    const files = {
      'a script': await dumpPlainly(shop.url, ['-Fp']),
      'half a table of contents': half,
      'an empty file': empty,
      'a folder': folder,
      'a dump in tar format': await dumpPlainly(shop.url, ['-Ft']),
      'a dump in a folder': await dumpPlainly(shop.url, ['-Fd']),
    };
    for (const [what, file] of Object.entries(files)) {
      const error = await failure(importFile(file, 'no-archive'), 'NOT_AN_ARCHIVE');
      expect(error.message, what).toContain(file);
    }
    await failure(importFile(beside(store, 'nowhere'), 'no-archive'), 'FILE_ERROR');
    expect(await keysOf(store, /manifests|archives|runs/)).toEqual(
      before.filter((key) => /manifests|archives|runs/.test(key)),
    );
  });

  it('of a file cut off among its rows fails, although pg_restore -l lists it', async () => {
    await run(shop.url, `CREATE TABLE big AS SELECT md5(n::text) FROM generate_series(1, 20000) n`);
    const file = await dumpPlainly(shop.url, ['-Fc']);
    await truncate(file, Math.floor((await stat(file)).size * 0.6));
    await runProgram(tools.pgRestore.path, ['-l', file], { mustSucceed: true });
    const before = await keysOf(store, /manifests|archives|runs/);
    const databases = await databasesOf(server, home.name);
    const error = await failure(importFile(file, 'cut'), 'NOT_PROVEN');
    expect(error.message).toContain(file);
    expect(await keysOf(store, /manifests|archives|runs/)).toEqual(before);
    expect(await databasesOf(server, home.name)).toEqual(databases);
  });

  it('of a dump of the schema alone', async () => {
    const schema = await importFile(
      await dumpPlainly(shop.url, ['-Fc', '--schema-only']),
      'schema',
    );
    expect(schema.snapshot.fingerprint).toMatchObject({ rows: 0 });
  });
});
