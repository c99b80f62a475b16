import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/process/run.js';
import { block, toArguments } from '../../support/documented.js';
import { runBelay, type TestDatabase, testServers } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

describe.each(testServers())('the examples about branches on $name', (server) => {
  let shop: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    shop = await createShop(server);
    folder = await mkdtemp(join(tmpdir(), 'belay-docs-'));
    await runProgram('git', ['init', '-q', folder], { mustSucceed: true });
  });
  afterEach(async () => {
    await shop.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['README.md', 'docs/branches.md'])('work as %s has them', async (file) => {
    const env = {
      DATABASE_URL: shop.url,
      BELAY_HOME: join(folder, 'home'),
      BELAY_STORE: join(folder, 'store'),
    };
    const lines = (await block(file, 'branches')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const run = await runBelay(toArguments(line), { env, cwd: folder });
      expect(run, `${line}\n${run.stderr}`).toMatchObject({ exitCode: 0 });
    }
    await runBelay(['branch', 'delete', 'invoices', '--if-exists', '--yes'], { env, cwd: folder });
  });
});
