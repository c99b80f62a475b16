import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeFolder } from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { addItem, createShop, itemsOf, rowsOf, run } from '../../support/targets.js';
import {
  creatingTools,
  migratingTools,
  readingTools,
  replacingTools,
  startStdioClient,
  type ToolClient,
} from './tool-client.js';

const { server: postgres } = await findDumpableServer();
const patienceMs = 180_000;

describe(`belay mcp on ${postgres.name}`, { timeout: patienceMs }, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  let assistant: ToolClient;
  const start = (url: string, ...args: string[]) =>
    startStdioClient({ args: ['--url', url, ...args], cwd: join(store, '..'), store });
  beforeAll(async () => {
    mkdirSync(store, { recursive: true });
    shop = await createShop(postgres);
    assistant = await start(shop.url);
  }, patienceMs);
  afterAll(async () => {
    await assistant.close();
    await shop.drop();
  });

  it('has the tools that look and make, and none that replaces or deletes', async () => {
    expect(await assistant.names()).toEqual(
      [...readingTools, ...creatingTools, ...migratingTools].sort(),
    );
    const { tools } = await assistant.client.listTools();
    for (const { name, annotations, outputSchema, inputSchema } of tools) {
      expect([name, annotations?.destructiveHint]).toEqual([name, false]);
      expect([name, outputSchema?.type, inputSchema.additionalProperties]).toEqual([
        ...[name, 'object', false],
      ]);
    }
    expect(await assistant.refused('restore', { reference: 'latest' })).toContain('not found');
  });

  it('makes a proven checkpoint, tells its progress, and the ledger names the assistant', async () => {
    const heard: string[] = [];
    const made = await assistant.call('create_checkpoint', { tag: 'before' }, (message) =>
      heard.push(message),
    );
    expect(made).toMatchObject({ ok: true, tag: 'before', restore_drill: 'proven', rows: 3 });
    expect(heard.length).toBeGreaterThan(1);
    const { entries } = await assistant.call('ledger', { limit: 1 });
    expect(entries).toMatchObject([
      { action: 'checkpoint', actor: { onBehalfOf: 'assistant test assistant' } },
    ]);
    expect(await assistant.call('list_snapshots', { search: 'befo' })).toMatchObject({
      ...{ total: 1, snapshots: [{ tag: 'before', proof: 'proven', rows: 3, tables: 1 }] },
    });
    expect(await assistant.call('show_snapshot', { reference: 'before' })).toMatchObject({
      fingerprint: { rowCounts: { 'public.items': 3 } },
    });
    expect(await assistant.call('verify')).toMatchObject({ ok: true, checked: 1 });
  });

  it('plans and rehearses a migration, and the database stays as it was', async () => {
    const sql = 'DELETE FROM items WHERE id < 3; ALTER TABLE items DROP COLUMN name CASCADE;';
    const plan = await assistant.call('plan_migration', { sql });
    expect(plan).toMatchObject({ safety: 'DATA_LOSS', totals: { statements: 2 } });
    expect(await assistant.call('rehearse_migration', { sql })).toMatchObject({
      ...{ ok: true, tables: [{ table: 'public.items', rowsDeleted: 2, rowsAfter: 1 }] },
    });
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
  });

  it.each([
    ['another database', () => `DROP DATABASE "${shop.name}"`, 'COMMAND_NOT_ISOLATED'],
    [
      'a program',
      () => `COPY items TO PROGRAM 'touch /tmp/belay-was-here'`,
      'COMMAND_NOT_ISOLATED',
    ],
    ['a file', () => '\\i /etc/hostname', 'must not include files'],
    ['another connection', () => '\\connect postgres', 'BAD_MIGRATION'],
    ['no SQL', () => "x'); DROP TABLE items; --", 'BAD_MIGRATION|syntax'],
  ])('hostile SQL, %s: refused, or run on the copy alone', async (_what, sqlOf, words) => {
    const sql = sqlOf();
    const answer = await assistant.client.callTool(
      { name: 'rehearse_migration', arguments: { sql } },
      undefined,
      { timeout: patienceMs },
    );
    expect(JSON.stringify(answer)).toMatch(new RegExp(words));
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
  });

  it('makes a branch, and gives its URL without the password', async () => {
    const made = await assistant.call('branch_create', { name: 'try/this', from: 'before' });
    expect(made).toMatchObject({ name: 'try/this', state: 'ready' });
    const shown = await assistant.call('branch_url', { name: 'try/this' });
    expect(new URL(shown.url).password).toBe('');
    const url = new URL(shown.url);
    url.password = new URL(shop.url).password;
    expect(await rowsOf(url.href, 'SELECT count(*)::int AS n FROM items')).toEqual([{ n: 3 }]);
    expect(await assistant.call('branch_list')).toMatchObject({ branches: [{ name: 'try/this' }] });
    const password = new URL(shop.url).password;
    if (password) expect(JSON.stringify([made, shown])).not.toContain(password);
  });

  it('shows schema, status, differences, versions and drift', async () => {
    await assistant.call('create_snapshot', { tag: 'snap', description: 'for comparing' });
    await addItem(shop.url, 'carabiner');
    expect(await assistant.call('diff', { a: 'snap' })).toMatchObject({
      ...{ identical: false, rowCounts: [{ table: 'public.items' }] },
    });
    expect(await assistant.call('compare_schemas', { a: 'snap' })).toMatchObject({
      ...{ identical: true, changes: [] },
    });
    expect(await assistant.call('status')).toMatchObject({
      exists: true,
      basedOn: { tag: 'snap' },
    });
    const { objects } = await assistant.call('show_schema', { search: 'short_items' });
    expect(objects.length).toBeGreaterThan(0);
    expect(await assistant.call('version_graph')).toEqual({ versions: [], current: null });
    expect(await assistant.refused('drift')).toMatch(/^NO_HISTORY: .*\nhint: /s);
    expect(await assistant.refused('rollback_plan', { version: '0' })).toMatch(/^NO_HISTORY: /);
    expect(await assistant.call('list_databases')).toMatchObject({
      databases: [{ name: shop.name, isDefault: true }],
    });
  });

  it('cuts what is too large, and says so', async () => {
    const columns = Array.from({ length: 1_500 }, (_, n) => `column_number_${n} text`).join(', ');
    await run(shop.url, `CREATE TABLE wide (${columns})`);
    const shown = await assistant.call('show_schema', { search: 'wide' });
    expect(JSON.stringify(shown).length).toBeLessThan(70_000);
    expect(shown.leftOut).toEqual([expect.stringMatching(/^objects: \d+ of 1\d{3}$/)]);
    await run(shop.url, 'DROP TABLE wide');
  });

  it('ends what is cancelled', async () => {
    const controller = new AbortController();
    const cancelled = assistant.client.callTool(
      { name: 'rehearse_migration', arguments: { sql: 'SELECT pg_sleep(600)' } },
      undefined,
      { timeout: patienceMs, signal: controller.signal },
    );
    // Whoever fails before it is looked at must not leave it to nobody.
    cancelled.catch(() => {});
    const sleeping = () =>
      rowsOf(postgres.adminUrl, `SELECT pid FROM pg_stat_activity WHERE query LIKE $1`, [
        '%pg_sleep(600%',
      ]).then((rows) => rows.length > 0);
    await expect.poll(sleeping, { timeout: 60_000 }).toBe(true);
    controller.abort('enough');
    await expect(cancelled).rejects.toThrow();
    await expect.poll(sleeping, { timeout: 60_000 }).toBe(false);
  });

  it('says what is wrong with an input, or with a database that is away', async () => {
    expect(await assistant.refused('show_snapshot', {})).toContain('Invalid arguments');
    expect(await assistant.refused('status', { nothing: 1 })).toContain('Invalid arguments');
    expect(await assistant.refused('status', { target: 'nobody' })).toMatch(/^NO_TARGET: /);
    expect(await assistant.refused('show_schema', { reference: '/etc/passwd.sql' })).toContain(
      'no URL and no file',
    );
    const away = await start('postgres://nobody@127.0.0.1:1/nothing');
    try {
      expect(await away.refused('status')).toMatch(/^SERVER_UNREACHABLE: .*\nhint: /s);
      expect((await away.call('ledger')).entries.length).toBeGreaterThan(0);
    } finally {
      await away.close();
    }
  });

  it('has prompts and resources', async () => {
    const { prompts } = await assistant.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['migrate-safely', 'go-back']);
    const prompt = await assistant.client.getPrompt({
      ...{ name: 'migrate-safely', arguments: { sql: 'DROP TABLE items' } },
    });
    expect(JSON.stringify(prompt)).toMatch(/create_checkpoint.*DROP TABLE items/s);
    const { resources } = await assistant.client.listResources();
    const uri = `belay://${shop.name}/timeline`;
    expect(resources.map((one) => one.uri)).toContain(uri);
    const read = await assistant.client.readResource({ uri });
    expect(JSON.stringify(read)).toContain('before');
  });

  it('with --allow-restore it restores and undoes, and still deletes nothing', async () => {
    const trusted = await start(shop.url, '--allow-restore');
    try {
      const all = [...readingTools, ...creatingTools, ...migratingTools, ...replacingTools];
      expect(await trusted.names()).toEqual(all.sort());
      const { tools } = await trusted.client.listTools();
      const destructive = tools.filter(({ annotations }) => annotations?.destructiveHint);
      expect(destructive.map(({ name }) => name).sort()).toEqual(replacingTools);
      expect(await trusted.call('restore', { reference: 'before' })).toMatchObject({ ok: true });
      expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
      expect(await trusted.call('undo')).toMatchObject({ ok: true });
      expect(await itemsOf(shop.url)).toContain('carabiner');
    } finally {
      await trusted.close();
    }
  });
});
