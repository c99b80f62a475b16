import { runner } from 'node-pg-migrate';
import { describe, expect, it } from 'vitest';
import { openSession } from '../../support/open-session.js';
import { testServers } from '../../support/servers.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

const packageJson = (start: string) =>
  JSON.stringify({ devDependencies: { 'node-pg-migrate': '9' }, scripts: { start } });

const sql = `-- what people use

-- Up Migration
CREATE TABLE users (id int);

-- Down Migration
DROP TABLE users;
`;
const project = {
  'package.json': packageJson('node-pg-migrate up'),
  'migrations/1767225600000_users.sql': sql,
  'migrations/1767312000000_items.cjs':
    "exports.up = (pgm) => { pgm.createTable('items', { id: 'id' }); };\nexports.down = false;\n",
  'migrations/.hidden.sql': '',
};
const both = ['1767225600000 users', '1767312000000 items'];

async function apply(scene: Scene, options = {}) {
  const applied = await runner({
    ...{ databaseUrl: scene.url, dir: `${scene.folder}/migrations`, direction: 'up' as const },
    ...{ migrationsTable: 'pgmigrations', log: () => {}, ...options },
  });
  return applied.map(({ name }) => name);
}

describe.each(testServers())('migrations of node-pg-migrate on $name', (server) => {
  const withScene = useScenes(server);

  it('are read as it applied them', () =>
    withScene(project, async (scene) => {
      expect(await stateOf(scene)).toMatchObject({ applied: null, pending: both });
      expect(await apply(scene)).toEqual(['1767225600000_users', '1767312000000_items']);
      const source = await scene.source();
      expect(source).toMatchObject({
        ...{
          tool: 'node-pg-migrate',
          directory: 'migrations',
          upCommand: 'npx node-pg-migrate up',
        },
        ownRelations: ['public.pgmigrations'],
      });
      const applied = await source.readApplied(scene.session);
      expect(applied?.[0]).toEqual({
        ...{ version: '1767225600000', name: 'users', checksum: null, up: null, down: null },
        appliedAt: expect.stringMatching(/Z$/),
      });
      const [users, items] = await source.readFiles();
      const file = 'migrations/1767225600000_users.sql';
      expect(users).toMatchObject({
        up: { file, line: 3, sql: '-- Up Migration\nCREATE TABLE users (id int);\n\n' },
        down: { file, line: 6, sql: '-- Down Migration\nDROP TABLE users;\n' },
      });
      expect(items).toMatchObject({ up: null, down: null });
      await expectOnlyMigrated(scene, ['items', 'users']);

      // 17 digits are a date and time, before the milliseconds of 2027.
      scene.write('migrations/1798761600000_later.sql', 'SELECT 1;');
      scene.write('migrations/20260501000000000_more.up.sql', 'SELECT 2;');
      scene.write('migrations/20260501000000000_more.down.sql', 'SELECT 3;');
      expect(await stateOf(scene)).toEqual({
        ...{ applied: both, changed: [], unfinished: [] },
        pending: ['20260501000000000 more', '1798761600000 later'],
      });
      expect((await source.readFiles())[2]).toMatchObject({
        up: { sql: 'SELECT 2;' },
        down: { file: 'migrations/20260501000000000_more.down.sql', sql: 'SELECT 3;' },
      });
    }));

  it('have the time that the record says, whatever the time zone of the database', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await scene.sql(`DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
      END $$`);
      await scene.sql(`UPDATE pgmigrations SET run_on = '2026-05-01 09:00:00.5'`);
      // A database's own time zone holds for new sessions.
      const session = await openSession(scene.url);
      const applied = await (await scene.source()).readApplied(session);
      await session.close();
      expect(applied?.[0]?.appliedAt).toBe('2026-05-01T00:00:00.500Z');
    }));

  it('are applied again after a rollback', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await rollBack(scene, '1767312000000', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({ applied: [both[0]], pending: [both[1]] });
      expect(await apply(scene)).toEqual(['1767312000000_items']);
      expect(await stateOf(scene)).toMatchObject({ applied: both });
    }));

  it.each([
    ['package.json', packageJson('node-pg-migrate up -t steps --migrations-schema=app')],
    [
      'config/default.json',
      JSON.stringify({ db: { 'migrations-table': 'steps', 'migrations-schema': 'app' } }),
    ],
  ])('are read from the table that %s names', (name, text) =>
    withScene({ ...project, [name]: text }, async (scene) => {
      const options = { migrationsSchema: 'app', createMigrationsSchema: true };
      await apply(scene, { migrationsTable: 'steps', ...options });
      expect(await stateOf(scene)).toMatchObject({ applied: both });
      expect((await scene.source()).ownRelations).toEqual(['app.steps']);
    }),
  );

  it('are not read from a table that is not as node-pg-migrate makes it', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await expectDamage(scene, [
        ['ALTER TABLE public.pgmigrations DROP run_on', /public\.pgmigrations.*no column "run_on"/],
        ['ALTER TABLE public.pgmigrations DROP name, ADD name int', /"name" is of type integer/],
      ]);
    }));
});
