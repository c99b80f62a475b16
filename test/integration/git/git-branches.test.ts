import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFormerNames, readGitBranches } from '../../../src/process/git-branches.js';
import { findGitPlace, readGitHead } from '../../../src/process/git-place.js';
import { type GitProject, makeGitProject } from '../../support/git-project.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const commit = (project: GitProject, message: string) =>
  project.git('commit', '--quiet', '--allow-empty', `--message=${message}`);

const branchesOf = async (project: GitProject, main?: string[]) => {
  const read = await readGitBranches({ cwd: project.folder, env: project.env, main });
  const facts = read?.branches.map(({ name, isMerged, hasOwnCommits, isGoneUpstream }) => [
    name,
    { isMerged, hasOwnCommits, isGoneUpstream },
  ]);
  return { ...read, facts: Object.fromEntries(facts ?? []) };
};

describe('readGitBranches', () => {
  it('tells merged work from a branch on which nobody has worked yet', async () => {
    const project = await makeGitProject();
    await project.git('branch', 'fresh');
    await project.git('checkout', '--quiet', '-b', 'done');
    await commit(project, 'done');
    await project.git('checkout', '--quiet', '-b', 'open', 'main');
    await commit(project, 'open');
    await project.git('checkout', '--quiet', 'main');
    await project.git('merge', '--quiet', '--no-ff', '--no-edit', 'done');
    const { main, repository, host, facts } = await branchesOf(project);
    expect({ main, repository, host }).toEqual({
      ...{ main: 'main', repository: join(project.folder, '.git'), host: hostname() },
    });
    const plain = { isGoneUpstream: false };
    expect(facts).toMatchObject({
      main: { isMerged: false },
      fresh: { ...plain, isMerged: true, hasOwnCommits: false },
      done: { ...plain, isMerged: true, hasOwnCommits: true },
      open: { ...plain, isMerged: false, hasOwnCommits: true },
    });
    expect((await branchesOf(project, ['open'])).facts.main.isMerged).toBe(false);
    expect((await branchesOf(project, ['nowhere'])).main).toBeNull();
  });

  it('sees that a branch is gone where it was pushed to', async () => {
    const origin = await makeGitProject();
    await origin.git('branch', 'topic');
    const folder = join(makeTempFolder(), 'clone');
    await origin.git('clone', '--quiet', origin.folder, folder);
    const project = origin.at(folder);
    await project.git('checkout', '--quiet', 'topic');
    await origin.git('branch', '--delete', '--force', 'topic');
    await project.git('fetch', '--quiet', '--prune');
    expect((await branchesOf(project)).facts.topic).toMatchObject({ isGoneUpstream: true });
  });

  it('says nothing without a repository', async () => {
    expect(await readGitBranches({ cwd: makeTempFolder(), env: {} })).toBeNull();
  });
});

describe('readFormerNames', () => {
  it('knows every name that a branch had', async () => {
    const project = await makeGitProject();
    await project.git('checkout', '--quiet', '-b', 'a/one');
    await project.git('branch', '--move', 'two');
    await project.git('branch', '--move', 'drei-€');
    const place = await findGitPlace(project.folder, project.env);
    if (!place) throw new Error('no repository');
    expect(await readFormerNames(place, 'drei-€')).toEqual(['two', 'a/one']);
    expect(await readFormerNames(place, 'main')).toEqual([]);
  });
});

describe('findGitPlace', () => {
  it('finds working trees, submodules, and nothing where there is nothing', async () => {
    const project = await makeGitProject({ 'deep/er/file': '' });
    const common = join(project.folder, '.git');
    const find = (folder: string) => findGitPlace(folder, project.env);
    expect(await find(join(project.folder, 'deep/er'))).toEqual({
      ...{ workTree: project.folder, folder: common, commonFolder: common, isLinked: false },
    });
    const tree = join(makeTempFolder(), 'tree');
    await project.git('worktree', 'add', '--quiet', '-b', 'topic', tree);
    const linked = await find(tree);
    expect(linked).toMatchObject({ workTree: tree, commonFolder: common, isLinked: true });
    expect(linked && (await readGitHead(linked))).toEqual({ branch: 'topic' });
    const outer = await makeGitProject();
    await outer.git(
      '-c',
      'protocol.file.allow=always',
      'submodule',
      'add',
      '--quiet',
      project.folder,
      'sub',
    );
    const own = join(outer.folder, '.git/modules/sub');
    expect(await find(join(outer.folder, 'sub'))).toMatchObject({
      commonFolder: own,
      isLinked: false,
    });
    const nothing = makeTempFolder({ '.git/': '' });
    expect(await find(nothing)).toBeNull();
    writeFileSync(join(tree, '.git'), 'gitdir: /nowhere\n');
    expect(await find(tree)).toBeNull();
    rmSync(tree, { recursive: true });
  });
});
