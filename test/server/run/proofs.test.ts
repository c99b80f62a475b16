import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { archiveFile, withScripts } from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  errorOf,
  openParts,
  register,
  resultOf,
  type ServerParts,
} from '../../support/server-parts.js';
import type { TestDatabase } from '../../support/servers.js';
import { addItem, createShop, run } from '../../support/targets.js';

// Dumps, drills and copies: minutes where other work keeps the cores busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let parts: ServerParts;
let broken: ServerParts;
let shop: TestDatabase;
let other: TestDatabase;
beforeAll(async () => {
  const { server, tools } = await findDumpableServer();
  parts = await openParts(server);
  const scripts = await withScripts(parts.store, tools, {
    pgRestore: `case "$*" in *--dbname*) echo 'out of luck' >&2; exit 1 ;; esac`,
  });
  broken = await openParts(server, { beside: parts, env: scripts });
  shop = await createShop(server);
  other = await createShop(server);
  await register(parts, shop, 'shop');
  await register(parts, other, 'other');
});
afterAll(async () => {
  await shop?.drop();
  await other?.drop();
  await broken?.close();
  await parts?.close();
});

it('makes a checkpoint that is proven, and names in the ledger who asked', async () => {
  const steps: string[] = [];
  const report = (event: { type: string; name?: string }) => steps.push(event.name ?? event.type);
  const order = { tag: 'pre-deploy', description: 'before invoices' };
  const result = await resultOf(parts.run('shop', 'checkpoint', order, { report }));
  expect(result).toMatchObject({ ok: true, tag: 'pre-deploy', restore_drill: 'proven', rows: 3 });
  expect(result.size).toMatch(/^\d+(?:\.\d)? (?:B|kB|MB)$/);
  expect(steps).toContain('seal');
  const page = await resultOf(parts.run('shop', 'ledger', {}));
  expect(page.entries[0]).toMatchObject({
    action: 'checkpoint',
    snapshot: { tag: 'pre-deploy' },
    actor: { onBehalfOf: 'token deploy (tok_4f3a)' },
  });
});

it('fails with NOT_PROVEN, and its result, where the archive does not restore', async () => {
  const outcome = await broken.run('shop', 'checkpoint', { tag: 'wanted' });
  expect(outcome).toMatchObject({
    state: 'failed',
    error: { code: 'NOT_PROVEN', message: expect.stringContaining('out of luck') },
    result: { ok: false, tag: 'wanted', restore_drill: 'failed' },
  });
});

it('ends where it is told to, and leaves nothing', async () => {
  const end = new AbortController();
  const more = { signal: end.signal, report: () => end.abort() };
  const outcome = await parts.run('shop', 'checkpoint', { tag: 'never' }, more);
  expect(outcome).toEqual({ state: 'cancelled' });
  const error = await errorOf(parts.run('shop', 'drill', { reference: 'never' }));
  expect(error.code).toBe('SNAPSHOT_NOT_FOUND');
});

it('previews what a restore of an archive would replace', async () => {
  await addItem(shop.url, 'rack');
  await run(shop.url, 'CREATE TABLE orders (id int)');
  const preview = await resultOf(parts.run('shop', 'restore-preview', { reference: 'pre-deploy' }));
  expect(preview).toMatchObject({
    schema: [{ kind: 'added', object: 'table', name: 'public.orders' }],
    schemaNotCompared: expect.stringContaining('only an archive'),
    rowCounts: [
      { table: 'public.items', snapshot: 3, live: 4 },
      { table: 'public.orders', snapshot: null, live: 0 },
    ],
  });
});

it('drills again what was proven long ago, oldest first, and goes on where one is broken', async () => {
  const young = await resultOf(parts.run('shop', 'drill-old', { olderThan: '1h' }));
  expect(young).toEqual({ drilled: [], proven: 0, failed: 0 });
  const second = await resultOf(parts.run('shop', 'checkpoint', { tag: 'second' }));
  const all = await resultOf(parts.run('shop', 'drill-old', { olderThan: '0s' }));
  expect(all).toMatchObject({
    drilled: [
      { tag: 'pre-deploy', status: 'proven' },
      { tag: 'second', status: 'proven' },
    ],
    ...{ proven: 2, failed: 0 },
  });
  const one = await resultOf(parts.run('shop', 'drill-old', { olderThan: '0s', limit: 1 }));
  expect(one.drilled).toHaveLength(1);
  await appendFile(archiveFile(second.snapshot), 'x');
  const outcome = await parts.run('shop', 'drill-old', { olderThan: '0s' });
  expect(outcome).toMatchObject({
    state: 'failed',
    error: { code: 'NOT_PROVEN', message: expect.stringContaining('1 of 2') },
    result: { proven: 1, failed: 1 },
  });
  const seal = await parts.run('shop', 'verify', {});
  expect(seal).toMatchObject({
    state: 'failed',
    error: { code: 'SEAL_BROKEN' },
    result: { ok: false, broken: [{ what: 'archive', name: 'second' }] },
  });
  const refused = await errorOf(parts.run('shop', 'drill', { reference: 'second' }));
  expect(refused.code).toBe('SEAL_BROKEN');
});

it('gives the ledger of one database, page by page', async () => {
  for (const tag of ['a', 'b', 'c']) await resultOf(parts.run('other', 'snapshot', { tag }));
  await resultOf(parts.run('shop', 'snapshot', { tag: 'between' }));
  await resultOf(parts.run('other', 'snapshot', { tag: 'd' }));
  const tags: string[] = [];
  let before: number | undefined;
  do {
    const input = { limit: 1, ...(before === undefined ? {} : { before }) };
    const page = await resultOf(parts.run('other', 'ledger', input));
    tags.push(...page.entries.map(({ snapshot }: { snapshot: { tag: string } }) => snapshot.tag));
    before = page.next ?? undefined;
  } while (before !== undefined);
  expect(tags).toEqual(['d', 'c', 'b', 'a']);
});
