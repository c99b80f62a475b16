import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repairTarget } from '../../../src/index.js';
import { cleanEnvironment, type TestDatabase, testServers } from '../../support/servers.js';
import { tracesOf } from '../../support/shadow-facts.js';
import { addItem, createShop, itemsOf, withTarget } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

const program = fileURLToPath(new URL('../../support/shadow-victim.ts', import.meta.url));

/** Makes a shadow in a process of its own, and kills it when it says the words. */
async function killAt(words: string, url: string, method: string): Promise<void> {
  const victim = spawn(process.execPath, ['--import', 'tsx', program, url, method], {
    env: { ...cleanEnvironment(), BELAY_HOME: testHome() },
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(victim, 'close');
  let output = '';
  let problems = '';
  victim.stderr.on('data', (chunk) => {
    problems += chunk;
  });
  victim.stdout.on('data', (chunk) => {
    output += chunk;
    if (output.includes(`${words}\n`)) victim.kill('SIGKILL');
  });
  await closed;
  // It may have come to its end before the signal did, but never to an error, nor past the words unseen.
  expect(`${output}${problems}`).toContain(words);
}

describe.each(testServers())('a kill while a shadow is made on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
  });
  afterEach(() => shop.drop());

  it.each([
    ['clone', 'step copy'],
    ['clone', 'step migrate'],
    ['copy', 'step copy rows'],
    ['copy', 'step put in place'],
  ])('by %s, at "%s": nothing is left that repair does not find', async (method, words) => {
    await killAt(words, shop.url, method);
    await withTarget(shop.url, (target) => repairTarget(target));
    const traces = await tracesOf(server, shop);
    const shadow = `database ${shop.name}_shadow`;
    // All or nothing: the name, the record and what it needs come together.
    if (traces.length > 0) expect(traces).toEqual([shadow, expect.any(String), expect.any(String)]);
    const again = await withTarget(shop.url, (target) => repairTarget(target));
    expect(again.found).toEqual([]);
    await addItem(shop.url, 'sling');
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device', 'sling']);
  });
});
