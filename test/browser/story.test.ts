import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestBelayServer } from '../support/belay-server.js';
import { openBrowser, openPage, pageFolder, screenshot } from '../support/browser.js';
import { type TestDatabase, testServers, withDatabase } from '../support/servers.js';
import { addItem, createShop, itemsOf, rowsOf, run } from '../support/targets.js';

const timeoutMs = 240_000;
const ada = { name: 'ada', password: 'a long enough password' };

/** Presses the link or button that says so, and waits for what it leads to. */
const press = (page: Page, role: 'button' | 'link', name: string | RegExp) =>
  page.getByRole(role, { name, exact: typeof name === 'string' }).click();

const seeHeading = (page: Page, name: string | RegExp) =>
  page.getByRole('heading', { name, exact: typeof name === 'string' }).waitFor();

/** The cells of the row that a name begins. */
const cellsOf = (page: Page, name: string) =>
  page
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name, exact: true }) })
    .getByRole('cell')
    .allTextContents();

describe.each(testServers().slice(0, 1))('the story of the page on $name', (postgres) => {
  let shop: TestDatabase;
  let server: TestBelayServer;
  let browser: Browser;

  beforeAll(async () => {
    shop = await createShop(postgres);
    server = await startTestServer({ databases: { shop: shop.url }, pageFolder });
    const body = { ...ada, scopes: ['restore'] };
    const made = await server.fetch('/api/people', { method: 'POST', body });
    expect(made.status).toBe(201);
    browser = await openBrowser();
  }, timeoutMs);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await shop?.drop();
  });

  it('goes from signing in to a baseline, back to it, and back from there', {
    timeout: timeoutMs,
  }, async () => {
    const { page, context, complaints } = await openPage(browser, { url: server.url });

    // Who is not signed in is asked to, and is then where the address said.
    await page.goto('/db/shop');
    await seeHeading(page, 'Sign in');
    await page.getByLabel('Name', { exact: true }).fill(ada.name);
    await page.getByLabel('Password', { exact: true }).fill(ada.password);
    await press(page, 'button', 'Sign in');
    await seeHeading(page, 'shop');
    await page.getByText('Nothing has happened here yet').waitFor();
    await screenshot(page, 'story-1-empty-timeline');

    await press(page, 'link', 'Create snapshot');
    await seeHeading(page, 'Create snapshot');
    await page.getByLabel('Tag', { exact: true }).fill('baseline');
    await page.getByLabel(/^Description/).fill('Clean state for the demo');
    await press(page, 'button', 'Create snapshot');
    await page.getByText('baseline is kept').waitFor();
    await page.getByText('1 table with 3 rows').waitFor();

    // Meanwhile others work on the database, and somebody else keeps another state.
    await addItem(shop.url, 'chalk');
    await addItem(shop.url, 'quickdraw');
    await run(shop.url, 'CREATE TABLE invoices (id int); INSERT INTO invoices VALUES (1)');
    const other = { database: 'shop', tag: 'work-in-progress' };
    expect((await server.fetch('/api/snapshots', { method: 'POST', body: other })).status).toBe(
      200,
    );

    await press(page, 'link', 'go to the timeline');
    await seeHeading(page, 'shop');
    const baseline = page.getByRole('article', { name: 'Snapshot baseline' });
    const wip = page.getByRole('article', { name: 'Snapshot work-in-progress' });
    await baseline.waitFor();
    await wip.waitFor();
    await page.getByLabel(/^Search by tag/).fill('clean STATE');
    await wip.waitFor({ state: 'detached' });
    await baseline.waitFor();
    await page.waitForURL(/q=clean/);
    await screenshot(page, 'story-2-found-by-its-description');

    // Into a new database, for testing: the live one stays as it is.
    await press(page, 'link', 'Restore baseline');
    await seeHeading(page, 'Restore baseline');
    await page.getByLabel('Into a new database, for testing').check();
    const copy = `${shop.name}_copy`;
    await page.getByLabel('Name of the new database').fill(copy);
    await press(page, 'button', 'Continue');
    await page.getByText('Nothing is replaced').waitFor();
    await press(page, 'button', `Create ${copy} from baseline`);
    await page.getByText(`${copy} was created with the state of baseline`).waitFor();
    expect(await itemsOf(withDatabase(shop.url, copy))).toEqual([
      'rope',
      'harness',
      'belay device',
    ]);
    expect(await itemsOf(shop.url)).toHaveLength(5);
    await run(postgres.adminUrl, `DROP DATABASE "${copy}"`);

    // In its place: what came since is named before anything happens.
    await press(page, 'link', 'Go to the timeline');
    await press(page, 'link', 'Restore baseline');
    await press(page, 'button', 'Show what would be replaced');
    await seeHeading(page, 'What would be replaced');
    await page.getByRole('button', { name: 'Replace shop with baseline' }).waitFor();
    expect(await cellsOf(page, 'public.items')).toEqual(['5', '3', 'takes 2 rows away']);
    await page.getByText('takes the table away, with 1 row').waitFor();
    await screenshot(page, 'story-3-what-would-be-replaced');
    expect(await itemsOf(shop.url)).toHaveLength(5);

    await press(page, 'button', 'Replace shop with baseline');
    await page.getByText('shop is at baseline now').waitFor();
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
    await screenshot(page, 'story-4-restored');

    await press(page, 'button', 'Undo the restore of shop');
    await seeHeading(page, 'Undo the last restore');
    await page.getByText(/^Undone: shop is back at/).waitFor();
    expect(await itemsOf(shop.url)).toHaveLength(5);
    expect(await rowsOf(shop.url, 'SELECT id FROM invoices')).toEqual([{ id: 1 }]);

    // All of it stands on the timeline, with who did it.
    await press(page, 'link', 'Go to the timeline');
    await page
      .getByText(/^Restored baseline into /)
      .first()
      .waitFor();
    await page.getByText(/^Undone: back at/).waitFor();
    expect(await page.getByText(/by person ada/).count()).toBeGreaterThan(1);
    await screenshot(page, 'story-5-timeline');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('backs up with live steps and ends with a proof', { timeout: timeoutMs }, async () => {
    const token = await server.token('checkpoint', ['shop']);
    const { page, context, complaints } = await openPage(browser, { url: server.url, token });
    await page.goto('/');
    await press(page, 'link', 'Back up shop now');
    await press(page, 'button', 'Back up shop now');
    // The first drill on a machine prepares a PostgreSQL of its own.
    await page.getByText(/^Proven: checkpoint-/).waitFor({ timeout: 150_000 });
    await page
      .getByRole('list', { name: 'Steps' })
      .getByText('Comparing with the original')
      .waitFor();
    await screenshot(page, 'story-6-backed-up');
    // The proof is the server's, not the page's.
    const { snapshots } = (await (await server.fetch('/api/snapshots?database=shop')).json()) as {
      snapshots: { copies: { type: string; drill?: { status: string } }[] }[];
    };
    const proven = snapshots.filter(({ copies }) =>
      copies.some(({ drill }) => drill?.status === 'proven'),
    );
    expect(proven).toHaveLength(1);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
