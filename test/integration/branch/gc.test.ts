import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BranchGit } from '../../../src/domain/branch.js';
import {
  createBranch,
  findBranch,
  findBranches,
  type GcBranchesOptions,
  gcBranches,
  openTarget,
  protectBranch,
  switchToBranch,
  type Target,
  takeSnapshot,
  upkeepBranches,
  withBranchTarget,
} from '../../../src/index.js';
import { readGitBranches } from '../../../src/process/git-branches.js';
import { callCli } from '../../support/call-cli.js';
import { type GitProject, makeGitProject } from '../../support/git-project.js';
import { type TestDatabase, testServers, withSession } from '../../support/servers.js';
import { createShop, databasesOf, failure, itemsOf, rowsOf } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const dayMs = 86_400_000;
const tomorrow = () => new Date(Date.now() + dayMs);
const yes = { confirm: () => true };

describe.each(testServers())('collecting branches on $name', (server) => {
  const shop = () => createShop(server);

  /** The target as a command in a folder opens it. */
  async function inFolder<T>(
    database: TestDatabase,
    { folder: cwd, env }: Pick<GitProject, 'folder' | 'env'>,
    work: (target: Target) => Promise<T>,
  ): Promise<T> {
    const store = join(cwd, 'store');
    const target = await openTarget({ url: database.url, cwd, env, store, action: 'test' });
    try {
      return await work(target);
    } finally {
      await target.close();
    }
  }

  const noProject = (): Pick<GitProject, 'folder' | 'env'> => {
    const folder = makeTempFolder();
    return { folder, env: { PATH: process.env.PATH, BELAY_HOME: join(folder, 'home') } };
  };

  const inNoProject = <T>(database: TestDatabase, work: (target: Target) => Promise<T>) =>
    inFolder(database, noProject(), work);

  const make = async (root: Target, name: string, more: object = {}) =>
    (await createBranch(root, { name, ...more })).branch;

  const namesOf = (all: readonly { name: string }[]) => all.map(({ name }) => name);
  const namesLeft = async (root: Target) =>
    (await findBranches(root)).map(({ record }) => record.name).sort();

  it('removes what expired with its base and its snapshots, and nothing else', async () => {
    const database = await shop();
    await inNoProject(database, async (root) => {
      await takeSnapshot(root, { tag: 'mine' });
      await make(root, 'from-mine', { from: 'mine', ttlMs: dayMs });
      const old = await make(root, 'old', { ttlMs: dayMs });
      await withBranchTarget(root, old, 'test', (target) => takeSnapshot(target, { tag: 'own' }));
      await make(root, 'lasting');
      const before = await databasesOf(server, database.name);
      const run: GcBranchesOptions = { now: tomorrow() };
      const preview = await gcBranches(root, { ...run, dryRun: true });
      expect(await databasesOf(server, database.name)).toEqual(before);
      const done = await gcBranches(root, run);
      expect({ ...done, freedBytes: 0, removed: done.removed.map(({ why }) => why) }).toEqual({
        ...{ ...preview, dryRun: false, freedBytes: 0 },
        removed: preview.removed.map(({ why }) => why),
      });
      expect(namesOf(done.removed).sort()).toEqual(['from-mine', 'old']);
      expect(namesOf(done.leftovers)).toEqual([expect.stringMatching(/^base\/old/)]);
      expect(done.kept).toEqual([{ name: 'lasting', why: 'no rule removes it' }]);
      // The target, its snapshot, the branch that stays and its base.
      expect(await databasesOf(server, database.name)).toHaveLength(4);
      expect(await itemsOf(database.url)).toHaveLength(3);
      expect(await gcBranches(root, run)).toMatchObject({ removed: [], leftovers: [] });
    });
  });

  it('keeps what somebody is at work in, has protected, or what another branch starts from', async () => {
    const database = await shop();
    await inNoProject(database, async (root) => {
      const busy = await make(root, 'busy', { ttlMs: 1 });
      await make(root, 'protected', { ttlMs: 1 });
      await protectBranch(root, { name: 'protected' });
      await make(root, 'parent', { ttlMs: 1 });
      await make(root, 'child', { from: 'parent' });
      const current = await make(root, 'current', { ttlMs: 1 });
      const { cwd } = root;
      await switchToBranch(root, current, { cwd, gitBranch: null });
      const url = new URL(database.url);
      url.pathname = `/${busy.record.database}`;
      const { kept, removed } = await withSession(url.href, () => gcBranches(root, yes));
      expect(removed).toEqual([]);
      const whys = Object.fromEntries(kept.map(({ name, why }) => [name, why]));
      expect(whys).toMatchObject({
        busy: expect.stringMatching(/^expired .*, but in use: 1 session$/),
        protected: expect.stringMatching(/^expired .*, but protected$/),
        parent: expect.stringMatching(/^expired .*, but branch child starts from it$/),
        current: expect.stringMatching(/^expired .*, but in use: current in /),
      });
      const next = await gcBranches(root, yes);
      expect(namesOf(next.removed)).toEqual(['busy']);
    });
  });

  it('follows git: what is merged or deleted goes after its loss was approved', async () => {
    const database = await shop();
    const project = await makeGitProject();
    await inFolder(database, project, async (root) => {
      const { repository, host } = (await readGitBranches({ cwd: project.folder })) as {
        repository: string;
        host: string;
      };
      const gitOf = (branch: string): BranchGit => ({ branch, commit: null, repository, host });
      for (const name of ['merged', 'untouched', 'deleted', 'open', 'renamed']) {
        await project.git('checkout', '--quiet', '-b', name, 'main');
        if (name !== 'untouched') {
          await project.git('commit', '--quiet', '--allow-empty', `--message=${name}`);
        }
        await make(root, name, { git: gitOf(name) });
      }
      await make(root, 'elsewhere', { git: { ...gitOf('gone'), host: 'another' } });
      await project.git('checkout', '--quiet', 'main');
      await project.git('merge', '--quiet', '--no-ff', '--message=merge', 'merged');
      await project.git('branch', '-D', 'deleted');
      await project.git('branch', '-m', 'renamed', 'new-name');

      const lately = await gcBranches(root, { dryRun: true });
      expect(namesOf(lately.removed)).toEqual(['deleted']);
      const refused = await failure(gcBranches(root, { graceMs: 0 }), 'NOT_CONFIRMED');
      expect(refused.message).toMatch(/"merged" \(git branch merged is merged; 3 rows\)/);
      expect(refused.details).toMatchObject({
        losses: [
          { name: 'merged', rows: 3 },
          { name: 'deleted', rows: 3 },
        ],
      });
      expect(await namesLeft(root)).toHaveLength(6);
      const done = await gcBranches(root, { graceMs: 0, ...yes });
      expect(done.removed.map(({ name, reason }) => [name, reason])).toEqual([
        ['merged', 'git-merged'],
        ['deleted', 'git-deleted'],
      ]);
      expect(await namesLeft(root)).toEqual(['elsewhere', 'open', 'renamed', 'untouched']);
    });
  });

  it('brings the branches within the quota, the least recently used first', async () => {
    const database = await shop();
    const folder = makeTempFolder({
      'belay.config.json': JSON.stringify({ targets: {}, branches: { maxBranches: 3 } }),
    });
    const place = { folder, env: { PATH: process.env.PATH, BELAY_HOME: join(folder, 'home') } };
    await inFolder(database, place, async (root) => {
      for (const name of ['one', 'two', 'three']) await make(root, name);
    });
    place.folder = makeTempFolder({
      'belay.config.json': JSON.stringify({ targets: {}, branches: { maxBranches: 1 } }),
    });
    await inFolder(database, place, async (root) => {
      await protectBranch(root, { name: 'one' });
      const { removed, overQuota } = await gcBranches(root, yes);
      expect(namesOf(removed)).toEqual(['two', 'three']);
      expect(overQuota).toBeNull();
      expect(await namesLeft(root)).toEqual(['one']);
    });
  });

  it('removes a record whose deletion was interrupted, and copies that were half made', async () => {
    const database = await shop();
    await inNoProject(database, async (root) => {
      const broken = await make(root, 'broken');
      await make(root, 'closed');
      const { database: closed } = (await findBranch(root, 'closed')).record;
      // What PostgreSQL leaves of a DROP DATABASE that was interrupted.
      await withSession(server.adminUrl, async (client) => {
        const name = broken.record.database;
        await client.query(`UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1`, [name]);
        await client.query(`ALTER DATABASE "${closed}" ALLOW_CONNECTIONS false`);
      });
      const { removed, kept } = await gcBranches(root);
      expect(removed).toMatchObject([{ name: 'broken', reason: 'lost', why: 'its data is gone' }]);
      // Somebody has closed it: that is no reason to remove it.
      expect(kept).toEqual([{ name: 'closed', why: 'no rule removes it' }]);
      expect(await databasesOf(server, closed)).toEqual([closed]);
    });
  });

  it('looks after branches in passing: only what expired goes, once an hour', async () => {
    const database = await shop();
    await inNoProject(database, async (root) => {
      await make(root, 'old', { ttlMs: 1 });
      await make(root, 'lasting');
      const { removed } = await upkeepBranches(root);
      expect(namesOf(removed)).toEqual(['old']);
      await make(root, 'next', { ttlMs: 1 });
      expect((await upkeepBranches(root)).removed).toEqual([]);
      expect(namesOf((await upkeepBranches(root, { everyMs: 0 })).removed)).toEqual(['next']);
      expect(await namesLeft(root)).toEqual(['lasting']);
    });
  });

  it('looking after branches never fails', async () => {
    const database = await shop();
    const notes: string[] = [];
    await inNoProject(database, async (root) => {
      await make(root, 'old', { ttlMs: 1 });
      const reporter = (event: { type: string; message?: string }) => {
        if (event.message !== undefined) notes.push(event.message);
      };
      // Where Belay's data folder should be there is a file.
      const file = join(makeTempFolder({ file: '' }), 'file');
      const broken = { ...root, env: { ...root.env, BELAY_HOME: file } };
      const done = await upkeepBranches(broken, { reporter: reporter as never, everyMs: 0 });
      expect(done).toEqual({ removed: [], stopped: [] });
      expect(await namesLeft(root)).toEqual(['old']);
    });
    expect(notes).toEqual([expect.stringMatching(/^branches were not looked after: /)]);
  });

  it('works as a command, with exit code 3 where nobody can be asked', async () => {
    const database = await shop();
    const folder = makeTempFolder({
      'belay.config.json': JSON.stringify({ targets: {}, branches: { maxBranches: 2 } }),
    });
    const call = {
      cwd: folder,
      env: { DATABASE_URL: database.url, BELAY_HOME: join(folder, 'h') },
    };
    const belay = (...args: string[]) => callCli(['branch', ...args], call);
    expect((await belay('create', 'one')).exitCode).toBe(0);
    expect((await belay('create', 'two')).exitCode).toBe(0);
    const quota = JSON.stringify({ targets: {}, branches: { maxBranches: 1 } });
    const tight = { ...call, cwd: makeTempFolder({ 'belay.config.json': quota }) };
    const refused = await callCli(['branch', 'gc'], tight);
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(refused.stderr).toContain('3 rows');
    const shown = await callCli(['branch', 'gc', '--dry-run'], tight);
    expect(shown.stdout).toMatch(/goes +one .*more than 1 branch/);
    const done = await callCli(['branch', 'gc', '--yes', '--json'], tight);
    expect(done.json).toMatchObject({
      ...{ ok: true, dryRun: false, overQuota: null },
      removed: [{ name: 'one', reason: 'quota', sizeBytes: expect.any(Number) }],
      kept: [{ name: 'two' }],
    });
    const bases = await rowsOf(
      server.adminUrl,
      `SELECT 1 FROM pg_database WHERE starts_with(datname, $1) AND shobj_description(oid, 'pg_database') LIKE '%branch-base%'`,
      [database.name],
    );
    expect(bases).toHaveLength(1);
  });
});
