import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BranchScene,
  commentOf,
  contentOf,
  createBranchScene,
  openedSession,
  propertiesOf,
} from '../../support/branch-scene.js';
import { createTestRole, type TestRole, testServers } from '../../support/servers.js';
import { addItem, itemsOf, rowsOf, run } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const asAtFirst = ['rope', 'harness', 'belay device'];

describe.each(testServers())('a branch that is a database on $name', (server) => {
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server);
  });
  afterEach(() => shop.drop());

  const create = (name: string, ...args: string[]) =>
    shop.done(['branch', 'create', name, ...args]);

  it('has the target’s rows, a URL that leads there, and the shape that is promised', async () => {
    const before = await contentOf(shop.url);
    const made = await create('invoices', '--ttl', '2h');
    expect(made).toMatchObject({
      ...{ name: 'invoices', database: `${shop.name}_invoices`, isolation: 'database' },
      ...{ basedOn: { kind: 'live', tag: 'live' }, purpose: 'manual', created: true },
    });
    expect(Date.parse(made.expiresAt) - Date.now()).toBeLessThanOrEqual(7_200_000);
    expect(Date.parse(made.expiresAt) - Date.now()).toBeGreaterThan(7_000_000);
    expect(await rowsOf(made.url, 'SELECT current_database() AS name')).toEqual([
      { name: made.database },
    ]);
    expect(await contentOf(made.url)).toBe(before);
    await addItem(made.url, 'sling');
    await run(made.url, 'DROP VIEW short_items');
    expect(await contentOf(shop.url)).toBe(before);
  });

  it('from live ends idle sessions, and says which busy one is in the way', async () => {
    const idle = await openedSession(shop.url);
    await create('one');
    expect(await idle.hasEnded()).toBe(true);
    const busy = await openedSession(shop.url);
    await busy.client.query('BEGIN; INSERT INTO items (name) VALUES ($$open$$)');
    const refused = await shop.refused(['branch', 'create', 'two', '--sessions', 'fail']);
    expect(refused).toMatchObject({ exitCode: 5, code: 'SESSIONS_IN_THE_WAY' });
    await busy.client.query('COMMIT');
    await busy.client.query('BEGIN; INSERT INTO items (name) VALUES ($$ended$$)');
    const made = await create('three', '--sessions', 'terminate');
    expect(await busy.hasEnded()).toBe(true);
    expect(await itemsOf(made.url)).toEqual([...asAtFirst, 'open']);
    expect(await itemsOf(shop.url)).toEqual([...asAtFirst, 'open']);
    const names = (await shop.done(['branch', 'list'])).branches.map(
      (one: { name: string }) => one.name,
    );
    expect(names).toEqual(['one', 'three']);
  });

  it('from a snapshot disturbs nobody, whatever it is called by', async () => {
    const { id } = await shop.done(['snapshot', 'v1']);
    await addItem(shop.url, 'later');
    const session = await openedSession(shop.url);
    await session.client.query('BEGIN; LOCK items');
    for (const [name, reference] of [
      ['tag', 'v1'],
      ['id', id],
      ['newest', 'latest'],
      ['prefixed', 'snapshot:v1'],
    ] as const) {
      const made = await create(name, '--from', reference);
      expect(made.basedOn).toMatchObject({ kind: 'snapshot', tag: 'v1', id });
      expect(await itemsOf(made.url)).toEqual(asAtFirst);
    }
    await session.client.query('COMMIT');
    await session.close();
    // They share it: no copy but their own was made.
    expect((await shop.others()).filter((one) => one.includes('_belay_'))).toHaveLength(1);
  });

  it('of a branch of a branch has the state that its parent had', async () => {
    const a = await create('a');
    await addItem(a.url, 'in a');
    const b = await create('b', '--from', 'a');
    await addItem(a.url, 'in a, later');
    await addItem(b.url, 'in b');
    const c = await create('c', '--from', 'branch:b');
    await addItem(b.url, 'in b, later');
    expect(await itemsOf(c.url)).toEqual([...asAtFirst, 'in a', 'in b']);
    expect(c.basedOn).toMatchObject({ kind: 'branch', tag: 'b' });
    await shop.done(['branch', 'reset', 'b']);
    expect(await itemsOf(b.url)).toEqual([...asAtFirst, 'in a']);
    expect(await itemsOf(c.url)).toEqual([...asAtFirst, 'in a', 'in b']);
    expect(await shop.refused(['branch', 'delete', 'b', '--yes'])).toMatchObject({
      code: 'BRANCH_IN_USE',
      message: expect.stringContaining('"c"'),
    });
    for (const name of ['c', 'b', 'a']) await shop.done(['branch', 'delete', name, '--yes']);
    expect(await shop.others()).toEqual([]);
    expect(await itemsOf(shop.url)).toEqual(asAtFirst);
  });

  it('is never guessed: a name that is a branch and a tag has to be said', async () => {
    await shop.done(['snapshot', 'twin']);
    const twin = await create('twin');
    await addItem(twin.url, 'in the branch');
    const { code } = await shop.refused(['branch', 'create', 'x', '--from', 'twin']);
    expect(code).toBe('AMBIGUOUS_REFERENCE');
    expect(await itemsOf((await create('x', '--from', 'snapshot:twin')).url)).toEqual(asAtFirst);
    const y = await create('y', '--from', 'branch:twin');
    expect(await itemsOf(y.url)).toEqual([...asAtFirst, 'in the branch']);
    for (const [reference, expected] of [
      ['nothing', 'SNAPSHOT_NOT_FOUND'],
      ['branch:nothing', 'BRANCH_NOT_FOUND'],
      ['snapshot:nothing', 'SNAPSHOT_NOT_FOUND'],
    ] as const) {
      const refused = await shop.refused(['branch', 'create', 'z', '--from', reference]);
      expect(refused.code).toBe(expected);
    }
  });

  it('that is there already: refused, taken as it is, or put back', async () => {
    const made = await create('ci', '--purpose', 'ci');
    await addItem(made.url, 'old run');
    const refused = await shop.refused(['branch', 'create', 'ci']);
    expect(refused).toMatchObject({ exitCode: 5, code: 'BRANCH_EXISTS' });
    const reused = await create('ci', '--if-exists', 'reuse');
    expect(reused).toMatchObject({ created: false, url: made.url, id: made.id });
    expect(await itemsOf(reused.url)).toEqual([...asAtFirst, 'old run']);
    const reset = await create('ci', '--if-exists', 'reset');
    expect(reset).toMatchObject({ created: false, url: made.url, id: made.id });
    expect(reset.resetAt).not.toBeNull();
    expect(await itemsOf(reset.url)).toEqual(asAtFirst);
  });

  it('carries owner, grants, settings and limits of the target; its comment is its own', async () => {
    const owner = await createTestRole(server, 'CREATEDB');
    const web: TestRole = await createTestRole(server);
    const name = `"${shop.name}"`;
    await run(
      server.adminUrl,
      `ALTER DATABASE ${name} OWNER TO ${owner.name};
       REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
       GRANT CONNECT ON DATABASE ${name} TO ${web.name} WITH GRANT OPTION;
       ALTER DATABASE ${name} SET search_path = app, "We ""ird, schema", public;
       ALTER ROLE ${web.name} IN DATABASE ${name} SET statement_timeout = '7s';
       ALTER DATABASE ${name} CONNECTION LIMIT 23;
       COMMENT ON DATABASE ${name} IS 'the team''s own words'`,
    );
    const wanted = await propertiesOf(server, shop.name);
    const { database } = await create('b');
    await shop.done(['branch', 'create', 'c', '--from', 'b']);
    const check = async () => {
      expect(await propertiesOf(server, shop.name)).toEqual(wanted);
      expect(await propertiesOf(server, database)).toEqual(wanted);
      expect(await propertiesOf(server, `${shop.name}_c`)).toEqual(wanted);
      expect(await commentOf(server, shop.name)).toBe("the team's own words");
      expect(JSON.parse((await commentOf(server, database)) ?? '')).toMatchObject({ name: 'b' });
    };
    await check();
    await shop.done(['branch', 'reset', 'b']);
    await check();
    await shop.done(['undo', '--url', shop.urlOf(database)]);
    await check();
    for (const one of ['c', 'b']) await shop.done(['branch', 'delete', one, '--yes']);
    await shop.drop();
    await owner.drop();
    await web.drop();
  });

  it('stays that branch through restore, switch and undo in it; copies of it are no branches', async () => {
    const { database, url, id } = await create('b');
    const inBranch = (...args: string[]) => shop.done([...args, '--url', url]);
    await inBranch('snapshot', 'mine');
    await addItem(url, 'more');
    await inBranch('restore', 'mine');
    expect(await itemsOf(url)).toEqual(asAtFirst);
    await inBranch('undo');
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'more']);
    await inBranch('switch', 'mine', '--save', 'with-more');
    await inBranch('restore', 'mine', '--to', `${shop.name}_copy`);
    expect(await commentOf(server, `${shop.name}_copy`)).toBeNull();
    const { branches } = await shop.done(['branch', 'list']);
    expect(branches).toMatchObject([{ name: 'b', id, database, state: 'ready' }]);
    const record = JSON.parse((await commentOf(server, database)) ?? '');
    expect(record).toMatchObject({ kind: 'branch', id, name: 'b' });
    // The target's own timeline knows nothing of the branch's.
    const tags = (await shop.done(['list'])).snapshots.map((one: { tag: string }) => one.tag);
    expect(tags.filter((tag: string) => !tag.startsWith('base/'))).toEqual([]);
    expect(await commentOf(server, shop.name)).toBeNull();
  });

  it('lives as long as the config says for what it is for, or as it is told', async () => {
    const config = {
      targets: { dev: { url: shop.url } },
      branches: { ttl: { ci: '3h', manual: '14d' }, maxBranches: 4 },
    };
    const cwd = makeTempFolder({ 'belay.config.json': JSON.stringify(config) });
    const make = async (name: string, ...args: string[]) => {
      const made = await shop.done(['branch', 'create', name, ...args], { cwd });
      return made.expiresAt === null
        ? null
        : Math.round((Date.parse(made.expiresAt) - Date.now()) / 3_600_000);
    };
    expect(await make('a', '--purpose', 'ci')).toBe(3);
    expect(await make('b')).toBe(14 * 24);
    expect(await make('c', '--purpose', 'ci', '--ttl', 'none')).toBeNull();
    expect(await make('d', '--purpose', 'git')).toBeNull();
    const refused = await shop.refused(['branch', 'create', 'e'], { cwd });
    expect(refused).toMatchObject({ code: 'QUOTA_REACHED' });
    expect(refused.hint).toContain('"a"');
    // One that is there is no new one.
    await shop.done(['branch', 'create', 'd', '--if-exists', 'reuse'], { cwd });
    const extended = await shop.done(['branch', 'extend', 'a', 'none']);
    expect(extended.expiresAt).toBeNull();
  });

  it('is told apart from what was changed in it', async () => {
    const { url } = await create('b');
    await run(url, "ALTER TABLE items ADD note text; DELETE FROM items WHERE name = 'rope'");
    const diff = await shop.done(['branch', 'diff', 'b', '--data']);
    expect(JSON.stringify(diff)).toContain('note');
    expect(diff).toMatchObject({ rowCounts: [{ table: 'public.items', a: 3, b: 2 }] });
    await shop.done(['branch', 'reset', 'b']);
    const same = await shop.done(['branch', 'diff', 'b', '--data']);
    expect(same.rowCounts).toEqual([]);
  });
});
