import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoSideScroll, expectNoViolations, screenshot } from '../support/browser.js';
import { type DashboardScene, startDashboardScene } from '../support/dashboard-scene.js';

describe('the pages of administrators', { timeout: 400_000 }, () => {
  let scene: DashboardScene;
  let receiver: Server;
  let received: { readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[] = [];
  let receiverUrl = '';
  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += piece;
      });
      request.on('end', () => {
        received.push({ headers: request.headers, body });
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const place = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    receiverUrl = `http://${place}/hook`;
    scene = await startDashboardScene({ allowAddresses: [place] });
  }, 300_000);
  afterAll(async () => {
    await scene?.close();
    receiver?.closeAllConnections();
    receiver?.close();
  });

  it('tokens: shown once, good for what they say, and revoked', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('button', { name: 'Create the token' }).click();
    await page.getByText('Say what it is for.').waitFor();
    await expectNoViolations(page, 'create token');
    await expectNoSideScroll(page, 'create token');
    await page.getByLabel('What it is for').fill('deploy');
    await page.getByLabel('All databases, also those that are added later').uncheck();
    await page.getByLabel('shop', { exact: true }).check();
    await page.getByRole('button', { name: 'Create the token' }).click();
    const token = await page.getByLabel('Token', { exact: true }).inputValue();
    await expectNoViolations(page, 'token, shown once');
    await expectNoSideScroll(page, 'token, shown once');
    await screenshot(page, 'token');
    const asIt = (path: string) => scene.server.fetch(path, { token });
    expect((await asIt('/api/jobs')).status).toBe(200);
    expect((await asIt('/api/ledger?database=shop')).status).toBe(403);

    await page.reload();
    const row = page.getByRole('row', { name: /^deploy/ });
    await row.getByText('checkpoint').waitFor();
    expect(await page.content()).not.toContain(token);
    await row.getByRole('button', { name: 'Revoke deploy' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke the token' }).click();
    await row.getByText('revoked').waitFor();
    await expect.poll(async () => (await asIt('/api/jobs')).status, { timeout: 60_000 }).toBe(401);
    expect(complaints).toEqual([]);
  });

  it('people: added, signed in with their password, and removed', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/people');
    await page.getByText('Nobody is added yet.').waitFor();
    await page.getByRole('button', { name: 'Add person' }).click();
    await page.getByLabel('Name', { exact: true }).fill('ada');
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Add the person' }).click();
    await page.getByText('A password has at least 12 characters.').waitFor();
    await expectNoViolations(page, 'add person');
    await page.getByLabel('Password').fill('correct horse battery');
    await page.getByLabel('read', { exact: true }).check();
    await page.getByRole('button', { name: 'Add the person' }).click();
    const row = page.getByRole('row', { name: /^ada/ });
    await row.waitFor();
    await expectNoViolations(page, 'people');
    await expectNoSideScroll(page, 'people');
    await screenshot(page, 'people');
    const signIn = (password: string) =>
      scene.server.fetch('/api/session', {
        ...{ method: 'POST', token: null, body: { name: 'ada', password } },
      });
    expect((await signIn('correct horse battery')).status).toBe(200);

    await row.getByRole('button', { name: 'Set password of ada' }).click();
    const dialog = page.getByRole('dialog');
    await expectNoViolations(page, 'set password');
    await dialog.getByLabel('Password', { exact: true }).fill('another long password');
    await dialog.getByRole('button', { name: 'Set the password' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await signIn('another long password')).status).toBe(200);
    await row.getByRole('button', { name: 'Remove ada' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove ada' }).click();
    await page.getByText('Nobody is added yet.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('schedules: made from plain choices, paused, run at once', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/schedules');
    await page.getByText('Nothing is done by the clock yet.').waitFor();
    await page.getByRole('button', { name: 'Create schedule' }).click();
    await page.getByLabel('How often').selectOption('weekly');
    await page.getByLabel('On', { exact: true }).selectOption('Monday');
    await page.getByLabel('At', { exact: true }).fill('04:30');
    await page.getByLabel('Time zone').fill('Europe/Berlin');
    const times = page.getByRole('list').filter({ hasText: 'Monday' });
    await expect.poll(() => times.getByRole('listitem').count(), { timeout: 60_000 }).toBe(5);
    for (const text of await times.getByRole('listitem').allTextContents()) {
      expect(text).toMatch(/^Monday.*04:30$/);
    }
    await expectNoViolations(page, 'create schedule');
    await expectNoSideScroll(page, 'create schedule');
    await screenshot(page, 'schedule-new');
    await page.getByLabel('What is done').selectOption('snapshot');
    await page.getByLabel('Tag').fill('weekly');
    await page.getByRole('button', { name: 'Create the schedule' }).click();
    await page.getByText('Put {date} or {time} into it').waitFor();
    await page.getByLabel('Tag').fill('weekly-{date}');
    await page.getByRole('button', { name: 'Create the schedule' }).click();
    const card = page.getByRole('region', { name: 'Schedule nightly' });
    await card.getByText('every Monday at 04:30 (Europe/Berlin)').waitFor();
    await card.getByRole('button', { name: 'Pause nightly' }).click();
    await card.getByText('paused', { exact: true }).waitFor();
    await expectNoViolations(page, 'schedules');
    await expectNoSideScroll(page, 'schedules');
    await screenshot(page, 'schedules');
    await card.getByRole('button', { name: 'Run nightly now' }).click();
    await page.waitForURL('**/jobs/**');
    await page.getByText('Snapshot created', { exact: true }).first().waitFor();
    await page.goto('/schedules');
    await card.getByText('succeeded').waitFor();
    await card.getByRole('button', { name: 'Remove nightly' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the schedule' }).click();
    await page.getByText('Nothing is done by the clock yet.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('webhooks: the secret once, a test that arrives, and its delivery', async () => {
    const { page, complaints } = await scene.open();
    await page.goto('/webhooks');
    await page.getByText('Nobody is told yet.').waitFor();
    await page.getByRole('button', { name: 'Add webhook' }).click();
    await page.getByLabel('URL').fill('http://169.254.169.254/latest');
    await page.getByRole('button', { name: 'Add the webhook' }).click();
    await page.getByText('ADDRESS_REFUSED').waitFor();
    await expectNoViolations(page, 'add webhook');
    await expectNoSideScroll(page, 'add webhook');
    await page.getByLabel('URL').fill(receiverUrl);
    await page.getByRole('button', { name: 'Add the webhook' }).click();
    expect(await page.getByLabel('Secret', { exact: true }).inputValue()).toMatch(/^whsec_/);
    await page.getByRole('button', { name: 'I have kept it' }).click();
    received = [];
    const card = page.getByRole('region', { name: `Webhook ${receiverUrl}` });
    await card.getByRole('button', { name: 'Send a test' }).click();
    await card.getByText('The test was delivered').waitFor();
    expect(received).toHaveLength(1);
    expect(received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
    await card.getByRole('button', { name: 'Deliveries' }).click();
    const deliveries = card.getByRole('table', { name: /^Messages to/ });
    await deliveries.getByRole('rowheader', { name: 'webhook.test' }).waitFor();
    await expectNoViolations(page, 'webhooks');
    await expectNoSideScroll(page, 'webhooks');
    await screenshot(page, 'webhooks');
    await card.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the webhook' }).click();
    await page.getByText('Nobody is told yet.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('are not shown to others, and say why where they are opened all the same', async () => {
    const { page } = await scene.open({ token: await scene.server.token('restore') });
    await page.goto('/jobs');
    const navigation = page.getByRole('navigation', { name: 'Main' });
    await navigation.getByRole('link', { name: 'Schedules' }).waitFor();
    for (const name of ['Tokens', 'People', 'Webhooks']) {
      expect(await navigation.getByRole('link', { name }).count()).toBe(0);
    }
    for (const path of ['/tokens', '/people', '/webhooks']) {
      await page.goto(path);
      await page.getByText('This page is for administrators').waitFor();
      expect(await page.getByRole('button', { name: /Create|Add/ }).count()).toBe(0);
    }
    await expectNoViolations(page, 'for administrators only');
  });
});
