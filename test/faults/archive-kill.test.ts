import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databasesOf } from '../support/targets.js';
import { processesWith, waitUntilGone } from './archive/processes.js';
import {
  type ArchiveScene,
  archivesOf,
  expectNothingLeft,
  expectSealed,
  openArchiveScene,
  repair,
  sealHere,
  verifyLedgerOf,
} from './archive/scene.js';
import type { Victim } from './archive/victim.js';
import { createRandom } from './random.js';

const rounds = Math.ceil(Number(process.env.BELAY_FAULT_ROUNDS || 6) / 3);
const seed = Number(process.env.BELAY_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const largeTag = 'large';
let scene: ArchiveScene;
beforeAll(async () => {
  scene = await openArchiveScene({ blobMegabytes: 16 });
  await sealHere(scene, largeTag);
});
afterAll(() => scene?.close());

const checkpoint = (tag: string, ...more: string[]) =>
  scene.start(['checkpoint', '--tag', tag, ...more]);
/** Belay asks the program for its version first: that one is gone at once. */
const dumping = '--format=';
/** A drill without a server of its own is sooner where it should be. */
const onServer = () => ['--drill-server', scene.server.adminUrl];

async function uploading(victim: Victim): Promise<void> {
  const store = await scene.openStore();
  const isBegun = async () =>
    (await store.listUnfinished('')).some(({ key }) => key.includes('/archives/'));
  await victim.until(isBegun, 'its archive was begun');
}

/** What the next command has to find, and that nothing is left then. */
async function expectRepaired(...kinds: string[]): Promise<void> {
  await expectSealed(scene);
  expect(await repair(scene)).toEqual(expect.arrayContaining(kinds));
  await expectSealed(scene);
  await expectNothingLeft(scene);
}

/** Postmasters of drills: they alone name their settings. */
const drillServers = async () =>
  (await processesWith(`${scene.folder}/home/drill/runs/`)).filter(({ args }) =>
    args.includes('-D'),
  );

/** Lets a stopped program go on. Belay may have seen already that its server is gone, and have ended it. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** An archive that was not proven is kept under a name of its own; the tag stays free. */
async function expectFailed(tag: string): Promise<void> {
  const failed = (await archivesOf(scene)).filter((one) => one.tag.startsWith(`${tag}-failed-`));
  expect(failed).toHaveLength(1);
  for (const one of failed) scene.sealed.set(one.tag, 'failed');
}

describe('kill -9 of Belay', () => {
  it('mid-dump leaves half an upload, which repair removes', async () => {
    const victim = checkpoint('x', '--no-drill');
    const dump = await victim.child('pg_dump', dumping);
    await uploading(victim);
    await victim.kill();
    await waitUntilGone(dump);
    await expectRepaired('unfinished-upload', 'run-mark');
  });

  it('mid-dump is cleaned up by the next checkpoint as well', async () => {
    const victim = checkpoint('x', '--no-drill');
    await uploading(victim);
    await victim.kill();
    const { exitCode, stderr } = await scene.belay(['checkpoint', '--tag', 'next', '--no-drill']);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('an upload that was interrupted');
    scene.sealed.set('next', 'not-run');
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('during the drill leaves a server and files, which repair removes', async () => {
    const victim = checkpoint('x');
    const restore = await victim.child('pg_restore', '--section=');
    process.kill(restore, 'SIGSTOP');
    await victim.kill();
    goOn(restore);
    await waitUntilGone(restore);
    await expectRepaired('unfinished-upload', 'run-mark', 'throwaway-server');
  });

  it('during a drill on a named server leaves a database, which the next drill there removes', async () => {
    const victim = scene.start(['drill', largeTag, ...onServer()]);
    const restore = await victim.child('pg_restore', '--section=');
    await victim.kill();
    await waitUntilGone(restore);
    expect(await databasesOf(scene.server, 'belay_drill_')).toHaveLength(1);
    const { exitCode } = await scene.belay(['drill', largeTag, ...onServer()]);
    expect(exitCode).toBe(0);
    await expectRepaired();
  });

  it('during a drill of a stored archive leaves it as it was', async () => {
    const victim = scene.start(['drill', largeTag]);
    await victim.child('pg_restore', '--section=');
    await victim.kill();
    await expectRepaired('throwaway-server');
  });

  it('during a restore leaves a half-made database, which repair removes', async () => {
    const victim = scene.start(['restore', largeTag, '--to', 'elsewhere']);
    const restore = await victim.child('pg_restore', '--section=');
    process.kill(restore, 'SIGSTOP');
    await victim.kill();
    goOn(restore);
    await waitUntilGone(restore);
    await expectRepaired('half-made', 'scratch-folder');
  });

  it('while an entry of the ledger is written leaves a part of a file, which repair removes', async () => {
    const part = 'ledger/000000000999.json.part-0123456789abcdef';
    await writeFile(join(scene.env.BELAY_STORE ?? '', part), '{');
    await expectRepaired('unfinished-upload');
  });

  it(
    `at the moment of the seal leaves all or nothing, ${rounds} times`,
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const random = createRandom(seed, `seal/${round}`);
        const tag = `seal-${round}`;
        const victim = checkpoint(tag, '--no-drill');
        await victim.step('seal');
        await new Promise((resolve) => setTimeout(resolve, random.between(0, 60)));
        const { output } = await victim.kill();
        const isSealed = (await archivesOf(scene)).some((one) => one.tag === tag);
        if (isSealed) scene.sealed.set(tag, 'not-run');
        await repair(scene);
        await expectSealed(scene).catch((error) => {
          throw new Error(`BELAY_FAULT_SEED=${seed}, round ${round}:\n${output}`, { cause: error });
        });
        await expectNothingLeft(scene);
      }
    },
    60_000 + rounds * 20_000,
  );

  it(
    `at any moment of a checkpoint leaves all or nothing, ${rounds} times`,
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const random = createRandom(seed, `any/${round}`);
        const tag = `any-${round}`;
        const victim = checkpoint(tag, ...onServer());
        await new Promise((resolve) => setTimeout(resolve, random.between(300, 4_000)));
        const { output } = await victim.kill();
        const isSealed = (await archivesOf(scene)).some((one) => one.tag === tag);
        if (isSealed) scene.sealed.set(tag, 'proven');
        await repair(scene);
        await expectSealed(scene).catch((error) => {
          throw new Error(`BELAY_FAULT_SEED=${seed}, round ${round}:\n${output}`, { cause: error });
        });
      }
      expect(await verifyLedgerOf(scene)).toMatchObject({ ok: true });
    },
    60_000 + rounds * 20_000,
  );
});

