import { describe, expect, it } from 'vitest';
import {
  findMigrationSource,
  toolsWithoutReader,
} from '../../../src/features/migration/find-source.js';
import { migrationTools } from '../../../src/features/project/migration-tools.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestRole, testServers } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { useScenes } from './scene.js';

const prisma = { 'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n}\n' };
const knex = { 'knexfile.js': "module.exports = { migrations: { directory: './steps' } };" };
const dbmate = { 'db/migrations/1_users.sql': '-- migrate:up\n-- migrate:down\n' };
const typeorm = { 'package.json': '{"dependencies":{"typeorm":"1"}}' };

const find = (cwd: string, config?: { tool: string; directory?: string }) =>
  findMigrationSource({ cwd, config, env: {} });

describe('the tool that applies the migrations', () => {
  it.each([
    ['the config names', { ...prisma, ...knex }, 'knex', 'steps'],
    ['the config names, in its usual folder', {}, 'prisma', 'prisma/migrations'],
    ['the config names, with a folder', prisma, 'flyway', 'db/sql'],
    ['the files tell', { ...prisma, ...knex }, undefined, 'prisma/migrations'],
  ])('is the one that %s', async (_, files, tool, directory) => {
    const config = tool && { tool, ...(tool === 'flyway' ? { directory: './db/sql/' } : {}) };
    const source = await find(makeTempFolder(files), config || undefined);
    expect(source).toMatchObject({ tool: tool ?? 'prisma', directory });
  });

  it('has no files where its folder is not there or not known', async () => {
    const cwd = makeTempFolder({ 'file.sql': '' });
    for (const tool of ['prisma', 'drizzle', 'knex', 'node-pg-migrate', 'dbmate', 'flyway']) {
      for (const directory of [undefined, 'nowhere', 'file.sql']) {
        const source = await find(cwd, { tool, ...(directory ? { directory } : {}) });
        // dbmate's files are Belay's too, where dbmate has no table.
        expect([tool, (await source?.readFiles()) ?? []]).toEqual([tool, []]);
      }
    }
  });

  it.each([
    ['nothing', {}, undefined],
    ['plain SQL', { 'migrations/1_a.sql': 'SELECT 1' }, undefined],
    ['pairs of files', { 'migrations/1_a.up.sql': 'SELECT 1' }, undefined],
    ['files of dbmate', dbmate, undefined],
    ['a tool without a reader', { ...typeorm }, undefined],
    ['a tool without a reader before one with a reader', { ...typeorm, ...dbmate }, undefined],
    ['what the config says is Belay', prisma, 'belay'],
    ['what the config says is plain SQL', prisma, 'sql'],
    ['what the config says is another tool', prisma, 'liquibase'],
  ])('is none of those that Belay reads for %s', async (_, files, tool) => {
    expect(
      await find(makeTempFolder(files as Record<string, string>), tool ? { tool } : undefined),
    ).toBeNull();
  });

  it('has to be one that Belay knows', async () => {
    const error = await failure(find(makeTempFolder(), { tool: 'flywya' }), 'BAD_CONFIG');
    expect(error.message).toContain('"flywya"');
    expect(error.hint).toContain('flyway');
  });

  it('has a reader, is left to Belay, or is said to have none', () => {
    const rest = migrationTools
      .map(([tool]) => tool)
      .filter((tool) => !toolsWithoutReader.includes(tool));
    expect(rest.sort()).toEqual([
      ...['dbmate', 'drizzle', 'flyway', 'golang-migrate', 'knex', 'node-pg-migrate', 'prisma'],
      'sql',
    ]);
  });
});

describe.each(testServers())('the tool that applies the migrations, on $name', (server) => {
  const withScene = useScenes(server);

  const knexTable = (schema: string) =>
    `CREATE TABLE ${schema}.knex_migrations (id serial, name text, batch int, migration_time timestamptz)`;

  it('is the one whose table is there', () =>
    withScene({ ...prisma, ...typeorm, ...knex, ...dbmate }, async ({ source, sql }) => {
      expect((await source()).tool).toBe('prisma');
      await sql('CREATE TABLE schema_migrations (version varchar PRIMARY KEY)');
      expect((await source()).tool).toBe('dbmate');
      await sql(knexTable('public'));
      expect((await source()).tool).toBe('knex');
      expect((await source({ tool: 'dbmate' })).tool).toBe('dbmate');
      expect((await source({ tool: 'prisma' })).tool).toBe('prisma');
    }));

  it('has its table where it usually is, if there are several', () =>
    withScene(knex, async ({ source, sql }) => {
      await sql(`CREATE SCHEMA app; ${knexTable('app')}`);
      expect((await source()).ownRelations[0]).toBe('app.knex_migrations');
      await sql(knexTable('public'));
      expect((await source()).ownRelations[0]).toBe('public.knex_migrations');
    }));

  it('is not taken to have applied nothing where its table may not be read', () =>
    withScene(knex, async ({ source, sql, url }) => {
      await sql(knexTable('public'));
      const role = await createTestRole(server);
      const session = await openSession(role.urlFor(url));
      try {
        await failure((await source()).readApplied(session), 'PERMISSION_DENIED');
      } finally {
        await session.close();
        await role.drop();
      }
    }));
});
