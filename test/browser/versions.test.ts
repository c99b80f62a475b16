import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';
import { rowsOf } from '../support/targets.js';

describe('versions on the page', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  beforeAll(async () => {
    scene = await startDashboardScene();
  }, 300_000);
  afterAll(() => scene?.close());

  it('say what to do where nothing is recorded', async () => {
    const { page } = await scene.open();
    await page.goto('/db/shop/versions');
    await page.getByText('No version is recorded yet.').waitFor();
    await page.goto('/db/shop/drift');
    await page.getByText('Nothing was recorded of this schema yet.').waitFor();
    await expectNoViolations(page, 'drift, nothing recorded');
  });

  it('are drawn as a graph that the keyboard reaches, and rolled back after a look at the loss', async () => {
    await scene.migrate('20260101_phone', 'ALTER TABLE items ADD phone text;');
    await scene.migrate('20260202_orders', 'CREATE TABLE orders (id int PRIMARY KEY);');
    await scene.sql('INSERT INTO orders VALUES (1), (2)');
    await scene.look();
    const { page, complaints } = await scene.open();
    await page.goto('/db/shop/versions');
    const newest = page.getByRole('link', { name: /^Version 20260202 orders.*current, head/ });
    await newest.waitFor();
    await page.getByRole('table', { name: 'Versions, each after those that it follows' }).waitFor();
    await expectNoViolations(page, 'versions');
    await expectNoSideScroll(page, 'versions');
    await screenshot(page, 'versions');

    await page.getByRole('link', { name: /^Version 20260101 phone/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Version 20260101', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Plan the rollback' }).click();
    await page.getByText('2 rows or values would be lost').waitFor();
    await page.getByText('UNSAFE').first().waitFor();
    await expectNoViolations(page, 'rollback plan');
    await expectNoSideScroll(page, 'rollback plan');
    await screenshot(page, 'rollback-plan');

    await page.getByRole('button', { name: 'Roll back to 20260101' }).click();
    const question = page.getByRole('dialog', { name: 'Roll back shop to version 20260101?' });
    await question.getByText('2 rows or values are lost.').waitFor();
    await question.getByRole('button', { name: 'Roll back to 20260101' }).click();
    await page.getByText('shop is at version 20260101').waitFor();
    await page.getByRole('link', { name: 'Restore the state before the rollback' }).waitFor();
    await screenshot(page, 'rollback-done');
    const gone = await rowsOf(scene.database.url, `SELECT to_regclass('orders') AS found`);
    expect(gone).toEqual([{ found: null }]);
    expect(complaints).toEqual([]);
  });

  it('on production ask for the name before a rollback', async () => {
    await scene.server.fetch('/api/databases/shop', {
      ...{ method: 'PATCH', body: { environment: 'production' } },
    });
    const { page } = await scene.open();
    await page.goto('/db/shop/versions?version=0');
    await page.getByRole('button', { name: 'Plan the rollback' }).click();
    await page.getByRole('button', { name: 'Roll back to 0' }).click();
    const question = page.getByRole('dialog');
    await question.getByRole('button', { name: 'Roll back to 0' }).click();
    await question.getByText('Type shop, exactly so.').waitFor();
    await expectNoViolations(page, 'rollback on production');
    await question.getByLabel(/Type the name of the database/).fill('shop');
    await question.getByRole('button', { name: 'Roll back to 0' }).click();
    const done = page.getByText('shop is at version 0');
    await done.or(page.getByRole('alert')).first().waitFor();
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    await done.waitFor();
  });

  it('tell of drift, and of the statement where the database knows it', async () => {
    await scene.sql('CREATE INDEX by_hand ON items (name)');
    const { page } = await scene.open();
    await page.goto('/db/shop/drift');
    await page.getByText('1 change by hand').waitFor();
    await page.getByRole('table', { name: 'What differs in public.items' }).waitFor();
    await expectNoViolations(page, 'drift');
    await expectNoSideScroll(page, 'drift');
    await screenshot(page, 'drift');
    await scene.sql('DROP INDEX by_hand');
    await page.getByRole('button', { name: 'Look again' }).click();
    await page.getByText('No drift').waitFor();
  });
});
