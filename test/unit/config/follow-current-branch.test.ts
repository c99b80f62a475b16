import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCurrentBranchState, writeCurrentBranch } from '../../../src/config/current-branch.js';
import { resolveTarget } from '../../../src/config/resolve-target.js';
import type { CurrentBranch } from '../../../src/domain/current-branch.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const url = 'postgresql://u:p@127.0.0.1:5432/shop';
const current: CurrentBranch = {
  ...{ name: 'invoices', id: 'x', isolation: 'database', database: 'shop_invoices', schema: null },
  ...{ root: { server: 'localhost:5432', database: 'shop' }, folder: null, gitBranch: null },
  switchedAt: '2026-11-22T00:00:00Z',
};

async function scene(branch: Partial<CurrentBranch> = {}) {
  const cwd = makeTempFolder({ '.git/HEAD': 'ref: refs/heads/main\n' });
  const place = { cwd, env: { HOME: cwd } };
  await writeCurrentBranch(place, { ...current, ...branch });
  const resolve = (env: NodeJS.ProcessEnv, follow: boolean | 'root' = true) =>
    resolveTarget({ cwd, env: { HOME: cwd, ...env }, follow });
  return { ...place, resolve };
}

describe('following the current branch', () => {
  it('leads from the target to its branch, however the server is written', async () => {
    const { resolve } = await scene();
    const found = await resolve({ DATABASE_URL: url });
    expect(found.settings).toMatchObject({ database: 'shop_invoices', password: 'p' });
    expect(found.root.database).toBe('shop');
    expect(found.branch?.name).toBe('invoices');
    expect(found.source).toBe('branch invoices (of DATABASE_URL)');
  });

  it.each([
    ['another database', 'postgresql://u@127.0.0.1:5432/other'],
    ['another port', 'postgresql://u@127.0.0.1:5433/shop'],
    ['another host', 'postgresql://u@db.example.com:5432/shop'],
  ])('leaves %s alone', async (_what, other) => {
    const { resolve } = await scene();
    const found = await resolve({ DATABASE_URL: other });
    expect(found.branch).toBeNull();
    expect(found.root).toEqual(found.settings);
  });

  it('never leads away from what somebody names, or where nobody asked', async () => {
    const { cwd, env, resolve } = await scene();
    const named = await resolveTarget({ url, cwd, env, follow: true });
    expect(named).toMatchObject({ branch: null, settings: { database: 'shop' } });
    expect((await resolve({ DATABASE_URL: url }, false)).settings.database).toBe('shop');
  });

  it('stays where the environment names the branch, and finds the way back', async () => {
    const { resolve } = await scene();
    const env = { DATABASE_URL: url.replace('/shop', '/shop_invoices') };
    const there = await resolve(env);
    expect(there).toMatchObject({ branch: { name: 'invoices' }, root: { database: 'shop' } });
    expect(there.settings.database).toBe('shop_invoices');
    expect((await resolve(env, 'root')).settings.database).toBe('shop');
  });

  it('leads into a schema, and leaves nothing of it behind', async () => {
    const options = '-c search_path=app_x,public';
    const schema = { isolation: 'schema', schema: 'app_x', database: 'shop', options } as const;
    const { resolve } = await scene(schema);
    expect((await resolve({ DATABASE_URL: url })).settings.options).toBe(options);
    const shell = { DATABASE_URL: url, BELAY_URL: url, PGOPTIONS: options };
    expect((await resolve(shell)).settings.options).toBe(options);
    expect((await resolve(shell, 'root')).settings.options).toBeUndefined();
    const other = await scene();
    expect((await other.resolve(shell)).settings.options).toBeUndefined();
    const own = { DATABASE_URL: url, PGOPTIONS: '-c work_mem=1MB' };
    expect((await other.resolve(own)).settings.options).toBe('-c work_mem=1MB');
  });

  it('leads to a server of the branch’s own, and says when that is gone', async () => {
    const folder = makeTempFolder();
    const { resolve } = await scene({ isolation: 'cluster', folder, database: 'shop' });
    const connection = {
      host: '127.0.0.1',
      port: 6000,
      user: 'u',
      password: 's',
      database: 'shop',
    };
    writeFileSync(join(folder, 'connection.json'), JSON.stringify(connection));
    const found = await resolve({ DATABASE_URL: url });
    expect(found.settings).toMatchObject({
      hosts: [{ host: '127.0.0.1', port: 6000 }],
      password: 's',
    });
    expect(found.root.hosts[0]?.port).toBe(5432);
    rmSync(join(folder, 'connection.json'));
    await expect(resolve({ DATABASE_URL: url })).rejects.toMatchObject({
      code: 'BRANCH_NOT_FOUND',
      hint: expect.stringContaining('belay branch switch main'),
    });
    expect((await resolve({ DATABASE_URL: url }, 'root')).settings.database).toBe('shop');
  });

  it.each([
    ['{"belay":1,"name":'],
    ['{"belay":2}'],
    ['[]'],
    ['null'],
    [''],
    ['{"belay":1,"name":1}'],
  ])('takes a file that says %j for none', async (text) => {
    const { cwd, env, resolve } = await scene();
    writeFileSync(join(cwd, '.git/belay/current-branch.json'), text);
    expect((await resolve({ DATABASE_URL: url })).branch).toBeNull();
    expect((await readCurrentBranchState({ cwd, env })).type).toBe('unreadable');
  });
});
