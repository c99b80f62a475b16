import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquireTargetLock, releaseTargetLock } from '../../src/postgres/target-lock.js';
import { startTestServer, type TestBelayServer } from '../support/belay-server.js';
import { openBrowser, openPage, pageFolder, screenshot } from '../support/browser.js';
import { createTestDatabase, type TestDatabase, testServers } from '../support/servers.js';
import { addItem, createShop, itemsOf, withTarget } from '../support/targets.js';

const timeoutMs = 300_000;

describe.each(testServers().slice(0, 1))('faults while somebody looks, on $name', (postgres) => {
  let shop: TestDatabase;
  let catalog: TestDatabase;
  let browser: Browser;

  beforeAll(async () => {
    shop = await createShop(postgres);
    catalog = await createTestDatabase(postgres, { name: 'catalog' });
    browser = await openBrowser();
  }, timeoutMs);

  afterAll(async () => {
    await browser?.close();
    await catalog?.drop();
    await shop?.drop();
  });

  const start = (port: number): Promise<TestBelayServer> =>
    startTestServer({ port, catalogUrl: catalog.url, pageFolder });

  it('goes on watching a job when the server is started again meanwhile', {
    timeout: timeoutMs,
  }, async () => {
    const first = await start(0);
    const body = { name: 'shop', url: shop.url, environment: 'development' };
    expect((await first.fetch('/api/databases', { method: 'POST', body })).status).toBe(201);
    const { page, context } = await openPage(browser, { url: first.url, token: first.admin });
    const second = await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, { waitMs: 30_000, reporter: () => {} });
      await page.goto('/db/shop/create-snapshot');
      await page.getByLabel('Tag', { exact: true }).fill('baseline');
      await page.getByRole('button', { name: 'Create snapshot', exact: true }).click();
      await page.getByRole('main').getByText('Creating a snapshot', { exact: true }).waitFor();
      await first.close({ graceMs: 0 });
      await page.getByText('The connection to the server is away').waitFor();
      await screenshot(page, 'fault-server-away');
      const again = await start(first.port);
      await releaseTargetLock(holder.main, shop.name);
      return again;
    });
    // The job was given back, done by the server that came, and the page has seen its end without a reload.
    await page.getByText('baseline is kept').waitFor();
    await context.close();
    await second.close();
  });

  it('says what became of a restore whose server ended, and the database is as it was', {
    timeout: timeoutMs,
  }, async () => {
    const server = await start(0);
    await addItem(shop.url, 'chalk');
    const { page, context } = await openPage(browser, { url: server.url, token: server.admin });
    await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, { waitMs: 30_000, reporter: () => {} });
      await page.goto('/db/shop/restore/baseline');
      await page.getByRole('button', { name: 'Show what would be replaced' }).click();
      await page.getByRole('button', { name: 'Replace shop with baseline' }).click();
      await page.getByRole('main').getByText('Restoring', { exact: true }).waitFor();
      await server.close({ graceMs: 0 });
      await releaseTargetLock(holder.main, shop.name);
    });
    const again = await start(server.port);
    await page.getByText('WORKER_LOST', { exact: true }).waitFor();
    expect(await itemsOf(shop.url)).toHaveLength(4);
    await page.getByRole('button', { name: 'Back to the choice' }).click();
    await page.getByText('Where should baseline go?').waitFor();
    await context.close();
    await again.close();
  });

  it('says that the server is away, and what to do', { timeout: timeoutMs }, async () => {
    const server = await start(0);
    const { page, context } = await openPage(browser, { url: server.url, token: server.admin });
    await page.goto('/db/shop/create-snapshot');
    await page.getByLabel('Tag', { exact: true }).fill('never');
    await server.close({ graceMs: 0 });
    await page.getByRole('button', { name: 'Create snapshot', exact: true }).click();
    await page.getByText('The Belay server does not answer.').waitFor();
    // What was written is still there to be sent again.
    expect(await page.getByLabel('Tag', { exact: true }).inputValue()).toBe('never');
    await screenshot(page, 'fault-no-answer');
    await context.close();
  });

  it('begins work once although the answer was lost on its way', {
    timeout: timeoutMs,
  }, async () => {
    const server = await start(0);
    const { page, context } = await openPage(browser, { url: server.url, token: server.admin });
    let lost = 0;
    await page.route('**/api/snapshots', async (route) => {
      if (route.request().method() !== 'POST' || lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort('connectionreset');
    });
    await page.goto('/db/shop/create-snapshot');
    await page.getByLabel('Tag', { exact: true }).fill('once');
    await page.getByRole('button', { name: 'Create snapshot', exact: true }).click();
    // Begun twice, the second would find the tag taken.
    await page.getByText('once is kept').waitFor();
    expect(lost).toBe(1);
    const answer = await server.fetch('/api/jobs?database=shop&type=snapshot');
    const { jobs } = (await answer.json()) as { jobs: { input: { tag: string } }[] };
    expect(jobs.filter(({ input }) => input.tag === 'once')).toHaveLength(1);
    await context.close();
    await server.close();
  });

  it('asks who one is when the session was ended, and goes on under the same address', {
    timeout: timeoutMs,
  }, async () => {
    const server = await start(0);
    const { page, context } = await openPage(browser, { url: server.url, token: server.admin });
    await page.goto('/db/shop');
    await page.getByRole('heading', { name: 'shop', exact: true }).waitFor();
    await context.clearCookies();
    await page.getByRole('link', { name: 'Create snapshot' }).click();
    await page.getByLabel('Tag', { exact: true }).fill('later');
    await page.getByRole('button', { name: 'Create snapshot', exact: true }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('With a token').check();
    await page.getByLabel('Token', { exact: true }).fill(server.admin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Create snapshot' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/db/shop/create-snapshot');
    await context.close();
    await server.close();
  });
});
