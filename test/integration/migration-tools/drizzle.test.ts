import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { testServers, withSession } from '../../support/servers.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

const users = 'CREATE TABLE "users" ("id" serial PRIMARY KEY NOT NULL);';
const items =
  'CREATE TABLE "items" ("id" integer);\n--> statement-breakpoint\nCREATE INDEX "items_id" ON "items" ("id");';

const journal = (entries: readonly (readonly [tag: string, when: number])[]) =>
  JSON.stringify({
    ...{ version: '7', dialect: 'postgresql' },
    entries: entries.map(([tag, when], idx) => ({
      idx,
      version: '7',
      when,
      tag,
      breakpoints: true,
    })),
  });

const config = "import { defineConfig } from 'drizzle-kit';\n";
const project = {
  'drizzle.config.ts': `${config}export default defineConfig({ out: './db/drizzle', dialect: 'postgresql' });\n`,
  'db/drizzle/meta/_journal.json': journal([
    ['0000_users', 1767225600123],
    ['0001_items', 1767312000456],
  ]),
  'db/drizzle/0000_users.sql': users,
  'db/drizzle/0001_items.sql': items,
};

const apply = (scene: Scene, options = {}) =>
  withSession(scene.url, (client) =>
    migrate(drizzle(client), { migrationsFolder: `${scene.folder}/db/drizzle`, ...options }),
  );

describe.each(testServers())('migrations of Drizzle on $name', (server) => {
  const withScene = useScenes(server);

  it('are read as it applied them', () =>
    withScene(project, async (scene) => {
      expect(await stateOf(scene)).toMatchObject({
        ...{ applied: null, pending: ['0000 users', '0001 items'], unfinished: [] },
      });
      await apply(scene);
      const source = await scene.source();
      expect(source).toMatchObject({
        ...{ tool: 'drizzle', directory: 'db/drizzle', upCommand: 'npx drizzle-kit migrate' },
        ownRelations: ['drizzle', 'drizzle.__drizzle_migrations'],
      });
      const [first, second] = await source.readFiles();
      const nothing = { appliedAt: null, up: null, down: null };
      expect(await source.readApplied(scene.session)).toEqual([
        { version: '0000', name: 'users', checksum: first?.checksum, ...nothing },
        { version: '0001', name: 'items', checksum: second?.checksum, ...nothing },
      ]);
      expect(second?.up).toMatchObject({ file: 'db/drizzle/0001_items.sql', line: 1, sql: items });
      await expectOnlyMigrated(scene, ['items', 'users']);

      scene.write('db/drizzle/0000_users.sql', `${users} -- edited`);
      scene.write('db/drizzle/0002_more.sql', 'SELECT 1;');
      scene.write(
        'db/drizzle/meta/_journal.json',
        journal([
          ['0000_users', 1767225600123],
          ['0001_items', 1767312000456],
          ['0002_more', 1767398400000],
        ]),
      );
      expect(await stateOf(scene)).toEqual({
        applied: ['0000 users', '0001 items'],
        ...{ pending: ['0002 more'], changed: ['0000 users'], unfinished: [] },
      });
    }));

  it('are applied again after a rollback', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      await rollBack(scene, '0001', 'DROP TABLE public.items');
      expect(await stateOf(scene)).toMatchObject({
        applied: ['0000 users'],
        pending: ['0001 items'],
      });
      await apply(scene);
      expect(await stateOf(scene)).toMatchObject({ applied: ['0000 users', '0001 items'] });
    }));

  it('are read from the table that its config names', () =>
    withScene(
      {
        ...project,
        'drizzle.config.ts': `${config}export default defineConfig({
          out: './db/drizzle', // migrations: { table: 'other' },
          migrations: { table: 'Steps', schema: 'public' },
        });`,
      },
      async (scene) => {
        await apply(scene);
        expect(await stateOf(scene)).toMatchObject({ applied: null });
        await scene.sql('DROP SCHEMA drizzle CASCADE; DROP TABLE items, users');
        await apply(scene, { migrationsTable: 'Steps', migrationsSchema: 'public' });
        expect(await stateOf(scene)).toMatchObject({ applied: ['0000 users', '0001 items'] });
        expect((await scene.source()).ownRelations).toEqual(['public."Steps"']);
        await expectOnlyMigrated(scene, ['items', 'users']);
      },
    ));

  it('whose files are gone are known by what the record has', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      scene.write('db/drizzle/meta/_journal.json', journal([['0000_users', 1767225600123]]));
      expect(await stateOf(scene)).toMatchObject({ applied: ['0000 users', '1767312000456'] });
      // With a table of the project in it, the schema is no longer Drizzle's alone.
      await scene.sql('CREATE TABLE drizzle.bits (id int)');
      expect((await scene.source()).ownRelations).toEqual(['drizzle.__drizzle_migrations']);
    }));

  it('are not read from a table or a journal that is not as Drizzle makes it', () =>
    withScene(project, async (scene) => {
      await apply(scene);
      const table = 'drizzle.__drizzle_migrations';
      await expectDamage(scene, [
        [
          `ALTER TABLE ${table} DROP COLUMN hash`,
          /drizzle\.__drizzle_migrations.*no column "hash"/,
        ],
        [`ALTER TABLE ${table} ALTER created_at TYPE text`, /"created_at" is of type text/],
        [`UPDATE ${table} SET created_at = NULL, hash = 'x'`, /a row without the name/],
      ]);
      for (const [text, message] of [
        ['{', /not JSON/],
        ['{"entries":{}}', /no list "entries"/],
        ['{"entries":[{"tag":"0000_users"}]}', /no "tag" or no "when"/],
        [journal([['0009_gone', 1]]), /names db\/drizzle\/0009_gone\.sql/],
      ] as const) {
        scene.write('db/drizzle/meta/_journal.json', text);
        const source = await scene.source();
        expect((await failure(source.readFiles(), 'BAD_MIGRATION')).message).toMatch(message);
      }
    }));
});

