import { describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { testServers } from '../../support/servers.js';
import {
  expectDamage,
  expectOnlyMigrated,
  rollBack,
  type Scene,
  stateOf,
  useScenes,
} from './scene.js';

/** As Flyway makes it on PostgreSQL. */
const createTable = (table: string) => `
  CREATE TABLE ${table} (
    installed_rank int NOT NULL, version varchar(50), description varchar(200) NOT NULL,
    type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int,
    installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(),
    execution_time int NOT NULL, success boolean NOT NULL,
    CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank));
  CREATE INDEX flyway_schema_history_s_idx ON ${table} (success);`;

interface Row {
  readonly version: string | null;
  readonly script: string;
  readonly type?: string;
  readonly checksum?: number | null;
  readonly success?: boolean;
}

const literal = (value: string | number | null): string =>
  value === null ? 'NULL' : `'${String(value).replaceAll("'", "''")}'`;

/** What Flyway writes for each script that it runs. */
function insertRows(rows: readonly Row[], table = 'public.flyway_schema_history'): string {
  const values = rows.map(({ version, script, type = 'SQL', checksum = null, success = true }) => {
    const description = script.replace(/^[A-Z][^_]*__|\.sql$/g, '').replaceAll('_', ' ');
    const texts = [version, description, type, script, checksum].map(literal);
    return `SELECT coalesce(max(installed_rank), 0) + 1, ${texts.slice(0, 4).join(', ')},
              ${texts[4]}::int, 'me', timestamp '2026-05-01 00:00:00.5', 3, ${success} FROM ${table}`;
  });
  return values.map((value) => `INSERT INTO ${table} ${value};`).join('\n');
}

const couple =
  'create table COUPLE (\n    ID int not null,\n    PERSON1 int not null references PERSON(ID), \n    PERSON2 int not null references PERSON(ID) \n);';

const project = {
  'flyway.toml': '[flyway]\nlocations = ["filesystem:sql"]\n',
  'sql/V1__Create_person_table.sql': 'create table person (id int primary key);\n',
  'sql/people/V1_1__Couple.sql': couple,
  'sql/people/U1.1__Couple.sql': 'drop table COUPLE;\n',
  'sql/R__people.sql': 'create or replace view people as select 1;\n',
  'sql/V2__index.sql': 'create index concurrently i on person (id);\n',
  'sql/V2__index.sql.conf': 'executeInTransaction=false\n',
};
const { 'flyway.toml': _, ...withoutConfig } = project;
const first = { version: '1', script: 'V1__Create_person_table.sql', checksum: 0 };
// The checksum is the one of the same script in Flyway's documentation.
const second = { version: '1.1', script: 'people/V1_1__Couple.sql', checksum: -722651034 };

async function record(scene: Scene, rows: readonly Row[]): Promise<void> {
  await scene.sql(createTable('public.flyway_schema_history') + insertRows(rows));
}

describe.each(testServers())(
  'migrations of Flyway, with its documented table, on $name',
  (server) => {
    const withScene = useScenes(server);

    it('are read as it applied them', () =>
      withScene(project, async (scene) => {
        expect(await stateOf(scene)).toMatchObject({
          ...{ applied: null, pending: ['1 Create_person_table', '1.1 Couple', '2 index'] },
        });
        await scene.sql('CREATE TABLE person (id int PRIMARY KEY); CREATE TABLE couple ()');
        await record(scene, [first, second, { version: null, script: 'R__people.sql' }]);
        const source = await scene.source();
        expect(source).toMatchObject({
          ...{ tool: 'flyway', directory: 'sql', upCommand: 'flyway migrate' },
          ownRelations: ['public.flyway_schema_history'],
        });
        const files = await source.readFiles();
        const nothing = { appliedAt: '2026-05-01T00:00:00.500Z', up: null, down: null };
        expect(await source.readApplied(scene.session)).toEqual([
          { version: '1', name: 'Create_person_table', checksum: '0', ...nothing },
          { version: '1.1', name: 'Couple', checksum: files[1]?.checksum, ...nothing },
        ]);
        expect(files[1]).toMatchObject({
          up: { file: 'sql/people/V1_1__Couple.sql', sql: couple, inTransaction: true },
          down: { file: 'sql/people/U1.1__Couple.sql', sql: 'drop table COUPLE;\n' },
        });
        expect(files[2]).toMatchObject({ up: { inTransaction: false }, down: null });
        await expectOnlyMigrated(scene, ['couple', 'person']);
        // The row of the first has another checksum than its file.
        expect(await stateOf(scene)).toEqual({
          applied: ['1 Create_person_table', '1.1 Couple'],
          ...{ pending: ['2 index'], changed: ['1 Create_person_table'], unfinished: [] },
        });
      }));

    it('are in force unless they were undone, deleted or failed', () =>
      withScene(project, async (scene) => {
        await record(scene, [
          ...[first, second, { version: '2', script: 'V2__index.sql' }],
          { version: '2', script: 'U2__index.sql', type: 'UNDO_SQL' },
          { version: '2.0', script: 'V2__index.sql', success: false },
          { version: '1', script: 'V1__x.sql', type: 'DELETE' },
          { version: '3', script: 'V3__gone.sql' },
          { version: null, script: 'R__people.sql', success: false },
        ]);
        expect(await stateOf(scene)).toMatchObject({
          applied: ['1.1 Couple', '3 gone'],
          pending: ['1 Create_person_table', '2 index'],
          unfinished: ['2.0 index', 'R__people.sql people'],
        });
      }));

    it('are applied up to a baseline', () =>
      withScene(project, async (scene) => {
        await record(scene, [
          { version: '1.5', script: '<< Flyway Baseline >>', type: 'BASELINE' },
          { version: '002', script: 'V002__index.sql' },
        ]);
        expect(await stateOf(scene)).toMatchObject({
          ...{ applied: ['1 Create_person_table', '1.1 Couple', '1.5 baseline', '2 index'] },
          ...{ pending: [], changed: [] },
        });
        await rollBack(scene, '1.5', 'SELECT 1');
        expect(await stateOf(scene)).toMatchObject({
          applied: expect.arrayContaining(['1.5 baseline']),
        });
      }));

    it('are not in the record after a rollback', () =>
      withScene(project, async (scene) => {
        await record(scene, [first, second]);
        await rollBack(scene, '1.1', 'SELECT 1');
        expect(await stateOf(scene)).toMatchObject({
          ...{ applied: ['1 Create_person_table'], pending: ['1.1 Couple', '2 index'] },
        });
      }));

    it.each([
      [
        'flyway.toml',
        '[flyway]\ntable = "Steps" # ours\ndefaultSchema = "app"\nlocations = ["filesystem:sql"]\n',
      ],
      [
        'flyway.conf',
        `flyway.table=Steps\nflyway.defaultSchema=\${schema}\nflyway.schemas=app,other\nflyway.locations=filesystem:sql\n`,
      ],
    ])('are read from the table that %s names', (name, text) =>
      withScene({ ...withoutConfig, [name]: text }, async (scene) => {
        await scene.sql(`CREATE SCHEMA app; ${createTable('app."Steps"')}
        ${insertRows([first], 'app."Steps"')}`);
        expect(await stateOf(scene)).toMatchObject({ applied: ['1 Create_person_table'] });
        expect((await scene.source()).ownRelations).toEqual(['app."Steps"']);
      }),
    );

    it('are not read from a table or files that Flyway refuses', () =>
      withScene(project, async (scene) => {
        await record(scene, [first]);
        const table = 'public.flyway_schema_history';
        await expectDamage(scene, [
          [
            `ALTER TABLE ${table} DROP success`,
            /public\.flyway_schema_history.*no column "success"/,
          ],
          [`ALTER TABLE ${table} ALTER checksum TYPE text`, /"checksum" is of type text/],
          [
            `ALTER TABLE ${table} ALTER success DROP NOT NULL; UPDATE ${table} SET success = NULL`,
            /a row without "type" or "success"/,
          ],
        ]);
        scene.write('sql/V1.0__again.sql', '');
        const error = await failure((await scene.source()).readFiles(), 'BAD_MIGRATION');
        expect(error.message).toBe(
          'sql/V1.0__again.sql and sql/V1__Create_person_table.sql have the same version, 1',
        );
      }));
  },
);
