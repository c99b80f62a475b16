import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBranch } from '../../../src/index.js';
import { type BranchScene, createBranchScene } from '../../support/branch-scene.js';
import {
  startThrowawayServer,
  type TestServer,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { addItem, itemsOf, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const asAtFirst = ['rope', 'harness', 'belay device'];

const namesOf = async (shop: BranchScene): Promise<string[]> =>
  (await shop.done(['branch', 'list', '--no-sizes'])).branches.map(
    ({ name }: { name: string }) => name,
  );

describe.each(testServers())('several at work on branches on $name', (server) => {
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server);
    await shop.done(['snapshot', 'v1']);
  });
  afterEach(() => shop.drop());

  const create = (name: string, ...args: string[]) =>
    shop.belay(['branch', 'create', name, '--from', 'v1', ...args]);

  it('one name at once: one makes it, the others are told, or use it', async () => {
    const failing = await Promise.all([create('x'), create('x'), create('x')]);
    expect(failing.map(({ exitCode }) => exitCode).sort()).toEqual([0, 5, 5]);
    const reusing = await Promise.all([1, 2, 3].map(() => create('y', '--if-exists', 'reuse')));
    const made = reusing.map(({ json }) => json);
    expect(made.map(({ created }) => created).sort()).toEqual([false, false, true]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await namesOf(shop)).toEqual(['x', 'y']);
  });

  it('ten at once are all made; deleted at once, all gone', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
    const made = await Promise.all(names.map((name) => create(name, '--lock-wait', '2m')));
    expect(made.map(({ exitCode }) => exitCode)).toEqual(names.map(() => 0));
    expect((await namesOf(shop)).sort()).toEqual(names);
    const deleted = await Promise.all(
      names.map((name) => shop.belay(['branch', 'delete', name, '--yes', '--lock-wait', '2m'])),
    );
    expect(deleted.map(({ exitCode }) => exitCode)).toEqual(names.map(() => 0));
    expect(await shop.others()).toHaveLength(1);
  });

  it('a deletion while another starts from it: either the one or the other', async () => {
    await create('parent');
    const [child, gone] = await Promise.all([
      shop.belay(['branch', 'create', 'child', '--from', 'branch:parent']),
      shop.belay(['branch', 'delete', 'parent', '--yes']),
    ]);
    const names = await namesOf(shop);
    if (child.exitCode === 0) {
      expect(gone.json.error.code).toBe('BRANCH_IN_USE');
      expect(names).toEqual(['parent', 'child']);
      await shop.done(['branch', 'reset', 'child']);
    } else {
      expect(child.json.error.code).toBe('BRANCH_NOT_FOUND');
      expect(names).toEqual([]);
    }
    expect((await shop.done(['repair'])).cleaned).toEqual([]);
  });

  it('two switches at once: the tree is on one of them, and its file says the same', async () => {
    await Promise.all([create('a'), create('b', '--lock-wait', '1m')]);
    const cwd = makeTempFolder({
      'belay.config.json': JSON.stringify({
        targets: { dev: { url: shop.url } },
        branches: { envFile: '.env.local' },
      }),
      '.git/HEAD': 'ref: refs/heads/main\n',
    });
    for (let round = 0; round < 3; round += 1) {
      const both = await Promise.all(
        ['a', 'b'].map((name) => shop.belay(['branch', 'switch', name], { cwd })),
      );
      expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      const { database } = await shop.done(['url'], { cwd });
      expect([`${shop.name}_a`, `${shop.name}_b`]).toContain(database);
      expect(await readFile(`${cwd}/.env.local`, 'utf8')).toContain(database);
    }
  });

  it('whatever is done in one is seen in no other', async () => {
    const branchName = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('create'),
          name: branchName,
          from: fc.constantFrom('live', 'v1', 'a', 'b'),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('write'),
          name: fc.oneof(branchName, fc.constant('live')),
        }),
      },
      fc.record({
        do: fc.constantFrom('reset', 'snapshot', 'restore', 'undo', 'delete'),
        name: branchName,
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 18 }), async (steps) => {
        const one = await createBranchScene(server);
        try {
          await one.done(['snapshot', 'v1']);
          await followModel(one, steps);
        } finally {
          await one.drop();
        }
      }),
      { numRuns: Number(process.env.BELAY_PROPERTY_RUNS ?? 1), endOnFailure: true },
    );
  });
});

interface Step {
  readonly do: string;
  readonly name: string;
  readonly from?: string;
}

/** What a branch should hold, and what it can go back to. */
interface Expected {
  rows: string[];
  readonly base: readonly string[];
  parent: string | null;
  saved: readonly string[] | null;
  before: readonly string[] | null;
}

