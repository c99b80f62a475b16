import { resolveBinary } from 'dbmate';
import { describe, expect, it } from 'vitest';
import { findMigrationSource } from '../../../src/features/migration/find-source.js';
import { runProgram } from '../../../src/process/run.js';
import { testServers } from '../../support/servers.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

const project = {
  'db/migrations/20260101000000_users.sql':
    '-- migrate:up\nCREATE TABLE users (id int);\n\n-- migrate:down\nDROP TABLE users;\n',
  'db/migrations/20260102000000_items.sql':
    '-- migrate:up transaction:false\nCREATE TABLE items (id int);\n-- migrate:down\n',
};
const both = ['20260101000000 users', '20260102000000 items'];

async function apply(scene: Scene, options: readonly string[] = []) {
  const url = new URL(scene.url);
  url.searchParams.set('sslmode', 'disable');
  const args = ['--no-dump-schema', ...options, 'migrate'];
  await runProgram(resolveBinary(), args, {
    ...{ cwd: scene.folder, mustSucceed: true },
    env: { DATABASE_URL: url.href },
  });
}

describe.each(testServers())('migrations of dbmate on $name', (server) => {
  const withScene = useScenes(server);

  it('are read as it applied them', () =>
    withScene(project, async (scene) => {
      const { folder: cwd, session } = scene;
      // Without its table they are the same to Belay's own runner.
      expect(await findMigrationSource({ cwd, session, env: {} })).toBeNull();
      expect(await findMigrationSource({ cwd, env: {} })).toBeNull();
      await apply(scene);
      const source = await scene.source();
      expect(source).toMatchObject({
        ...{ tool: 'dbmate', directory: 'db/migrations', upCommand: 'dbmate up' },
        ownRelations: ['public.schema_migrations'],
      });
      const nothing = { appliedAt: null, checksum: null, up: null, down: null };
      expect(await source.readApplied(session)).toEqual([
        { version: '20260101000000', name: 'users', ...nothing },
        { version: '20260102000000', name: 'items', ...nothing },
      ]);
      const file = 'db/migrations/20260101000000_users.sql';
      expect(await source.readFiles()).toMatchObject([
        {
          up: { file, line: 1, inTransaction: true },
          down: { file, line: 4, sql: '-- migrate:down\nDROP TABLE users;\n' },
        },
        // Its way down has nothing in it.
        { up: { inTransaction: false }, down: null },
      ]);
      await expectOnlyMigrated(scene, ['items', 'users']);

      scene.write('db/migrations/20260103000000_more.sql', '-- migrate:up\n-- migrate:down\n');
      expect(await stateOf(scene)).toEqual({
        ...{ applied: both, pending: ['20260103000000 more'], changed: [], unfinished: [] },
      });
    }));

  it('are applied again after a rollback', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await rollBack(scene, '20260102000000', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({ applied: [both[0]], pending: [both[1]] });
      await apply(scene);
      expect(await stateOf(scene)).toMatchObject({ applied: both });
    }));

  it('are read from the table that a variable names', () =>
    withScene({ ...project, '.env': 'DBMATE_MIGRATIONS_TABLE=app.steps\n' }, async (scene) => {
      await apply(scene, ['--migrations-table', 'app.steps']);
      expect(await stateOf(scene)).toMatchObject({ applied: both });
      expect((await scene.source()).ownRelations).toEqual(['app.steps']);
    }));

  it('are not read from a table that is not as dbmate makes it', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      const table = 'public.schema_migrations';
      await expectDamage(scene, [
        [
          `ALTER TABLE ${table} RENAME version TO step`,
          /public\.schema_migrations.*no column "version"/,
        ],
        [
          `ALTER TABLE ${table} ALTER version TYPE bigint USING version::bigint`,
          /"version" is of type bigint, and should hold text/,
        ],
      ]);
    }));
});
