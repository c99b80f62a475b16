import knex from 'knex';
import { describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

const migration = (table: string) => `
exports.up = (knex) => knex.schema.createTable('${table}', (t) => { t.increments(); });
exports.down = (knex) => knex.schema.dropTable('${table}');
`;

const project = {
  'knexfile.js': "module.exports = { client: 'pg', migrations: { directory: './db/steps' } };\n",
  'db/steps/20260101000000_users.js': migration('users'),
  'db/steps/20260102000000_items.js': migration('items'),
  'db/steps/README.md': '',
};

async function apply(scene: Scene, options = {}) {
  const database = knex({
    ...{ client: 'pg', connection: scene.url, pool: { min: 0, max: 2 } },
    migrations: { directory: `${scene.folder}/db/steps`, ...options },
  });
  try {
    const [, names] = await database.migrate.latest();
    return names;
  } finally {
    await database.destroy();
  }
}

const both = ['20260101000000 users', '20260102000000 items'];

describe.each(testServers())('migrations of Knex on $name', (server) => {
  const withScene = useScenes(server);

  it('are read as it applied them', () =>
    withScene(project, async (scene) => {
      expect(await stateOf(scene)).toMatchObject({ applied: null, pending: both });
      await apply(scene);
      const source = await scene.source();
      expect(source).toMatchObject({
        ...{ tool: 'knex', directory: 'db/steps', upCommand: 'npx knex migrate:latest' },
        ownRelations: ['public.knex_migrations', 'public.knex_migrations_lock'],
      });
      const applied = await source.readApplied(scene.session);
      expect(applied?.[0]).toEqual({
        ...{ version: '20260101000000', name: 'users', checksum: null, up: null, down: null },
        appliedAt: expect.stringMatching(/Z$/),
      });
      expect(Math.abs(Date.parse(applied?.[1]?.appliedAt ?? '') - Date.now())).toBeLessThan(3.6e6);
      const [file] = await source.readFiles();
      expect(file).toMatchObject({
        up: null,
        down: null,
        checksum: expect.stringMatching(/^\w{64}$/),
      });
      await expectOnlyMigrated(scene, ['items', 'users']);

      // A build may have turned what was applied from TypeScript.
      scene.write('db/steps/20260103000000_more.ts', 'export const up = () => {};');
      expect(await stateOf(scene)).toEqual({
        ...{ applied: both, pending: ['20260103000000 more'], changed: [], unfinished: [] },
      });
    }));

  it('are applied again after a rollback', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await rollBack(scene, '20260102000000', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({ applied: [both[0]], pending: [both[1]] });
      expect(await apply(scene)).toEqual(['20260102000000_items.js']);
      expect(await stateOf(scene)).toMatchObject({ applied: both, pending: [] });
    }));

  it('are the same with another extension', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await scene.sql(`UPDATE knex_migrations SET name = replace(name, '.js', '.ts')`);
      expect(await stateOf(scene)).toMatchObject({ applied: both, pending: [] });
      await rollBack(scene, '20260102000000', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({ applied: [both[0]] });
    }));

  it('are read from the table that its config names', () =>
    withScene(
      {
        ...project,
        'knexfile.js': `module.exports = { client: 'pg',
          migrations: { directory: './db/steps', tableName: 'steps', schemaName: 'app' } };`,
      },
      async (scene) => {
        await scene.sql('CREATE SCHEMA app; CREATE TABLE public.steps ()');
        await apply(scene, { tableName: 'steps', schemaName: 'app' });
        expect(await stateOf(scene)).toMatchObject({ applied: both });
        expect((await scene.source()).ownRelations).toEqual(['app.steps', 'app.steps_lock']);
      },
    ));

  it('are not read from a table that is not as Knex makes it', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await expectDamage(scene, [
        ['ALTER TABLE public.knex_migrations RENAME batch TO round', /no column "batch"/],
        ['ALTER TABLE public.knex_migrations DROP name, ADD name int', /"name" is of type integer/],
        ['UPDATE public.knex_migrations SET name = NULL', /a row without the name/],
      ]);
    }));
});
