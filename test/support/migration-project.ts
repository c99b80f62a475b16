import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { callCli } from './call-cli.js';
import type { BelayRun } from './run-belay.js';
import { makeTempFolder } from './temp-folder.js';

/** A project folder with migrations and a database, and the command line in it. */
export interface MigrationProject {
  readonly folder: string;
  readonly url: string;
  /** Runs `belay … --json` and gives what it printed; fails where the exit code is another one. */
  belay(args: readonly string[], exitCode?: number): Promise<BelayRun['json']>;
  /** The same for people. */
  text(args: readonly string[]): Promise<string>;
  write(name: string, text: string): void;
  remove(name: string): void;
}

/**
 * Makes a project of the running test.
 * @param migrations up and, where there is one, down script by "version_name"
 * @param env variables of the command line. BELAY_DRILL_SERVER spares starting a private server for each script that is tried
 */
export function makeMigrationProject(
  url: string,
  migrations: Readonly<Record<string, readonly [up: string, down?: string]>> = {},
  env: NodeJS.ProcessEnv = {},
): MigrationProject {
  const files = Object.entries(migrations).flatMap(([name, [up, down]]) => [
    [`migrations/${name}/up.sql`, up] as const,
    ...(down === undefined ? [] : [[`migrations/${name}/down.sql`, down] as const]),
  ]);
  const folder = makeTempFolder({ 'migrations/': '', ...Object.fromEntries(files) });
  const store = join(folder, 'store');
  const call = { cwd: folder, env: { DATABASE_URL: url, BELAY_STORE: store, ...env } };
  return {
    ...{ folder, url },
    belay: async (args, exitCode = 0) => {
      const run = await callCli(['--json', ...args], call);
      expect(run.exitCode, `belay ${args.join(' ')}\n${run.stdout}${run.stderr}`).toBe(exitCode);
      return run.json;
    },
    text: async (args) => (await callCli(args, call)).stdout,
    write: (name, text) => writeFileSync(join(folder, name), text),
    remove: (name) => rmSync(join(folder, name), { recursive: true }),
  };
}
