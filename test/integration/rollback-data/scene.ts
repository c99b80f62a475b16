import { migrateUp } from '../../../src/features/migration/up.js';
import {
  type ExecuteRollbackOptions,
  executeRollback,
  type RollbackResult,
} from '../../../src/features/rollback/execute.js';
import type { BelayError, ErrorCode } from '../../../src/errors.js';
import { createTestDatabase, type TestServer } from '../../support/servers.js';
import { failure, rowsOf, run } from '../../support/targets.js';
import { makeProject, type Project } from '../migration/project.js';

type Options = Partial<Omit<ExecuteRollbackOptions, 'version'>>;

/** A database, a project with migrations, and what a test does with them. */
export interface Scene {
  readonly url: string;
  readonly project: Project;
  /** Applies migrations, keeping what they remove. */
  up(to?: string): Promise<void>;
  /** Rolls back with the data, without a snapshot; counts it before, and expects what was counted. */
  back(version?: string, options?: Options): Promise<RollbackResult>;
  /** Expects a refusal. */
  refusal(code: ErrorCode, version?: string, options?: Options): Promise<BelayError>;
  sql(text: string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its columns
  rows(query: string): Promise<any[]>;
  drop(): Promise<void>;
}

/** @param migrations up and, where there is one, down script by version. "1" makes the tables and their rows */
export async function makeScene(
  server: TestServer,
  migrations: Readonly<Record<string, string | readonly [up: string, down: string]>>,
): Promise<Scene> {
  const database = await createTestDatabase(server, { name: 'data' });
  const files = Object.entries(migrations).flatMap(([version, sql]) => {
    const [up, down] = typeof sql === 'string' ? [sql] : sql;
    return [
      [`${version}_m/up.sql`, up] as const,
      ...(down === undefined ? [] : [[`${version}_m/down.sql`, down] as const]),
    ];
  });
  const { url } = database;
  const project = makeProject(url, Object.fromEntries(files));
  const roll = (version: string, more: Options) =>
    project.run((target) =>
      executeRollback(target, {
        ...{ version, data: true, force: true, keep: 'none', noRenames: true },
        ...more,
      }),
    );
  return {
    ...{ url, project },
    drop: () => database.drop(),
    up: async (to) => {
      await project.run((target) => migrateUp(target, { backup: 'database', to }));
    },
    back: async (version = '1', more = {}) => {
      const counted = await roll(version, { ...more, dryRun: true });
      const done = await roll(version, more);
      const numbers = ({ data }: RollbackResult) => ({
        totals: data?.totals,
        backups: data?.backups.map(({ samples: _, ...outcome }) => outcome),
      });
      if (JSON.stringify(numbers(counted)) !== JSON.stringify(numbers(done))) {
        throw new Error(
          `counted ${JSON.stringify(numbers(counted))}, done ${JSON.stringify(numbers(done))}`,
        );
      }
      return done;
    },
    refusal: (code, version = '1', more = {}) => failure(roll(version, more), code),
    sql: (text) => run(url, text),
    rows: (query) => rowsOf(url, query),
  };
}
