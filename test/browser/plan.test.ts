import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';
import { rowsOf } from '../support/targets.js';

describe('planning a migration on the page', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  beforeAll(async () => {
    scene = await startDashboardScene();
  }, 300_000);
  afterAll(() => scene?.close());

  it('measures what SQL would do, then rehearses it on a copy', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/plan');
    await page.getByRole('button', { name: 'Measure the impact' }).click();
    await page.getByText('Write or paste the SQL of the migration, or choose a file.').waitFor();
    await expectNoViolations(page, 'plan, empty');

    const sql = 'CREATE INDEX by_name ON items (name);\nALTER TABLE items DROP COLUMN name;';
    await page.getByLabel('SQL of the migration').fill(sql);
    await page.getByRole('button', { name: 'Measure the impact' }).click();
    await page.getByText('3 records would be lost.').waitFor();
    const statement = page.getByRole('listitem').filter({ hasText: 'Statement 2' }).first();
    await statement.getByText('3 values at risk').waitFor();
    await statement.getByText('DROP COLUMN', { exact: true }).waitFor();
    await expectNoViolations(page, 'plan');
    await expectNoSideScroll(page, 'plan');
    await screenshot(page, 'plan');

    await page.getByRole('button', { name: 'Rehearse it on a copy' }).click();
    await page.getByText('It works, and 3 records would be lost').waitFor();
    const rehearsal = page.getByRole('region', { name: 'Rehearsal on a copy' });
    await rehearsal.getByText('3 values lost').waitFor();
    await rehearsal.getByRole('table', { name: 'Locks that were held, longest first' }).waitFor();
    await expectNoViolations(page, 'rehearsal');
    await expectNoSideScroll(page, 'rehearsal');
    await screenshot(page, 'rehearsal');

    await page.reload();
    await page.getByText('It works, and 3 records would be lost').waitFor();
    expect(await page.getByLabel('SQL of the migration').inputValue()).toBe(sql);
    expect(await rowsOf(scene.database.url, 'SELECT name FROM items')).toHaveLength(3);
    expect(complaints).toEqual([]);
  });

  it('takes a file, and says why SQL cannot be read', async () => {
    const { page } = await scene.open();
    await page.goto('/db/shop/plan');
    const file = { name: 'up.sql', mimeType: 'text/plain', buffer: Buffer.from('ALTER TABEL x;') };
    await page.getByLabel('Or choose a file').setInputFiles(file);
    await page.getByRole('button', { name: 'Measure the impact' }).click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/syntax error/);
  });

  it('shows a rehearsal that fails, with the statement that does', async () => {
    const { page } = await scene.open();
    await page.goto('/db/shop/plan');
    await page
      .getByLabel('SQL of the migration')
      .fill('ALTER TABLE items ADD CHECK (name <> $$rope$$);');
    await page.getByRole('button', { name: 'Measure the impact' }).click();
    await page.getByText('It would fail').waitFor();
    await page.getByRole('button', { name: 'Rehearse it on a copy' }).click();
    await page.getByText('The migration fails').waitFor();
    await page.getByRole('region', { name: 'The statement that fails' }).waitFor();
    await screenshot(page, 'rehearsal-fails');
  });
});
