import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  errorOf,
  openParts,
  register,
  resultOf,
  type ServerParts,
} from '../../support/server-parts.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { addItem, createShop, itemsOf, rowsOf, run, shopSql } from '../../support/targets.js';

// Dumps, drills and copies: minutes where other work keeps the cores busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe.each(testServers())('jobs on $name', (server) => {
  let parts: ServerParts;
  let shop: TestDatabase;
  let production: TestDatabase;

  beforeAll(async () => {
    parts = await openParts(server);
    shop = await createShop(server);
    production = await createTestDatabase(server, { name: 'prod', sql: shopSql });
    await register(parts, shop, 'shop');
    await register(parts, production, 'prod-api', 'production');
  });
  afterAll(async () => {
    await shop?.drop();
    await production?.drop();
    await parts?.close();
  });

  it('takes, shows, restores, switches and undoes', async () => {
    await resultOf(parts.run('shop', 'snapshot', { tag: 'baseline', description: 'three items' }));
    await addItem(shop.url, 'rack');
    const preview = await resultOf(parts.run('shop', 'restore-preview', { reference: 'baseline' }));
    expect(preview).toMatchObject({
      ...{ database: 'shop', environment: 'development', into: shop.name, inPlace: true },
      ...{ schema: [], schemaNotCompared: null, notCounted: null, blockers: [] },
      rowCounts: [{ table: 'public.items', snapshot: 3, live: 4 }],
      ...{ needsConfirmation: false, canBeUndone: true },
    });
    const restored = await resultOf(parts.run('shop', 'restore', { reference: 'baseline' }));
    expect(restored).toMatchObject({ ok: true, verified: true, snapshot: { tag: 'baseline' } });
    expect(await itemsOf(shop.url)).toHaveLength(3);
    await resultOf(parts.run('shop', 'undo', {}));
    expect(await itemsOf(shop.url)).toContain('rack');
    await resultOf(parts.run('shop', 'switch', { reference: 'baseline', save: 'with-rack' }));
    expect(await itemsOf(shop.url)).toHaveLength(3);
    await resultOf(parts.run('shop', 'switch', { reference: 'with-rack' }));
  });

  it('shows what a restore would take away: a column, a table, and who is connected', async () => {
    await resultOf(parts.run('shop', 'snapshot', { tag: 'before-columns' }));
    await run(
      shop.url,
      'ALTER TABLE items ADD price int; CREATE TABLE orders (id int PRIMARY KEY)',
    );
    await run(shop.url, 'INSERT INTO orders SELECT generate_series(1, 5)');
    const order = { reference: 'before-columns' };
    const preview = await resultOf(parts.run('shop', 'restore-preview', order));
    const changes = preview.schema.map(
      ({ kind, object, name }: Record<string, string>) => `${kind} ${object} ${name}`,
    );
    expect(changes).toContain('added column public.items.price');
    expect(changes).toContain('added table public.orders');
    expect(preview.rowCounts).toContainEqual({ table: 'public.orders', snapshot: null, live: 5 });
    const one = await resultOf(
      parts.run('shop', 'restore-preview', { ...order, tables: ['public.items'] }),
    );
    expect(one).toMatchObject({ tables: ['public.items'], rowCounts: [], canBeUndone: false });
    expect(one.schema.every(({ name }: { name: string }) => name.includes('items'))).toBe(true);
  });

  it('restores into a new database, and never into one that is there', async () => {
    const to = `${shop.name}_copy`;
    await resultOf(parts.run('shop', 'restore', { reference: 'baseline', to }));
    try {
      const again = { reference: 'baseline', to };
      expect(await errorOf(parts.run('shop', 'restore', again))).toMatchObject({
        code: 'DATABASE_EXISTS',
      });
      const tables = { ...again, tables: ['public.items'] };
      expect(await errorOf(parts.run('shop', 'restore', tables))).toMatchObject({
        code: 'DATABASE_EXISTS',
      });
      const preview = await resultOf(parts.run('shop', 'restore-preview', again));
      expect(preview).toMatchObject({ inPlace: false, into: to, sessions: [], rowCounts: [] });
      expect(preview.blockers).toEqual([`database "${to}" exists already`]);
    } finally {
      await run(server.adminUrl, `DROP DATABASE "${to}"`);
    }
  });

  it('names those who are connected, and what stands in the way', async () => {
    await resultOf(parts.run('shop', 'snapshot', { tag: 'calm' }));
    const preview = await rowsWhile(shop.url, () =>
      resultOf(parts.run('shop', 'restore-preview', { reference: 'calm' })),
    );
    expect(preview.sessions).toHaveLength(1);
    expect(preview.sessions[0]).toMatchObject({ application: 'belay-test', state: 'idle' });
    expect(Date.parse(preview.sessions[0].since)).toBeGreaterThan(0);
  });

  it('asks for the name of a production database before anything of it goes', async () => {
    await resultOf(parts.run('prod-api', 'snapshot', { tag: 'safe' }));
    const reference = 'safe';
    const refused = await Promise.all([
      errorOf(parts.run('prod-api', 'restore', { reference })),
      errorOf(parts.run('prod-api', 'restore', { reference, confirm: production.name })),
      errorOf(parts.run('prod-api', 'restore', { reference, tables: ['public.items'] })),
      errorOf(parts.run('prod-api', 'switch', { reference })),
      errorOf(parts.run('prod-api', 'undo', {})),
      errorOf(parts.run('prod-api', 'delete-snapshot', { reference, confirm: 'prod' })),
      errorOf(parts.run('prod-api', 'prune', { keepLast: 0 })),
      errorOf(parts.run('prod-api', 'rollback', { version: '1' })),
      errorOf(parts.run('prod-api', 'branch-delete', { name: 'x' })),
    ]);
    for (const error of refused) {
      expect(error.code).toBe('NOT_CONFIRMED');
      expect(error.hint).toContain('"confirm": "prod-api"');
    }
    const preview = await resultOf(parts.run('prod-api', 'restore-preview', { reference }));
    expect(preview).toMatchObject({ environment: 'production', needsConfirmation: true });
    await addItem(production.url, 'rack');
    await resultOf(parts.run('prod-api', 'restore', { reference, confirm: 'prod-api' }));
    expect(await itemsOf(production.url)).toHaveLength(3);
    await resultOf(parts.run('prod-api', 'undo', { confirm: 'prod-api' }));
    const dry = await resultOf(parts.run('prod-api', 'prune', { keepLast: 0, dryRun: true }));
    expect(dry.dryRun).toBe(true);
    const order = { reference, confirm: 'prod-api' };
    await resultOf(parts.run('prod-api', 'delete-snapshot', order));
    const names = await rowsOf(production.url, 'SELECT name FROM items');
    expect(names).toHaveLength(4);
  });

  it('renames, protects, lets go and deletes', async () => {
    await resultOf(parts.run('shop', 'snapshot', { tag: 'temporary' }));
    await resultOf(parts.run('shop', 'rename', { reference: 'temporary', tag: 'renamed' }));
    const until = '2099-01-01T00:00:00.000Z';
    const kept = await resultOf(parts.run('shop', 'protect', { reference: 'renamed', until }));
    expect(kept.snapshot.protectedUntil).toBe(until);
    const refused = await errorOf(parts.run('shop', 'delete-snapshot', { reference: 'renamed' }));
    expect(refused).toMatchObject({ code: 'PROTECTED', kind: 'user' });
    await resultOf(parts.run('shop', 'unprotect', { reference: 'renamed' }));
    await resultOf(parts.run('shop', 'delete-snapshot', { reference: 'renamed' }));
    const gone = await errorOf(parts.run('shop', 'restore-preview', { reference: 'renamed' }));
    expect(gone.code).toBe('SNAPSHOT_NOT_FOUND');
  });

  it('says what was wrong with its input, and never what the URL is', async () => {
    const bad = await errorOf(parts.run('shop', 'snapshot', { tag: '' }));
    expect(bad).toMatchObject({ code: 'BAD_REQUEST' });
    expect(bad.message).toContain('tag');
    await parts.databases.add({
      ...{ name: 'closed', kind: 'direct', environment: 'development' },
      url: 'postgres://belay:very-secret@127.0.0.1:1/shop',
    });
    const error = await errorOf(parts.run('closed', 'status', {}));
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', kind: 'environment' });
    expect(JSON.stringify(error)).not.toContain('very-secret');
  });
});

/** Runs work while one session more is in the database. */
async function rowsWhile<T>(url: string, work: () => Promise<T>): Promise<T> {
  return withSession(url, async (client) => {
    await client.query('SELECT 1');
    return work();
  });
}
