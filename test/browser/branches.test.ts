import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';
import { rowsOf } from '../support/targets.js';

describe('branches on the page', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  beforeAll(async () => {
    scene = await startDashboardScene();
  }, 300_000);
  afterAll(() => scene?.close());

  it('are made, reset and deleted, each with what is lost', async () => {
    await scene.post('/api/snapshots', { database: 'shop', tag: 'baseline' });
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/branches');
    await page.getByText('There is no branch yet.').waitFor();
    await page.getByRole('button', { name: 'Create branch' }).click();
    await page.getByRole('button', { name: 'Create the branch' }).click();
    await page.getByText('Give it a name.').waitFor();
    await expectNoViolations(page, 'create branch');

    await page.getByLabel('Name of the branch').fill('feature/invoices');
    await page.getByLabel('Starts from').selectOption('baseline');
    await page.getByLabel('Removed after').selectOption('7d');
    await page.getByLabel('What it has of its own').selectOption('database');
    await page.getByRole('button', { name: 'Create the branch' }).click();
    const card = page.getByRole('region', { name: 'Branch feature/invoices' });
    await card.waitFor();
    expect(await card.textContent()).toContain('baseline');
    expect(await card.textContent()).toMatch(/in (?:7 days|6 days)/);
    const address = await card.getByLabel('Address of feature/invoices').inputValue();
    expect(new URL(address).password).toBe('');
    const url = new URL(scene.database.url);
    url.pathname = new URL(address).pathname;
    await expectNoViolations(page, 'branches');
    await expectNoSideScroll(page, 'branches');
    await screenshot(page, 'branches');

    const rows = () => rowsOf(url.href, 'SELECT id FROM items');
    expect(await rows()).toHaveLength(3);
    await rowsOf(url.href, 'DELETE FROM items');
    await card.getByRole('button', { name: 'Reset feature/invoices' }).click();
    const question = page.getByRole('dialog', { name: 'Reset feature/invoices?' });
    await question.getByText('It goes back to “baseline”.').waitFor();
    await expectNoViolations(page, 'reset branch');
    await question.getByRole('button', { name: 'Reset feature/invoices' }).click();
    await page.getByText('Branch reset', { exact: true }).first().waitFor();
    expect(await rows()).toHaveLength(3);

    await card.getByRole('button', { name: 'Delete feature/invoices' }).click();
    const last = page.getByRole('dialog', { name: 'Delete feature/invoices?' });
    await last.getByText('It cannot be undone.').waitFor();
    await page.keyboard.press('Escape');
    await last.waitFor({ state: 'detached' });
    await card.getByRole('button', { name: 'Delete feature/invoices' }).click();
    await last.getByRole('button', { name: 'Delete feature/invoices' }).click();
    await page.getByText('Branch deleted', { exact: true }).first().waitFor();
    await card.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('show those who may only read what there is, and nothing to change', async () => {
    await scene.post('/api/branches', { database: 'shop', name: 'seen' });
    const { page } = await scene.open({ token: await scene.server.token('read') });
    await page.goto('/db/shop/branches');
    const card = page.getByRole('region', { name: 'Branch seen' });
    await card.waitFor();
    expect(await page.getByRole('button', { name: /Create|Reset|Delete|Remove/ }).count()).toBe(0);
  });
});
