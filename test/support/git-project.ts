import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { readCurrentBranch } from '../../src/index.js';
import { cleanEnvironment } from './run-belay.js';
import { makeTempFolder } from './temp-folder.js';
import { testHome } from './test-home.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Bundles the command line as it is now, as the build does it: hooks start it as a program of its own.
 * @returns a folder that has `belay` in it, for PATH
 */
export async function bundleProgram(folder: string): Promise<string> {
  const entryPoints = ['src/cli/main.ts', 'src/cli/hook.ts'].map((file) => join(root, file));
  await build({
    ...{ entryPoints, outdir: join(folder, 'dist/bin'), bundle: true, splitting: true },
    ...{ platform: 'node', target: 'node20', format: 'esm', packages: 'external' },
    logLevel: 'silent',
  });
  mkdirSync(join(folder, 'bin'));
  for (const name of ['node_modules', 'package.json', 'bin/belay.js']) {
    symlinkSync(join(root, name), join(folder, name));
  }
  const path = join(folder, 'path');
  mkdirSync(path);
  const script = `#!/bin/sh\nexec '${process.execPath}' --preserve-symlinks-main '${join(folder, 'bin/belay.js')}' "$@"\n`;
  writeFileSync(join(path, 'belay'), script, { mode: 0o755 });
  return path;
}

export interface GitRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitProject {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs git in the working tree; fails where git fails. */
  git(...args: string[]): Promise<GitRun>;
  /** Runs a program in the working tree, whatever comes of it. */
  run(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<GitRun>;
  /** The same project in another working tree. */
  at(folder: string): GitProject;
  /** Name of the current branch; null: the target itself. */
  current(): Promise<string | null>;
  write(name: string, text: string): void;
}

/** The environment of a git that asks nobody and reads no configuration of the developer's. */
function gitEnvironment(path?: string): NodeJS.ProcessEnv {
  const clean = cleanEnvironment();
  return {
    ...clean,
    ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a' },
    ...{ GIT_COMMITTER_EMAIL: 'a@b', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    ...{ GIT_EDITOR: 'true', BELAY_HOME: testHome() },
    PATH: path === undefined ? clean.PATH : `${path}:${clean.PATH}`,
  };
}

/** A repository on the branch "main" with one commit that holds the files. */
export async function makeGitProject(
  files: Readonly<Record<string, string>> = {},
  path?: string,
): Promise<GitProject> {
  const folder = makeTempFolder({ 'file.txt': 'one\n', ...files });
  const project = projectIn(folder, gitEnvironment(path));
  await project.git('init', '--quiet', '--initial-branch=main');
  await project.git('add', '--all');
  await project.git('commit', '--quiet', '--message=first');
  return project;
}

function projectIn(folder: string, env: NodeJS.ProcessEnv): GitProject {
  const run: GitProject['run'] = (file, args, more = {}) =>
    runProcess(file, args, folder, { ...env, ...more });
  return {
    ...{ folder, env, run },
    git: async (...args) => {
      const result = await run('git', args);
      if (result.exitCode === 0) return result;
      throw new Error(`git ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    },
    at: (other) => projectIn(other, env),
    current: async () => (await readCurrentBranch({ cwd: folder, env }))?.name ?? null,
    write: (name, text) => {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    },
  };
}

function runProcess(
  file: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<GitRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk) => {
        texts[name] += String(chunk);
      });
    }
    onTestFinished(() => void child.kill('SIGKILL'));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...texts }));
  });
}
