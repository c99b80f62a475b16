import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createShadow } from '../../../src/features/shadow/create.js';
import type { CreateShadowOptions } from '../../../src/features/shadow/create-options.js';
import { shadowStatus } from '../../../src/features/shadow/status.js';
import { listSnapshots, pruneSnapshots, readStatus, takeSnapshot } from '../../../src/index.js';
import { type TestDatabase, testServers, withDatabase } from '../../support/servers.js';
import { createShop, failure, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

describe.each(testServers())('the status of a shadow on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
  });
  afterEach(() => shop.drop());

  const create = (stdin: string, options: CreateShadowOptions = {}) =>
    withTarget(shop.url, (target) => createShadow(target, { inputs: { stdin }, ...options }));
  const status = (options = {}) => withTarget(shop.url, (target) => shadowStatus(target, options));
  const shadowUrl = () => withDatabase(shop.url, `${shop.name}_shadow`);

  it('is refused where there is none', async () => {
    const error = await failure(status(), 'SHADOW_NOT_FOUND');
    expect(error.hint).toContain('belay shadow create');
  });

  it('shows both sides: schema, rows, lag', async () => {
    await create(
      'ALTER TABLE items RENAME TO goods; ALTER TABLE goods ADD note text; CREATE TABLE more (id int)',
    );
    await run(shop.url, `INSERT INTO items (name) VALUES ('carabiner')`);
    const shown = await status();
    expect(shown).toMatchObject({
      ...{ ok: true, database: `${shop.name}_shadow`, target: shop.name, method: 'clone' },
      ...{ replication: 'logical', syncs: 0, targetChanged: false, shadowChanged: false },
      tables: [
        { table: 'public.items', renamedTo: 'public.goods', rows: 4, shadowRows: 3 },
        { table: 'public.more', renamedTo: null, rows: null, shadowRows: 0 },
      ],
      ...{ untransformed: [], warnings: [], probes: [] },
    });
    expect(shown.lagBytes).toBeGreaterThan(0);
    const changes = shown.schema.map(({ kind, object, name }) => `${kind} ${object} ${name}`);
    expect(changes).toContain('added table public.goods');
  });

  it('warns when either schema has changed since, and when the slot is gone', async () => {
    await create('ALTER TABLE items ADD note text');
    await run(shop.url, 'CREATE TABLE later (id int)');
    await run(shadowUrl(), 'CREATE TABLE mine (id int)');
    await run(
      server.adminUrl,
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${shop.name}'`,
    );
    const shown = await status();
    expect(shown).toMatchObject({ targetChanged: true, shadowChanged: true, lagBytes: null });
    const warnings = shown.warnings.join('\n');
    expect(warnings).toContain('schema of the target has changed');
    expect(warnings).toContain('schema of the shadow has changed');
    expect(warnings).toContain('is gone');
  });

  it('runs the queries of the application on both', async () => {
    await create('ALTER TABLE items RENAME name TO title', { replication: 'scan' });
    const cwd = makeTempFolder({
      'probes.sql': 'SELECT id FROM items;\nSELECT name FROM items;\n',
    });
    const { probes } = await status({ probes: 'probes.sql', cwd });
    expect(probes.map(({ line, verdict }) => [line, verdict])).toEqual([
      [1, 'same'],
      [2, 'broken'],
    ]);
  });

  it('other commands are not confused by a shadow', async () => {
    await create('ALTER TABLE items ADD note text');
    await withTarget(shop.url, async (target) => {
      await takeSnapshot(target, { tag: 'beside' });
      const { snapshots } = await listSnapshots(target);
      expect(snapshots.map(({ tag }) => tag)).toEqual(['beside']);
      expect(await readStatus(target)).toMatchObject({ snapshots: 1, leftovers: [] });
      await pruneSnapshots(target, { keepLast: 1, confirm: () => true });
    });
    expect(await rowsOf(shadowUrl(), 'SELECT note FROM items')).toHaveLength(3);
  });
});
