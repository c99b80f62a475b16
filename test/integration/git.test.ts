import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readGitState } from '../../src/process/git.js';
import { runProgram } from '../../src/process/run.js';
import { cleanEnvironment } from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';

/** A git that asks nobody and reads no configuration of the developer's. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a' };
  const env = {
    ...cleanEnvironment(),
    ...identity,
    GIT_COMMITTER_EMAIL: 'a@b',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const { stdout } = await runProgram('git', args, { cwd, env, mustSucceed: true });
  return stdout.trim();
}

/** A repository on the branch "main" with one commit. */
async function makeRepository(): Promise<{ folder: string; commit: string }> {
  const folder = makeTempFolder({ 'file.txt': 'one\n', 'src/deep/': '' });
  await git(folder, 'init', '--quiet', '--initial-branch=main');
  await git(folder, 'add', 'file.txt');
  await git(folder, 'commit', '--quiet', '--message=first');
  return { folder, commit: await git(folder, 'rev-parse', 'HEAD') };
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('readGitState', () => {
  it('reads branch and commit, from any folder of the repository', async () => {
    const { folder, commit } = await makeRepository();
    const expected = { branch: 'main', commit, dirty: false };
    expect(await readGitState(folder)).toEqual(expected);
    expect(await readGitState(join(folder, 'src/deep'))).toEqual(expected);
  });

  it('reads a branch with an odd name', async () => {
    const { folder } = await makeRepository();
    await git(folder, 'switch', '--quiet', '--create', 'feat/ünï#1-x');
    expect((await readGitState(folder))?.branch).toBe('feat/ünï#1-x');
  });

  it('has no branch on a detached HEAD', async () => {
    const { folder, commit } = await makeRepository();
    await git(folder, 'switch', '--quiet', '--detach');
    expect(await readGitState(folder)).toEqual({ branch: null, commit, dirty: false });
  });

  it('is dirty by a changed, staged or deleted file, and not by a new one', async () => {
    const { folder } = await makeRepository();
    writeFileSync(join(folder, 'new.txt'), 'x');
    expect((await readGitState(folder))?.dirty).toBe(false);
    writeFileSync(join(folder, 'file.txt'), 'two\n');
    expect((await readGitState(folder))?.dirty).toBe(true);
    await git(folder, 'add', 'file.txt');
    expect((await readGitState(folder))?.dirty).toBe(true);
    await git(folder, 'commit', '--quiet', '--message=second');
    expect((await readGitState(folder))?.dirty).toBe(false);
    await git(folder, 'rm', '--quiet', 'file.txt');
    expect((await readGitState(folder))?.dirty).toBe(true);
  });

  it('is null without a commit, without a repository and without the folder', async () => {
    const empty = makeTempFolder();
    expect(await readGitState(empty)).toBeNull();
    await git(empty, 'init', '--quiet');
    expect(await readGitState(empty)).toBeNull();
    expect(await readGitState(join(empty, 'nowhere'))).toBeNull();
  });

  it.each([
    ['there is no git', undefined],
    ['git prints something else', 'echo main'],
    ['git fails', 'echo "# branch.oid 1"; exit 1'],
    ['git does not answer', 'exec sleep 30'],
  ])('is null where %s', async (_what, script) => {
    const { folder } = await makeRepository();
    const bin = makeTempFolder();
    if (script) writeFileSync(join(bin, 'git'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', script ? `${bin}:${process.env.PATH}` : bin);
    expect(await readGitState(folder)).toBeNull();
  });

  it('reads a linked work tree by itself', async () => {
    const { folder, commit } = await makeRepository();
    const other = join(makeTempFolder(), 'tree');
    await git(folder, 'worktree', 'add', '--quiet', '-b', 'other', other);
    writeFileSync(join(other, 'file.txt'), 'changed\n');
    expect(await readGitState(other)).toEqual({ branch: 'other', commit, dirty: true });
    expect(await readGitState(folder)).toEqual({ branch: 'main', commit, dirty: false });
  });

  it('reads the folder it is asked for, whatever a hook of another repository has set', async () => {
    const mine = await makeRepository();
    const other = await makeRepository();
    writeFileSync(join(other.folder, 'file.txt'), 'changed\n');
    await git(other.folder, 'commit', '--quiet', '--all', '--message=more');
    vi.stubEnv('GIT_DIR', join(other.folder, '.git'));
    vi.stubEnv('GIT_WORK_TREE', other.folder);
    vi.stubEnv('GIT_INDEX_FILE', join(other.folder, '.git/index'));
    expect(await readGitState(mine.folder)).toEqual({
      branch: 'main',
      commit: mine.commit,
      dirty: false,
    });
  });

  it("reads the hook's own repository in the folder of the process", async () => {
    const { folder, commit } = await makeRepository();
    const elsewhere = makeTempFolder();
    vi.spyOn(process, 'cwd').mockReturnValue(elsewhere);
    vi.stubEnv('GIT_DIR', join(folder, '.git'));
    vi.stubEnv('GIT_WORK_TREE', folder);
    expect(await readGitState(elsewhere)).toMatchObject({ branch: 'main', commit });
  });

  it('runs no program that the repository names, and takes no lock', async () => {
    const { folder } = await makeRepository();
    const trace = join(folder, 'ran');
    const script = join(folder, 'monitor.sh');
    writeFileSync(script, `#!/bin/sh\ntouch '${trace}'\n`, { mode: 0o755 });
    await git(folder, 'config', 'core.fsmonitor', script);
    mkdirSync(join(folder, '.git/hooks'), { recursive: true });
    writeFileSync(join(folder, '.git/hooks/post-index-change'), `#!/bin/sh\ntouch '${trace}'\n`, {
      mode: 0o755,
    });
    writeFileSync(join(folder, '.git/index.lock'), '');
    expect(await readGitState(folder)).toMatchObject({ branch: 'main' });
    const { exitCode } = await runProgram('ls', [trace], {});
    expect(exitCode).not.toBe(0);
  });
});