describe('the end of one of its programs', () => {
  it('kill -9 of pg_dump seals nothing', async () => {
    const victim = checkpoint('x', ...onServer());
    process.kill(await victim.child('pg_dump', dumping), 'SIGKILL');
    const { exitCode, output } = await victim.ended;
    expect(output).toMatch(/pg_dump.* SIGKILL/);
    expect(exitCode).toBe(6);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('pg_dump that is stopped counts as hung after --idle-timeout', async () => {
    const victim = checkpoint('x', '--no-drill', '--idle-timeout', '2s');
    const dump = await victim.child('pg_dump', dumping);
    process.kill(dump, 'SIGSTOP');
    const { exitCode, output } = await victim.ended;
    expect(output).toContain('printed nothing for 2 s');
    expect(exitCode).toBe(6);
    await waitUntilGone(dump);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('kill -9 of pg_restore proves nothing, exit code 7', async () => {
    const victim = checkpoint('x', ...onServer());
    process.kill(await victim.child('pg_restore', '--section='), 'SIGKILL');
    const { exitCode, output } = await victim.ended;
    expect(output).toMatch(/pg_restore.* SIGKILL/);
    expect(exitCode).toBe(7);
    await expectFailed('x');
    await expectSealed(scene);
  });

  it('the drill server killed mid-drill proves nothing, exit code 7', async () => {
    const victim = checkpoint('y');
    const restore = await victim.child('pg_restore', '--section=');
    process.kill(restore, 'SIGSTOP');
    for (const { pid } of await drillServers()) process.kill(pid, 'SIGKILL');
    goOn(restore);
    expect((await victim.ended).exitCode).toBe(7);
    await expectFailed('y');
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('the server killed mid-dump seals nothing', async () => {
    const victim = checkpoint('x', '--no-drill');
    const dump = await victim.child('pg_dump', dumping);
    process.kill(dump, 'SIGSTOP');
    await scene.server.kill9();
    goOn(dump);
    // Started also where the wait fails: the tests behind this one need the server.
    const { exitCode } = await victim.ended.finally(() => scene.server.start());
    expect(exitCode).toBe(6);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });
});

describe.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s in CI', (signal, expected) => {
  it('mid-dump ends with its own exit code and leaves nothing', async () => {
    const victim = checkpoint('x');
    const dump = await victim.child('pg_dump', dumping);
    await uploading(victim);
    victim.process.kill(signal);
    const { exitCode, output } = await victim.ended;
    expect(output).toContain('nothing half-made was kept');
    expect(exitCode).toBe(expected);
    await waitUntilGone(dump);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('when everything is uploaded and not yet sealed leaves nothing either', async () => {
    const victim = checkpoint('x', ...onServer());
    await victim.step('compare');
    victim.process.kill(signal);
    expect((await victim.ended).exitCode).toBe(expected);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('twice ends at once; its children end, and repair cleans the rest', async () => {
    const victim = checkpoint('x');
    const dump = await victim.child('pg_dump', dumping);
    await uploading(victim);
    victim.process.kill(signal);
    victim.process.kill(signal);
    const { exitCode } = await victim.ended;
    expect(exitCode).toBe(expected);
    await waitUntilGone(dump);
    await expectRepaired();
  });
});
