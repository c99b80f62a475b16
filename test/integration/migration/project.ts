import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appliedMigrations } from '../../../src/features/migration/belay-source.js';
import { withHistory } from '../../../src/features/schema/with-history.js';
import { openTarget, type Target } from '../../../src/index.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { testHome } from '../../support/test-home.js';

/** A folder with migrations, and a database that they are for. */
export interface Project {
  readonly folder: string;
  write(path: string, text: string): void;
  remove(path: string): void;
  /** The database as a target of a run in this folder. */
  run<T>(work: (target: Target) => Promise<T>): Promise<T>;
  /** Versions in force by the history. */
  applied(): Promise<string[]>;
}

/** @param files text by path within "migrations/" */
export function makeProject(url: string, files: Readonly<Record<string, string>> = {}): Project {
  const folder = makeTempFolder({ 'migrations/': '' });
  const write = (path: string, text: string) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const [path, text] of Object.entries(files)) write(`migrations/${path}`, text);
  const run: Project['run'] = async (work) => {
    const env = {
      PATH: process.env.PATH,
      BELAY_HOME: testHome(),
      BELAY_STORE: join(folder, '.store'),
    };
    const target = await openTarget({ url, cwd: folder, action: 'test', env });
    try {
      return await work(target);
    } finally {
      await target.close();
    }
  };
  return {
    ...{ folder, write, run },
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
    applied: () =>
      run((target) =>
        withHistory(target, async ({ history }) =>
          appliedMigrations(await history.read()).map(({ version }) => version),
        ),
      ),
  };
}