const first = '20260101000000_users';
const second = '20260102000000_items';
const folders = {
  'drizzle.config.ts': project['drizzle.config.ts'],
  [`db/drizzle/${first}/migration.sql`]: users,
  [`db/drizzle/${first}/snapshot.json`]: '{}',
  [`db/drizzle/${second}/migration.sql`]: items,
};
const table = 'drizzle.__drizzle_migrations';

describe.each(testServers())(
  'folders of Drizzle 1.0, with its documented table, on $name',
  (server) => {
    const withScene = useScenes(server);

    it('are read by name', () =>
      withScene(folders, async (scene) => {
        await scene.sql(`
        CREATE SCHEMA drizzle;
        CREATE TABLE ${table} (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint, name text,
          applied_at timestamp with time zone DEFAULT now());
        INSERT INTO ${table} (hash, created_at, name, applied_at)
        VALUES ('${'0'.repeat(64)}', 1767225600000, '${first}', '2026-01-03 04:05:06.789+02')`);
        expect(await stateOf(scene)).toEqual({
          ...{ applied: ['20260101000000 users'], pending: ['20260102000000 items'] },
          ...{ changed: ['20260101000000 users'], unfinished: [] },
        });
        const source = await scene.source();
        const applied = await source.readApplied(scene.session);
        expect(applied?.[0]?.appliedAt).toBe('2026-01-03T02:05:06.789Z');
        await scene.sql(`UPDATE ${table} SET name = '20260101000000_gone'`);
        expect(await stateOf(scene)).toMatchObject({ applied: ['20260101000000_gone'] });
        await rollBack(scene, '20260101000000_gone', 'SELECT 1');
        expect(await stateOf(scene)).toMatchObject({ applied: [] });
      }));

    it('are found by their second or hash in a table of before', () =>
      withScene(folders, async (scene) => {
        await scene.sql('CREATE SCHEMA drizzle');
        const [, other] = await (await scene.source()).readFiles();
        await scene.sql(`
        CREATE TABLE ${table} (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
        INSERT INTO ${table} (hash, created_at)
        VALUES ('x', 1767225600777), ('${other?.checksum}', 1767300000000)`);
        expect(await stateOf(scene)).toMatchObject({
          applied: ['20260101000000 users', '20260102000000 items'],
        });
      }));
  },
);
