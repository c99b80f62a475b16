import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquireTargetLock, releaseTargetLock } from '../../src/postgres/target-lock.js';
import { startTestServer, type TestBelayServer } from '../support/belay-server.js';
import { openBrowser, openPage, pageFolder, screenshot } from '../support/browser.js';
import { type TestDatabase, testServers, withSession } from '../support/servers.js';
import { addItem, createShop, itemsOf, run, withTarget } from '../support/targets.js';

const timeoutMs = 240_000;

describe.each(testServers().slice(0, 1))('restoring on the page on $name', (postgres) => {
  let shop: TestDatabase;
  let live: TestDatabase;
  let server: TestBelayServer;
  let browser: Browser;

  beforeAll(async () => {
    [shop, live] = [await createShop(postgres), await createShop(postgres)];
    server = await startTestServer({ databases: { shop: shop.url }, pageFolder });
    const production = { name: 'live', url: live.url, environment: 'production' };
    const made = await server.fetch('/api/databases', { method: 'POST', body: production });
    expect(made.status).toBe(201);
    for (const database of ['shop', 'live']) {
      const body = { database, tag: 'baseline' };
      const taken = await server.fetch('/api/snapshots', { method: 'POST', body });
      expect(taken.status).toBe(200);
    }
    browser = await openBrowser();
  }, timeoutMs);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await Promise.all([shop?.drop(), live?.drop()]);
  });

  const open = () => openPage(browser, { url: server.url, token: server.admin });

  it('comes back to the running restore after a reload', { timeout: timeoutMs }, async () => {
    await addItem(shop.url, 'chalk');
    const { page, context, complaints } = await open();
    await withTarget(shop.url, async (holder) => {
      // Another Belay works on the database: the restore has begun, and waits for it.
      await acquireTargetLock(holder.main, shop.name, { waitMs: 30_000, reporter: () => {} });
      await page.goto('/db/shop/restore/baseline');
      await page.getByRole('button', { name: 'Show what would be replaced' }).click();
      await page.getByRole('button', { name: 'Replace shop with baseline' }).click();
      await page.getByRole('main').getByText('Restoring', { exact: true }).waitFor();
      const address = page.url();
      expect(new URL(address).searchParams.get('job')).toBeTruthy();
      await page.reload();
      await page.getByRole('main').getByText('Restoring', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Cancel', exact: true }).waitFor();
      expect(page.url()).toBe(address);
      expect(await itemsOf(shop.url)).toHaveLength(4);
      await releaseTargetLock(holder.main, shop.name);
    });
    await page.getByText('shop is at baseline now').waitFor();
    expect(await itemsOf(shop.url)).toHaveLength(3);
    // And after it is over too, with its way back.
    await page.reload();
    await page.getByText('shop is at baseline now').waitFor();
    await page.getByRole('button', { name: 'Undo the restore of shop' }).click();
    await page.getByText(/^Undone: shop is back at/).waitFor();
    expect(await itemsOf(shop.url)).toHaveLength(4);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('lets a restore be cancelled, and then nothing was replaced', {
    timeout: timeoutMs,
  }, async () => {
    const { page, context } = await open();
    const before = await itemsOf(shop.url);
    await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, { waitMs: 30_000, reporter: () => {} });
      await page.goto('/db/shop/restore/baseline');
      await page.getByRole('button', { name: 'Show what would be replaced' }).click();
      await page.getByRole('button', { name: 'Replace shop with baseline' }).click();
      await page.getByRole('main').getByText('Restoring', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.getByRole('main').getByText('Restoring: cancelled').first().waitFor();
      await releaseTargetLock(holder.main, shop.name);
    });
    expect(await itemsOf(shop.url)).toEqual(before);
    await page.getByRole('button', { name: 'Back to the choice' }).click();
    await page.getByRole('button', { name: 'Show what would be replaced' }).waitFor();
    await context.close();
  });

  it('names who is connected, and wants the name typed on production', {
    timeout: timeoutMs,
  }, async () => {
    await addItem(live.url, 'chalk');
    const { page, context, complaints } = await open();
    await withSession(live.url, async (client) => {
      await client.query("SET application_name = 'the till'");
      await page.goto('/db/live/restore/baseline');
      await page.getByRole('button', { name: 'Show what would be replaced' }).click();
      await page.getByRole('cell', { name: 'the till' }).waitFor();
    });
    const replace = page.getByRole('button', { name: 'Replace live with baseline' });
    await replace.click();
    await page.getByText('Type live, exactly so.').waitFor();
    await page.getByLabel(/^Type the name of the database/).fill('liv');
    await replace.click();
    await page.getByText('Type live, exactly so.').waitFor();
    expect(new URL(page.url()).searchParams.get('job')).toBeNull();
    expect(await itemsOf(live.url)).toHaveLength(4);
    await screenshot(page, 'restore-production');
    await page.getByLabel(/^Type the name of the database/).fill('live');
    await replace.click();
    await page.getByText('live is at baseline now').waitFor();
    expect(await itemsOf(live.url)).toHaveLength(3);
    // The way back replaces something too.
    await page.getByLabel(/^Type the name of the database/).fill('live');
    await page.getByRole('button', { name: 'Undo the restore of live' }).click();
    await page.getByText(/^Undone: live is back at/).waitFor();
    expect(await itemsOf(live.url)).toHaveLength(4);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('restores single tables and leaves the others', { timeout: timeoutMs }, async () => {
    await run(shop.url, 'CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)');
    await addItem(shop.url, 'sling');
    const { page, context } = await open();
    await page.goto('/db/shop/restore/baseline');
    await page.getByLabel('Only some tables, into shop').check();
    await page.getByRole('button', { name: 'Show what would be replaced' }).click();
    await page.getByText('Choose at least one table.').waitFor();
    await page.getByLabel(/^public\.items/).check();
    await page.getByRole('button', { name: 'Show what would be replaced' }).click();
    await page
      .getByRole('button', { name: 'Replace public.items with the state of baseline' })
      .click();
    await page.getByText(/^1 table of baseline restored into/).waitFor();
    expect(await itemsOf(shop.url)).toHaveLength(3);
    await page.getByText(/rows from before are kept in/).waitFor();
    await context.close();
  });

  it('keeps what is there now under a tag of one’s own', { timeout: timeoutMs }, async () => {
    const { page, context } = await open();
    await page.goto('/db/shop/restore/baseline');
    await page.getByLabel(/^Tag for what is there now/).fill('before the demo');
    await page.getByRole('button', { name: 'Show what would be replaced' }).click();
    await page.getByText('It cannot contain spaces').waitFor();
    await page.getByLabel(/^Tag for what is there now/).fill('before-the-demo');
    await page.getByRole('button', { name: 'Show what would be replaced' }).click();
    await page.getByRole('button', { name: 'Replace shop with baseline' }).click();
    await page.getByText('shop is at baseline now').waitFor();
    await page.getByRole('link', { name: 'before-the-demo' }).click();
    await page.getByRole('heading', { name: 'before-the-demo' }).waitFor();
    await page.getByText('Entries of the ledger about').waitFor({ state: 'attached' });
    await context.close();
  });
});