/** Does the same to the branches and to plain lists, and compares all of them after each step. */
async function followModel(shop: BranchScene, steps: readonly Step[]): Promise<void> {
  let live = asAtFirst;
  const model = new Map<string, Expected>();
  const urlOf = (name: string) => (name === 'live' ? shop.url : shop.urlOf(`${shop.name}_${name}`));
  for (const [index, { do: action, name, from = '' }] of steps.entries()) {
    const branch = model.get(name);
    if (action === 'write' && (name === 'live' || branch)) {
      await addItem(urlOf(name), `w${index}`);
      if (branch) branch.rows = [...branch.rows, `w${index}`];
      else live = [...live, `w${index}`];
    } else if (action === 'create') {
      await createInBoth(shop, model, { name, from, live });
    } else if (branch) {
      await changeState(shop, model, { action, name, url: urlOf(name) });
    }
    expect(await itemsOf(shop.url)).toEqual(live);
    for (const [one, { rows }] of model) expect(await itemsOf(urlOf(one))).toEqual(rows);
    expect((await namesOf(shop)).sort()).toEqual([...model.keys()].sort());
  }
  expect((await shop.done(['repair'])).cleaned).toEqual([]);
}

async function createInBoth(
  shop: BranchScene,
  model: Map<string, Expected>,
  { name, from, live }: { name: string; from: string; live: readonly string[] },
): Promise<void> {
  const rows = from === 'live' ? live : from === 'v1' ? asAtFirst : model.get(from)?.rows;
  const isFree = !model.has(name);
  const { exitCode } = await shop.belay(['branch', 'create', name, '--from', from]);
  expect(exitCode === 0).toBe(isFree && rows !== undefined);
  if (!isFree || !rows) return;
  const parent = model.has(from) ? from : null;
  model.set(name, { rows: [...rows], base: rows, parent, saved: null, before: null });
}

async function changeState(
  shop: BranchScene,
  model: Map<string, Expected>,
  { action, name, url }: { action: string; name: string; url: string },
): Promise<void> {
  const branch = model.get(name) as Expected;
  const goTo = (rows: readonly string[]) => {
    branch.before = branch.rows;
    branch.rows = [...rows];
  };
  if (action === 'reset') {
    await shop.done(['branch', 'reset', name]);
    goTo(branch.base);
  } else if (action === 'snapshot') {
    if (branch.saved) return;
    await shop.done(['snapshot', 'saved', '--url', url]);
    branch.saved = branch.rows;
  } else if (action === 'restore') {
    const { exitCode } = await shop.belay(['restore', 'saved', '--url', url]);
    expect(exitCode === 0).toBe(branch.saved !== null);
    if (branch.saved) goTo(branch.saved);
  } else if (action === 'undo') {
    const { exitCode } = await shop.belay(['undo', '--url', url]);
    expect(exitCode === 0).toBe(branch.before !== null);
    if (branch.before) goTo(branch.before);
  } else {
    const isNeeded = [...model.values()].some(({ parent }) => parent === name);
    const { exitCode } = await shop.belay(['branch', 'delete', name, '--yes']);
    expect(exitCode === 0).toBe(!isNeeded);
    if (!isNeeded) model.delete(name);
  }
}

describe('a hundred branches', () => {
  let own: ThrowawayServer;
  beforeAll(async () => {
    const newest = testServers().at(-1) as TestServer;
    own = await startThrowawayServer({ major: newest.major });
  });
  afterAll(() => own.remove());

  it('are made from one snapshot, listed, found and collected, and nothing is left', async () => {
    const shop = await createBranchScene(own);
    await shop.done(['snapshot', 'v1']);
    const names = Array.from({ length: 100 }, (_, index) => `pr/${index}`);
    await withTarget(shop.url, async (root) => {
      for (const name of names) await createBranch(root, { name, from: 'v1', ttlMs: 1 });
    });
    const { branches } = await shop.done(['branch', 'list']);
    expect(branches.map(({ name }: { name: string }) => name)).toEqual(names);
    expect(branches.every(({ size }: { size: unknown }) => size !== null)).toBe(true);
    expect(await itemsOf((await shop.done(['branch', 'url', 'pr/57'])).url)).toEqual(asAtFirst);
    const collected = await shop.done(['branch', 'gc', '--yes']);
    expect(collected.removed).toHaveLength(100);
    expect(await shop.others()).toHaveLength(1);
    // About 0.3 s for each to be made, and as much to be removed, where nothing else is at work.
  }, 240_000);
});
