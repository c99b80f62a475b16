import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveFile, keysOf, storeFolder } from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  cleanEnvironment,
  runBelay,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { createShop, run } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

const { server } = await findDumpableServer();

describe(`checkpoints as processes, on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  it('20 at the same time with one tag: one is done, 19 are told', {
    timeout: 240_000,
  }, async () => {
    const env = { BELAY_URL: shop.url, BELAY_STORE: store };
    const args = ['checkpoint', '--tag', 'same', '--json'];
    const runs = await Promise.all(
      Array.from({ length: 20 }, () => runBelay(args, { env, timeoutMs: 200_000 })),
    );
    const exits = runs.map(({ exitCode }) => exitCode).sort();
    expect(exits).toEqual([0, ...Array.from({ length: 19 }, () => 5)]);
    for (const { exitCode, json } of runs) {
      if (exitCode === 5) expect(json.error.code).toMatch(/^(TAG_EXISTS|LOCKED)$/);
    }
    expect(await keysOf(store, /archives\/|manifests\/|runs\//)).toHaveLength(2);
    const ledger = await runBelay(['ledger', 'verify', '--json'], { env });
    expect(ledger).toMatchObject({ exitCode: 0, json: { ok: true } });
    expect((await runBelay(['verify', '--json'], { env })).json).toMatchObject({
      ok: true,
      checked: 1,
    });
  });

  it('300 MB that cannot be compressed take less than 300 MB of memory', {
    timeout: 240_000,
  }, async () => {
    await run(
      shop.url,
      `CREATE EXTENSION pgcrypto; CREATE TABLE noise (b bytea); ALTER TABLE noise ALTER b SET STORAGE EXTERNAL;
       INSERT INTO noise SELECT (SELECT string_agg(gen_random_bytes(1024), '') FROM generate_series(1, 1024) WHERE n > 0) FROM generate_series(1, 300) n`,
    );
    const program = fileURLToPath(new URL('../../../bin/belay.js', import.meta.url));
    const child = spawn(
      process.execPath,
      [program, 'checkpoint', '--tag', 'large', '--compress', '0', '--json'],
      {
        env: {
          ...cleanEnvironment(),
          BELAY_HOME: testHome(),
          BELAY_URL: shop.url,
          BELAY_STORE: store,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    let peakKb = 0;
    const watch = setInterval(() => {
      const status = existsSync(`/proc/${child.pid}/status`)
        ? readFileSync(`/proc/${child.pid}/status`, 'utf8')
        : '';
      peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    }, 50);
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    clearInterval(watch);

    expect(exitCode).toBe(0);
    const { sizeBytes, snapshot } = JSON.parse(stdout);
    expect(sizeBytes).toBeGreaterThan(300 * 1024 * 1024);
    expect(peakKb).toBeGreaterThan(10_000);
    expect(peakKb).toBeLessThan(300 * 1024);
    await rm(archiveFile(snapshot));
  });
});

const newer = testServers().filter(({ major }) => major > server.major);
describe.each(newer)('belay checkpoint on $name, newer than pg_dump', (other) => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(other);
  });
  afterAll(() => shop.drop());

  it.each([['checkpoint'], ['snapshot', `x${randomBytes(3).toString('hex')}`, '--archive']])(
    '%s: exit 6 says so before anything is written',
    async (...args) => {
      const env = { BELAY_URL: shop.url, BELAY_STORE: store };
      const { exitCode, json } = await runBelay([...args, '--json'], { env });
      expect({ exitCode, code: json.error?.code }).toEqual({ exitCode: 6, code: 'TOOL_MISSING' });
      expect(json.error.message).toContain(`PostgreSQL ${other.major}`);
      expect(json.error.hint).toContain(`postgresql-client-${other.major}`);
      expect(existsSync(store)).toBe(false);
      const { json: list } = await runBelay(['list', '--json'], { env });
      expect(list.snapshots).toEqual([]);
    },
  );
});
