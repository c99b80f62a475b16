import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';

describe('comparing on the page', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  beforeAll(async () => {
    scene = await startDashboardScene();
  }, 300_000);
  afterAll(() => scene?.close());

  it('says what to do where there is no snapshot', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/compare');
    await page.getByText('There is no snapshot to compare with yet.').waitFor();
    await expectNoViolations(page, 'compare, empty');
    await page.getByRole('link', { name: 'Create snapshot' }).click();
    await page.waitForURL('**/db/shop/create-snapshot');
    expect(complaints).toEqual([]);
  });

  it('shows schema side by side, rows counted and rows themselves', async () => {
    await scene.post('/api/snapshots', { database: 'shop', tag: 'baseline' });
    await scene.sql(`
      ALTER TABLE items ALTER COLUMN name TYPE varchar(40);
      CREATE TABLE orders (id int PRIMARY KEY);
      INSERT INTO items (name) VALUES ('carabiner'), ('chalk');
      UPDATE items SET name = 'long rope' WHERE name = 'rope';
    `);
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/compare');
    await page.getByLabel('From').selectOption('baseline');
    await page.getByLabel('Compare the rows themselves, too').check();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('They differ').waitFor();

    const column = page.getByRole('table', { name: 'What differs in public.items' });
    expect(await column.locator('del').allTextContents()).toContain('type: text');
    expect(await column.locator('ins').allTextContents()).toContain('type: character varying(40)');
    await page.getByRole('table', { name: 'What differs in public.orders' }).waitFor();
    const counts = page.getByRole('row', { name: /public\.items/ }).first();
    expect(await counts.getByRole('cell').allTextContents()).toEqual(['3', '5', '+2']);
    await page.getByText('2 rows added, 0 removed, 1 changed').waitFor();
    await page.getByText('name = long rope').waitFor();

    await expectNoViolations(page, 'comparison');
    await expectNoSideScroll(page, 'comparison');
    await screenshot(page, 'compare');
    // The address has the job: a reload shows it again without comparing anew.
    const address = page.url();
    await page.reload();
    await page.getByText('They differ').waitFor();
    expect(page.url()).toBe(address);
    expect(await page.getByLabel('From').inputValue()).toBe('baseline');
    expect(complaints).toEqual([]);
  });

  it('asks for two that are not the same, and says when nothing differs', async () => {
    await scene.post('/api/snapshots', { database: 'shop', tag: 'quiet' });
    const { page } = await scene.open();
    await page.goto('/db/shop/compare?a=live');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('Choose two that are not the same.').waitFor();
    await page.getByLabel('From').selectOption('quiet');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('No difference').waitFor();
  });
});
