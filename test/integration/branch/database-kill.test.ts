import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BranchScene, contentOf, createBranchScene } from '../../support/branch-scene.js';
import {
  cleanEnvironment,
  startThrowawayServer,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { addItem, rowsOf, run, shopSql } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

const program = fileURLToPath(new URL('../../support/branch-victim.ts', import.meta.url));
const rounds = Number(process.env.BELAY_FAULT_ROUNDS ?? 1);

/** Large enough that a copy and a count take a moment, and that a half of it is noticed. */
const sql = `${shopSql} INSERT INTO items (name) SELECT repeat('x', 90) || i FROM generate_series(1, 30000) i;`;

/** Works in a process of its own, and hits something some time after it says the words. */
async function during(
  words: string,
  delayMs: number,
  args: readonly string[],
  hit: (kill: () => void) => unknown,
): Promise<number> {
  const victim = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    env: { ...cleanEnvironment(), BELAY_HOME: testHome() },
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(victim, 'close');
  let output = '';
  let hits: Promise<unknown> | undefined;
  const listen = (chunk: Buffer) => {
    output += chunk;
    if (hits || !output.includes(`${words}\n`)) return;
    hits = sleep(delayMs).then(() => hit(() => victim.kill('SIGKILL')));
  };
  victim.stdout.on('data', listen);
  victim.stderr.on('data', listen);
  await closed;
  await hits;
  expect(output).toContain(words);
  return victim.pid as number;
}

/** The server goes on for a moment with what a killed process had begun; until then there is nothing that could be found. */
async function untilNoticed(shop: BranchScene, pid: number): Promise<void> {
  const sql = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'belay %' || $1 || '@%'";
  for (let round = 0; round < 300; round += 1) {
    if ((await rowsOf(shop.urlOf('postgres'), sql, [String(pid)])).length === 0) return;
    await sleep(100);
  }
  throw new Error(`the server still works for process ${pid}`);
}

const moments = {
  create: ['begun', 'step copy', 'step count', 'step seal', 'step put in place'],
  reset: ['begun', 'step copy', 'step swap'],
  delete: ['begun', 'step remove'],
} as const;
const cases = Object.entries(moments).flatMap(([action, steps]) =>
  steps.flatMap((step) => Array.from({ length: rounds }, () => [action, step] as const)),
);

/** Whatever happened: the target is whole, each branch is whole or absent, and a repair leaves nothing else. */
async function checkWhole(shop: BranchScene, before: { root: string; branch: string }) {
  expect(await contentOf(shop.url)).toBe(before.root);
  await shop.done(['repair']);
  expect((await shop.done(['repair'])).cleaned).toEqual([]);
  const { branches } = await shop.done(['branch', 'list']);
  const expected: string[] = [];
  for (const { name, database, state } of branches) {
    expect({ name, state }).toEqual({ name, state: 'ready' });
    const content = await contentOf(shop.urlOf(database));
    expect([before.root, before.branch]).toContain(content);
    expected.push(database);
  }
  const [{ open, half }] = await rowsOf(
    shop.urlOf('postgres'),
    `SELECT array_agg(datname::text ORDER BY datname) FILTER (WHERE datallowconn) AS open,
            count(*) FILTER (WHERE NOT datallowconn AND COALESCE(shobj_description(oid, 'pg_database'), '') NOT LIKE '{"belay":%') AS half
       FROM pg_database WHERE starts_with(datname, $1)`,
    [shop.name],
  );
  expect({ open, half }).toEqual({ open: [shop.name, ...expected.sort()], half: '0' });
  expect(await contentOf(shop.url)).toBe(before.root);
  // The next command works, and so does removing it all.
  await shop.done(['branch', 'create', 'x', '--if-exists', 'reset']);
  expect(await contentOf(shop.urlOf(`${shop.name}_x`))).toBe(before.root);
  const names = (await shop.done(['branch', 'list'])).branches.map(
    ({ name }: { name: string }) => name,
  );
  // Those that start from others go before them.
  for (const name of names.sort().reverse()) await shop.done(['branch', 'delete', name, '--yes']);
  expect(await shop.others()).toEqual([]);
}

/** A branch with rows of its own, where the action needs one. */
async function prepare(shop: BranchScene, action: string) {
  const root = await contentOf(shop.url);
  if (action === 'create') return { root, branch: root };
  const { url } = await shop.done(['branch', 'create', 'x']);
  await addItem(url, 'own');
  return { root, branch: await contentOf(url) };
}

describe.each(testServers())('kill -9 while a database branch is at work on $name', (server) => {
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server, { sql });
  });
  afterEach(() => shop.drop());

  it.each(cases)('of %s, after "%s"', async (action, words) => {
    const before = await prepare(shop, action);
    const args = [shop.url, action, 'x'];
    const pid = await during(words, Math.random() * 60, args, (kill) => kill());
    await untilNoticed(shop, pid);
    await checkWhole(shop, before);
  });

  it('of a creation from another branch: nothing is left in that one either', async () => {
    const before = await prepare(shop, 'reset');
    const args = [shop.url, 'create', 'y', 'x'];
    const pid = await during('step copy', Math.random() * 100, args, (kill) => kill());
    await untilNoticed(shop, pid);
    await checkWhole(shop, before);
  });
});

describe.each(testServers())('a crash of $name while a database branch is at work', ({ major }) => {
  let own: ThrowawayServer;
  let shop: BranchScene;
  beforeAll(async () => {
    // With durable writes: what the server says must survive its own death.
    const settings = { fsync: 'on', full_page_writes: 'on' };
    own = await startThrowawayServer({ major, settings });
  });
  afterAll(() => own.remove());

  it.each([
    ['create', 'step put in place'],
    ['reset', 'step swap'],
    ['delete', 'step remove'],
  ])('of %s, after "%s"', async (action, words) => {
    shop = await createBranchScene(own, { sql });
    const before = await prepare(shop, action);
    await run(own.adminUrl, 'CHECKPOINT');
    await during(words, Math.random() * 40, [shop.url, action, 'x'], async () => {
      await own.kill9();
      await own.start();
    });
    await checkWhole(shop, before);
    await shop.drop();
  });
});
