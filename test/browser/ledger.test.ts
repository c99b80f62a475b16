import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';

describe('the ledger and jobs on the page', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  beforeAll(async () => {
    scene = await startDashboardScene();
    await scene.post('/api/snapshots', { database: 'shop', tag: 'first' });
    await scene.post('/api/snapshots', { database: 'shop', tag: 'second' });
    await scene.post('/api/restores', { database: 'shop', reference: 'first' });
  }, 300_000);
  afterAll(() => scene?.close());

  it('lists who did what, and finds it', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/ledger');
    const entries = page.getByRole('table', { name: 'Entries of the ledger, newest first' });
    await entries.getByRole('rowheader', { name: /^restore/ }).waitFor();
    await entries.getByText('token test admin').first().waitFor();
    await page.getByLabel('Search action, tag, who or details').fill('SNAPSHOT second');
    await page.getByText('1 entry of the 3 that are shown').waitFor();
    expect(await entries.getByRole('rowheader').count()).toBe(1);
    await expectNoViolations(page, 'ledger');
    await expectNoSideScroll(page, 'ledger');
    await page.reload();
    await page.getByText('1 entry of the 3 that are shown').waitFor();
    await screenshot(page, 'ledger');
    expect(complaints).toEqual([]);
  });

  it('shows jobs, each with its steps and result', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/jobs');
    const jobs = page.getByRole('table', { name: 'Jobs, newest first' });
    await jobs.getByRole('link', { name: /^Restoring/ }).waitFor();
    await expectNoViolations(page, 'jobs');
    await expectNoSideScroll(page, 'jobs');
    await screenshot(page, 'jobs');
    await page.getByLabel('State').selectOption('failed');
    await page.getByText('No job is like that.').waitFor();
    await page.getByLabel('State').selectOption('');
    await jobs.getByRole('link', { name: /^Restoring/ }).click();
    await page.getByText('Restored', { exact: true }).first().waitFor();
    await page.getByText('token test admin').first().waitFor();
    expect(
      await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count(),
    ).toBeGreaterThan(1);
    await expectNoViolations(page, 'job');
    await screenshot(page, 'job');
    expect(complaints).toEqual([]);
  });

  it('proves the ledger, and says which entry was edited', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/ledger');
    await page.getByRole('button', { name: 'Verify the ledger' }).click();
    await page.getByText('The ledger is whole').waitFor();
    expect(await page.getByLabel(/^Head of the ledger/).inputValue()).toMatch(/^[0-9a-f]{64}$/);
    await expectNoViolations(page, 'ledger, verified');
    await screenshot(page, 'ledger-verified');

    const folder = join(scene.server.store, 'ledger');
    const file = join(folder, readdirSync(folder).sort()[0] ?? '');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"first"', '"other"'));
    await page.getByRole('button', { name: 'Verify the ledger' }).click();
    await page.getByText('The ledger is not whole').waitFor();
    await page.getByText(/Entry 1: it was edited/).waitFor();
    await screenshot(page, 'ledger-edited');
    expect(complaints).toEqual([]);
  });
});
