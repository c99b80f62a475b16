import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloneName, newSnapshotId } from '../../../src/domain/clone-name.js';
import { createDatabaseSql } from '../../../src/postgres/sql/databases.js';
import {
  type BranchScene,
  commentOf,
  createBranchScene,
  dropDatabase,
  openedSession,
} from '../../support/branch-scene.js';
import { testServers } from '../../support/servers.js';
import { addItem, itemsOf, rowsOf, run } from '../../support/targets.js';

const asAtFirst = ['rope', 'harness', 'belay device'];

describe.each(testServers())('the timeline of a database branch on $name', (server) => {
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server);
  });
  afterEach(() => shop.drop());

  const create = (name: string, ...args: string[]) =>
    shop.done(['branch', 'create', name, ...args]);
  const reset = (name: string, ...args: string[]) => shop.done(['branch', 'reset', name, ...args]);
  const clonesOf = async () => (await shop.others()).filter((one) => one.includes('_belay_'));

  it('keeps where another branch starts, whoever prunes, deletes, repairs or undoes in it', async () => {
    const parent = await create('parent');
    const inParent = (...args: string[]) => shop.done([...args, '--url', parent.url]);
    const child = await create('child', '--from', 'parent');
    const base = child.basedOn.id;
    expect((await inParent('repair')).cleaned).toEqual([]);
    expect((await inParent('doctor')).checks).toContainEqual(
      expect.objectContaining({ name: 'leftovers', status: 'ok' }),
    );
    const pruned = await inParent('prune', '--keep-last', '0', '--yes');
    expect(pruned.removed).toEqual([]);
    const refused = await shop.refused(['delete', base, '--yes', '--url', parent.url]);
    expect(refused).toMatchObject({ code: 'BRANCH_IN_USE' });
    await addItem(child.url, 'mine');
    await reset('child');
    expect(await itemsOf(child.url)).toEqual(asAtFirst);
  });

  it('of the target too: a base is neither pruned nor deleted, and goes with its last branch', async () => {
    await shop.done(['snapshot', 'v1']);
    await create('a', '--from', 'v1');
    const b = await create('b');
    await create('c', '--from', b.basedOn.id);
    expect((await shop.done(['prune', '--keep-last', '0', '--yes'])).removed).toEqual([]);
    for (const reference of ['v1', b.basedOn.id]) {
      const refused = await shop.refused(['delete', reference, '--yes']);
      expect(refused.code).toBe('BRANCH_IN_USE');
    }
    const tags = async () =>
      (await shop.done(['list'])).snapshots.map(({ tag }: { tag: string }) => tag);
    expect(await tags()).toHaveLength(2);
    await shop.done(['branch', 'delete', 'b', '--yes']);
    expect(await tags()).toHaveLength(2);
    await shop.done(['branch', 'delete', 'c', '--yes']);
    await shop.done(['branch', 'delete', 'a', '--yes']);
    // The user's own snapshot stays.
    expect(await tags()).toEqual(['v1']);
    expect(await shop.others()).toHaveLength(1);
  });

  it('undo copies a state that a branch starts from, instead of taking it away', async () => {
    await shop.done(['snapshot', 'v1']);
    await addItem(shop.url, 'later');
    const { previous } = await shop.done(['restore', 'v1']);
    const b = await create('b', '--from', previous.id);
    await shop.done(['undo']);
    expect(await itemsOf(shop.url)).toEqual([...asAtFirst, 'later']);
    await addItem(b.url, 'in the branch');
    await reset('b');
    expect(await itemsOf(b.url)).toEqual([...asAtFirst, 'later']);
  });

  it('goes back to its base, its own snapshots and the target’s; undo takes that back; the URL stays', async () => {
    await shop.done(['snapshot', 'v1']);
    await addItem(shop.url, 'v2');
    const { url, database } = await create('b');
    await addItem(url, 'in b');
    await shop.done(['snapshot', 'own', '--url', url]);
    await addItem(url, 'in b, later');
    const session = await openedSession(url);
    const first = await reset('b');
    expect(first).toMatchObject({ ok: true, name: 'b', database, to: 'live' });
    expect(await session.hasEnded()).toBe(true);
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'v2']);
    await shop.done(['undo', '--url', url]);
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'v2', 'in b', 'in b, later']);
    await reset('b', '--to', 'own');
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'v2', 'in b']);
    expect(await reset('b', '--to', 'v1')).toMatchObject({ to: 'v1' });
    expect(await itemsOf(url)).toEqual(asAtFirst);
    expect(await itemsOf(shop.url)).toEqual([...asAtFirst, 'v2']);
    const { branches } = await shop.done(['branch', 'list']);
    expect(branches).toMatchObject([{ name: 'b', database, state: 'ready' }]);
  });

  it('a busy session in it holds up a reset, or is ended, as it is told', async () => {
    const { url } = await create('b');
    await addItem(url, 'x');
    const busy = await openedSession(url);
    await busy.client.query('BEGIN; INSERT INTO items (name) VALUES ($$open$$)');
    const refused = await shop.refused(['branch', 'reset', 'b', '--sessions', 'fail']);
    expect(refused.code).toBe('SESSIONS_IN_THE_WAY');
    expect(await busy.hasEnded()).toBe(false);
    expect(await clonesOf()).toHaveLength(1);
    await reset('b', '--sessions', 'terminate');
    expect(await busy.hasEnded()).toBe(true);
    expect(await itemsOf(url)).toEqual(asAtFirst);
  });

  it('whose base somebody has dropped says so, and can go to another state', async () => {
    await shop.done(['snapshot', 'v1']);
    const { url } = await create('b');
    const bases: string[] = [];
    for (const one of await clonesOf()) {
      if ((await commentOf(server, one))?.includes('"branch-base"')) bases.push(one);
    }
    expect(bases).toHaveLength(1);
    await dropDatabase(server, bases[0] ?? '');
    await addItem(url, 'x');
    const refused = await shop.refused(['branch', 'reset', 'b']);
    expect(refused).toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    expect(refused.hint).toContain('--to');
    expect((await shop.refused(['branch', 'diff', 'b'])).code).toBe('SNAPSHOT_NOT_FOUND');
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'x']);
    await reset('b', '--to', 'v1');
    expect(await itemsOf(url)).toEqual(asAtFirst);
    await shop.done(['branch', 'delete', 'b', '--yes']);
    expect(await clonesOf()).toHaveLength(1);
  });

  it('half-made copies in it are cleaned by a repair of the target, for nobody may come to the branch again', async () => {
    const { database, url } = await create('b');
    const [{ owner }] = await rowsOf(url, 'SELECT current_user AS owner');
    const name = cloneName(database, newSnapshotId());
    await run(
      server.adminUrl,
      createDatabaseSql({ name, source: 'template0', owner, strategy: null }),
    );
    expect(await shop.others()).toContain(name);
    const repaired = await shop.done(['repair']);
    expect(repaired.cleaned).toMatchObject([{ kind: 'branch-database', name }]);
    expect(await shop.others()).not.toContain(name);
    expect((await shop.done(['repair'])).cleaned).toEqual([]);
  });

  it('a branch that somebody dropped, renamed or closed: said, and removed without a trace', async () => {
    const a = await create('a');
    const child = await create('child', '--from', 'a');
    await dropDatabase(server, a.database);
    expect((await shop.refused(['branch', 'url', 'a'])).code).toBe('BRANCH_NOT_FOUND');
    await addItem(child.url, 'x');
    await reset('child');
    expect(await itemsOf(child.url)).toEqual(asAtFirst);
    await run(server.adminUrl, `ALTER DATABASE "${child.database}" ALLOW_CONNECTIONS false`);
    const { branches } = await shop.done(['branch', 'list']);
    expect(branches).toMatchObject([{ name: 'child', state: 'damaged' }]);
    expect(branches[0].problem).toContain('closed');
    expect((await shop.refused(['branch', 'reset', 'child'])).code).toBe('BRANCH_DAMAGED');
    await shop.done(['branch', 'delete', 'child', '--yes']);
    expect(await shop.others()).toEqual([]);
    const b = await create('b');
    await run(server.adminUrl, `ALTER DATABASE "${b.database}" RENAME TO "${b.database}_kept"`);
    expect((await shop.done(['branch', 'list'])).branches).toEqual([]);
    await shop.done(['repair']);
    // It is theirs now.
    expect(await shop.others()).toEqual([`${b.database}_kept`]);
    expect((await create('b')).id).not.toBe(b.id);
  });

  it('with a protected snapshot keeps the branch, until somebody takes the protection back', async () => {
    const { url } = await create('b');
    await shop.done(['snapshot', 'precious', '--url', url]);
    await shop.done(['protect', 'precious', '--url', url]);
    const refused = await shop.refused(['branch', 'delete', 'b', '--yes']);
    expect(refused).toMatchObject({ code: 'PROTECTED' });
    expect(refused.message).toContain('precious');
    expect(await itemsOf(url)).toEqual(asAtFirst);
    await shop.done(['unprotect', 'precious', '--url', url]);
    await shop.done(['branch', 'delete', 'b', '--yes']);
    expect(await shop.others()).toEqual([]);
  });

  it('is in order after a reset: what was there is counted, and nothing is left to repair', async () => {
    const { url } = await create('b');
    await addItem(url, 'mine');
    await reset('b');
    const { snapshots } = await shop.done(['list', '--url', url]);
    expect(snapshots).toMatchObject([{ reason: 'before-restore', fingerprint: { rows: 4 } }]);
    expect((await shop.done(['repair', '--url', url])).cleaned).toEqual([]);
    expect((await shop.done(['repair'])).cleaned).toEqual([]);
  });
});
