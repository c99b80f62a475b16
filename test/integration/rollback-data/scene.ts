import { join } from 'node:path';
import { BelayError, type ErrorCode } from '../../../src/errors.js';
import { migrateUp } from '../../../src/features/migration/up.js';
import {
  type ExecuteRollbackOptions,
  executeRollback,
  type RollbackResult,
} from '../../../src/features/rollback/execute.js';
import { openTarget, type Target } from '../../../src/index.js';
import { createTestDatabase, type TestServer } from '../../support/servers.js';
import { failure, rowsOf, run } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';
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
  /** The rows of a table as PostgreSQL writes them, in their order. */
  table(name: string, columns?: string): Promise<string[]>;
  drop(): Promise<void>;
}

function ignoreCurrent(error: unknown): void {
  if (!(error instanceof BelayError && error.code === 'VERSION_IS_CURRENT')) throw error;
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
  // Spares starting a private server for each down script that is tried.
  const env = {
    ...{ PATH: process.env.PATH, BELAY_HOME: testHome(), BELAY_DRILL_SERVER: server.adminUrl },
    BELAY_STORE: join(project.folder, '.store'),
  };
  const onTarget = async <T>(work: (target: Target) => Promise<T>): Promise<T> => {
    const target = await openTarget({ url, cwd: project.folder, action: 'test', env });
    try {
      return await work(target);
    } finally {
      await target.close();
    }
  };
  const roll = (version: string, more: Options) =>
    onTarget((target) =>
      executeRollback(target, {
        ...{ version, data: true, force: true, keep: 'none', noRenames: true },
        ...more,
      }),
    );
  return {
    ...{ url, project },
    drop: () => database.drop(),
    up: async (to) => {
      // One by one: what a migration removes is measured before the first of a run is applied.
      for (const version of Object.keys(migrations)) {
        if (to !== undefined && Number(version) > Number(to)) break;
        await onTarget((target) => migrateUp(target, { backup: 'database', to: version })).catch(
          ignoreCurrent,
        );
      }
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
    table: async (name, columns = '*') => {
      const rows = await rowsOf(
        url,
        `SELECT t::text AS row FROM (SELECT ${columns} FROM ${name}) t ORDER BY t::text COLLATE "C"`,
      );
      return rows.map(({ row }) => row);
    },
  };
}
