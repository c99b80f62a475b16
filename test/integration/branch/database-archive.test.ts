import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeFolder } from '../../support/archives.js';
import { type BranchScene, createBranchScene } from '../../support/branch-scene.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { addItem, itemsOf } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const { server } = await findDumpableServer();
const asAtFirst = ['rope', 'harness', 'belay device'];

describe(`database branches and archives on ${server.name}`, () => {
  const env = { BELAY_STORE: storeFolder() };
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server);
  });
  afterEach(() => shop.drop());

  it('start from a snapshot that has no clone any more', async () => {
    await shop.done(['checkpoint', '--tag', 'v1', '--no-drill'], { env });
    expect(await shop.others()).toEqual([]);
    await addItem(shop.url, 'later');
    const made = await shop.done(['branch', 'create', 'b', '--from', 'v1'], { env });
    expect(made.basedOn).toMatchObject({ kind: 'archive', tag: 'v1' });
    expect(await itemsOf(made.url)).toEqual(asAtFirst);
    await addItem(made.url, 'in b');
    await shop.done(['branch', 'reset', 'b'], { env });
    expect(await itemsOf(made.url)).toEqual(asAtFirst);
    // The archive’s clone is a snapshot of the user's, which the deletion of a branch does not take.
    await shop.done(['branch', 'delete', 'b', '--yes'], { env });
    const { snapshots } = await shop.done(['list'], { env });
    expect(snapshots.map(({ tag }: { tag: string }) => tag)).toEqual(['v1']);
    expect(await itemsOf(shop.url)).toEqual([...asAtFirst, 'later']);
  });

  it('are saved before a command where that is asked for; the checkpoint is the branch’s', async () => {
    const { url } = await shop.done(['branch', 'create', 'b'], { env });
    await addItem(url, 'in b');
    const cwd = makeTempFolder();
    const script = `require('fs').writeFileSync('ran', process.env.PGDATABASE); process.exit(5)`;
    const command = ['--', process.execPath, '-e', script];
    const options = ['--branch', 'b', '--checkpoint', '--tag', 'before'];
    const { exitCode } = await shop.belay(['run', ...options, ...command], { env, cwd });
    expect(exitCode).toBe(5);
    expect(existsSync(join(cwd, 'ran'))).toBe(true);
    const tagsOf = async (...where: string[]) =>
      (await shop.done(['list', ...where], { env })).snapshots.map(
        ({ tag }: { tag: string }) => tag,
      );
    expect(await tagsOf('--url', url)).toEqual(['before']);
    expect(await tagsOf()).not.toContain('before');
    await addItem(url, 'after');
    await shop.done(['branch', 'reset', 'b', '--to', 'before'], { env });
    expect(await itemsOf(url)).toEqual([...asAtFirst, 'in b']);
  });
});
