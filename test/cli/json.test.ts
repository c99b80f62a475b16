import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBelay, type TestDatabase, testServers } from '../support/servers.js';
import { snapshotShape } from '../support/snapshot-shape.js';
import { addItem, createShop, run } from '../support/targets.js';

/** One database, and the commands in the order in which somebody may use them. */
describe.each(testServers())('the JSON of each command on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  /** Runs with --json: exit 0, nothing but one document on stdout, and no progress on stderr. */
  async function json(...args: string[]) {
    const result = await runBelay([...args, '--json'], { env: { BELAY_URL: shop.url } });
    expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    expect(result.stdout.endsWith('}\n')).toBe(true);
    return result.json;
  }

  it('snapshot', async () => {
    const snapshot = await json('snapshot', 'baseline', '-d', 'three "items"');
    expect(snapshot).toMatchObject(
      snapshotShape({ tag: 'baseline', description: 'three "items"', reason: 'manual' }),
    );
    expect(snapshot.target).toEqual({ server: `127.0.0.1:${server.port}`, database: shop.name });
    expect(snapshot.fingerprint).toMatchObject({
      ...{ tables: 1, rows: 3, rowCounts: { 'public.items': 3 } },
    });
  });

  it('list', async () => {
    const list = await json('list');
    expect(list).toMatchObject({
      snapshots: [snapshotShape({ tag: 'baseline' })],
      current: { database: shop.name, exists: true, basedOn: { tag: 'baseline' }, undo: null },
    });
  });

  it('show', async () => {
    const { snapshots } = await json('list');
    expect(await json('show', 'latest')).toEqual(snapshots[0]);
  });

  it('restore', async () => {
    await addItem(shop.url, 'wip');
    expect(await json('restore', 'baseline')).toMatchObject({
      ok: true,
      snapshot: snapshotShape({ tag: 'baseline' }),
      database: shop.name,
      outageMs: expect.any(Number),
      durationMs: expect.any(Number),
      verified: true,
      previous: snapshotShape({ reason: 'before-restore' }),
    });
  });

  it('undo', async () => {
    expect(await json('undo')).toMatchObject({
      ok: true,
      snapshot: snapshotShape({ reason: 'before-restore' }),
      ...{ database: shop.name, verified: true },
      outageMs: expect.any(Number),
      previous: snapshotShape({ reason: 'before-restore' }),
    });
  });

  it('switch', async () => {
    const switched = await json('switch', 'baseline', '--save', 'wip', '-d', 'half done');
    expect(switched).toMatchObject({
      ok: true,
      snapshot: snapshotShape({ tag: 'baseline' }),
      saved: snapshotShape({ tag: 'wip', description: 'half done', reason: 'manual' }),
      ...{ database: shop.name, verified: true },
    });
    expect(switched.previous).toEqual(switched.saved);
  });

  it('restore --to', async () => {
    const to = `${shop.name}_to`;
    expect(await json('restore', 'wip', '--to', to)).toMatchObject({
      ...{ ok: true, database: to, outageMs: 0, verified: true, previous: null },
    });
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  });

  it('diff', async () => {
    const diff = await json('diff', 'baseline', 'wip', '--data');
    expect(diff).toMatchObject({
      schema: [],
      rowCounts: [{ table: 'public.items', a: 3, b: 4 }],
      data: [{ table: 'public.items', added: 1, removed: 0, changed: 0 }],
    });
    const counted = await json('diff', 'baseline');
    expect(counted).toMatchObject({ schema: [], rowCounts: [], b: { tag: null } });
    expect(counted).not.toHaveProperty('data');
  });

  it('status', async () => {
    expect(await json('status')).toMatchObject({
      target: { database: shop.name, source: 'BELAY_URL', environment: null },
      ...{ exists: true, lockedBy: null, leftovers: [] },
      basedOn: { tag: 'baseline' },
      undo: { tag: 'wip' },
      changed: { schema: false, rowCounts: false, tables: [] },
    });
  });

  it('rename, protect, unprotect', async () => {
    expect(await json('rename', 'wip', 'invoices')).toMatchObject({
      ...{ ok: true, previousTag: 'wip' },
      snapshot: snapshotShape({ tag: 'invoices' }),
    });
    expect(await json('protect', 'invoices')).toMatchObject({
      ok: true,
      snapshot: snapshotShape({ protectedUntil: expect.stringMatching(/^9999-/) }),
    });
    const until = await json('protect', 'invoices', '--until', '2100-01-01T00:00:00Z');
    expect(until.snapshot.protectedUntil).toBe('2100-01-01T00:00:00.000Z');
    expect(await json('unprotect', 'invoices')).toMatchObject({
      ok: true,
      snapshot: snapshotShape({ protectedUntil: null }),
    });
  });

  it('prune', async () => {
    const shown = await json('prune', '--keep-last', '0', '--dry-run');
    expect(shown).toMatchObject({
      removed: [snapshotShape({ why: expect.any(String) })],
      freedBytes: expect.any(Number),
    });
    expect(shown.kept.map(({ tag }: { tag: string }) => tag).sort()).toEqual([
      'baseline',
      'invoices',
    ]);
    const pruned = await json('prune', '--keep-last', '0', '--yes');
    expect(pruned.removed).toEqual(shown.removed);
    expect((await json('list')).snapshots).toHaveLength(2);
  });

  it('delete', async () => {
    expect(await json('delete', 'invoices', '--yes')).toMatchObject({
      ...{ ok: true, freedBytes: expect.any(Number) },
      snapshot: snapshotShape({ tag: 'invoices' }),
    });
  });

  it('repair', async () => {
    expect(await json('repair')).toMatchObject({ found: [], cleaned: [] });
  });

  it('doctor', async () => {
    const { checks } = await json('doctor');
    const names = checks.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['server', 'clone method', 'rights', 'tools']));
    for (const check of checks) {
      expect(check).toEqual({
        name: expect.any(String),
        status: expect.stringMatching(/^(ok|warn|fail)$/),
        detail: expect.any(String),
        hint: check.hint === null ? null : expect.any(String),
      });
    }
  });
});
