import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordVersion } from '../../../src/features/history/record-version.js';
import { migrateDown } from '../../../src/features/migration/down.js';
import { newMigration } from '../../../src/features/migration/new.js';
import { readMigrationStatus } from '../../../src/features/migration/read-status.js';
import { type MigrateUpOptions, migrateUp } from '../../../src/features/migration/up.js';
import { withHistory } from '../../../src/features/schema/with-history.js';
import { failure } from '../../support/failure.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';
import { makeProject, type Project } from './project.js';

const items = {
  '1_items/up.sql': 'CREATE TABLE items (id int PRIMARY KEY, name text);',
  '1_items/down.sql': 'DROP TABLE items;',
};
const title = {
  '2_title.sql':
    '-- migrate:up\nALTER TABLE items RENAME name TO title;\n-- migrate:down\nALTER TABLE items RENAME title TO name;\n',
};
const index = {
  '3_index.up.sql': '-- belay:no-transaction\nCREATE INDEX CONCURRENTLY by_title ON items (title);',
  '3_index.down.sql': '-- belay:no-transaction\nDROP INDEX CONCURRENTLY by_title;',
};

describe.each(testServers())('migrations on $name', (server) => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'migrate' });
  });
  afterEach(() => db.drop());

  const up = (project: Project, options: MigrateUpOptions = {}) =>
    project.run((target) => migrateUp(target, options));
  const versions = (all: readonly { version: string }[]) => all.map(({ version }) => version);
  const hasTable = async (name: string) =>
    (await rowsOf(db.url, 'SELECT to_regclass($1) AS found', [name]))[0].found !== null;
  const entries = (project: Project) =>
    project.run((target) => withHistory(target, ({ history }) => history.read()));

  it('goes up, records each step with its schema, and goes down to the state of before', async () => {
    const project = makeProject(db.url, { ...items, ...title, ...index });
    const first = await up(project, { to: '1' });
    expect(first).toMatchObject({
      ok: true,
      current: '1',
      applied: [{ version: '1', name: 'items' }],
    });
    expect(versions(first.pending)).toEqual(['2', '3']);
    expect(versions((await up(project)).applied)).toEqual(['2', '3']);
    expect(await up(project)).toMatchObject({
      applied: [],
      planned: [],
      pending: [],
      current: '3',
    });

    await project.run(async (target) => {
      const status = await readMigrationStatus(target);
      expect(status.applied).toMatchObject([
        { version: '1', appliedAt: expect.stringMatching(/^2\d{3}-/), changed: false },
        { version: '2', missingFile: false },
        { version: '3' },
      ]);
      expect(await migrateDown(target)).toMatchObject({ rolledBack: ['3'], current: '2' });
      expect(await migrateDown(target, { to: '0' })).toMatchObject({
        ...{ rolledBack: ['2', '1'], current: '0', pending: [{}, {}, {}] },
      });
    });
    const recorded = await entries(project);
    expect(recorded.map(({ action, version, from }) => [action, from, version])).toEqual([
      ['baseline', null, '0'],
      ['up', '0', '1'],
      ['up', '1', '2'],
      ['up', '2', '3'],
      ['down', '3', '2'],
      ['down', '2', '1'],
      ['down', '1', '0'],
    ]);
    const checksums = recorded.map(({ checksum }) => checksum);
    expect(checksums.slice(4)).toEqual([checksums[2], checksums[1], checksums[0]]);
    expect(new Set(checksums).size).toBe(4);
    expect(recorded[2]).toMatchObject({
      renames: [{ object: 'column', from: 'public.items.name', to: 'public.items.title' }],
      up: { file: 'migrations/2_title.sql', line: 1 },
      down: { line: 3, inTransaction: true },
    });
    expect(recorded[3]?.up?.inTransaction).toBe(false);
    const kept = await project.run((target) =>
      withHistory(target, ({ history }) => history.keptModels()),
    );
    expect([...kept].sort()).toEqual([...new Set(checksums)].sort());
  });

  it('keeps a failed migration out, and what came before it', async () => {
    const broken = { '2_broken/up.sql': 'CREATE TABLE half ();\nSELECT 1/0;' };
    const project = makeProject(db.url, { ...items, ...broken });
    const error = await failure(up(project), 'MIGRATION_FAILED');
    expect(error.message).toContain('migrations/2_broken/up.sql, line 2: division by zero');
    expect(error.details).toMatchObject({ applied: ['1'], line: 2 });
    expect(await hasTable('half')).toBe(false);
    expect(await project.applied()).toEqual(['1']);
    project.write('migrations/2_broken/up.sql', 'CREATE TABLE half ();');
    expect(versions((await up(project)).applied)).toEqual(['2']);
  });

  it('takes nothing back where the second statement of a down script fails', async () => {
    const project = makeProject(db.url, {
      ...items,
      '1_items/down.sql': 'DROP TABLE items;\nDROP TABLE nowhere;',
    });
    await up(project);
    const error = await failure(
      project.run((target) => migrateDown(target)),
      'MIGRATION_FAILED',
    );
    expect(error.message).toContain('1_items/down.sql, line 2');
    expect(await hasTable('items')).toBe(true);
    expect(await project.applied()).toEqual(['1']);
    project.write('migrations/1_items/down.sql', 'DROP TABLE items;');
    await project.run((target) => migrateDown(target));
    expect(await hasTable('items')).toBe(false);
  });

  it('reads everything before it runs anything', async () => {
    const project = makeProject(db.url, { ...items, '2_bad/up.sql': 'SELECT 1;\nSELEC 2;' });
    const error = await failure(up(project), 'BAD_MIGRATION');
    expect(error.details).toMatchObject({ file: 'migrations/2_bad/up.sql', line: 2 });
    project.write('migrations/2_bad/up.sql', 'SELECT 1');
    project.write('migrations/2_bad/down.sql', 'COMMIT');
    await failure(up(project), 'BAD_MIGRATION');
    expect(await hasTable('items')).toBe(false);
    expect(await entries(project)).toEqual([]);
  });

  it('refuses files that are not those that were applied', async () => {
    const project = makeProject(db.url, { ...items, ...title });
    await up(project);
    project.write('migrations/1_items/up.sql', 'CREATE TABLE others ();');
    await failure(up(project), 'MIGRATION_CHANGED');
    project.remove('migrations/1_items');
    await failure(up(project), 'HISTORY_AHEAD');
    project.write('migrations/01.5_late/up.sql', 'CREATE TABLE late ();');
    await failure(up(project, { allowMissing: true }), 'OUT_OF_ORDER');
    const done = await up(project, { allowMissing: true, allowOutOfOrder: true });
    expect(versions(done.applied)).toEqual(['01.5']);
    expect(done.current).toBe('01.5');
    const taken = await project.run((target) => migrateDown(target, { to: '0' }).catch((e) => e));
    expect(taken).toMatchObject({ code: 'NO_WAY_DOWN', details: { version: '01.5' } });
    project.write('migrations/01.5_late/down.sql', 'DROP TABLE late;');
    expect(await project.run((target) => migrateDown(target, { to: '0' }))).toMatchObject({
      rolledBack: ['01.5', '2', '1'],
    });
    expect(await hasTable('items')).toBe(false);
  });

  it('runs nothing in a dry run, nor what is not confirmed', async () => {
    const project = makeProject(db.url, items);
    const dry = await up(project, { dryRun: true });
    expect(dry).toMatchObject({
      dryRun: true,
      applied: [],
      planned: [{ version: '1' }],
      current: '0',
    });
    expect(await entries(project)).toEqual([]);
    await up(project);
    let asked: unknown;
    const confirm = async (steps: unknown) => {
      asked = steps;
      return false;
    };
    await failure(
      project.run((target) => migrateDown(target, { confirm })),
      'NOT_CONFIRMED',
    );
    expect(asked).toMatchObject([{ version: '1', script: { sql: 'DROP TABLE items;' } }]);
    expect(await project.applied()).toEqual(['1']);
  });

  it('runs a migration once, whoever comes at the same time', async () => {
    const project = makeProject(db.url, { ...items, ...title });
    const results = await Promise.all([up(project), up(project)]);
    expect(results.map(({ applied }) => applied.length).sort()).toEqual([0, 2]);
    expect((await entries(project)).map(({ version }) => version)).toEqual(['0', '1', '2']);
  });

  it('records checksums alone where no schema is to be kept, and prunes where some are', async () => {
    const project = makeProject(db.url, { ...items, ...title });
    const kept = () =>
      project.run((target) => withHistory(target, ({ history }) => history.keptModels()));
    await up(project, { to: '1', noAutoSnapshot: true });
    expect(await kept()).toEqual(new Set());
    project.write('belay.config.json', '{ "migrations": { "keep": 1 } }');
    const { applied } = await up(project);
    expect(await kept()).toEqual(new Set(applied.map(({ checksum }) => checksum)));
  });

  it('keeps the history in the store where the config says so', async () => {
    const project = makeProject(db.url, items);
    const migrations = { history: 'store', tool: 'sql', directory: 'sql' };
    project.write('belay.config.json', JSON.stringify({ migrations }));
    project.write('sql/7_things/up.sql', 'CREATE TABLE things ();');
    expect((await up(project)).current).toBe('7');
    expect(await project.applied()).toEqual(['7']);
    expect(await hasTable('belay.history')).toBe(false);
    const [, entry] = await entries(project);
    expect(entry?.up?.file).toBe('sql/7_things/up.sql');
    // The same folder under another name, for whoever stands in it.
    const status = await project.run((target) =>
      readMigrationStatus({ ...target, cwd: `${target.cwd}/sql` }, { directory: '.' }),
    );
    expect(status).toMatchObject({ pending: [], applied: [{ version: '7', missingFile: false }] });
    const elsewhere = await up(project, { directory: 'nowhere' }).catch((error) => error);
    expect(elsewhere).toMatchObject({ code: 'MIGRATIONS_NOT_FOUND' });
  });

  it('goes on after states that were recorded without a migration', async () => {
    const project = makeProject(db.url, { ...items, ...title });
    await up(project, { to: '1' });
    await run(db.url, 'ALTER TABLE items ADD by_hand int');
    await project.run((target) =>
      withHistory(target, (access) => recordVersion({ ...access, source: null })),
    );
    expect(await project.applied()).toEqual(['1']);
    expect(await up(project)).toMatchObject({ applied: [{ version: '2' }], current: '2' });
    expect((await entries(project)).at(-1)?.applied).toHaveLength(3);
    const down = await project.run((target) => migrateDown(target, { to: '0' }));
    expect(down).toMatchObject({ rolledBack: ['2', '1'], current: '0' });
    expect((await entries(project)).at(-1)).toMatchObject({ applied: [], version: '0' });
  });

  it('needs the right to keep the history, and says so before it runs anything', async () => {
    const role = await createTestRole(server);
    try {
      const project = makeProject(role.urlFor(db.url), items);
      const error = await failure(up(project), 'PERMISSION_DENIED');
      expect(error.hint).toContain('GRANT CREATE ON DATABASE');
      expect(await hasTable('items')).toBe(false);
    } finally {
      await role.drop();
    }
  });

  it('leaves the migrations of other tools to them', async () => {
    const project = makeProject(db.url, items);
    const otherTool = { tool: 'prisma', upCommand: 'npx prisma migrate deploy' };
    const error = await failure(up(project, { otherTool }), 'OTHER_TOOL');
    expect(error.hint).toContain('npx prisma migrate deploy');
    project.write('belay.config.json', '{ "migrations": { "tool": "typeorm" } }');
    await failure(up(project), 'OTHER_TOOL');
    expect(await hasTable('items')).toBe(false);
  });

  it('cancels what runs when it is interrupted', async () => {
    const project = makeProject(db.url, {
      '1_slow/up.sql': 'CREATE TABLE slow ();\nSELECT pg_sleep(600);',
    });
    const abort = new AbortController();
    const running = failure(up(project, { signal: abort.signal }), 'INTERRUPTED');
    await sleeping(db);
    abort.abort();
    await running;
    expect(await hasTable('slow')).toBe(false);
    expect(await project.applied()).toEqual([]);
  });
});

/** Waits until a migration is in its `pg_sleep`. */
async function sleeping({ url, name }: TestDatabase): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'`;
  while ((await rowsOf(url, sql, [name])).length === 0);
}

describe('newMigration', () => {
  it('makes both files, counts on, and overwrites nothing', async () => {
    const { folder, remove } = makeProject('postgres://nowhere/nothing');
    const make = (name: string, now?: Date) => newMigration({ name, cwd: folder, env: {}, now });
    remove('migrations');
    const now = new Date('2026-11-20T10:30:00Z');
    expect(await make('Add items', now)).toEqual({
      ...{ version: '20261120103000', name: 'add_items' },
      directory: 'migrations/20261120103000_add_items',
      files: ['up.sql', 'down.sql'].map((file) => `migrations/20261120103000_add_items/${file}`),
    });
    expect((await make('second', now)).version).toBe('20261120103001');
    await failure(make('add items'), 'MIGRATION_EXISTS');
  });
});
