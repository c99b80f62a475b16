import { describe, expect, it } from 'vitest';
import { detectMigrationTools } from '../../../src/features/project/detect-migration-tool.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const dependency = (name: string, more = {}) =>
  JSON.stringify({ devDependencies: { [name]: '1' }, ...more });
const datasource = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n';

type Case = [string, Record<string, string>, { tool: string; directory: string | null }];

const cases: Case[] = [
  [
    'Prisma',
    { 'prisma/schema.prisma': datasource },
    { tool: 'prisma', directory: 'prisma/migrations' },
  ],
  [
    'Prisma with its schema elsewhere',
    {
      'package.json': dependency('prisma', { prisma: { schema: './db/shop.prisma' } }),
      'db/shop.prisma': datasource,
    },
    { tool: 'prisma', directory: 'db/migrations' },
  ],
  [
    'Prisma with a folder of schemas',
    { 'prisma/base.prisma': datasource, 'prisma/shop.prisma': 'model Item {}\n' },
    { tool: 'prisma', directory: 'prisma/migrations' },
  ],
  [
    'Prisma with a config',
    {
      'prisma.config.ts':
        "export default { schema: 'db/schema.prisma', migrations: { seed: 'x', path: './db/steps' } }",
      'db/schema.prisma': datasource,
    },
    { tool: 'prisma', directory: 'db/steps' },
  ],
  [
    'Drizzle',
    {
      'drizzle.config.ts':
        "export default defineConfig({ out: './db/out', dialect: 'postgresql' })",
    },
    { tool: 'drizzle', directory: 'db/out' },
  ],
  [
    'Drizzle without a folder',
    { 'drizzle.config.json': '{"dialect":"postgresql"}' },
    { tool: 'drizzle', directory: 'drizzle' },
  ],
  [
    'Knex',
    { 'knexfile.js': "module.exports = { migrations: { directory: './db/migrations' } }" },
    { tool: 'knex', directory: 'db/migrations' },
  ],
  [
    'TypeORM',
    { 'package.json': dependency('typeorm'), 'src/migration/': '' },
    { tool: 'typeorm', directory: 'src/migration' },
  ],
  [
    'Sequelize',
    {
      '.sequelizerc':
        "const path = require('path');\nmodule.exports = { 'migrations-path': path.resolve('db', 'migrations') };",
    },
    { tool: 'sequelize', directory: 'db/migrations' },
  ],
  [
    'Sequelize without a config',
    { 'package.json': dependency('sequelize-cli') },
    { tool: 'sequelize', directory: 'migrations' },
  ],
  ['Rails', { Gemfile: 'gem "rails", "~> 8.0"\n' }, { tool: 'rails', directory: 'db/migrate' }],
  [
    'Django',
    { 'manage.py': 'from django.core.management import execute_from_command_line\n' },
    { tool: 'django', directory: null },
  ],
  [
    'Alembic',
    { 'alembic.ini': '[alembic]\nscript_location = %(here)s/db/alembic\n' },
    { tool: 'alembic', directory: 'db/alembic/versions' },
  ],
  [
    'Flyway',
    { 'flyway.toml': '[flyway]\nlocations = ["filesystem:db/steps"]\n' },
    { tool: 'flyway', directory: 'db/steps' },
  ],
  [
    'Flyway by its file names',
    { 'src/main/resources/db/migration/V1__init.sql': 'SELECT 1;' },
    { tool: 'flyway', directory: 'src/main/resources/db/migration' },
  ],
  [
    'Liquibase',
    { 'liquibase.properties': 'changeLogFile=db/log/root.xml\n' },
    { tool: 'liquibase', directory: 'db/log' },
  ],
  [
    'golang-migrate',
    { 'db/migrations/000001_init.up.sql': 'x', 'db/migrations/000001_init.down.sql': 'x' },
    { tool: 'golang-migrate', directory: 'db/migrations' },
  ],
  [
    'dbmate',
    { 'db/migrations/20260101_init.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\n' },
    { tool: 'dbmate', directory: 'db/migrations' },
  ],
  [
    'goose',
    { 'migrations/1_init.sql': '-- +goose Up\nSELECT 1;\n-- +goose Down\n' },
    { tool: 'goose', directory: 'migrations' },
  ],
  [
    'sql-migrate',
    { 'migrations/1_init.sql': '-- +migrate Up\nSELECT 1;\n-- +migrate Down\n' },
    { tool: 'sql-migrate', directory: 'migrations' },
  ],
  [
    'node-pg-migrate',
    { 'package.json': dependency('node-pg-migrate') },
    { tool: 'node-pg-migrate', directory: 'migrations' },
  ],
  [
    'graphile-migrate',
    { '.gmrc': '{\n  // comment\n  "migrationsFolder": "./db/m"\n}' },
    { tool: 'graphile-migrate', directory: 'db/m' },
  ],
  [
    'Atlas',
    { 'atlas.hcl': 'env "dev" {\n  migration {\n    dir = "file://db/m"\n  }\n}\n' },
    { tool: 'atlas', directory: 'db/m' },
  ],
  [
    'Atlas by its checksums',
    { 'migrations/atlas.sum': 'h1:x', 'migrations/1.sql': 'x' },
    { tool: 'atlas', directory: 'migrations' },
  ],
  [
    'sqlx',
    { 'Cargo.toml': '[dependencies]\nsqlx = "0.8"\n', 'migrations/1_init.up.sql': 'x' },
    { tool: 'sqlx', directory: 'migrations' },
  ],
  [
    'plain SQL files',
    { 'migrations/001_init.sql': 'CREATE TABLE t ();' },
    { tool: 'sql', directory: 'migrations' },
  ],
];

describe('detectMigrationTools', () => {
  it.each(cases)('%s', async (_what, files, expected) => {
    const [first] = await detectMigrationTools(makeTempFolder(files));
    expect(first).toEqual(expected);
  });

  it.each([
    ['an empty project', {}],
    ['a folder that is not there', undefined],
    ['a package.json that is no JSON', { 'package.json': '{' }],
    ['a Gemfile without Rails', { Gemfile: 'gem "sinatra"\n' }],
    ['a manage.py of something else', { 'manage.py': 'print(1)\n' }],
    ['a folder without SQL', { 'migrations/readme.md': 'x' }],
    ['a folder with the name of a config', { 'atlas.hcl/': '', 'knexfile.js/': '' }],
  ])('finds nothing in %s', async (_what, files) => {
    const folder = files ? makeTempFolder(files) : '/nonexistent/belay';
    expect(await detectMigrationTools(folder)).toEqual([]);
  });

  it('names every tool there is, and plain SQL only where there is no other', async () => {
    const folder = makeTempFolder({
      'prisma/schema.prisma': datasource,
      'alembic.ini': '[alembic]\nscript_location = alembic\n',
      'migrations/1.sql': 'SELECT 1;',
    });
    const found = await detectMigrationTools(folder);
    expect(found.map(({ tool }) => tool)).toEqual(['prisma', 'alembic']);
  });
});
