import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  type TestDatabase,
  type TestRole,
  type ThrowawayServer,
  testServers,
} from '../support/servers.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { databasesOf, rowsOf, run } from '../support/targets.js';

/** Room for the server, its WAL and one database of 70 MB. */
const diskMegabytes = 260;
/** What the server finds free: enough to begin a copy of 70 MB, and too little to end it. */
const freeMegabytes = 40;

const disk = await mountSmallDisk(diskMegabytes);
const whyNot = 'making a small disk needs root and mount on Linux';

describe.each(testServers())(
  `a full disk on $name${disk ? '' : ` (skipped: ${whyNot})`}`,
  ({ major }) => {
    let server: ThrowawayServer;
    let shop: TestDatabase;
    let owner: TestRole;

    beforeAll(async () => {
      if (!disk) return;
      server = await startThrowawayServer({
        major,
        parentDir: disk.folder,
        settings: {
          // Rows of a table that is made in the same transaction need no WAL then.
          ...{ wal_level: 'minimal', max_wal_senders: '0', shared_buffers: '16MB' },
          ...{ min_wal_size: '32MB', max_wal_size: '48MB' },
        },
      });
      owner = await createTestRole(server, 'CREATEDB');
      shop = await createTestDatabase(server, { name: 'shop', owner: owner.name });
      await run(
        owner.urlFor(shop.url),
        `BEGIN; CREATE TABLE big (v text); ALTER TABLE big ALTER v SET STORAGE PLAIN;
       INSERT INTO big SELECT repeat('x', 7900) FROM generate_series(1, 8000); COMMIT`,
      );
      await run(shop.url, 'CHECKPOINT');
      const { bavail, bsize } = await statfs(disk.folder);
      const filler = bavail * bsize - freeMegabytes * 1024 * 1024;
      await writeFile(join(disk.folder, 'filler'), Buffer.alloc(filler));
    });
    afterAll(async () => {
      if (!disk) return;
      await rm(join(disk.folder, 'filler'), { force: true });
      await server.remove();
    });

    async function refusal(url: string) {
      const before = await databasesOf(server, shop.name);
      const result = await callCli(['snapshot', 'x', '--json', '--url', url]);
      expect(await databasesOf(server, shop.name)).toEqual(before);
      expect(await rowsOf(shop.url, 'SELECT count(*)::int AS rows FROM big')).toEqual([
        { rows: 8000 },
      ]);
      expect(result).toMatchObject({ exitCode: 6 });
      expect(result.json.error).toMatchObject({ code: 'DISK_FULL', kind: 'environment' });
      return result.json.error;
    }

    it.skipIf(!disk)(
      'is foreseen where the disk can be seen, before anything is copied',
      async () => {
        const { message, details } = await refusal(shop.url);
        expect(message).toContain('the copy needs');
        expect(details.freeBytes).toBeLessThan(details.neededBytes);
      },
    );

    it.skipIf(!disk)('is survived in the middle of the copy where it cannot be seen', async () => {
      // This role may not know where the server's files are.
      const { message, hint } = await refusal(owner.urlFor(shop.url));
      expect(message).toContain('PostgreSQL refused');
      expect(hint).toContain('Nothing half-made was kept');
      // What was copied is gone again: the disk has the room that it had.
      expect(await callCli(['repair', '--json', '--url', shop.url])).toMatchObject({ exitCode: 0 });
      await run(shop.url, 'CREATE TABLE still_works (id int)');
    });
  },
);

afterAll(() => disk?.unmount());
