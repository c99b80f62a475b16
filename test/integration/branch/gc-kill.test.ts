import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createBranch, findBranches, gcBranches } from '../../../src/index.js';
import { cleanEnvironment, testServers } from '../../support/servers.js';
import { createShop, databasesOf, itemsOf, withTarget } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

const program = fileURLToPath(new URL('../../support/gc-victim.ts', import.meta.url));
const dayMs = 86_400_000;

/** Collects in a process of its own, and kills it some time after it has begun to remove a branch. */
async function killCollecting(url: string, delayMs: number): Promise<void> {
  const victim = spawn(process.execPath, ['--import', 'tsx', program, url], {
    env: { ...cleanEnvironment(), BELAY_HOME: testHome() },
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(victim, 'close');
  let output = '';
  victim.stdout.on('data', (chunk) => {
    if (output === '') setTimeout(() => victim.kill('SIGKILL'), delayMs);
    output += chunk;
  });
  await closed;
  expect(output).toContain('step remove');
}

describe.each(testServers())('a kill of a collection on $name', (server) => {
  it.each([0, 30, 150, 600])(
    'after %i ms leaves whole branches or none, and the next one ends it',
    async (delayMs) => {
      const database = await createShop(server);
      await withTarget(database.url, async (root) => {
        for (const name of ['one', 'two', 'three']) {
          await createBranch(root, { name, ttlMs: dayMs });
        }
        await createBranch(root, { name: 'lasting' });
      });
      await killCollecting(database.url, delayMs);
      await withTarget(database.url, async (root) => {
        await gcBranches(root, { now: new Date(Date.now() + 2 * dayMs) });
        const [lasting, ...others] = await findBranches(root);
        expect(others).toEqual([]);
        expect(lasting).toMatchObject({ state: 'ready', record: { name: 'lasting' } });
        const url = new URL(database.url);
        url.pathname = `/${lasting?.record.database}`;
        expect(await itemsOf(url.href)).toHaveLength(3);
      });
      expect(await itemsOf(database.url)).toHaveLength(3);
      // The target, the branch that stays and its base.
      expect(await databasesOf(server, database.name)).toHaveLength(3);
    },
  );
});
