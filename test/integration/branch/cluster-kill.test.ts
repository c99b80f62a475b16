import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterBranches } from '../../../src/features/branch/cluster-driver.js';
import { startBranchServer } from '../../../src/index.js';
import { findProcessesIn } from '../../../src/process/postmaster.js';
import {
  type BranchHome,
  branchNamed,
  createBranch,
  listBranches,
  makeBranchHome,
  removeAll,
  urlOf,
  withWork,
} from '../../support/cluster-branches.js';
import { mountFolder } from '../../support/mounted-folder.js';
import {
  cleanEnvironment,
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { addItem, itemsOf, shopSql } from '../../support/targets.js';

const program = fileURLToPath(new URL('../../support/cluster-victim.ts', import.meta.url));
const three = ['rope', 'harness', 'belay device'];

const mounted = await mountFolder({ type: 'xfs', sizeBytes: 3e9 });
const parentDir = typeof mounted === 'string' ? tmpdir() : mounted.path;
afterAll(async () => {
  if (typeof mounted !== 'string') await mounted.remove();
});

/** None where the folder was not made yet, or is gone with the last of them. */
function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe.each(testServers())('a kill of what makes branches of $name', ({ major }) => {
  let server: ThrowawayServer;
  let home: BranchHome;
  let shop: TestDatabase;
  beforeAll(async () => {
    server = await startThrowawayServer({ major, parentDir });
    home = await makeBranchHome();
    shop = await createTestDatabase(server, { name: 'shop', sql: shopSql });
  });
  afterAll(async () => {
    await removeAll(shop.url, home);
    await server.remove();
    await home.remove();
  });

  /** Kills it so long after it said the words. */
  async function kill(action: string, name: string, words: string, afterMs: number): Promise<void> {
    const victim = spawn(process.execPath, ['--import', 'tsx', program, action, shop.url, name], {
      env: { ...cleanEnvironment(), BELAY_HOME: home.path },
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(victim, 'close');
    let output = '';
    victim.stderr.on('data', (chunk) => {
      output += chunk;
    });
    let isAimed = false;
    victim.stdout.on('data', (chunk) => {
      output += chunk;
      if (isAimed || !output.includes(`${words}\n`)) return;
      isAimed = true;
      void sleep(afterMs).then(() => victim.kill('SIGKILL'));
    });
    await closed;
    // It may have come to its end before the signal did, but never to an error, nor past the words unseen.
    expect(output).toContain(words);
    expect(output).not.toContain('Error');
  }

  const clean = () => withWork(shop.url, home, (work) => clusterBranches.removeLeftovers(work));

  /** Everything below the folder of branches that is no branch, and every process there that serves none. */
  async function expectNothingLeft(): Promise<void> {
    expect(await clean()).toEqual([]);
    const branches = await listBranches(shop.url, home);
    const known = branches.map(({ folder }) => folder);
    const place = join(dirname(server.dataDir), 'belay-branches');
    const there = namesIn(place).map((name) => join(place, name));
    expect(there.sort()).toEqual([...known].sort());
    for (const folder of there) {
      const inside = readdirSync(folder).filter((name) => name.startsWith('data.'));
      expect(inside).toEqual([]);
    }
    expect(namesIn(join(home.path, 'branches', 'index'))).toHaveLength(known.length);
  }

  it.each([
    ['begun', 0],
    ['step copy the data directory', 0],
    ['step copy the data directory', 150],
    ['step recover the copy', 60],
    ['step keep the base', 20],
    ['step bring it to the disk', 5],
    ['step start the branch’s server', 30],
  ])('while one is made, at "%s" and %i ms', async (words, afterMs) => {
    await kill('create', 'killed', words, afterMs);
    // All or nothing, and the source as it was.
    await clean();
    await expectNothingLeft();
    expect(await itemsOf(shop.url)).toEqual(three);
    for (const branch of await listBranches(shop.url, home)) {
      const { branch: started } = await startBranchServer(branch, {
        env: { BELAY_HOME: home.path },
      });
      expect(await itemsOf(urlOf(started))).toEqual(three);
    }
    const place = join(dirname(server.dataDir), 'belay-branches', 'killed.new', 'data');
    expect(await findProcessesIn(place)).toEqual([]);
    await removeAll(shop.url, home);
    await expectNothingLeft();
  });

  it.each([
    ['step copy the base', 30],
    ['step exchange the data', 0],
    ['step exchange the data', 60],
    ['step exchange the data', 200],
  ])('while one is reset, at "%s" and %i ms', async (words, afterMs) => {
    await removeAll(shop.url, home);
    const branch = await createBranch(shop.url, home, 'victim');
    await addItem(urlOf(branch), 'sling');
    await kill('reset', 'victim', words, afterMs);
    // Whoever connects next starts it, before anybody has repaired anything.
    const found = await branchNamed(shop.url, home, 'victim');
    expect(found.problem).toBeNull();
    const { branch: started } = await startBranchServer(found, { env: { BELAY_HOME: home.path } });
    expect(urlOf(started)).toBe(urlOf(branch));
    const items = await itemsOf(urlOf(started));
    expect([three, [...three, 'sling']]).toContainEqual(items);
    await clean();
    await expectNothingLeft();
    expect(await itemsOf(urlOf(started))).toEqual(items);
  });

  it('while one is removed', async () => {
    await removeAll(shop.url, home);
    await createBranch(shop.url, home, 'victim');
    await kill('remove', 'victim', 'begun', 120);
    await clean();
    for (const branch of await listBranches(shop.url, home)) {
      const { branch: started } = await startBranchServer(branch, {
        env: { BELAY_HOME: home.path },
      });
      expect(await itemsOf(urlOf(started))).toEqual(three);
    }
    await expectNothingLeft();
    expect(await itemsOf(shop.url)).toEqual(three);
  });
});
