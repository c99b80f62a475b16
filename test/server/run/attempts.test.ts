import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { keysOf } from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { openParts, register, resultOf, type ServerParts } from '../../support/server-parts.js';
import type { TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Dumps, drills and copies: minutes where other work keeps the cores busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const program = fileURLToPath(new URL('../../support/job-victim.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

let parts: ServerParts;
let shop: TestDatabase;
beforeAll(async () => {
  const { server } = await findDumpableServer();
  parts = await openParts(server);
  shop = await createShop(server);
  await register(parts, shop, 'shop');
});
afterAll(async () => {
  await shop?.drop();
  await parts?.close();
});

/** Begins a job in a process of its own and kills that when it says the words. @returns what it has said */
async function beginAndKill(
  { id, type, input }: { id: string; type: string; input: object },
  words: string,
): Promise<string> {
  const args = ['--import', 'tsx', program, shop.url, id, type, JSON.stringify(input)];
  const victim = spawn(process.execPath, args, { env: parts.env, cwd: root });
  const ended = once(victim, 'close');
  let output = '';
  const read = (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes(words)) victim.kill('SIGKILL');
  };
  victim.stdout.on('data', read);
  victim.stderr.on('data', read);
  await ended;
  expect(output).toContain(words);
  return output;
}

const manifests = (): Promise<string[]> => keysOf(parts.store, /\/manifests\//);

async function entriesOf(tag: string) {
  const { entries } = await resultOf(parts.run('shop', 'ledger', { limit: 500 }));
  return entries.filter(
    (entry: { snapshot: { tag: string } | null }) => entry.snapshot?.tag === tag,
  );
}

describe('a checkpoint whose worker was killed', () => {
  it('is made by the next attempt, where nothing was sealed yet', async () => {
    const job = { id: 'job_early', type: 'checkpoint', input: { tag: 'early' } };
    await beginAndKill(job, 'step ');
    const more = { id: job.id, attempt: 2 };
    const result = await resultOf(parts.run('shop', 'checkpoint', job.input, more));
    expect(result).toMatchObject({ ok: true, tag: 'early', restore_drill: 'proven' });
    expect(await entriesOf('early')).toHaveLength(1);
  });

  it('is found, where it was just being sealed, and is there once', async () => {
    const job = { id: 'job_seal', type: 'checkpoint', input: { tag: 'sealing' } };
    await beginAndKill(job, 'step seal');
    const more = { id: job.id, attempt: 2 };
    const result = await resultOf(parts.run('shop', 'checkpoint', job.input, more));
    expect(result).toMatchObject({ ok: true, tag: 'sealing', restore_drill: 'proven', rows: 3 });
    const own = (await manifests()).filter((key) => key.includes('sealing'));
    expect(own).toHaveLength(1);
    expect(await entriesOf('sealing')).toHaveLength(1);
  });

  it.each([
    ['with a tag', { tag: 'pre-deploy' }],
    ['without a tag', {}],
  ])('is its result, where it was sealed and nobody was told, %s', async (what, input) => {
    const before = await manifests();
    const job = { id: `job_late_${what.replaceAll(' ', '')}`, type: 'checkpoint', input };
    const output = await beginAndKill(job, 'over ');
    const first = JSON.parse(/^over (.*)$/m.exec(output)?.[1] ?? '{}').result;
    const second = await resultOf(
      parts.run('shop', 'checkpoint', input, { id: job.id, attempt: 2 }),
    );
    const { durationMs: _first, ...expected } = first;
    const { durationMs: _second, ...adopted } = second;
    expect(adopted).toEqual(expected);
    expect(second.snapshot).toMatchObject({ job: job.id });
    expect(await manifests()).toHaveLength(before.length + 1);
    expect(await entriesOf(second.tag)).toHaveLength(1);
  });

  it('is another one, where another job asks for the same tag', async () => {
    const outcome = await parts.run(
      'shop',
      'checkpoint',
      { tag: 'pre-deploy' },
      { id: 'job_other' },
    );
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'TAG_EXISTS' } });
  });

  it('leaves a store and a ledger that are whole', async () => {
    expect(await resultOf(parts.run('shop', 'verify', {}))).toMatchObject({ ok: true });
    expect(await resultOf(parts.run('shop', 'ledger-verify', {}))).toMatchObject({ ok: true });
  });
});

describe('a snapshot whose worker was killed', () => {
  it('is its result, also with the archive that was missing', async () => {
    const job = { id: 'job_snapshot', type: 'snapshot', input: { tag: 'nightly' } };
    const output = await beginAndKill(job, 'over ');
    const { id } = JSON.parse(/^over (.*)$/m.exec(output)?.[1] ?? '{}').result;
    const more = { id: job.id, attempt: 2 };
    const again = await resultOf(parts.run('shop', 'snapshot', job.input, more));
    expect(again).toMatchObject({ id, tag: 'nightly', job: job.id });
    const whole = { tag: 'nightly', archive: true };
    for (const attempt of [3, 4]) {
      const result = await resultOf(parts.run('shop', 'snapshot', whole, { id: job.id, attempt }));
      expect(result.id).toBe(id);
      expect(result.copies.map(({ type }: { type: string }) => type)).toEqual(['clone', 'archive']);
    }
    expect((await manifests()).filter((key) => key.includes('nightly'))).toHaveLength(1);
  });
});
