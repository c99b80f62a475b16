import { describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import { type PrismaMigrations, withPrisma } from './prisma-engine.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

const schema = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n';

const init = ['0_init', 'CREATE TABLE users (id int PRIMARY KEY);\n'] as const;
const items = ['20260102030405_items', 'CREATE TABLE items (id int);\nSELECT 1;\n'] as const;
const third = ['20260203040506_orders', 'CREATE TABLE orders (id int);\n'] as const;

const files = (migrations: PrismaMigrations) => ({
  'prisma/schema.prisma': schema,
  'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
  ...Object.fromEntries(
    migrations.map(([name, sql]) => [`prisma/migrations/${name}/migration.sql`, sql]),
  ),
});

const deploy = (scene: Scene, migrations: PrismaMigrations) =>
  withPrisma(scene.url, (prisma) => prisma.deploy(migrations));

describe.each(testServers())("migrations of Prisma's own engine on $name", (server) => {
  const withScene = useScenes(server);

  it('are read as it applied them', () =>
    withScene(files([init, items]), async (scene) => {
      expect(await stateOf(scene)).toMatchObject({
        applied: null,
        pending: ['0_init', '20260102030405 items'],
        unfinished: [],
      });
      await deploy(scene, [init, items]);
      const source = await scene.source();
      expect(source).toMatchObject({
        ...{ tool: 'prisma', directory: 'prisma/migrations' },
        upCommand: 'npx prisma migrate deploy',
        ownRelations: ['public._prisma_migrations'],
      });
      const applied = await source.readApplied(scene.session);
      const [first, second] = await source.readFiles();
      expect(applied).toEqual([
        {
          ...{ version: '0_init', name: '', checksum: first?.checksum, up: null, down: null },
          appliedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
        expect.objectContaining({ version: '20260102030405', checksum: second?.checksum }),
      ]);
      expect(Math.abs(Date.parse(applied?.[0]?.appliedAt ?? '') - Date.now())).toBeLessThan(3.6e6);
      expect(second).toMatchObject({
        up: { file: `prisma/migrations/${items[0]}/migration.sql`, line: 1, sql: items[1] },
        down: null,
      });
      await expectOnlyMigrated(scene, ['items', 'users']);

      scene.write(`prisma/migrations/${third[0]}/migration.sql`, third[1]);
      scene.write(`prisma/migrations/${third[0]}/down.sql`, 'DROP TABLE orders;\n');
      scene.write(`prisma/migrations/${items[0]}/migration.sql`, '-- edited\n');
      expect(await stateOf(scene)).toMatchObject({
        pending: ['20260203040506 orders'],
        changed: ['20260102030405 items'],
      });
      const [, , pending] = await source.readFiles();
      expect(pending?.down).toMatchObject({
        file: `prisma/migrations/${third[0]}/down.sql`,
        sql: 'DROP TABLE orders;\n',
      });
    }));

  it('are unchanged where only the line ends differ', () =>
    withScene(files([init, items]), async (scene) => {
      await deploy(scene, [init, items]);
      const windows = [items[0], items[1].replaceAll('\n', '\r\n')] as const;
      scene.write(`prisma/migrations/${items[0]}/migration.sql`, windows[1]);
      expect(await withPrisma(scene.url, (prisma) => prisma.edited([init, windows]))).toEqual([]);
      expect(await stateOf(scene)).toMatchObject({ changed: [], pending: [] });
    }));

  it('are not applied where they failed, and not unfinished where that was resolved', () =>
    withScene(files([init, third]), async (scene) => {
      const broken = [third[0], 'SELECT 1 / 0;\n'] as const;
      await expect(deploy(scene, [init, broken])).rejects.toThrow(/division by zero/);
      expect(await stateOf(scene)).toMatchObject({
        ...{ applied: ['0_init'], pending: ['20260203040506 orders'] },
        unfinished: ['20260203040506 orders'],
      });
      await withPrisma(scene.url, (prisma) => prisma.resolveRolledBack(third[0]));
      expect(await stateOf(scene)).toMatchObject({ applied: ['0_init'], unfinished: [] });
      expect(await deploy(scene, [init, third])).toEqual([third[0]]);
      expect(await stateOf(scene)).toMatchObject({ applied: ['0_init', '20260203040506 orders'] });
    }));

  it('are applied again after a rollback', () =>
    withScene(files([init, items]), async (scene) => {
      await deploy(scene, [init, items]);
      await rollBack(scene, '20260102030405', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({
        ...{ applied: ['0_init'], pending: ['20260102030405 items'], unfinished: [] },
      });
      expect(await deploy(scene, [init, items])).toEqual([items[0]]);
      expect(await stateOf(scene)).toMatchObject({ applied: ['0_init', '20260102030405 items'] });
    }));

  it('are found in the schema that the connection string names', () =>
    withScene(files([init]), async (scene) => {
      await deploy(scene, [init]);
      await scene.sql('CREATE SCHEMA "App"; ALTER TABLE _prisma_migrations SET SCHEMA "App"');
      expect(await stateOf(scene)).toMatchObject({ applied: ['0_init'] });
      expect((await scene.source()).ownRelations).toEqual(['"App"._prisma_migrations']);
    }));

  it('are not read from a table that is not as Prisma makes it', () =>
    withScene(files([init]), async (scene) => {
      await deploy(scene, [init]);
      const table = 'public._prisma_migrations';
      await expectDamage(scene, [
        [
          `ALTER TABLE ${table} DROP COLUMN finished_at`,
          /_prisma_migrations.*no column "finished_at"/,
        ],
        [
          `ALTER TABLE ${table} ALTER finished_at TYPE text`,
          /column "finished_at" is of type text, and should hold time/,
        ],
        [`UPDATE ${table} SET migration_name = ''`, /a row without the name/],
        [`DROP TABLE ${table}; CREATE TABLE ${table} ()`, /no column/],
      ]);
    }));
});
