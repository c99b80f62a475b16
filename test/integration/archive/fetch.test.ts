import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneOf, restoreSnapshot, takeSnapshot } from '../../../src/index.js';
import { storeFolder, withStore } from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { createShop, databasesOf, failure, run } from '../../support/targets.js';

const { server } = await findDumpableServer();

describe(`restoring an archive beside what is there, on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  it('removes no database that it did not make, even one of the name that it needs', async () => {
    const { snapshot } = await withStore(shop.url, store, (target) =>
      takeSnapshot(target, { tag: 'both', archive: true }),
    );
    const clone = cloneOf(snapshot)?.database as string;
    // Somebody has cleared its record: Belay no longer knows it for the clone of its archive.
    await run(server.adminUrl, `COMMENT ON DATABASE "${clone}" IS NULL`);
    const before = await databasesOf(server, shop.name);
    await failure(
      withStore(shop.url, store, (target) => restoreSnapshot(target, { reference: 'both' })),
      'DATABASE_EXISTS',
    );
    expect(await databasesOf(server, shop.name)).toEqual(before);
    await run(server.adminUrl, `DROP DATABASE "${clone}"`);
  });
});
