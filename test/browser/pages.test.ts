import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestBelayServer } from '../support/belay-server.js';
import {
  expectNoSideScroll,
  expectNoViolations,
  openBrowser,
  openPage,
  pageFolder,
  screenshot,
} from '../support/browser.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { addItem, createShop } from '../support/targets.js';

const timeoutMs = 300_000;

describe.each(testServers().slice(0, 1))('the pages on $name', (postgres) => {
  let shop: TestDatabase;
  let server: TestBelayServer;
  let browser: Browser;

  beforeAll(async () => {
    shop = await createShop(postgres);
    server = await startTestServer({ databases: { shop: shop.url }, pageFolder });
    const bodies = [
      { database: 'shop', tag: 'baseline', description: 'Clean state', archive: true },
      {
        database: 'shop',
        tag: 'feature/a-rather-long-name-of-a-snapshot-that-has-to-break-somewhere',
      },
    ];
    for (const body of bodies) {
      const taken = await server.fetch('/api/snapshots', { method: 'POST', body });
      expect(taken.status).toBe(200);
    }
    const back = { database: 'shop', reference: 'baseline' };
    expect((await server.fetch('/api/restores', { method: 'POST', body: back })).status).toBe(200);
    await addItem(shop.url, 'chalk');
    browser = await openBrowser();
  }, timeoutMs);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await shop?.drop();
  });

  const open = (colorScheme?: 'light' | 'dark') =>
    openPage(browser, { url: server.url, token: server.admin, colorScheme });

  /** Looks at a page as axe does, in both themes, and on a telephone. */
  const inspect = async (page: Page, name: string) => {
    await expectNoViolations(page, name);
    await expectNoSideScroll(page, name);
    await screenshot(page, `page-${name}`);
  };

  const pages: readonly (readonly [name: string, address: string, shown: string])[] = [
    ['databases', '/', 'Back up now'],
    ['timeline', '/db/shop', 'Clean state'],
    ['create-snapshot', '/db/shop/create-snapshot', 'Keep an archive too'],
    ['snapshot', '/db/shop/snapshots/baseline', 'Prove it now'],
    ['restore', '/db/shop/restore/baseline', 'Where should baseline go?'],
    ['back-up', '/db/shop/back-up', 'Back up shop now'],
    ['undo', '/db/shop/undo', 'Undo the restore of shop'],
    ['add-database', '/databases/add', 'Add the database'],
    ['nowhere', '/no/such/page', 'This address leads nowhere.'],
    ['unknown-database', '/db/nobody', 'There is no database nobody here'],
    ['unknown-snapshot', '/db/shop/snapshots/nothing', 'This snapshot is gone'],
  ];

  it.each(pages)('%s keeps nobody out', { timeout: timeoutMs }, async (name, address, shown) => {
    const { page, context, complaints } = await open();
    await page.goto(address);
    await page.getByText(shown).first().waitFor();
    await inspect(page, name);
    expect(await page.title()).toMatch(/ · Belay$/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('sign-in keeps nobody out, and says what was wrong', { timeout: timeoutMs }, async () => {
    const { page, context } = await openPage(browser, { url: server.url });
    await page.goto('/');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Type your password.').waitFor();
    await page.getByLabel('With a token').check();
    await page.getByLabel('Token', { exact: true }).fill('belay_nothing');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('You are not signed in').waitFor();
    await inspect(page, 'sign-in');
    await page.getByLabel('Token', { exact: true }).fill(server.admin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Databases' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await context.close();
  });

  it('what would be replaced and the question before a deletion keep nobody out', {
    timeout: timeoutMs,
  }, async () => {
    const { page, context } = await open();
    await page.goto('/db/shop/restore/baseline');
    await page.getByRole('button', { name: 'Show what would be replaced' }).click();
    await page.getByRole('button', { name: 'Replace shop with baseline' }).waitFor();
    await inspect(page, 'restore-preview');
    await page.goto('/db/shop/snapshots/baseline');
    const remove = page.getByRole('button', { name: 'Delete the snapshot' });
    await remove.click();
    await page.getByRole('dialog', { name: 'Delete baseline?' }).waitFor();
    await inspect(page, 'delete');
    // Escape closes it, and one is where one was.
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(
      await remove.evaluate((element) => element === element.ownerDocument.activeElement),
    ).toBe(true);
    await context.close();
  });

  it('says beside the field that a tag exists, and keeps what was written', {
    timeout: timeoutMs,
  }, async () => {
    const { page, context } = await open();
    await page.goto('/db/shop/create-snapshot');
    const tag = page.getByLabel('Tag', { exact: true });
    const create = page.getByRole('button', { name: 'Create snapshot', exact: true });
    await create.click();
    await page.getByText('Give it a tag').waitFor();
    await tag.fill('baseline');
    await page.getByLabel(/^Description/).fill('Another one');
    await create.click();
    await page.getByRole('alert').filter({ hasText: 'baseline' }).waitFor();
    expect(await tag.getAttribute('aria-invalid')).toBe('true');
    expect(await tag.inputValue()).toBe('baseline');
    expect(await page.getByLabel(/^Description/).inputValue()).toBe('Another one');
    await screenshot(page, 'page-tag-exists');
    await tag.fill('another');
    await create.click();
    await page.getByText('another is kept').waitFor();
    await context.close();
  });

  it('renames, protects and deletes', { timeout: timeoutMs }, async () => {
    const body = { database: 'shop', tag: 'to-be-renamed' };
    expect((await server.fetch('/api/snapshots', { method: 'POST', body })).status).toBe(200);
    const { page, context } = await open();
    await page.goto('/db/shop');
    const card = page.getByRole('article', { name: 'Snapshot to-be-renamed' });
    await card.getByRole('link', { name: 'to-be-renamed', exact: true }).click();
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New tag').fill('renamed');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'renamed', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Protect', exact: true }).click();
    await dialog.getByRole('button', { name: 'Protect' }).click();
    await page.getByText('somebody ends it', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete the snapshot' }).click();
    await dialog.getByRole('button', { name: 'Delete renamed for good' }).click();
    await dialog.getByText('PROTECTED', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Protect', exact: true }).click();
    await dialog.getByLabel('Not any more').check();
    await dialog.getByRole('button', { name: 'End the protection' }).click();
    await page.getByText('somebody ends it', { exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete the snapshot' }).click();
    await dialog.getByRole('button', { name: 'Delete renamed for good' }).click();
    await page.getByRole('heading', { name: 'shop', exact: true }).waitFor();
    await page.getByText('Deleted renamed').waitFor();
    await context.close();
  });

  it('can be used with the keyboard alone', { timeout: timeoutMs }, async () => {
    const { page, context } = await open();
    await page.goto('/');
    const shopLink = page.getByRole('main').getByRole('link', { name: 'shop', exact: true });
    await shopLink.waitFor();
    await page.keyboard.press('Tab');
    expect(await focusedText(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await tabTo(page, 'shop');
    await page.keyboard.press('Enter');
    // The heading of the new page has the focus: people without a screen hear where they are.
    await page.locator('h1:focus').waitFor();
    expect(await focusedText(page)).toBe('shop');
    await page.getByRole('link', { name: 'Restore baseline' }).waitFor();
    await tabTo(page, 'Restore baseline');
    await page.keyboard.press('Enter');
    await page.getByText('Where should baseline go?').waitFor();
    await tabTo(page, 'Show what would be replaced');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Replace shop with baseline' }).waitFor();
    await tabTo(page, 'Replace shop with baseline');
    await page.keyboard.press('Enter');
    await page.getByText('shop is at baseline now').waitFor();
    await tabTo(page, 'Undo the restore of shop');
    await page.keyboard.press('Enter');
    await page.getByText(/^Undone: shop is back at/).waitFor();
    await context.close();
  });

  it('remembers the chosen colours', { timeout: timeoutMs }, async () => {
    const { page, context } = await open('light');
    await page.goto('/');
    await page.getByLabel('Colours').selectOption('dark');
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.reload();
    await page.getByRole('heading', { name: 'Databases' }).waitFor();
    expect(await ground()).toBe(dark);
    await page.getByLabel('Colours').selectOption('light');
    expect(await ground()).not.toBe(dark);
    await context.close();
  });
});

/** Runs in the browser: what the element with the focus is called. */
const nameOfFocused = `(() => {
  const { activeElement } = document;
  return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent?.trim() ?? '';
})()`;

const focusedText = (page: Page) => page.evaluate<string>(nameOfFocused);

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await focusedText(page);
    if (focused === name) return;
    seen.push(focused);
  }
  throw new Error(`Tab does not lead to "${name}", but to: ${seen.join(' | ')}`);
}
