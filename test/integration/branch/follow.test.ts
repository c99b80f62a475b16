import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BranchScene, createBranchScene, dropDatabase } from '../../support/branch-scene.js';
import { testServers } from '../../support/servers.js';
import { addItem, itemsOf, run } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const asAtFirst = ['rope', 'harness', 'belay device'];

/** A command that writes what it finds of a database into a file, and ends with a code. */
const telling = (code = 0) => [
  process.execPath,
  '-e',
  `require('fs').writeFileSync('env.json', JSON.stringify(process.env)); process.exit(${code})`,
];

describe.each(testServers())('work on the current branch on $name', (server) => {
  let shop: BranchScene;
  let cwd: string;
  beforeEach(async () => {
    shop = await createBranchScene(server);
    // A project as `belay init` leaves it: the URL in .env, and other names for it beside.
    cwd = makeTempFolder({
      '.env': `DATABASE_URL=${shop.url}\nAPP_DB=${shop.url}\nOTHER=postgres://nowhere/other\n`,
      'migrations/1_note.sql': 'ALTER TABLE items ADD note text;',
    });
  });
  afterEach(() => shop.drop());

  /** As somebody in the project's folder: nothing is named. */
  const here = (...args: string[]) => shop.done(args, { cwd, env: { BELAY_URL: undefined } });
  const refusedHere = (...args: string[]) =>
    shop.refused(args, { cwd, env: { BELAY_URL: undefined } });
  const runHere = async (...args: string[]) => {
    const { exitCode } = await shop.belay(['run', ...args], { cwd, env: { BELAY_URL: undefined } });
    const file = join(cwd, 'env.json');
    const env = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
    return { exitCode, env };
  };
  const databaseIn = (url: string) => decodeURIComponent(new URL(url).pathname.slice(1));

  it('every command is led to it, and back: snapshots, states, status, plan', async () => {
    const made = await here('branch', 'create', 'b', '--switch');
    expect(databaseIn((await here('url')).url)).toBe(made.database);
    await here('snapshot', 'in-b');
    await addItem(made.url, 'later');
    expect((await here('status')).target.database).toBe(made.database);
    const tags = (await here('list')).snapshots.map(({ tag }: { tag: string }) => tag);
    expect(tags).toEqual(['in-b']);
    await here('restore', 'in-b');
    expect(await itemsOf(made.url)).toEqual(asAtFirst);
    await here('undo');
    expect(await itemsOf(made.url)).toEqual([...asAtFirst, 'later']);
    await here('migrate', 'up', '--backup', 'none');
    await run(made.url, 'SELECT note FROM items');
    await expect(run(shop.url, 'SELECT note FROM items')).rejects.toMatchObject({ code: '42703' });
    // Who names a target means that one.
    const rootTags = (await shop.done(['list', '--url', shop.url], { cwd })).snapshots;
    expect(rootTags.map(({ tag }: { tag: string }) => tag)).not.toContain('in-b');
    const main = await here('branch', 'switch', 'main');
    expect(main).toMatchObject({ name: null, database: shop.name });
    expect(databaseIn((await here('url')).url)).toBe(shop.name);
    expect(await itemsOf(shop.url)).toEqual(asAtFirst);
    await here('branch', 'switch', 'b');
    expect(await here('branch', 'switch', 'live')).toMatchObject({ name: null });
  });

  it('belay run leads every variable that means the target to the branch, and passes the exit code on', async () => {
    await here('branch', 'create', 'b', '--switch');
    await here('branch', 'create', 'other');
    const current = await runHere('--', ...telling(0));
    expect(current.exitCode).toBe(0);
    expect(databaseIn(current.env.DATABASE_URL)).toBe(`${shop.name}_b`);
    expect(databaseIn(current.env.APP_DB)).toBe(`${shop.name}_b`);
    expect(current.env.PGDATABASE).toBe(`${shop.name}_b`);
    expect(current.env.OTHER ?? 'postgres://nowhere/other').toBe('postgres://nowhere/other');
    const named = await runHere('--branch', 'other', '--', ...telling(37));
    expect(named.exitCode).toBe(37);
    expect(databaseIn(named.env.DATABASE_URL)).toBe(`${shop.name}_other`);
    // What the command itself runs finds the target that branches belong to.
    expect(databaseIn(named.env.BELAY_URL)).toBe(shop.name);
    const killed = [process.execPath, '-e', 'process.kill(process.pid, "SIGTERM")'];
    expect((await runHere('--', ...killed)).exitCode).toBe(128 + 15);
    const missing = await refusedHere('run', '--', 'no-such-program-here');
    expect(missing).toMatchObject({ exitCode: 6, code: 'TOOL_MISSING' });
    const unknown = await refusedHere('run', '--branch', 'nothing', '--', 'true');
    expect(unknown.code).toBe('BRANCH_NOT_FOUND');
    await here('branch', 'switch', 'main');
    const none = await refusedHere('run', '--branch', '--', 'true');
    expect(none.code).toBe('USAGE');
  });

  it('what the current one is cannot be deleted from under it; a deleted one is said, and made by nobody', async () => {
    const made = await here('branch', 'create', 'b', '--switch');
    expect((await refusedHere('branch', 'delete', 'b', '--yes')).code).toBe('BRANCH_IN_USE');
    // Somebody else, from elsewhere.
    await shop.done(['branch', 'delete', 'b', '--yes']);
    for (const args of [['snapshot', 'x'], ['list'], ['status'], ['undo'], ['restore', 'latest']]) {
      const refused = await refusedHere(...args);
      expect(refused).toMatchObject({ code: 'BRANCH_NOT_FOUND' });
      expect(refused.hint).toContain('belay branch switch');
    }
    expect((await refusedHere('run', '--', ...telling())).code).toBe('BRANCH_NOT_FOUND');
    expect(existsSync(join(cwd, 'env.json'))).toBe(false);
    expect(await shop.others()).not.toContain(made.database);
    await here('branch', 'switch', 'main');
    await here('snapshot', 'x');
  });

  it('one that somebody has dropped by hand neither', async () => {
    const made = await here('branch', 'create', 'b', '--switch');
    await dropDatabase(server, made.database);
    expect((await refusedHere('snapshot', 'x')).code).toBe('BRANCH_NOT_FOUND');
    expect((await here('branch', 'list')).branches).toEqual([]);
    await here('branch', 'switch', 'main');
    await here('repair');
    expect(await shop.others()).toEqual([]);
  });

  it('a branch of production may be put back without further words, production itself may not', async () => {
    const config = { targets: { prod: { url: shop.url, environment: 'production' } } };
    const project = makeTempFolder({ 'belay.config.json': JSON.stringify(config) });
    const call = { cwd: project, env: { BELAY_URL: undefined } };
    const { url } = await shop.done(['branch', 'create', 'b', '--switch'], call);
    await addItem(url, 'in b');
    await shop.done(['branch', 'reset'], call);
    await shop.done(['undo'], call);
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'in b']);
    await shop.done(['branch', 'switch', 'main'], call);
    await shop.done(['snapshot', 'v1'], call);
    const refused = await shop.refused(['restore', 'v1'], call);
    expect(refused).toMatchObject({ exitCode: 3, code: 'PRODUCTION_GUARD' });
  });
});
