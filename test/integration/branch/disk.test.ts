import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBranch, listBranches } from '../../../src/index.js';
import { measureDiskUsage } from '../../../src/process/disk-usage.js';
import { type MountedFolder, mountFolder } from '../../support/mounted-folder.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const mb = 1024 * 1024;
const has18 = testServers().some(({ major }) => major === 18);
const mounted: MountedFolder | string = has18
  ? await mountFolder({ type: 'xfs', sizeBytes: 3e9 })
  : 'PostgreSQL 18 is not on this machine';
const skipped = typeof mounted === 'string' ? ` (SKIPPED: ${mounted})` : '';

const sync = () => execFileSync('sync');
const copyByReflink = (from: string, to: string) =>
  execFileSync('cp', ['--reflink=always', from, to]);

function overwrite(file: string, at: number, bytes: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(bytes, 1), 0, bytes, at);
  closeSync(descriptor);
}

describe('what files take on disk', () => {
  it('is nothing where there is nothing', async () => {
    expect(await measureDiskUsage(['/nowhere/at/all'])).toEqual({ allocatedBytes: 0, ownBytes: 0 });
  });

  it('counts a file with two names once, and follows no link inside', async () => {
    const folder = makeTempFolder({ 'big/file': 'x'.repeat(mb), 'measured/': '' });
    execFileSync('ln', [join(folder, 'big/file'), join(folder, 'measured/one')]);
    execFileSync('ln', [join(folder, 'big/file'), join(folder, 'measured/-two')]);
    symlinkSync(join(folder, 'big'), join(folder, 'measured/link'));
    const usage = await measureDiskUsage([join(folder, 'measured')]);
    expect(usage?.allocatedBytes).toBeGreaterThanOrEqual(mb);
    expect(usage?.allocatedBytes).toBeLessThan(mb + 100_000);
  });

  it('ends when it is asked to', async () => {
    const signal = AbortSignal.abort();
    await expect(measureDiskUsage(['/usr/bin'], { signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });
});

describe.skipIf(typeof mounted === 'string')(`with blocks in common${skipped}`, () => {
  let server: ThrowawayServer;
  let database: TestDatabase;
  const { path: root } = mounted as MountedFolder;

  beforeAll(async () => {
    server = await startThrowawayServer({ major: 18, parentDir: root });
    database = await createTestDatabase(server, {
      name: 'shop',
      // Large enough that files are copied and not the WAL.
      sql: `CREATE TABLE big AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 90000) n`,
    });
  });
  afterAll(async () => {
    await server?.remove();
    await (mounted as MountedFolder).remove();
  });

  it('a reflink owns what was written to it since, and no more', async () => {
    const [a, b] = [join(root, 'a'), join(root, 'b')];
    writeFileSync(a, Buffer.alloc(8 * mb, 7));
    copyByReflink(a, b);
    sync();
    expect(await measureDiskUsage([b])).toEqual({ allocatedBytes: 8 * mb, ownBytes: 0 });
    overwrite(b, mb, 2 * mb);
    sync();
    expect((await measureDiskUsage([b]))?.ownBytes).toBe(2 * mb);
    expect((await measureDiskUsage([a]))?.ownBytes).toBe(2 * mb);
  });

  it('what only the measured files share is theirs, where it is said who else may share', async () => {
    const folder = join(root, 'set');
    mkdirSync(folder);
    const files = ['one', 'two', 'other'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(files[0], Buffer.alloc(4 * mb, 7));
    copyByReflink(files[0], files[1]);
    copyByReflink(files[0], files[2]);
    overwrite(files[2], 0, mb);
    sync();
    const own = [files[0], files[1]];
    expect((await measureDiskUsage(own))?.ownBytes).toBe(0);
    const known = await measureDiskUsage(own, { sharedWith: [files[2]] });
    expect(known).toEqual({ allocatedBytes: 8 * mb, ownBytes: mb });
  });

  it('many files are measured, names like options among them; one that cannot be told makes it unknown', async () => {
    const folder = join(root, 'many');
    mkdirSync(folder);
    for (let at = 0; at < 600; at += 1) writeFileSync(join(folder, `-v${at}`), 'x');
    sync();
    const usage = await measureDiskUsage([folder]);
    expect(usage?.ownBytes).toBe(usage?.allocatedBytes);
    writeFileSync(join(folder, 'a\n   0: 0.. 1: 5.. 6: 2: shared'), 'x');
    sync();
    expect((await measureDiskUsage([folder]))?.ownBytes).toBeNull();
  });

  it('a branch owns little of what it shows, and what is written to it', async () => {
    await withTarget(database.url, (target) => createBranch(target, { name: 'work' }));
    const size = async () => {
      const { branches } = await withTarget(database.url, (target) => listBranches(target));
      return branches.find(({ name }) => name === 'work');
    };
    const fresh = await size();
    expect(fresh?.size?.logicalBytes).toBeGreaterThan(90 * mb);
    expect(fresh?.size?.ownBytes).toBeLessThan(5 * mb);
    const url = new URL(database.url);
    url.pathname = `/${fresh?.database}`;
    await run(url.href, `UPDATE big SET filler = repeat('y', 1000) WHERE n <= 40000`);
    await run(server.adminUrl, 'CHECKPOINT');
    // The test server does without fsync, so that a checkpoint leaves it to the system.
    sync();
    const written = await size();
    // Forty thousand new rows of 1 KB, and the marks on the pages of the old ones.
    expect(written?.size?.ownBytes).toBeGreaterThan(60 * mb);
    expect(written?.size?.ownBytes).toBeLessThan(written?.size?.logicalBytes ?? 0);
  });
});
