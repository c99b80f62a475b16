import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../src/process/run.js';
import { cleanEnvironment } from './run-belay.js';
import { makeTempFolder } from './temp-folder.js';
import { testHome } from './test-home.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');

/** What suites import; the source, so that nothing has to be built for them. */
export const testingModule = join(root, 'src/testing/index.ts');

const itemsMigration =
  'CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);';

/** A project of the running test: two migrations, a seed, and what the test adds. */
export function makeTestProject(files: Readonly<Record<string, string>> = {}): string {
  const folder = makeTempFolder({
    'db/1_items.sql': itemsMigration,
    'db/2_orders.sql': 'CREATE TABLE orders (id int PRIMARY KEY, item int REFERENCES items);',
    'seed.sql': "INSERT INTO items (name) VALUES ('rope'), ('harness');",
    ...files,
  });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

export function writeProjectFile(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

export interface SuiteRun {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs a program of the project's node_modules, or node itself, as its developer would. */
export async function runInProject(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<SuiteRun> {
  const done = await runProgram(process.execPath, args, {
    cwd: folder,
    env: { ...cleanEnvironment(), BELAY_HOME: testHome(), CI: 'true', ...env },
    timeoutMs: 120_000,
  });
  return { exitCode: done.exitCode, output: `${done.stdout}\n${done.stderr}` };
}

/** Arguments that let node load TypeScript. */
export const withTypeScript: readonly string[] = ['--import', tsx];

export const vitestProgram = join(root, 'node_modules/vitest/vitest.mjs');
