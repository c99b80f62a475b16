import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneOf } from '../../../src/domain/snapshot.js';
import {
  listSnapshots,
  pruneSnapshots,
  readStatus,
  repairTarget,
  restoreSnapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
} from '../../../src/index.js';
import { type TestDatabase, testServers, withDatabase } from '../../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  failure,
  itemsOf,
  run,
  withTarget,
} from '../../support/targets.js';

describe.each(testServers())('what is not as it was recorded, on $name', (server) => {
  let shop: TestDatabase;
  let clone: string;
  beforeAll(async () => {
    shop = await createShop(server);
    const { snapshot } = await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    clone = cloneOf(snapshot)?.database as string;
    await addItem(shop.url, 'mine');
  });
  afterAll(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);

  async function tamper(sql: string, database = clone): Promise<void> {
    await run(
      server.adminUrl,
      `ALTER DATABASE "${database}" ALLOW_CONNECTIONS true CONNECTION LIMIT -1`,
    );
    await run(withDatabase(server.adminUrl, database), sql);
    await run(server.adminUrl, `ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`);
  }

  it.each([
    ['a row', 'DELETE FROM items WHERE id = 2', 'rows of public.items: 2 instead of 3'],
    ['the schema', 'DROP VIEW short_items', 'schema of schema'],
    ['a sequence', `SELECT setval('items_id_seq', 99)`, 'sequence of public.items_id_seq: 99'],
  ])(
    'a changed snapshot (%s) is not restored, and the target stays',
    async (_what, sql, message) => {
      await tamper(sql);
      const before = await databasesOf(server, shop.name);
      const inPlace = await failure(
        on((target) => restoreSnapshot(target, { reference: 'baseline' })),
        'FINGERPRINT_MISMATCH',
      );
      expect(inPlace).toMatchObject({ exitCode: 7, kind: 'environment' });
      expect(inPlace.message).toContain(message);
      expect(inPlace.hint).toContain('as it was');
      await failure(
        on((target) => switchSnapshot(target, { reference: 'baseline', save: 'mine' })),
        'FINGERPRINT_MISMATCH',
      );
      await failure(
        on((target) => restoreSnapshot(target, { reference: 'baseline', to: `${shop.name}_to` })),
        'FINGERPRINT_MISMATCH',
      );
      expect(await itemsOf(shop.url)).toContain('mine');
      expect(await databasesOf(server, shop.name)).toEqual(before);
    },
  );

  it.each([
    ['taking', (target: Target) => takeSnapshot(target, { tag: 'x' })],
    ['restoring', (target: Target) => restoreSnapshot(target, { reference: 'baseline' })],
    ['switching', (target: Target) => switchSnapshot(target, { reference: 'baseline' })],
    ['pruning', (target: Target) => pruneSnapshots(target, { keepLast: 0 })],
    ['repairing', (target: Target) => repairTarget(target)],
    ['listing', (target: Target) => listSnapshots(target)],
    ['asking', (target: Target) => readStatus(target)],
  ])('a snapshot’s own database is no target: %s is refused', async (_what, work) => {
    const before = await databasesOf(server, shop.name);
    const url = withDatabase(server.adminUrl, clone);
    const error = await failure(withTarget<unknown>(url, work), 'TARGET_IS_SNAPSHOT');
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toContain('"baseline"');
    expect(error.hint).toContain(shop.name);
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('changed values, which no count shows, are warned of', async () => {
    const { snapshot } = await on((target) => takeSnapshot(target, { tag: 'values' }));
    await tamper(`UPDATE items SET name = 'x'`, cloneOf(snapshot)?.database);
    const warnings: string[] = [];
    const to = `${shop.name}_values`;
    await on((target) =>
      restoreSnapshot(target, {
        ...{ reference: 'values', to },
        reporter: (event) => event.type === 'warning' && warnings.push(event.message),
      }),
    );
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
    expect(warnings).toEqual([
      expect.stringContaining('somebody has written to public.items in snapshot "values"'),
    ]);
  });

  it('a snapshot cannot be restored into its own database’s name', async () => {
    await failure(
      on((target) => restoreSnapshot(target, { reference: 'baseline', to: clone })),
      'DATABASE_EXISTS',
    );
  });
});
