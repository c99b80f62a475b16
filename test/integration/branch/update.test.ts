import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBranch, openRoot } from '../../../src/index.js';
import { callCli } from '../../support/call-cli.js';
import { type GitProject, makeGitProject } from '../../support/git-project.js';
import { testServers } from '../../support/servers.js';
import { createShop, itemsOf, rowsOf } from '../../support/targets.js';

const config = JSON.stringify({
  ...{ targets: {}, migrations: { tool: 'sql', directory: 'db/migrations' } },
});

describe.each(testServers())('branches and their migrations on $name', (server) => {
  async function project() {
    const database = await createShop(server);
    const git = await makeGitProject({
      'belay.config.json': config,
      'db/migrations/0001_orders.sql': 'CREATE TABLE orders (id int);',
    });
    const env = {
      ...{ ...git.env, DATABASE_URL: database.url, BELAY_STORE: join(git.folder, '.git/store') },
      // Elsewhere each script that is tried would start a server.
      ...{ BELAY_HOME: join(git.folder, '.git/home'), BELAY_DRILL_SERVER: server.adminUrl },
    };
    const belay = async (args: readonly string[], exitCode = 0) => {
      const run = await callCli(['--json', ...args], { cwd: git.folder, env });
      expect(run, run.stderr).toMatchObject({ exitCode });
      return run.json;
    };
    const urlOf = async (name: string) => {
      const root = await openRoot({ url: database.url, cwd: git.folder, env });
      try {
        const url = new URL(database.url);
        url.pathname = `/${(await findBranch(root, name)).record.database}`;
        return url.href;
      } finally {
        await root.close();
      }
    };
    await belay(['migrate', 'up']);
    return { database, git, belay, urlOf };
  }

  const commit = async (git: GitProject, name: string, sql: string) => {
    git.write(`db/migrations/${name}.sql`, sql);
    await git.git('add', '--all');
    await git.git('commit', '--quiet', `--message=${name}`);
  };

  it('says who lacks what, and gives a branch what main has, whatever is checked out', async () => {
    const { database, git, belay, urlOf } = await project();
    await belay(['branch', 'create', 'invoices']);
    await belay(['branch', 'create', 'other']);
    await commit(git, '0002_paid', 'ALTER TABLE items ADD COLUMN paid boolean;');
    await belay(['migrate', 'up']);
    await commit(git, '0003_drop', 'ALTER TABLE items DROP COLUMN name CASCADE;');
    // What is checked out has work of its own, and nothing of what came since.
    await git.git('checkout', '--quiet', '-b', 'invoices', 'HEAD~2');
    await commit(git, '0004_invoices', 'CREATE TABLE invoices (id int);');

    const status = await belay(['branch', 'status']);
    expect(status).toMatchObject({
      ...{ tool: 'belay', main: 'main', target: { current: '0002' } },
      target: { pending: [{ version: '0003' }] },
      branches: [
        {
          ...{ name: 'invoices', state: 'behind', current: '0001', ahead: [], changed: [] },
          missing: [
            { version: '0002', isApplied: true, isInMain: true },
            { version: '0003', isApplied: false, isInMain: true },
          ],
        },
        { name: 'other', state: 'behind' },
      ],
    });

    // The names of three items would be lost, and nobody can be asked.
    await belay(['branch', 'update', 'invoices'], 3);
    const url = await urlOf('invoices');
    expect(await itemsOf(url)).toHaveLength(3);
    const update = ['branch', 'update', 'invoices', '--backup', 'none'];
    const dry = await belay([...update, '--dry-run']);
    expect(dry).toMatchObject({ dryRun: true, applied: [], snapshot: null, filesFrom: 'main' });
    const done = await belay(update);
    expect(done).toMatchObject({ applied: dry.missing, from: '0001', current: '0003' });
    const columns = `SELECT string_agg(attname, ',' ORDER BY attnum) AS names FROM pg_attribute
                      WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped`;
    expect(await rowsOf(url, columns)).toEqual([{ names: 'id,paid' }]);
    // The work that is checked out belongs to the branch, but was not asked for.
    expect(await rowsOf(url, `SELECT to_regclass('invoices') AS found`)).toEqual([{ found: null }]);
    expect(await itemsOf(database.url)).toHaveLength(3);
    expect(await itemsOf(await urlOf('other'))).toHaveLength(3);
    expect(await belay(update)).toMatchObject({ missing: [], applied: [], snapshot: null });
    expect(done.snapshot).toMatch(/^before-update-/);
  });

  it('refuses what comes before the branch’s own, unless that is meant; a failure names the way back', async () => {
    const { git, belay, urlOf } = await project();
    await belay(['branch', 'create', 'invoices', '--switch']);
    await commit(git, '0005_own', 'CREATE TABLE own (id int);');
    await belay(['migrate', 'up']);
    await belay(['branch', 'switch', 'main']);
    await git.git('rm', '--quiet', 'db/migrations/0005_own.sql');
    await commit(git, '0002_b', 'CREATE TABLE b (id int);');
    await commit(git, '0003_bad', 'CREATE TABLE items (id int);');
    const [branch] = (await belay(['branch', 'status'])).branches;
    expect(branch).toMatchObject({ state: 'diverged', ahead: [{ version: '0005' }] });

    await belay(['branch', 'update', 'invoices'], 5);
    const url = await urlOf('invoices');
    const found = () => rowsOf(url, `SELECT to_regclass('b') IS NOT NULL AS b`);
    expect(await found()).toEqual([{ b: false }]);
    const failed = await callCli(['branch', 'update', 'invoices', '--out-of-order'], {
      cwd: git.folder,
      env: { ...git.env, DATABASE_URL: url, BELAY_HOME: join(git.folder, '.git/home') },
    });
    expect(failed.exitCode).toBe(6);
    expect(failed.stderr).toMatch(/`belay restore before-update-[\d-]+` on the branch/);
    expect(await found()).toEqual([{ b: true }]);
  });
});
