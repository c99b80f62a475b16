import { connectionUrl } from '../postgres/settings.js';
import type { TestDatabasesOptions } from './options.js';
import { keepingAlive, Pool } from './pool.js';
import { ownServerVariable } from './test-server.js';

/** Ends what was set up for a run. */
export type TeardownTestDatabases = () => Promise<void>;

/**
 * For the set-up of a whole run: makes the template once, keeps the pool filled while the tests run, and removes what
 * they have used, so that the tests' own processes do nothing but take. Without a server it starts one for the run.
 *
 * @example
 * // vitest.global-setup.ts
 * export default () => setupTestDatabases({ migrations: 'db/migrations' });
 *
 * @example
 * // Jest: globalSetup and globalTeardown
 * export default async () => { globalThis.teardown = await setupTestDatabases(options); };
 * export default () => globalThis.teardown();
 * @returns ends it: prepared databases go, the template stays for the next run
 */
export function setupTestDatabases(options: TestDatabasesOptions): Promise<TeardownTestDatabases> {
  return keepingAlive(async () => {
    const pool = await Pool.open(options);
    try {
      await pool.watch();
    } catch (error) {
      await pool.close();
      throw error;
    }
    const before = process.env[ownServerVariable];
    if (pool.server.isOwn) {
      const { settings } = pool.server;
      process.env[ownServerVariable] = connectionUrl(settings, { withPassword: true });
    }
    return () =>
      keepingAlive(async () => {
        if (before === undefined) delete process.env[ownServerVariable];
        await pool.close({ keepReady: false });
      });
  });
}
