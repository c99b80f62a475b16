import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BelayError } from '../../../src/errors.js';
import { configuredDatabases } from '../../../src/jobs/databases/configured-databases.js';
import { cleanEnvironment } from '../../support/run-belay.js';
import { openParts, type ServerParts } from '../../support/server-parts.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, failure } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const caller = { kind: 'token', id: 'tok_1', name: 'deploy' } as const;

describe.each(testServers())('databases registered in a catalog on $name', (server) => {
  let parts: ServerParts;
  let shop: TestDatabase;
  beforeAll(async () => {
    parts = await openParts(server);
    shop = await createShop(server);
  });
  afterAll(async () => {
    await shop?.drop();
    await parts?.close();
  });
  const add = (order: Parameters<ServerParts['databases']['add']>[0]) => parts.databases.add(order);

  it('keeps one without its password in the open, connects to it, and forgets it', async () => {
    const url = shop.url.replace(/\/\/[^@]*@/, '//someone:a-secret-word@');
    const kept = await add({ name: 'kept', kind: 'direct', url });
    expect(kept).toMatchObject({
      ...{ name: 'kept', kind: 'direct', environment: 'development', database: shop.name },
      ...{ store: null, source: 'api', agentSeenAt: null },
    });
    const rows = await parts.catalog.query('SELECT * FROM belay_server.databases');
    expect(JSON.stringify(rows)).not.toContain('a-secret-word');
    await parts.databases.change('kept', { url: shop.url, environment: 'production' });
    const target = await parts.databases.open('kept', 'look', caller);
    try {
      expect(target).toMatchObject({
        name: 'kept',
        environment: 'production',
        database: shop.name,
      });
      expect((await target.openStore()).location).toBe(parts.store);
    } finally {
      await target.close();
    }
    await parts.databases.remove('kept');
    expect(await parts.databases.get('kept')).toBeUndefined();
    await failure(parts.databases.open('kept', 'look', caller), 'DATABASE_NOT_REGISTERED');
    await failure(parts.databases.remove('kept'), 'DATABASE_NOT_REGISTERED');
    await failure(parts.databases.exclusiveKey('kept'), 'DATABASE_NOT_REGISTERED');
  });

  it('takes a name once', async () => {
    const order = { name: 'once', kind: 'direct', url: shop.url } as const;
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => add(order)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of all) {
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({ code: 'DATABASE_REGISTERED' });
    }
  });

  it('knows two ways to write one database by one key, and agents by their name', async () => {
    const { port, pathname } = new URL(shop.url);
    await add({ name: 'one', kind: 'direct', url: shop.url });
    await add({ name: 'two', kind: 'direct', url: `postgres://else@LOCALHOST:${port}${pathname}` });
    await add({ name: 'three', kind: 'direct', url: `postgres://else@127.0.0.1:${port}/other` });
    await add({ name: 'far', kind: 'agent' });
    const { exclusiveKey } = parts.databases;
    expect(await exclusiveKey('one')).toBe(await exclusiveKey('two'));
    expect(await exclusiveKey('one')).not.toBe(await exclusiveKey('three'));
    expect(await exclusiveKey('far')).toBe('agent:far');
    await failure(parts.databases.open('far', 'look', caller), 'NEEDS_AGENT');
  });

  it.each([
    ['', 'BAD_NAME'],
    ['-x', 'BAD_NAME'],
    ['.hidden', 'BAD_NAME'],
    ['a b', 'BAD_NAME'],
    ["a'b", 'BAD_NAME'],
    ['a/b', 'BAD_NAME'],
    ['ä', 'BAD_NAME'],
    ['a\n', 'BAD_NAME'],
    ['x'.repeat(64), 'BAD_NAME'],
  ] as const)('refuses the name %j', async (name, code) => {
    await failure(add({ name, kind: 'agent' }), code);
  });

  it.each([
    undefined,
    '',
    'shop',
    'http://127.0.0.1/shop',
    'file:///etc/passwd',
    'postgres://h/db?passfile=/etc/passwd',
    'postgres://h/db?sslmode=require&sslkey=/root/key',
    'postgres://h/db?%73ervice=prod',
    'postgres://h/db?SSLCERT=x',
    'postgres://h:70000/db',
  ])('refuses the URL %j', async (url) => {
    await failure(add({ name: 'bad-url', kind: 'direct', url }), 'BAD_URL');
  });

  it('refuses a URL for a database that only an agent reaches', async () => {
    await failure(add({ name: 'bad-agent', kind: 'agent', url: shop.url }), 'BAD_URL');
  });

  it.each([
    '../../etc',
    '/etc',
    'file:///tmp/x',
    'http://169.254.169.254/latest',
    's3://bucket/../other',
    's3://user:secret@bucket/x',
    's3://bucket/x?endpoint=http://127.0.0.1',
    '..',
    '.',
    'a\0b',
    'C:\\x',
  ])('refuses the store %j', async (store) => {
    const error = await failure(
      add({ name: 'bad-store', kind: 'direct', url: shop.url, store }),
      'USAGE',
    );
    expect(error.message).not.toContain('secret');
  });

  it('keeps stores that are named in its own folder', async () => {
    const inside = await add({ name: 'own-store', kind: 'direct', url: shop.url, store: 'team/a' });
    expect(inside.store).toBe(`${parts.home}/serve/stores/team/a`);
    const bucket = await add({
      name: 's3',
      kind: 'direct',
      url: shop.url,
      store: 's3://backups/a',
    });
    expect(bucket.store).toBe('s3://backups/a');
  });

  it('counts as production what is not this machine, unless somebody says otherwise', async () => {
    const url = 'postgres://db.example.com/shop';
    expect(await add({ name: 'away', kind: 'direct', url })).toMatchObject({
      environment: 'production',
      server: 'db.example.com:5432',
    });
    const order = { name: 'staging', kind: 'direct', url, environment: 'development' } as const;
    expect((await add(order)).environment).toBe('development');
  });

  it('never gives a URL from elsewhere the password of the server itself', async () => {
    const env = { PGPASSWORD: 'of-the-server', PGHOST: '127.0.0.1', PGUSER: 'admin' };
    const other = await openParts(server, { beside: parts, env });
    try {
      const { port, pathname } = new URL(shop.url);
      const url = `postgres://nobody@127.0.0.1:${port}${pathname}`;
      await other.databases.add({ name: 'poor', kind: 'direct', url });
      const error = await other.databases.open('poor', 'look', caller).then(
        async (target) => {
          const password = target.settings.password;
          await target.close();
          return password;
        },
        (thrown: unknown) => thrown,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(BelayError);
    } finally {
      await other.close();
    }
  });

  it('tells other servers of changes', async () => {
    const other = await openParts(server, { beside: parts });
    try {
      const heard = new Promise<void>((resolve) => {
        const stop = other.databases.onChange((name) => {
          if (name === 'told') resolve(stop());
        });
      });
      await add({ name: 'told', kind: 'agent' });
      await heard;
      expect(await other.databases.get('told')).toMatchObject({ kind: 'agent' });
      await other.databases.agentSeen(['told']);
      await expect
        .poll(async () => (await parts.databases.get('told'))?.agentSeenAt, { timeout: 20_000 })
        .toMatch(/^\d{4}-/);
    } finally {
      await other.close();
    }
  });

  it('registers what the configuration names, and does not let others change it', async () => {
    const cwd = makeTempFolder({
      'belay.config.json': JSON.stringify({
        targets: {
          main: { url: shop.url, environment: 'production' },
          far: { url: 'postgres://db.example.com/orders' },
        },
      }),
    });
    const configured = await configuredDatabases({ cwd, env: cleanEnvironment() });
    expect(configured.map(({ name, environment }) => [name, environment])).toEqual([
      ['main', 'production'],
      ['far', 'production'],
    ]);
    const first = configured.slice(0, 1);
    for (const _start of [1, 2]) await parts.databases.registerConfigured(first);
    expect(await parts.databases.get('main')).toMatchObject({ source: 'config' });
    await failure(parts.databases.remove('main'), 'USAGE');
    await failure(parts.databases.change('main', { environment: 'development' }), 'USAGE');
    // "far" is an agent's here.
    await failure(parts.databases.registerConfigured(configured), 'DATABASE_REGISTERED');
  });

  it('names the target of a URL like its database, and finds none where there is none', async () => {
    const env = cleanEnvironment();
    const cwd = makeTempFolder({});
    const [named] = await configuredDatabases({ url: shop.url, cwd, env });
    expect(named).toMatchObject({ name: shop.name, environment: 'development' });
    expect(await configuredDatabases({ cwd, env })).toEqual([]);
    const odd = shop.url.replace(/\/[^/]*$/, '/sh%20op%C3%A4');
    expect((await configuredDatabases({ url: odd, cwd, env }))[0]?.name).toBe('sh-op-');
  });
});
